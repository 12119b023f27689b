"""Put files of the session into an export: by link, as copies, or at another depth."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Literal

from frazil.formats.atomic import atomic_path
from frazil.formats.mrc import MrcStack, MrcStackWriter

if TYPE_CHECKING:
    from pathlib import Path

Files = Literal["link", "copy", "none"]
Depth = Literal["stored", "float16", "float32"]


def pin_image(source: Path, target: Path, files: Files, depth: Depth) -> bool:
    """Put an image or a stack at ``target``; False where there is none.

    A hard link keeps the file as it is now: stages replace files, they never write into them.
    """
    if not source.is_file():
        return False
    if depth != "stored":
        with MrcStack(source) as stack:
            if stack.dtype.name != depth:
                _convert(stack, target, depth)
                return True
    return pin_file(source, target, files)


def pin_file(source: Path, target: Path, files: Files) -> bool:
    """Put a file at ``target``; False where there is none."""
    try:
        if files == "link":
            try:
                target.hardlink_to(source)
                return True
            except FileNotFoundError:
                return False
            except OSError:
                # A file system without hard links: a copy does the same.
                return _copy(source, target)
        return _copy(source, target)
    except FileNotFoundError:
        return False


def pin_movie(source: Path, target: Path, files: Files) -> bool:
    """Put a movie, a gain reference or the like at ``target``; False where it is not there any more."""
    if not source.is_file():
        return False
    if files == "copy":
        return pin_file(source, target, files)
    # Movies often lie on other disks, and stay where they are.
    target.symlink_to(source.resolve())
    return True


def _copy(source: Path, target: Path) -> bool:
    with atomic_path(target) as part:
        shutil.copyfile(source, part)
        shutil.copystat(source, part)
    return True


def _convert(stack: MrcStack, target: Path, depth: Literal["float16", "float32"]) -> None:
    with MrcStackWriter(target, stack.pixel_size_a or 1.0, depth=depth) as writer:
        for number in range(len(stack)):
            writer.append(stack.read_section(number))
