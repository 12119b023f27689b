"""List of an export's files with their checksums: nothing can be missing or damaged unnoticed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import xxhash

from frazil.compute.parallel import in_order
from frazil.formats.atomic import atomic_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from frazil.stages.export.progress import Progress

MANIFEST = "manifest.tsv"
LINKED = "-"
_PIECE = 1 << 22


def files_of(folder: Path) -> list[Path]:
    """All files and links below a folder, relative to it, in order."""
    found = []
    for place, _, names in os.walk(folder):
        found += [(Path(place) / name).relative_to(folder) for name in names]
    return sorted(found)


def checksum(path: Path) -> str:
    """xxh3-128 of a file."""
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def write_manifest(
    folder: Path, skip: frozenset[str], progress: Progress, threads: int = 1
) -> tuple[int, int]:
    """Write ``manifest.tsv``: path, bytes, xxh3-128, one file a line; returns how many files and bytes.

    Symbolic links to movies have `LINKED` instead of a checksum: the movies are not part of the export.
    """
    names = [name for name in files_of(folder) if name.as_posix() not in skip and not _is_part(name)]

    def row(name: Path) -> tuple[str, int, str]:
        path = folder / name
        return name.as_posix(), path.stat().st_size, LINKED if path.is_symlink() else checksum(path)

    rows = list(progress.each("computing checksums", in_order(row, names, threads), names))
    total = sum(size for _, size, digest in rows if digest != LINKED)
    write_rows(folder, rows)
    return len(names) + 1, total


def write_rows(folder: Path, rows: Iterable[tuple[str, int, str]]) -> None:
    """Write the list: path, bytes, checksum of every file."""
    with atomic_path(folder / MANIFEST) as part:
        lines = [f"{name}\t{size}\t{digest}\n" for name, size, digest in rows]
        part.write_text("".join(["path\tbytes\txxh3_128\n", *lines]), encoding="utf-8")


def read_manifest(folder: Path) -> Iterator[tuple[str, int, str]]:
    """Path, bytes and checksum of every file."""
    with (folder / MANIFEST).open(encoding="utf-8") as file:
        next(file)
        for line in file:
            name, size, digest = line.rstrip("\n").split("\t")
            yield name, int(size), digest


def _is_part(name: Path) -> bool:
    return name.name.startswith(".")
