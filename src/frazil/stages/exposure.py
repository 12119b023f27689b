"""One movie on its way through the stages: what it is, what is known, what is in memory."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as dataclass_field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.compute.parallel import for_each
from frazil.formats.mrc import read_mrc, write_mrc
from frazil.model.errors import InputError
from frazil.model.optics import Optics
from frazil.stages.beside import Beside
from frazil.stages.machine import worker_threads
from frazil.stages.products import Products

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL.Image import Image

    from frazil.model.ctf import CtfFit
    from frazil.model.motion import MotionField
    from frazil.model.periodograms import Periodograms
    from frazil.model.picks import Picks
    from frazil.model.settings import Settings, Stage
    from frazil.stages.load_frames import LoadedMovie
    from frazil.stages.movie_task import MovieTask

_BAND_ROWS = 64
_TOO_LARGE_FOR_HALF = 65520.0
"""Rounds to infinity."""


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
    stage: Stage = "align"
    """That is running."""
    image: NDArray[np.float32] | None = None
    picture: tuple[Image, float] | None = None
    loaded: LoadedMovie | None = None
    field: MotionField | None = None
    periodograms: Periodograms | None = None
    ctf: CtfFit | None = None
    picks: Picks | None = None
    beside: Beside = dataclass_field(default_factory=Beside)
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
        """Return the picture of the average, and its scale to it; for work `later` only."""
        if self.picture is None:
            from frazil.stages.pictures import preview_image

            self.picture = preview_image(self.micrograph(), self.pixel_size_a)
        return self.picture

    def keep_micrograph(self, image: NDArray[np.float32]) -> None:
        """Take over the average and store it; later stages see what a reader of the file sees."""
        self.picture = None
        self.image = image
        stored: NDArray[Any] = image
        if self.settings.alignment.output_depth == "float16":
            half = round_to_half(image, worker_threads())
            # The writer says what is too large, as it was.
            stored = image if half is None else half
        self.store(self.files.micrograph, stored)

    def store(self, path: Path, image: NDArray[Any]) -> None:
        """Write an image at the depth of the settings, beside what comes next."""
        depth = self.settings.alignment.output_depth
        self.later(partial(write_mrc, path, image, self.pixel_size_a, depth=depth), path)

    def later(self, work: Callable[[], object], *products: Path) -> None:
        """Let another thread write products of this stage while it, and the next ones, go on.

        Work is done in the order in which it was handed in; where it fails, so does the stage.
        """
        self.beside.do(self.stage, work)
        self.products += products


def round_to_half(image: NDArray[np.float32], threads: int) -> NDArray[np.float16] | None:
    """Round an image (h, w) in place to what half precision holds, and return it so.

    None, and nothing is changed, where it holds what is too large for that, infinity or NaN.
    """
    bands = [slice(y, y + _BAND_ROWS) for y in range(0, len(image), _BAND_ROWS)]
    fits = [False] * len(bands)
    half = np.empty(image.shape, dtype=np.float16)

    def convert(number: int) -> None:
        band = image[bands[number]]
        fits[number] = bool(band.max() < _TOO_LARGE_FOR_HALF and band.min() > -_TOO_LARGE_FOR_HALF)
        if fits[number]:
            half[bands[number]] = band

    for_each(convert, range(len(bands)), threads)
    if not all(fits):
        return None

    def widen(band: slice) -> None:
        image[band] = half[band]

    for_each(widen, bands, threads)
    return half
