"""Decoding of EER events. Imports numba: load it only where a movie is read.

A page is a stream of bits, lowest first: a run of pixels without event, then the event's position inside its
pixel, x before y. The longest run means "go on, no event here". The stream ends at the last pixel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from frazil.formats.unaligned import load64

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.formats.eer_pages import EventCode

_PADDING_BYTES = 64


def add_events(
    encoded: NDArray[np.uint8], size: int, code: EventCode, upsampling: int, counts: NDArray[Any]
) -> bool:
    """Add the events of one camera frame to ``counts``, shape (height * upsampling, width * upsampling).

    ``encoded`` must have 16 bytes more than ``size``. A damaged page, one that does not end at its last
    pixel or has much left over then, leaves ``counts`` as it was; the answer is then False.
    """
    kernel = _add_physical if upsampling == 1 else _add_doubled
    widths = code.run_bits, code.x_bits, code.y_bits
    one = counts.dtype.type(1)
    end = kernel(encoded, size, code.width_px, code.height_px, *widths, counts.reshape(-1), one)
    if end == code.width_px * code.height_px:
        return True
    # Unsigned counts wrap around: adding the largest value takes one away.
    minus_one = counts.dtype.type(np.iinfo(counts.dtype).max)
    kernel(encoded, size, code.width_px, code.height_px, *widths, counts.reshape(-1), minus_one)
    return False


@njit(nogil=True, cache=True)
def _add_physical(
    encoded: NDArray[np.uint8],
    size: int,
    width: int,
    height: int,
    run_bits: int,
    x_bits: int,
    y_bits: int,
    counts: NDArray[Any],
    one: Any,
) -> np.int64 | int:
    pixels = width * height
    symbol = run_bits + x_bits + y_bits
    per_word = 57 // symbol
    longest = (1 << run_bits) - 1
    bit = 0
    # Padding behind the last event is no fault; a part of a page is.
    least = 8 * (size - size // 64 - _PADDING_BYTES)
    pixel = np.int64(0)
    while bit < 8 * size:
        word = load64(encoded, bit >> 3) >> np.uint64(bit & 7)
        for _ in range(per_word):
            run = np.int64(word & np.uint64(longest))
            pixel += run
            if pixel >= pixels:
                return pixel if least <= bit + run_bits <= 8 * size else -1
            if run == longest:
                word >>= np.uint64(run_bits)
                bit += run_bits
            else:
                counts[pixel] += one
                pixel += 1
                if pixel == pixels:
                    return pixel if least <= bit + symbol <= 8 * size else -1
                word >>= np.uint64(symbol)
                bit += symbol
    return pixel if bit <= 8 * size else -1


@njit(nogil=True, cache=True)
def _add_doubled(
    encoded: NDArray[np.uint8],
    size: int,
    width: int,
    height: int,
    run_bits: int,
    x_bits: int,
    y_bits: int,
    counts: NDArray[Any],
    one: Any,
) -> np.int64 | int:
    pixels = width * height
    symbol = run_bits + x_bits + y_bits
    per_word = 57 // symbol
    longest = (1 << run_bits) - 1
    # Sub-pixel positions are signed: the upper half of a pixel is where the upper bit is 0.
    x_shift = np.uint64(run_bits + x_bits - 1)
    y_shift = np.uint64(symbol - 1)
    bit = 0
    # Padding behind the last event is no fault; a part of a page is.
    least = 8 * (size - size // 64 - _PADDING_BYTES)
    pixel = np.int64(0)
    row_end = width
    base = 0  # 2 * width for each row passed: base + 2 * pixel is the index in the doubled grid
    while bit < 8 * size:
        word = load64(encoded, bit >> 3) >> np.uint64(bit & 7)
        for _ in range(per_word):
            run = np.int64(word & np.uint64(longest))
            pixel += run
            if pixel >= pixels:
                return pixel if least <= bit + run_bits <= 8 * size else -1
            if run == longest:
                word >>= np.uint64(run_bits)
                bit += run_bits
            else:
                while pixel >= row_end:
                    row_end += width
                    base += 2 * width
                right = np.int64(~(word >> x_shift) & np.uint64(1))
                lower = np.int64(~(word >> y_shift) & np.uint64(1))
                counts[base + 2 * pixel + right + 2 * width * lower] += one
                pixel += 1
                if pixel == pixels:
                    return pixel if least <= bit + symbol <= 8 * size else -1
                word >>= np.uint64(symbol)
                bit += symbol
    return pixel if bit <= 8 * size else -1
