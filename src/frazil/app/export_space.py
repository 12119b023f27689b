"""Whether the disk has room for what an export copies: said before, not after."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from frazil.compute.friendly_size import friendly_size
from frazil.stages.products import Products
from frazil.stages.record_file import stored_record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from frazil.stages.export.request import ExportMovie, ExportRequest

_SPARE_BYTES = 1 << 30
"""Stays free."""
_BYTES = 4
_SMALLEST_IN_GB = 100_000_000
_WIDER = 2
"""Images may be stored at half precision, and be wanted at single."""


def needed_bytes(session: Path, movies: Iterable[ExportMovie], request: ExportRequest) -> int:
    """Bytes that an export writes, at most, beside its tables; 0 where it only links or names files."""
    own_stack = request.format == "cistem"
    converts = request.image_depth != "stored"
    if request.files == "none" and not own_stack and not request.extracts_anew:
        return 0
    total = 0
    for movie in movies:
        products = Products(session, movie.name)
        images: list[Path] = []
        if request.extracts_anew:
            total += _new_stack_bytes(session, movie, request)
        elif own_stack:
            total += _WIDER * _size(products.particles)
        if own_stack:
            continue
        if request.files == "copy" or converts:
            if "micrographs" in request.contents:
                images += [products.micrograph, products.unweighted, products.odd, products.even]
            if "particles" in request.contents and not request.extracts_anew:
                images += [products.particles]
        widened = _WIDER if request.image_depth == "float32" else 1
        total += widened * sum(map(_size, images))
        if request.files == "copy" and "movies" in request.contents and movie.raw_path is not None:
            total += _size(Path(movie.raw_path))
    return total


def _new_stack_bytes(session: Path, movie: ExportMovie, request: ExportRequest) -> int:
    """Bytes of a stack that is cut out anew, in single precision."""
    record = stored_record(session, movie.name)
    old = record.numbers if record is not None else {}
    pixel = old.get("micrograph_pixel_size_a") or 0.0
    old_pixel, old_box = old.get("particle_pixel_size_a") or pixel, old.get("particle_box_px") or 0.0
    if pixel <= 0.0:
        return 0
    extent = request.box_px * pixel if request.box_px is not None else old_box * old_pixel
    wanted = max(old_pixel if request.pixel_size_a is None else request.pixel_size_a, pixel)
    size = friendly_size(math.ceil(extent / wanted))
    return int(movie.row.get("particles") or 0) * size * size * _BYTES


def tell_space(
    session: Path, movies: Iterable[ExportMovie], request: ExportRequest, min_free_gb: float
) -> tuple[str, str]:
    """Say why there is no room (else empty), and that the reserve would be used up (else empty).

    ``min_free_gb``: the session's tracks pause when less is free.
    """
    needed = needed_bytes(session, movies, request)
    if not needed:
        return "", ""
    try:
        free = shutil.disk_usage(session).free
    except OSError:
        # Its disk is away: who makes the export will say so.
        return "", ""
    told = f"up to {_size_text(needed)} are needed and {_size_text(free)} are free on the session's disk"
    if needed + _SPARE_BYTES > free:
        return f"{told}: link instead of copying, choose less, or make room", ""
    if free - needed < min_free_gb * 1e9:
        return "", (
            f"{told}: less than the reserve of {min_free_gb:g} GB (min_free_gb) is left then, and tracks of "
            "the session pause"
        )
    return "", ""


def _size_text(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= _SMALLEST_IN_GB else f"{math.ceil(size / 1e6)} MB"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
