"""Names: as the file system has them, as the catalogue can store them, as they are in ``raw/``."""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path, PurePosixPath

import xxhash

from frazil.store.session import product_stem

_ESCAPE = re.compile(rb"\\(?:x([0-9a-f]{2})|(\\))")
_LONGEST_FOLDER = 60
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


def storable(path: str) -> str:
    r"""Spell a path so that any database takes it; bytes that are not UTF-8 become ``\xff``."""
    return os.fsencode(path).replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")


def from_storable(text: str) -> str:
    """Return the path that `storable` spelled."""
    return os.fsdecode(_ESCAPE.sub(lambda m: bytes([int(m[1], 16)]) if m[1] else b"\\", text.encode()))


def raw_path(path: str) -> PurePosixPath:
    """Where a file is delivered below ``raw/``: its own relative path, if every program can read that.

    In parts that are not UTF-8 or hold control characters, those become ``_``, and a few letters that stand
    for the whole part keep it apart from others.
    """
    return PurePosixPath(*(_plain(part) for part in path.split("/")))


def _plain(part: str) -> str:
    if part.isprintable() and "\\" not in part:
        return part
    clean = "".join(letter if letter.isprintable() and letter != "\\" else "_" for letter in part)
    stem, dot, ending = clean.partition(".")
    return f"{stem}-{xxhash.xxh32_hexdigest(os.fsencode(part))}{dot}{ending}"


class ProductNames:
    """Gives every movie a name for its products, the same for ever.

    It is the stem with unusual characters replaced by ``_``; where that is taken, the folder's name is put in
    front, then a number behind. Capitals and small letters are taken for the same: some file systems do.

    Parameters
    ----------
    taken
        Names that earlier movies have.
    """

    def __init__(self, taken: set[str]) -> None:
        # raw/gain.* is the link to the gain reference.
        self._taken = {"gain", *(name.lower() for name in taken)}

    def assign(self, path: str) -> str:
        """Find a free name for the movie at ``path`` (relative), and keep it."""
        above, _, base = path.rpartition("/")
        name = stem = product_stem(Path(base))
        if name.lower() in self._taken:
            folder = _UNSAFE.sub("_", above.rpartition("/")[2])[:_LONGEST_FOLDER]
            longer = f"{folder}_{stem}" if folder else stem
            numbered = (f"{longer}_{number}" for number in itertools.count(2))
            name = next(n for n in itertools.chain([longer], numbered) if n.lower() not in self._taken)
        self._taken.add(name.lower())
        return name
