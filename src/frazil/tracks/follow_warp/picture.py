"""Warp's thumbnail of a movie, as the pictures that the page shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from frazil.formats.atomic import atomic_path

if TYPE_CHECKING:
    from pathlib import Path

    from frazil.stages.products import Products

_KINDS = ("thumbnail", "preview")
_MOST_PIXELS = 1 << 24


def make_pictures(files: Products, thumbnail: Path | None) -> list[Path]:
    """Store a thumbnail (PNG) as the movie's pictures (JPEG), and return them.

    Where it is missing, damaged or huge, plain dark ones stand for it, and none are returned: lists of movies
    show a picture of each.
    """
    targets = [files.picture(kind) for kind in _KINDS]
    picture = None if thumbnail is None else _opened(thumbnail)
    shown = Image.new("L", (96, 96), 24) if picture is None else picture
    for target in targets:
        with atomic_path(target) as part:
            shown.save(part, "JPEG", quality=88)
    return [] if picture is None else targets


def _opened(path: Path) -> Image.Image | None:
    try:
        with Image.open(path, formats=["PNG"]) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                return None
            return opened.convert("L")
    except (OSError, ValueError, SyntaxError):
        # Half written, or none: the movie has no picture then.
        return None
