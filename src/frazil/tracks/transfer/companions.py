"""Which extra file belongs to which movie."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from frazil.formats.microscope_names import metadata_stem, side_file_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from frazil.tracks.transfer.scan import Seen

METADATA = ":metadata_path"
"""First part of paths in the second tree, that ``metadata_path`` names."""


class Companions:
    """Matches extra files with movies by name, whichever is seen first.

    A file of the watched tree belongs to a movie in its own folder. One of the metadata tree belongs to the
    movie whose folders, from the innermost on, are most like its own: both trees have the same folders.

    Parameters
    ----------
    suffixes
        Endings of extra files.
    """

    def __init__(self, suffixes: Sequence[str]) -> None:
        self._suffixes = tuple(suffix for suffix in suffixes if suffix)
        self._movies: dict[str, list[str]] = defaultdict(list)
        self._lonely: dict[str, dict[str, Seen]] = defaultdict(dict)

    def add_movie(self, path: str) -> list[Seen]:
        """Take in a movie; returns extra files that were waiting for it."""
        stem = metadata_stem(path.rpartition("/")[2])
        self._movies[stem].append(path)
        found = [seen for seen in self._lonely.get(stem, {}).values() if self.movie_of(seen.path) == path]
        for seen in found:
            self.forget_extra(seen.path)
        return found

    def add_extra(self, seen: Seen) -> str:
        """Take in an extra file; returns its movie's path, or empty: then it waits for one."""
        movie = self.movie_of(seen.path)
        if not movie:
            for stem in self._stems(seen.path):
                self._lonely[stem][seen.path] = seen
        return movie

    def forget_extra(self, path: str) -> None:
        """Drop an extra file that is gone before its movie came."""
        for stem in self._stems(path):
            self._lonely.get(stem, {}).pop(path, None)

    def movie_of(self, path: str) -> str:
        """Path of the movie to which an extra file belongs; empty where there is none."""
        folder, _, name = path.rpartition("/")
        suffix = self._suffix(name)
        fitting = [
            movie
            for stem in self._stems(path)
            for movie in self._movies.get(stem, ())
            if name.lower() in (n.lower() for n in side_file_names(movie.rpartition("/")[2], suffix))
        ]
        if folder.partition("/")[0] == METADATA:
            return max(fitting, key=lambda movie: _likeness(movie.rpartition("/")[0], folder), default="")
        return next((movie for movie in fitting if movie.rpartition("/")[0] == folder), "")

    def _suffix(self, name: str) -> str:
        return next((suffix for suffix in self._suffixes if name.lower().endswith(suffix.lower())), "")

    def _stems(self, path: str) -> tuple[str, ...]:
        """Stems that the movie may have to which an extra file belongs."""
        name = path.rpartition("/")[2]
        suffix = self._suffix(name)
        if not suffix:
            return ()
        base = name[: -len(suffix)]
        # What is left may be the movie's name (a.tif.mdoc) or its stem (a.mdoc, with dots of its own).
        return tuple(dict.fromkeys((metadata_stem(base), metadata_stem(f"{base}.x"))))


def _likeness(one: str, other: str) -> int:
    count = 0
    for ours, theirs in zip(reversed(one.split("/")), reversed(other.split("/")), strict=False):
        if ours != theirs:
            break
        count += 1
    return count
