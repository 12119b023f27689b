"""Find the movies a person means."""

from __future__ import annotations

import fnmatch
import glob
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from frazil.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from frazil.model.settings import Settings

_COMPRESSED = ("", ".gz", ".bz2", ".xz", ".zst")


@dataclass(frozen=True)
class Inputs:
    """Movies, and files that matched but were left out, with the rule that took them."""

    sources: list[Path]
    ignored: list[tuple[Path, str]]


def find_inputs(patterns: Sequence[str], settings: Settings) -> Inputs:
    """Find files by names, folders and patterns (``*``, ``?``, ``[...]``, ``**``).

    Raises `InputError` where a pattern matches nothing or no movie is left.
    """
    image_data = settings.image_data
    if not patterns:
        raise InputError("no movies given: name files, folders or a quoted pattern such as 'DIR/*.tiff'")
    references = {
        Path(path).resolve() for path in (settings.gain.gain_path, settings.gain.defects_path) if path
    }
    found: dict[Path, None] = {}
    ignored: dict[Path, str] = {}
    for pattern in patterns:
        matches = list(_matches(pattern, recursive=image_data.source_recursive))
        if not matches:
            raise InputError(f"{pattern}: no such file, and no file matches it as a pattern")
        for path in matches:
            rule = _rule(path, image_data.ignore_patterns, image_data.file_patterns)
            if path.resolve() in references:
                rule = "is the gain reference or defect list"
            if rule:
                ignored[path] = rule
            else:
                found[path] = None
    if not found:
        path, rule = next(iter(ignored.items()))
        raise InputError(f"{' '.join(patterns[:3])}: no movie among {len(ignored)} files; {path.name} {rule}")
    return Inputs(sorted(found, key=_natural), sorted(ignored.items()))


def _matches(pattern: str, *, recursive: bool) -> Iterator[Path]:
    path = Path(pattern).expanduser()
    if path.is_dir():
        files = path.rglob("*") if recursive else path.glob("*")
        yield from (file.absolute() for file in files if _is_visible(file, path) and not file.is_dir())
    elif path.exists() or path.is_symlink():
        yield path.absolute()
    else:
        matches = glob.glob(str(path), recursive=True)  # noqa: PTH207 - pathlib takes no absolute patterns
        yield from (Path(match).absolute() for match in matches if not Path(match).is_dir())


def _is_visible(file: Path, folder: Path) -> bool:
    return not any(part.startswith(".") for part in file.relative_to(folder).parts)


def _rule(path: Path, ignore: Sequence[str], wanted: Sequence[str]) -> str:
    for pattern in ignore:
        if fnmatch.fnmatchcase(path.name, pattern):
            return f"is ignored as {pattern}"
    names = [path.name.lower().removesuffix(ending) for ending in _COMPRESSED]
    if not any(fnmatch.fnmatchcase(name, pattern.lower()) for name in names for pattern in wanted):
        return f"is none of {' '.join(wanted)}"
    return ""


def _natural(path: Path) -> list[tuple[int, int | str]]:
    """Sort key in which movie_2 comes before movie_10."""
    return [(0, int(word)) if word.isdigit() else (1, word) for word in re.split(r"(\d+)", str(path))]
