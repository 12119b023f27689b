"""Checks before the work: a movie is like the others, and there is room for what comes out of it."""

from __future__ import annotations

import errno
import shutil
from typing import TYPE_CHECKING

from frazil.model.errors import InputError

if TYPE_CHECKING:
    from frazil.stages.exposure import Exposure

_BYTES_PER_PIXEL = {"float16": 2, "float32": 4}
_OTHER_PRODUCTS_BYTES = 8 << 20


def check_size(exposure: Exposure, width_px: int, height_px: int) -> None:
    """Note a movie's size; refuse it where it differs from the rest of its session."""
    exposure.numbers.update(source_width_px=float(width_px), source_height_px=float(height_px))
    expected = exposure.task.expected_size
    if expected is not None and expected != (width_px, height_px):
        raise InputError(
            f"{exposure.task.source}: {width_px} x {height_px} pixels, the other movies of this session have "
            f"{expected[0]} x {expected[1]}; process it in a session of its own"
        )


def check_space(exposure: Exposure, pixels: int) -> None:
    """Refuse to begin where the disk can't hold the products: they would be lost at the end."""
    alignment = exposure.settings.alignment
    images = 1 + alignment.write_unweighted + 2 * alignment.write_half_sums
    wanted = images * pixels * _BYTES_PER_PIXEL[alignment.output_depth] + _OTHER_PRODUCTS_BYTES
    free = shutil.disk_usage(exposure.task.session).free
    if free < wanted:
        raise OSError(
            errno.ENOSPC,
            f"disk full: {free / 1e6:.0f} MB are free, the products of {exposure.task.source.name} need "
            f"about {wanted / 1e6:.0f} MB",
            str(exposure.task.session),
        )
