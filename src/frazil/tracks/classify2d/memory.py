"""What 2D classification remembers from one start to the next, beside its checkpoint and its history."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

JobMode = Literal["abinit", "seeded", "refine"]
JobState = Literal["stopped", "listening", "running", "stopping"]


class RunMemory(BaseModel):
    """The run that goes on.

    Attributes
    ----------
    number
        Of the run; its folder is ``classes/run<number>``.
    revision
        Of the settings it was begun with.
    token, job_token
        What its particles share, and what of its settings can't change; see `frazil.model.redo`.
    mode
        streaming, or the kind of scheduled jobs that it belongs to.
    box_px, pixel_size_a, mask_radius_a
        Of all its particles.
    class_count, seed
        As it was begun.
    updates
        Entries of the history so far.
    published_particles, published_revision, published_at
        At the last entry; particles that the run was given, usable or not.
    source
        Folder of the entry whose averages began it, relative to the session folder.
    foreign
        It was taken over from Live2D: a history without a checkpoint.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    number: int
    revision: int
    token: str
    job_token: str
    mode: str = "streaming"
    box_px: int
    pixel_size_a: float
    mask_radius_a: float
    class_count: int
    seed: int = 0
    updates: int = 0
    published_particles: int = 0
    published_revision: int = 0
    published_at: float = 0.0
    source: str | None = None
    foreign: bool = False

    @property
    def folder(self) -> str:
        """Folder of the run, relative to the session folder."""
        return f"classes/run{self.number:03d}"


class JobMemory(BaseModel):
    """A scheduled job under way."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    mode: JobMode
    revision: int
    cycles_done: int = 0
    cycles: int


class JobsMemory(BaseModel):
    """State of the scheduled modes."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    state: JobState = "stopped"
    job: JobMemory | None = None
    last_particles: int = 0
    failed_at_particles: int | None = None
    ended_at: float | None = None
    cycle: int = 0
    error: str = ""


class TrackMemory(BaseModel):
    """All of it.

    Attributes
    ----------
    last_number, last_run
        The highest numbers ever used in the session, of entries and of runs.
    run
        The run that goes on, if any.
    jobs
        Of the scheduled modes.
    wish
        What the next start is to do: ``job`` means one job at once.
    new_data_set
        Jobs have to begin ab initio.
    live2d
        Whether the history of a Live2D folder is to be taken over, or was.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    last_number: int = 0
    last_run: int = 0
    run: RunMemory | None = None
    jobs: JobsMemory = Field(default_factory=JobsMemory)
    wish: Literal["", "job"] = ""
    new_data_set: bool = False
    live2d: Literal["", "wanted", "done"] = ""
