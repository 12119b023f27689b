"""Read the logs of tracks: the last lines at once, then on by offset; by level and by words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from frazil.app.access import session_for
from frazil.app.errors import NotFoundError
from frazil.model.errors import InputError, PassingError
from frazil.model.track import TRACKS
from frazil.store.log import LEVELS, log_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from frazil.app.access import Actor
    from frazil.app.hub import Hub

MOST_LINES = 10_000
MOST_BYTES = 64_000_000
"""Searched in one request; the answer says where it stopped."""
_BLOCK = 1 << 16
_NEWLINE = b"\n"


@dataclass(frozen=True)
class LogPart:
    """Part of a log.

    Attributes
    ----------
    lines
        Each with offset, time, level, message, and what else was logged.
    start, end
        Of the part that was looked at: ``start`` asks for what comes before, ``end`` for what follows.
    size
        Length of the log in bytes.
    """

    lines: list[dict[str, Any]]
    start: int
    end: int
    size: int


def read_log(
    hub: Hub,
    actor: Actor,
    session_id: int,
    track: str,
    *,
    offset: int | None = None,
    before: int | None = None,
    limit: int | None = None,
    level: str = "trace",
    search: str = "",
) -> LogPart:
    """Return lines of a track's log.

    Parameters
    ----------
    offset
        From here on; without, the last lines come. Offsets count through all files of the log and stay.
    before
        The last lines before this place.
    limit
        How many lines.
    level
        Only lines of this or a higher level.
    search
        Only lines with this text, in capitals or small letters.
    """
    if level not in LEVELS:
        raise InputError(f"level={level}: must be one of {', '.join(LEVELS)}")
    if min(offset or 0, before or 0) < 0:
        raise InputError("offsets of a log are not negative")
    count = hub.config.log_tail_lines if limit is None else limit
    if not 1 <= count <= MOST_LINES:
        raise InputError(f"limit={count}: must be 1 to {MOST_LINES} lines")
    wanted = _Wanted(LEVELS.index(level), search.lower())
    try:
        text = _Text.open(log_paths(hub, actor, session_id, track))
        if offset is not None:
            return _forward(text, min(offset, text.size), count, wanted)
        return _backward(text, text.size if before is None else min(before, text.size), count, wanted)
    except OSError as error:
        raise PassingError(f"S{session_id}: the log of {track} can't be read: {error.strerror}") from error


def log_paths(hub: Hub, actor: Actor, session_id: int, track: str) -> list[Path]:
    """Files of a track's log, oldest first; there may be none yet."""
    from pathlib import Path

    with hub.catalogue.read() as connection:
        row = session_for(connection, actor, session_id, "viewer")
    if track not in TRACKS:
        raise NotFoundError(f"there is no track called {track!r}; there are {', '.join(TRACKS)}")
    return log_files(Path(row.folder), track)


@dataclass(frozen=True)
class _Wanted:
    level: int
    text: str

    def __call__(self, line: bytes, offset: int) -> dict[str, Any] | None:
        """Return the line's content if it is wanted."""
        if self.text and self.text not in line.decode("utf-8", "replace").lower():
            return None
        try:
            content = json.loads(line)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            # Cut off by a crash.
            content = {"level": "info", "message": line.decode("utf-8", "replace")}
        known = content.get("level")
        if LEVELS.index(known) < self.level if known in LEVELS else False:
            return None
        return {**content, "offset": offset}


@dataclass(frozen=True)
class _Text:
    """The files of a log as one text."""

    pieces: tuple[tuple[Path, int, int], ...]
    """File, offset of its first byte, length."""

    @classmethod
    def open(cls, files: list[Path]) -> Self:
        pieces, start = [], 0
        for file in files:
            size = file.stat().st_size
            pieces.append((file, start, size))
            start += size
        return cls(tuple(pieces))

    @property
    def size(self) -> int:
        return sum(size for _, _, size in self.pieces)

    def read(self, start: int, end: int) -> bytes:
        found = []
        for file, first, size in self.pieces:
            low, high = max(start, first), min(end, first + size)
            if low < high:
                with file.open("rb") as handle:
                    handle.seek(low - first)
                    found.append(handle.read(high - low))
        return b"".join(found)


def _forward(text: _Text, start: int, count: int, wanted: _Wanted) -> LogPart:
    lines: list[dict[str, Any]] = []
    end = start
    rest = b""
    position = start
    stop = min(text.size, start + MOST_BYTES)
    while position < stop and len(lines) < count:
        block = text.read(position, min(position + _BLOCK, text.size))
        position += len(block)
        *whole, rest = (rest + block).split(_NEWLINE)
        for line in whole:
            if len(lines) < count:
                found = wanted(line, end)
                end += len(line) + 1
                if found is not None:
                    lines.append(found)
    return LogPart(lines, start, end, text.size)


def _backward(text: _Text, end: int, count: int, wanted: _Wanted) -> LogPart:
    """Read blocks from the end, so that the last lines of a long log come at once."""
    lines: list[dict[str, Any]] = []
    start = end
    for offset, line in _lines_from_end(text, end):
        start = offset
        found = wanted(line, offset)
        if found is not None:
            lines.append(found)
        if len(lines) == count or end - start > MOST_BYTES:
            break
    return LogPart(lines[::-1], start, end, text.size)


def _lines_from_end(text: _Text, end: int) -> Iterator[tuple[int, bytes]]:
    """Whole lines with their offsets, last one first; what follows the last newline is not whole yet."""
    position, rest = end, b""
    # Whether a newline follows ``rest``.
    is_whole = False
    while position > 0:
        first = max(0, position - _BLOCK)
        rest = text.read(first, position) + rest
        position = first
        place = position + len(rest)
        rest, *lines = rest.split(_NEWLINE)
        for line in reversed(lines):
            place -= len(line)
            if is_whole:
                yield place, line
            is_whole = True
            place -= 1
    if is_whole:
        yield 0, rest
