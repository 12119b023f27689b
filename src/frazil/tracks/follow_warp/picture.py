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
    """Store a thumbnail (PNG) as the movie's pictures (JPEG); none where it is missing, damaged or huge."""
    targets = [files.picture(kind) for kind in _KINDS]
    picture = None if thumbnail is None else _opened(thumbnail)
    if picture is None:
        for target in targets:
            target.unlink(missing_ok=True)
        return []
    for target in targets:
        with atomic_path(target) as part:
            picture.save(part, "JPEG", quality=88)
    return targets


def _opened(path: Path) -> Image.Image | None:
    try:
        with Image.open(path, formats=["PNG"]) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                return None
            return opened.convert("L")
    except (OSError, ValueError, SyntaxError):
        # Half written, or none: the movie has no picture then.
        return None
