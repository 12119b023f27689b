"""The detector's modulation transfer function as RELION reads it for post-processing and polishing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from frazil.formats.star import read_star
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

FREQUENCY, VALUE = "rlnResolutionInversePixel", "rlnMtfValue"
_LARGEST_FREQUENCY = 1.0
"""1/pixel; makers of detectors go beyond 0.5, which is Nyquist."""
_LARGEST_VALUE = 1.5


def check_mtf(path: Path) -> None:
    """Make sure that a file holds an MTF: rising frequencies (1/pixel) with a value for each.

    Raises `InputError` where it doesn't, or is not there.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; give the MTF of the detector as a STAR file, or none")
    for table in read_star(path).values():
        if FREQUENCY in table and VALUE in table:
            frequency, value = table.numbers(FREQUENCY), table.numbers(VALUE)
            break
    else:
        raise InputError(
            f"{path}: is no MTF: there is no table with {FREQUENCY} and {VALUE}; give the STAR file of the "
            "detector's maker"
        )
    rises = frequency.size >= 2 and bool(np.all(np.diff(frequency) > 0.0))
    if not rises or frequency[0] < 0.0 or frequency[-1] > _LARGEST_FREQUENCY:
        raise InputError(f"{path}: {FREQUENCY} must rise from 0 to 0.5 per pixel, or a little beyond")
    if not np.all((value >= 0.0) & (value <= _LARGEST_VALUE)):
        raise InputError(f"{path}: {VALUE} must lie between 0 and {_LARGEST_VALUE:g}")
