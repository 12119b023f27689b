"""What a worker needs to know to process one movie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
        What was done before.
    device
        "cpu" or "cuda".
    expected_size
        (columns, rows) of the session's movies, where it is known.
    """

    session: Path
    name: str
    source: Path
    settings: Settings
    record: MovieRecord
    device: str = "cpu"
    expected_size: tuple[int, int] | None = None
