"""Logs of a session: JSON lines."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, Self

import structlog

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from pathlib import Path


class _Lines:
    """Where structlog's finished lines go. A full disk must not stop the work that is logged."""

    def __init__(self, path: Path) -> None:
        self.lost = 0
        self._file: IO[str] | None = None
        try:
            self._file = path.open("a", encoding="utf-8")
        except OSError:
            self.lost = 1

    def write(self, line: str) -> None:
        if self._file is None:
            self.lost += 1
            return
        try:
            self._file.write(line + "\n")
            self._file.flush()
        except OSError:
            self.lost += 1

    info = warning = error = write

    def close(self) -> None:
        if self._file is not None:
            try:
                self._file.close()
            except OSError:
                self.lost += 1
            self._file = None


class TrackLog:
    """Log of one track, ``logs/<track>.jsonl``; every line is flushed, so that a crash loses none."""

    def __init__(self, session: Path, track: str) -> None:
        self._lines = _Lines(session / "logs" / f"{track}.jsonl")
        self._logger = structlog.wrap_logger(
            self._lines,
            processors=[structlog.processors.add_log_level, _stamped, _as_json],
            wrapper_class=structlog.BoundLogger,
            track=track,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._lines.close()

    @property
    def lost(self) -> int:
        """Lines that could not be written."""
        return self._lines.lost

    def info(self, message: str, **fields: Any) -> None:
        """Log what happened."""
        self._logger.info(message, **fields)

    def warning(self, message: str, **fields: Any) -> None:
        """Log what a person should look at."""
        self._logger.warning(message, **fields)

    def error(self, message: str, **fields: Any) -> None:
        """Log what went wrong."""
        self._logger.error(message, **fields)


def _stamped(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"time": time, "level": event.pop("level"), "message": event.pop("event"), **event}


def _as_json(_: object, __: str, event: MutableMapping[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False, default=str)
