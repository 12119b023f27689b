"""The folders that a session has watched: files of a later one get a prefix, so that names stay apart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from frazil.tracks.transfer.companions import METADATA

if TYPE_CHECKING:
    from collections.abc import MutableMapping


class Locations:
    """Numbers the bases of all locations of a session, in the order in which they were used.

    Parameters
    ----------
    memory
        What the track remembers; the list is kept there.
    """

    def __init__(self, memory: MutableMapping[str, Any]) -> None:
        self._bases: list[str] = memory.setdefault("locations", [])

    def prefix_of(self, base: str) -> str:
        """First part of paths of files below ``base``: nothing for the first location of a session."""
        if base not in self._bases:
            self._bases.append(base)
        place = self._bases.index(base)
        return f"source{place + 1}/" if place else ""

    def is_below(self, path: str, prefix: str) -> bool:
        """Whether a path has this prefix and no longer one."""
        return self._split(path)[0] == prefix

    def source_of(self, path: str) -> Path | None:
        """Where a file is at the microscope; None for side files of a second tree, and before any look."""
        prefix, rest = self._split(path)
        place = int(prefix.removeprefix("source").removesuffix("/")) - 1 if prefix else 0
        if rest.startswith(f"{METADATA}/") or place >= len(self._bases):
            return None
        return Path(self._bases[place]) / rest

    def _split(self, path: str) -> tuple[str, str]:
        for place in range(1, len(self._bases)):
            prefix = f"source{place + 1}/"
            if path.startswith(prefix):
                return prefix, path.removeprefix(prefix)
        return "", path
