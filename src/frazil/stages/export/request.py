"""What is to be exported, and the snapshot of the session that an export is made of. No torch, no arrays."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - as the next one
from pathlib import Path  # noqa: TC003 - pydantic and dataclasses read annotations
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from frazil.model.movie_filter import MovieFilter  # noqa: TC001 - pydantic reads annotations

Format = Literal["relion", "cryosparc", "cistem", "csv"]
Content = Literal["movies", "micrographs", "picks", "particles", "classes"]
CONTENTS: tuple[Content, ...] = ("movies", "micrographs", "picks", "particles", "classes")
SNAPSHOT, PROGRESS, LOG = "snapshot.json", "progress.json", "export.log"
JOURNAL = ".journal.jsonl"
"""Of the files of a growing export that are whole."""
OVERLAYS = "overlay"
"""Folder of pictures in an export."""


class ExportRequest(BaseModel):
    """What a person asks for.

    Attributes
    ----------
    format
        Which program shall read it.
    contents
        What goes along; what the format has no place for is left out.
    filter_name, where
        Which micrographs: those that a named filter keeps, or one that is not saved; neither: all that are
        not excluded by hand.
    classes
        Which particles: ``all``; those in ``good`` classes as the classifier judges them; those of a
        ``selection``, which is named then.
    files
        ``link``: hard links to the session's files as they are now, symbolic ones to movies; ``copy``; or
        ``none``: the tables name the session's files by absolute paths.
    image_depth
        Of micrographs, particles and class averages; ``stored``: as they are in the session.
    fewest_per_optics_group
        Optics groups with fewer micrographs are joined with the largest one of the same microscope settings.
    box_px, pixel_size_a, recenter
        Any of them has particles cut out of the micrographs anew; otherwise the images are the session's.
        The box in pixels of the micrograph, even (None: as large as it was); the pixel of the images, Å,
        reached by Fourier cropping (0: the micrograph's own; None: as it was); whether boxes are cut around
        the centres that the classes' shifts point to.
    walltime_min
        The export is given up when it takes longer; None: however long it takes.
    threads
        How many files are read and written at the same time; None: one.
    memory_gb
        It fails rather than take more; None: as much as there is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Format = "relion"
    contents: tuple[Content, ...] = Field(
        default=("micrographs", "picks", "particles", "classes"), min_length=1
    )
    filter_name: str | None = Field(default=None, min_length=1, max_length=100)
    where: MovieFilter | None = None
    classes: Literal["all", "good", "selection"] = "all"
    selection: str | None = Field(default=None, min_length=1, max_length=100)
    files: Literal["link", "copy", "none"] = "link"
    image_depth: Literal["stored", "float16", "float32"] = "stored"
    fewest_per_optics_group: int = Field(default=1, ge=1, le=1_000_000)
    box_px: int | None = Field(default=None, ge=16, le=8192, multiple_of=2)
    pixel_size_a: float | None = Field(default=None, ge=0.0, le=100.0)
    recenter: bool = False
    walltime_min: int | None = Field(default=None, ge=1, le=100_000)
    threads: int | None = Field(default=None, ge=1, le=128)
    memory_gb: float | None = Field(default=None, ge=1.0, le=512.0)

    @property
    def extracts_anew(self) -> bool:
        """Whether particles are cut out of the micrographs again."""
        return self.box_px is not None or self.pixel_size_a is not None or self.recenter

    @field_validator("contents")
    @classmethod
    def _once(cls, contents: tuple[Content, ...]) -> tuple[Content, ...]:
        return tuple(content for content in CONTENTS if content in contents)


class ExportMovie(BaseModel):
    """One movie that was kept: ``row`` holds the columns of the table."""

    number: int
    name: str
    raw_path: str | None = None
    row: dict[str, Any]


class ChosenClasses(BaseModel):
    """An entry of the class history.

    Attributes
    ----------
    number, folder, finished_at
        Which one; the folder is relative to the session.
    classes
        Those whose particles are exported; None: all, also particles without a class.
    good
        Those that count as selected, by the person or else by the classifier.
    """

    number: int
    folder: str
    finished_at: float
    classes: list[int] | None = None
    good: list[int] = Field(default_factory=list)


class Snapshot(BaseModel):
    """All that an export needs to know of the catalogue, at one moment.

    ``folder``: where the session lay then.
    ``settings``: values by revision, of all revisions that results were made with; ``newest``: the newest.
    """

    schema_version: Literal[1] = 1
    session: str
    session_number: int
    folder: str = ""
    name: str
    created_at: float
    created_by: str
    software: str
    request: ExportRequest
    settings: dict[int, dict[str, Any]]
    newest: int
    movies: list[ExportMovie]
    classes: ChosenClasses | None = None
    notes: list[str] = Field(default_factory=list)


class ExportTask(BaseModel):
    """Where an export is made: ``exports/.<name>.part`` of the session, which becomes ``exports/<name>``."""

    session: Path
    name: str

    @property
    def part(self) -> Path:
        """Where it grows; holds the snapshot."""
        return part_folder(self.session, self.name)

    @property
    def final(self) -> Path:
        """Where it is when it is whole."""
        return self.session / "exports" / self.name


def without_secrets(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings for other eyes: addresses for notifications hold passwords."""
    return {name: value for name, value in values.items() if name != "notify_targets"}


def part_folder(session: Path, name: str) -> Path:
    """Return where an export grows."""
    return session / "exports" / f".{name}.part"
