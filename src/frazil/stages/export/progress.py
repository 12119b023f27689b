"""How far an export is, and its log: files beside what it makes, read by the server."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from frazil.stages.export.request import LOG, PROGRESS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sized
    from pathlib import Path

Item = TypeVar("Item")
_EVERY_S = 0.5


class Progress:
    """Tells what is being done; written at most twice a second.

    Parameters
    ----------
    folder
        Of the export that grows.
    steps
        How many steps there are in all.
    """

    def __init__(self, folder: Path, steps: int) -> None:
        self._folder, self._steps, self._step = folder, steps, 0
        self._told = 0.0
        self.notes: list[str] = []

    def begin(self, doing: str) -> None:
        """Begin the next step."""
        self._step = min(self._step + 1, self._steps)
        self.log(doing)
        self._tell(doing, 0.0)

    def each(self, doing: str, items: Iterable[Item], total: Sized) -> Iterator[Item]:
        """Go through the items of a step."""
        self.begin(doing)
        count = max(1, len(total))
        for place, item in enumerate(items):
            if time.monotonic() - self._told > _EVERY_S:
                self._tell(doing, place / count)
            yield item

    def note(self, text: str) -> None:
        """Say what a person should know of the result."""
        if text not in self.notes:
            self.notes.append(text)
            self.log(text)

    def log(self, text: str) -> None:
        """Add a line to the export's log."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        with (self._folder / LOG).open("a", encoding="utf-8") as file:
            file.write(f"{now} {text}\n")

    def _tell(self, doing: str, share: float) -> None:
        self._told = time.monotonic()
        content = {"doing": doing, "fraction": round((self._step - 1 + share) / self._steps, 4)}
        # Readers may see it between two writings only as a whole: it is short, and renamed.
        fresh = self._folder / f".{PROGRESS}.new"
        fresh.write_text(json.dumps(content), encoding="utf-8")
        fresh.replace(self._folder / PROGRESS)
