"""The folder or pattern that is watched: where to begin, and which folders below count."""

from __future__ import annotations

import fnmatch
import glob
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

States = frozenset[int]


class Location:
    """A folder, or a pattern such as ``/data/2026*/Images-Disc1`` or ``/data/day?/*.tif``.

    Paths are told relative to `base`, the part before the first wildcard, so that equal names below two
    folders that match stay apart. A folder is described by how much of the pattern its path has used up (a
    set, since ``**`` may have used up any number of folders).

    Parameters
    ----------
    given
        Absolute path or pattern. What exists literally is no pattern.
    recursive
        Whether folders inside a matching folder count.
    """

    def __init__(self, given: str, *, recursive: bool) -> None:
        path = Path(given)
        parts = path.parts
        first = next((place for place, part in enumerate(parts) if glob.has_magic(part)), len(parts))
        if path.exists():
            first = len(parts)
        self.base = Path(*parts[:first])
        self._pattern = parts[first:]
        self._recursive = recursive
        self.start = self._closed([0])

    def enter(self, states: States, name: str) -> States:
        """Describe the folder ``name`` inside a folder; empty where it does not count."""
        last = len(self._pattern)
        following: list[int] = []
        for state in states:
            if state == last:
                following += [last] if self._recursive else []
            elif self._pattern[state] == "**":
                following.append(state)
            elif fnmatch.fnmatchcase(name, self._pattern[state]):
                following.append(state + 1)
        return self._closed(following)

    def holds(self, states: States, name: str) -> bool:
        """Whether the file ``name`` inside a folder counts."""
        last = len(self._pattern)
        if last in states:
            return True
        return last - 1 in states and fnmatch.fnmatchcase(name, self._pattern[last - 1])

    def _closed(self, states: Iterable[int]) -> States:
        """Add what ``**`` reaches without any folder."""
        result = set(states)
        for state in sorted(result):
            following = state
            while following < len(self._pattern) and self._pattern[following] == "**":
                following += 1
                result.add(following)
        return frozenset(result)
