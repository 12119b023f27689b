"""One movie on its way through the stages: what it is, what is known, what is in memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.formats.mrc import read_mrc, write_mrc
from frazil.model.errors import InputError
from frazil.model.optics import Optics
from frazil.stages.pictures import preview_image
from frazil.stages.products import Products

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL.Image import Image

    from frazil.model.ctf import CtfFit
    from frazil.model.motion import MotionField
    from frazil.model.periodograms import Periodograms
    from frazil.model.picks import Picks
    from frazil.model.settings import Settings
    from frazil.stages.load_frames import LoadedMovie
    from frazil.stages.movie_task import MovieTask


class SkippedError(Exception):
    """A stage that is pointless for this movie; the message says why."""


@dataclass
class Exposure:
    """State of a task: arrays that are there are used, others are read from the products when needed."""

    task: MovieTask
    pixel_size_a: float
    """Of the average, Å."""
    average: str = ""
    """Fingerprint of the average: equal ones, equal averages."""
    image: NDArray[np.float32] | None = None
    picture: tuple[Image, float] | None = None
    loaded: LoadedMovie | None = None
    field: MotionField | None = None
    periodograms: Periodograms | None = None
    ctf: CtfFit | None = None
    picks: Picks | None = None
    writer: ThreadPoolExecutor | None = None
    writing: list[Future[None]] = dataclass_field(default_factory=list)
    notes: list[str] = dataclass_field(default_factory=list)
    """Of the stage that is running."""
    numbers: dict[str, float] = dataclass_field(default_factory=dict)
    products: list[Path] = dataclass_field(default_factory=list)

    @property
    def settings(self) -> Settings:
        """All settings."""
        return self.task.settings

    @property
    def files(self) -> Products:
        """Where the products lie."""
        return Products(self.task.session, self.task.name)

    @property
    def is_movie(self) -> bool:
        """Whether there are frames to align."""
        return self.settings.session.kind == "movies" and self.settings.image_data.has_frames

    @property
    def optics(self) -> Optics:
        """Voltage, Cs and amplitude contrast."""
        microscope = self.settings.microscope
        if microscope.voltage_kv is None:
            raise InputError("voltage_kv: the voltage is not given")
        return Optics(microscope.voltage_kv, microscope.cs_mm, microscope.amplitude_contrast)

    def micrograph(self) -> NDArray[np.float32]:
        """Return the average as it is stored, shape (rows, columns)."""
        if self.image is None:
            self.image = read_mrc(self.files.micrograph).data.astype(np.float32)
        return self.image

    def preview(self) -> tuple[Image, float]:
        """Return the picture of the average, and its scale to it."""
        if self.picture is None:
            self.picture = preview_image(self.micrograph(), self.pixel_size_a)
        return self.picture

    def keep_micrograph(self, image: NDArray[np.float32]) -> None:
        """Store the average; later stages see what a reader of the file sees."""
        stored: NDArray[Any] = image
        self.picture = None
        self.image = image
        if self.settings.alignment.output_depth == "float16":
            with np.errstate(over="ignore"):
                half = image.astype(np.float16)
            self.image = half.astype(np.float32)
            # The writer says what is too large, as it was.
            stored = half if np.isfinite(self.image.max()) and np.isfinite(self.image.min()) else image
        self.store(self.files.micrograph, stored)

    def store(self, path: Path, image: NDArray[Any]) -> None:
        """Write an image at the depth of the settings, beside what comes next; see `wait_stored`."""
        if self.writer is None:
            self.writer = ThreadPoolExecutor(1, thread_name_prefix="writer")
        depth = self.settings.alignment.output_depth
        self.writing.append(self.writer.submit(write_mrc, path, image, self.pixel_size_a, depth=depth))
        self.products.append(path)

    def wait_stored(self) -> None:
        """Wait until all that `store` was given is on the disk; raises what went wrong with it."""
        writer, self.writer = self.writer, None
        writing, self.writing = self.writing, []
        if writer is not None:
            writer.shutdown()
        for each in writing:
            each.result()
