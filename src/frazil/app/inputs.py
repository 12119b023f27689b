"""Find the movies a person means."""

from __future__ import annotations

import glob
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from frazil.model.errors import InputError
from frazil.model.words import plural
from frazil.tracks.transfer.patterns import Patterns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from frazil.model.settings import Settings


@dataclass(frozen=True)
class Inputs:
    """Movies, and what matched but was left out, with the rule that took it."""

    sources: list[Path]
    ignored: list[tuple[Path, str]]


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
    references = {
        Path(path).resolve() for path in (settings.gain.gain_path, settings.gain.defects_path) if path
    }
    own = None if session is None else session.resolve()
    found: dict[Path, None] = {}
    ignored: dict[Path, str] = {}
    names = Patterns(image_data.file_patterns, image_data.ignore_patterns)
    for pattern in patterns:
        for path in _matches(pattern, recursive=image_data.source_recursive):
            rule = names.judge(path.name).rule
            if path.is_dir():
                # Folders are no news, unless one is called like a movie.
                if not rule:
                    ignored[path] = "is a folder"
                continue
            if path.resolve() in references:
                rule = "is the gain reference or defect list"
            elif own is not None and own in (path.parent.resolve(), *path.parent.resolve().parents):
                rule = "lies in the session folder"
            if rule:
                ignored[path] = rule
            else:
                found[path] = None
    if not found:
        path, rule = next(iter(ignored.items()))
        raise InputError(
            f"{' '.join(patterns[:3])}: no movie among {plural(len(ignored), 'file')}; {path.name} {rule}"
        )
    return Inputs(sorted(found, key=_natural), sorted(ignored.items()))


def _matches(pattern: str, *, recursive: bool) -> list[Path]:
    """Files that a person means by ``pattern``, absolute and without ``..``, at least one; and folders."""
    if not pattern.strip():
        raise InputError("an empty name is given for the movies: is a variable of your shell empty?")
    try:
        path = Path(pattern).expanduser()
        if path.is_dir():
            files = path.rglob("*") if recursive else path.glob("*")
            matches = [file for file in files if _is_visible(file, path)]
            if all(match.is_dir() for match in matches):
                os.listdir(path)  # noqa: PTH208 - unlike pathlib, it says if the folder may not be read
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
    if not matches:
        raise InputError(f"{pattern}: no such file, and no file matches it as a pattern")
    return [_plain(match) for match in matches]


def _plain(path: Path) -> Path:
    """Absolute path without ``..``, so that a file has one name however it is given."""
    plain = Path(os.path.normpath(path.absolute()))
    return plain if ".." in path.parts and plain.exists() and plain.samefile(path) else path.absolute()


def _is_visible(file: Path, folder: Path) -> bool:
    return not any(part.startswith(".") for part in file.relative_to(folder).parts)


def _natural(path: Path) -> list[tuple[int, int | str]]:
    """Sort key in which movie_2 comes before movie_10."""
    return [(0, int(word)) if word.isdigit() else (1, word) for word in re.split(r"(\d+)", str(path))]
