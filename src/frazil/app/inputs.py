"""Find the movies a person means."""

from __future__ import annotations

import glob
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from frazil.model.errors import InputError
from frazil.model.words import plural
from frazil.tracks.transfer.patterns import Patterns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from frazil.model.settings import Settings


@dataclass(frozen=True)
class Inputs:
    """Movies; what matched but was left out, with the rule that took it; and closed folders."""

    sources: list[Path]
    ignored: list[tuple[Path, str]]
    closed: list[str] = field(default_factory=list)


def find_inputs(patterns: Sequence[str], settings: Settings, session: Path | None = None) -> Inputs:
    """Find files by names, folders and patterns (``*``, ``?``, ``[...]``, ``**``).

    Parameters
    ----------
    patterns
        What a person gave.
    settings
        Which names are movies, and the gain reference and defect list, which are none.
    session
        Folder of the session: what lies in it came out of Frazil and is no input.

    Raises `InputError` where a pattern matches nothing or no movie is left.
    """
    image_data = settings.image_data
    if not patterns:
        raise InputError("no movies given: name files, folders or a quoted pattern such as 'DIR/*.tiff'")
    references = {_real(Path(path)) for path in (settings.gain.gain_path, settings.gain.defects_path) if path}
    own = None if session is None else _real(session)
    found: dict[Path, None] = {}
    ignored: dict[Path, str] = {}
    closed: list[str] = []
    names = Patterns(image_data.file_patterns, image_data.ignore_patterns)
    for pattern in patterns:
        for path in _matches(pattern, closed, recursive=image_data.source_recursive):
            rule = names.judge(path.name).rule
            if path.is_dir():
                # Folders are no news, unless one is called like a movie.
                if not rule:
                    ignored[path] = "is a folder"
                continue
            if _real(path) in references:
                rule = "is the gain reference or defect list"
            elif own is not None and own in (parent := _real(path.parent), *parent.parents):
                rule = "lies in the session folder"
            if rule:
                ignored[path] = rule
            else:
                found[path] = None
    if not found and not ignored:
        raise InputError(closed[0])
    if not found:
        path, rule = next(iter(ignored.items()))
        raise InputError(
            f"{' '.join(patterns[:3])}: no movie among {plural(len(ignored), 'file')}; {path.name} {rule}"
        )
    return Inputs(sorted(found, key=_natural), sorted(ignored.items()), closed)


def _matches(pattern: str, closed: list[str], *, recursive: bool) -> list[Path]:
    """Files that a person means by ``pattern``, absolute and without ``..``, at least one; and folders.

    Folders below a given one that can't be looked into are added to ``closed``.
    """
    if not pattern.strip():
        raise InputError("an empty name is given for the movies: is a variable of your shell empty?")
    try:
        path = Path(pattern).expanduser()
        if path.is_dir():
            matches = list(_visible_below(path, closed, recursive=recursive))
            if all(match.is_dir() for match in matches) and not closed:
                raise InputError(f"{pattern}: there is no file in this folder")
        elif path.exists() or path.is_symlink():
            matches = [path]
        else:
            # pathlib takes no absolute patterns.
            matches = [Path(match) for match in glob.glob(str(path), recursive=True)]  # noqa: PTH207
            if matches and all(match.is_dir() for match in matches):
                raise InputError(f"{pattern}: matches folders only; name the files in them, as 'DIR/*.tiff'")
    except RuntimeError as error:
        raise InputError(f"{pattern}: there is no such user") from error
    except OSError as error:
        raise InputError(f"{pattern}: can't be looked at: {error.strerror}") from error
    if not matches and not closed:
        raise InputError(f"{pattern}: no such file, and no file matches it as a pattern")
    return [_plain(match) for match in matches]


def _plain(path: Path) -> Path:
    """Absolute path without ``..``, so that a file has one name however it is given."""
    plain = Path(os.path.normpath(path.absolute()))
    return plain if ".." in path.parts and plain.exists() and plain.samefile(path) else path.absolute()


def _real(path: Path) -> Path:
    """Path with all links followed; one that leads in a circle is taken as it is."""
    return Path(os.path.realpath(path))


def _visible_below(folder: Path, closed: list[str], *, recursive: bool) -> Iterator[Path]:
    """Files and folders below ``folder``, hidden ones left out; links to folders are not followed."""

    def refused(error: OSError) -> None:
        if error.filename == str(folder):
            raise error
        closed.append(f"{error.filename}: this folder can't be looked into: {error.strerror}")

    for place, folders, files in os.walk(folder, onerror=refused):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place, name) for name in (*folders, *files) if not name.startswith("."))
        if not recursive:
            return


def _natural(path: Path) -> list[tuple[int, int | str]]:
    """Sort key in which movie_2 comes before movie_10."""
    return [(0, int(word)) if word.isdigit() else (1, word) for word in re.split(r"(\d+)", str(path))]
