"""What a folder holds, told while a person types: "1,204 movies, TIFF 5760 x 4092 x 40, newest 12 s ago"."""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frazil.app.errors import DeniedError
from frazil.app.files import sight
from frazil.formats.movie_shape import read_shape
from frazil.model.errors import FrazilError, InputError
from frazil.model.settings import Settings
from frazil.model.words import plural
from frazil.tracks.transfer.location import Location
from frazil.tracks.transfer.patterns import Patterns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from frazil.app.access import Actor
    from frazil.app.files import Sight
    from frazil.app.hub import Hub
    from frazil.tracks.transfer.location import States

LONGEST_LOOK_S = 2.0
_TRIES = 5
"""The newest movie may still be written: then the next one is opened."""


@dataclass
class Found:
    """What a look found: counts, the newest movies as (time, path), and why something could not be seen."""

    movies: int = 0
    ignored: int = 0
    folders: int = 0
    complete: bool = True
    trouble: str = ""
    newest: list[tuple[float, str]] = field(default_factory=list)


def source_preview(
    hub: Hub,
    actor: Actor,
    path: str,
    *,
    recursive: bool = True,
    file_patterns: Sequence[str] = (),
    ignore_patterns: Sequence[str] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Look at a folder or pattern as file transfer would, for at most two seconds.

    Returns
    -------
        text for people; movies, ignored (left out by their names), folders, complete (False: the look took
        too long, there are more), newest_at, and of the newest movie that can be opened kind, width_px,
        height_px, frames; trouble: why something could not be looked at.

    Raises
    ------
    DeniedError
        Outside the roots, or somebody who may make no session.
    InputError
        No absolute path.
    """
    seen = sight(hub, actor)
    defaults = Settings().image_data
    patterns = Patterns(
        file_patterns or defaults.file_patterns,
        defaults.ignore_patterns if ignore_patterns is None else ignore_patterns,
    )
    if "\0" in path or not path.startswith("/"):
        raise InputError(f"{path!r}: give an absolute path")
    location = Location(path, recursive=recursive)
    if not seen.shows(location.base.resolve()):
        raise DeniedError(seen.refusal(path))
    found = look(seen, location, patterns, clock)
    shape: dict[str, Any] = {"kind": None, "width_px": None, "height_px": None, "frames": None}
    words = ""
    for _, movie in found.newest:
        try:
            read = read_shape(Path(movie))
        except FrazilError as error:
            found.trouble = found.trouble or str(error)
            continue
        shape = {
            "kind": read.kind,
            "width_px": read.width_px,
            "height_px": read.height_px,
            "frames": read.frames,
        }
        words = str(read)
        found.trouble = ""
        break
    newest_at = found.newest[0][0] if found.newest else None
    return {
        "text": _in_words(found, words, newest_at, hub.now()),
        "movies": found.movies,
        "ignored": found.ignored,
        "folders": found.folders,
        "complete": found.complete,
        "newest_at": newest_at,
        **shape,
        "trouble": found.trouble,
    }


def look(seen: Sight, location: Location, patterns: Patterns, clock: Callable[[], float]) -> Found:
    """Look for movies in a folder or pattern for at most two seconds."""
    found = Found()
    end = clock() + LONGEST_LOOK_S
    waiting: list[tuple[Path, States]] = [(location.base, location.start)]
    visited: set[tuple[int, int]] = set()
    while waiting:
        folder, states = waiting.pop()
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in visited:
                continue
            visited.add((status.st_dev, status.st_ino))
            found.folders += 1
            with os.scandir(folder) as entries:
                for entry in entries:
                    if clock() > end:
                        found.complete = False
                        return found
                    try:
                        _see(seen, location, patterns, found, waiting, states, entry)
                    except (OSError, RuntimeError):
                        # Gone in this moment, or a link that leads in a circle.
                        found.ignored += 1
        except OSError as error:
            found.trouble = found.trouble or f"{folder}: can't be looked at: {error.strerror}"
    return found


def _see(
    seen: Sight,
    location: Location,
    patterns: Patterns,
    found: Found,
    waiting: list[tuple[Path, States]],
    states: States,
    entry: os.DirEntry[str],
) -> None:
    if entry.name.startswith("."):
        return
    if entry.is_symlink() and not seen.shows(Path(entry.path).resolve()):
        return
    if entry.is_dir():
        below = location.enter(states, entry.name)
        if below:
            waiting.append((Path(entry.path), below))
        return
    if not location.holds(states, entry.name):
        return
    if patterns.judge(entry.name).kind != "movie":
        found.ignored += 1
        return
    status = entry.stat()
    if not stat.S_ISREG(status.st_mode):
        found.ignored += 1
        return
    found.movies += 1
    found.newest = sorted([*found.newest, (status.st_mtime, entry.path)], reverse=True)[:_TRIES]


def _in_words(found: Found, shape: str, newest_at: float | None, now: float) -> str:
    if not found.movies:
        return found.trouble or ("no movies yet" if found.complete else "no movies found so far")
    words = [f"{'' if found.complete else 'more than '}{plural(found.movies, 'movie')}"]
    if shape:
        words.append(shape)
    if newest_at is not None:
        words.append(f"newest {_ago(now - newest_at)}")
    return ", ".join(words)


def _ago(seconds: float) -> str:
    if seconds < 0:
        return "in the future (clocks differ)"
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"
