"""Numbers as plots need them: six significant digits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

_DIGITS = 6
_LEAST = 1e-290
"""Powers of ten for smaller numbers can't be held."""


def six_digits(values: Sequence[float | None]) -> list[float | None]:
    """Round each number to six significant digits; what is missing stays None."""
    numbers = np.array(values, dtype=np.float64)
    size = np.abs(numbers)
    counts = size > _LEAST
    # The place of the last digit that is kept, seen from the decimal point: to the right of it above 0.
    places = _DIGITS - 1 - np.floor(np.log10(size, where=counts, out=np.zeros_like(size))).astype(np.int64)
    # Only powers above 1 are whole numbers, held without an error.
    power = 10.0 ** np.abs(places)
    rounded = np.where(places > 0, np.round(numbers * power) / power, np.round(numbers / power) * power)
    result: list[float | None] = np.where(counts, rounded, 0.0).tolist()
    missing = np.flatnonzero(np.isnan(numbers))
    for place in missing.tolist():
        result[place] = None
    return result
