"""Manifest of a session: every file that was delivered into ``raw/``, in the order of delivery."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from frazil.stages.record import is_inside

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

PLACE = "raw/manifest.jsonl"


class Delivered(BaseModel):
    """One delivered file.

    Attributes
    ----------
    path
        Where it was delivered, relative to the session folder; where it was read for ``in_place``.
    source
        Where it came from, absolute.
    size_bytes, mtime_ns
        Of the source when it was delivered.
    xxh128
        Checksum of what was copied; empty for links.
    mode
        How it was delivered.
    movie, movie_number
        Product name and number of the movie that it is or belongs to; empty, None for what belongs to none.
    kind
        ``movie``, or ``extra``: a file that goes along with one.
    ledger_path
        What the ledger of file transfer calls it; empty: what follows ``raw/`` in ``path``.
    at
        Seconds since 1970.
    """

    model_config = ConfigDict(extra="forbid")

    path: str
    source: str
    size_bytes: int
    mtime_ns: int
    xxh128: str = ""
    mode: Literal["link", "copy", "move", "in_place"]
    movie: str = ""
    movie_number: int | None = None
    kind: Literal["movie", "extra"] = "movie"
    ledger_path: str = ""
    at: float

    @model_validator(mode="after")
    def _is_inside(self) -> Self:
        """Refuse places outside the session: what was delivered may be removed again."""
        if self.mode != "in_place" and not is_inside(self.path):
            raise ValueError(f"{self.path} does not lie in the session folder")
        return self


def append(session: Path, files: Iterable[Delivered]) -> None:
    """Add files; they are on the disk when this returns. `OSError` as the system raised it.

    A line that a crash cut off is ended first, so that it spoils no other.
    """
    lines = "".join(file.model_dump_json() + "\n" for file in files)
    if not lines:
        return
    path = session / PLACE
    with path.open("a+b") as handle:
        if handle.tell() > 0:
            handle.seek(-1, os.SEEK_END)
            if handle.read(1) != b"\n":
                lines = "\n" + lines
        handle.write(lines.encode())
        handle.flush()
        os.fsync(handle.fileno())


def read(session: Path) -> Iterator[Delivered]:
    """All delivered files, oldest first; a line that a crash cut off is passed over."""
    path = session / PLACE
    if not path.exists():
        return
    with path.open("rb") as lines:
        for line in lines:
            try:
                yield Delivered.model_validate_json(line)
            except ValidationError:
                continue
