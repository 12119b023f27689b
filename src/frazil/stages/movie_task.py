"""What a worker needs to know to process one movie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from frazil.model.manual_picks import UNCHANGED, ManualPicks

if TYPE_CHECKING:
    from pathlib import Path

    from frazil.model.settings import Settings
    from frazil.stages.record import MovieRecord


@dataclass(frozen=True)
class MovieTask:
    """One movie or averaged micrograph and what to do with it.

    Attributes
    ----------
    session, name, source
        Session folder, product name, path of the file.
    settings
        All settings; pixel size and voltage are given.
    record
        What was done before, as far as the caller knows; the session folder may know more.
    device
        "cpu" or "cuda".
    expected_size
        (columns, rows) of the session's movies, where it is known.
    revision
        Number of the settings' revision.
    threads
        Use no more than these, where memory was short before.
    manual_picks
        Particles that a person added and removed.
    listed_as
        What RELION's files call the movie: relative to the session folder, or absolute; empty where it is
        linked as ``raw/<name>`` afterwards.
    """

    session: Path
    name: str
    source: Path
    settings: Settings
    record: MovieRecord
    device: str = "cpu"
    expected_size: tuple[int, int] | None = None
    revision: int = 0
    threads: int | None = None
    manual_picks: ManualPicks = UNCHANGED
    listed_as: str = ""
