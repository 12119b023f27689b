"""What was done with one movie: one record for each stage, and the numbers that came out."""

from __future__ import annotations

import math
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from frazil.model.settings_field import STAGES, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

State = Literal["missing", "done", "failed", "skipped"]


class StageRecord(BaseModel):
    """One stage of one movie.

    Attributes
    ----------
    state
        ``skipped``: not wanted by the settings or pointless for this movie, ``reason`` says why.
    fingerprint
        Of the settings and the input it was made with.
    code_version
        Frazil's version.
    seconds
        Wall time.
    reason
        Why it failed or was skipped.
    passing
        It failed for a reason that may be gone at the next try.
    notes
        What a person should know about a result.
    products
        Files, relative to the session folder.
    numbers
        Names of the results it gave.
    revision, worker, at
        Revision of the settings (0 outside a session), which worker did it, and when it ended, in seconds
        since 1970.
    """

    model_config = ConfigDict(extra="forbid")

    state: State = "missing"
    fingerprint: str = ""
    code_version: str = ""
    seconds: float = 0.0
    reason: str = ""
    passing: bool = False
    notes: list[str] = Field(default_factory=list)
    products: list[str] = Field(default_factory=list)
    numbers: list[str] = Field(default_factory=list)
    revision: int = 0
    worker: str = ""
    at: float | None = None

    @field_validator("products")
    @classmethod
    def _inside(cls, products: list[str]) -> list[str]:
        for product in products:
            if not is_inside(product):
                raise ValueError(f"{product} does not lie in the session folder")
        return products


def is_inside(path: str) -> bool:
    """Whether a relative path stays below the folder that it is relative to."""
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and "\0" not in path


class MovieRecord(BaseModel):
    """One movie or averaged micrograph.

    Attributes
    ----------
    name
        Of all its products.
    source
        Path of the file.
    source_signature
        Size and time of the file when it was read: a change redoes everything.
    manual_picks
        Token of what a person had changed about the picks when it was processed; empty for nothing.
    stages
        By name; a missing one is ``missing``.
    numbers
        Results under the names (and units) of the session's table; None where there is none.
    """

    model_config = ConfigDict(extra="forbid")

    schema_version: Literal[1] = 1
    name: str
    source: str
    source_signature: str = ""
    manual_picks: str = ""
    stages: dict[Stage, StageRecord] = Field(default_factory=dict)
    numbers: dict[str, float | None] = Field(default_factory=dict)

    @field_validator("numbers")
    @classmethod
    def _finite(cls, numbers: dict[str, float | None]) -> dict[str, float | None]:
        return {
            name: value if value is not None and math.isfinite(value) else None
            for name, value in numbers.items()
        }

    def stage(self, stage: Stage) -> StageRecord:
        """Record of a stage, ``missing`` where there is none."""
        return self.stages.get(stage, StageRecord())

    @property
    def failed_stage(self) -> Stage | None:
        """The first stage that failed."""
        return next((stage for stage in STAGES if self.stage(stage).state == "failed"), None)

    @property
    def reason(self) -> str:
        """Why it failed; empty where it did not."""
        return self.stage(self.failed_stage).reason if self.failed_stage else ""

    @property
    def notes(self) -> list[str]:
        """Notes of all stages."""
        return [note for stage in STAGES for note in self.stage(stage).notes]

    def number(self, name: str) -> float:
        """Return a result; NaN where there is none."""
        value = self.numbers.get(name)
        return math.nan if value is None else value

    def forget(self, stages: Iterable[Stage]) -> None:
        """Remove what is known of these stages, with their numbers."""
        for stage in stages:
            old = self.stages.pop(stage, None)
            for name in old.numbers if old else ():
                self.numbers.pop(name, None)

    def put_numbers(self, numbers: Mapping[str, float | None]) -> None:
        """Add results, NaN and infinity as None."""
        for name, value in numbers.items():
            self.numbers[name] = float(value) if value is not None and math.isfinite(value) else None

    def is_done(self, stage: Stage, fingerprint: str) -> bool:
        """Whether a stage needs no work, by its record alone."""
        record = self.stage(stage)
        return record.state in ("done", "skipped") and record.fingerprint == fingerprint
