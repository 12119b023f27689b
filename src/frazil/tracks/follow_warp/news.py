"""Which movies of a Warp folder have to be looked at: those of which something has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frazil.tracks.follow_warp.folder import ABSENT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from frazil.formats.warp_particles import WarpBlock
    from frazil.tracks.follow_warp.data_sets import FollowMemory
    from frazil.tracks.follow_warp.folder import WarpFolder
    from frazil.tracks.follow_warp.rows import Known

_STACKS_A_LOOK = 1000


class News:
    """Compares what is in the folder with what was taken in.

    Parameters
    ----------
    stack_signature
        Signature of a stack now.
    """

    def __init__(self, stack_signature: Callable[[WarpBlock], str]) -> None:
        self._stack_signature = stack_signature
        self._gone_since: dict[str, float] = {}
        self._next = 0

    def gone(self, movie: str, now: float) -> bool:
        """Whether a movie's particles have been missing from the table for longer than a moment."""
        return now - self._gone_since.get(movie, now) >= ABSENT_S

    def of(
        self,
        folder: WarpFolder,
        known: Mapping[str, Known],
        memory: FollowMemory,
        waiting: Collection[str],
        now: float,
    ) -> list[str]:
        """Return the movies to look at; ``waiting``: those that are to be looked at in any case."""
        blocks = {} if folder.blocks is None else folder.blocks
        stacks = self._stacks_to_look_at(list(blocks))
        result = []
        for movie, entry in known.items():
            block = blocks.get(movie)
            if block is not None:
                self._gone_since.pop(movie, None)
            elif folder.blocks is not None and entry.particles:
                self._gone_since.setdefault(movie, now)
            if (
                movie in waiting
                or entry.again
                or folder.xmls.get(movie, entry.xml) != entry.xml
                or (block is None and bool(entry.particles) and self.gone(movie, now))
                or (block is not None and self._is_new(block, entry, memory, look=movie in stacks))
            ):
                result.append(movie)
        return result

    def _is_new(self, block: WarpBlock, entry: Known, memory: FollowMemory, *, look: bool) -> bool:
        if entry.digest != block.digest() or not _is_at_home(entry, memory):
            return True
        return look and self._stack_signature(block) != entry.stack

    def _stacks_to_look_at(self, movies: list[str]) -> set[str]:
        """Choose stacks to look at although their table says nothing new: all of a small folder, by turns."""
        first = self._next if self._next < len(movies) else 0
        chosen = movies[first : first + _STACKS_A_LOOK]
        self._next = first + len(chosen)
        return set(chosen)


def _is_at_home(entry: Known, memory: FollowMemory) -> bool:
    """Whether the particles belong to the data set that they were taken in for."""
    newest = memory.newest
    return entry.revision == newest.revision or any(
        each.revision == entry.revision and newest.wants_other_images_than(each) for each in memory.data_sets
    )
