"""Logs of a session: JSON lines."""

from __future__ import annotations

import json
import os
import re
import threading
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pathlib import Path

LEVELS = ("trace", "debug", "info", "warning", "error")
LONGEST_BYTES = 100_000_000
"""A longer file is set aside under a number, and a new one begun."""


def log_files(session: Path, track: str) -> list[Path]:
    """Files of a track's log, oldest first; the last is the one that grows."""
    folder = session / "logs"
    pattern = re.compile(rf"{re.escape(track)}\.(\d+)\.jsonl")
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names are all that is needed
    except OSError:
        return []
    numbered = sorted((int(match[1]), name) for name in names if (match := pattern.fullmatch(name)))
    current = [f"{track}.jsonl"] if f"{track}.jsonl" in names else []
    return [folder / name for name in (*(name for _, name in numbered), *current)]


class TrackLog:
    """Log of one track, ``logs/<track>.jsonl``; every line is flushed, so that a crash loses none.

    A full disk or a folder that is away must not stop the work that is logged: lines are lost then, counted
    in `lost`. Safe to use from any thread.

    Parameters
    ----------
    session
        The session folder.
    track
        Whose log it is.
    level
        ``trace``, ``debug`` or ``info``: what is less important is left out. May be changed any time.
    longest_bytes
        A longer file is set aside as ``<track>.0001.jsonl``.
    """

    def __init__(
        self, session: Path, track: str, level: str = "info", longest_bytes: int = LONGEST_BYTES
    ) -> None:
        self.level = level
        self.lost = 0
        self._session, self._track, self._longest = session, track, longest_bytes
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None
        self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._close()

    def trace(self, message: str, **fields: Any) -> None:
        """Log every step."""
        self._write("trace", message, fields)

    def debug(self, message: str, **fields: Any) -> None:
        """Log what helps to understand."""
        self._write("debug", message, fields)

    def info(self, message: str, **fields: Any) -> None:
        """Log what happened."""
        self._write("info", message, fields)

    def warning(self, message: str, **fields: Any) -> None:
        """Log what a person should look at."""
        self._write("warning", message, fields)

    def error(self, message: str, **fields: Any) -> None:
        """Log what went wrong."""
        self._write("error", message, fields)

    def _write(self, level: str, message: str, fields: dict[str, Any]) -> None:
        if LEVELS.index(level) < LEVELS.index(self.level):
            return
        time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        entry = {"time": time, "level": level, "message": message, **fields, "track": self._track}
        line = json.dumps(entry, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace") + b"\n"
        with self._lock:
            if self._file is None:
                self._open()
            if self._file is None:
                return
            try:
                self._file.write(line)
                self._file.flush()
                if self._file.tell() > self._longest:
                    self._set_aside()
            except OSError:
                self.lost += 1
                self._close()

    def _open(self) -> None:
        try:
            self._file = (self._session / "logs" / f"{self._track}.jsonl").open("ab")
        except OSError:
            self.lost += 1

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError:
                self.lost += 1

    def _set_aside(self) -> None:
        self._close()
        *earlier, current = log_files(self._session, self._track)
        last = int(earlier[-1].suffixes[-2].lstrip(".")) if earlier else 0
        current.rename(current.with_name(f"{self._track}.{last + 1:04d}.jsonl"))
        self._open()
