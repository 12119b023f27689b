"""The pointer-table LZW decoder. Imports numba: load it only where data are decoded.

Every code stands for bytes that are already in the output, so the table holds where and how many they are,
and decoding is copying. TIFF's LZW: codes of 9 to 12 bits, highest bit first, 256 clears the table, 257 ends,
and the width grows one code early (TIFF 6.0, section 13).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from frazil.formats.unaligned import byteswap64, load64, store64

if TYPE_CHECKING:
    from numpy.typing import NDArray

DONE, CORRUPT, TRUNCATED = 0, 1, 2
_LENGTH_BITS = 20
_LENGTH_MASK = (1 << _LENGTH_BITS) - 1
_CLEAR, _END, _FIRST_FREE, _TABLE_SIZE = 256, 257, 258, 4096


@njit(nogil=True, cache=True)
def decode(encoded: NDArray[np.uint8], size: int, out: NDArray[np.uint8], expected: int) -> tuple[int, int]:
    """Decode ``encoded[:size]`` until ``expected`` bytes are in ``out``.

    ``encoded`` must have 16 bytes more than ``size``, ``out`` 64 bytes more than ``expected``: both are read
    and written in words. Whatever the input, nothing is touched beyond them.

    Returns
    -------
    status, written
        ``DONE``, ``CORRUPT`` or ``TRUNCATED``, and the number of bytes decoded.
    """
    table = np.empty(_TABLE_SIZE, dtype=np.int64)  # offset << 20 | length
    read = 0  # next byte of the input
    bits = np.uint64(0)  # what has been read and not used, highest bit first
    count = 0  # how many bits are valid there
    written = 0
    width, grow_at = 9, 511
    free = _FIRST_FREE
    previous = 0  # entry of the last string, 0: none
    while written < expected:
        if count < 12:
            if read > size + 8:
                return TRUNCATED, written
            # Bits below the valid ones are the right ones already, or zero: no masking is needed.
            bits |= byteswap64(load64(encoded, read)) >> np.uint64(count)
            whole = (63 - count) >> 3
            read += whole
            count += whole << 3
        code = np.int64(bits >> np.uint64(64 - width))
        bits <<= np.uint64(width)
        count -= width
        if code >= _FIRST_FREE:
            # The new entry comes first, so that a code that means itself finds it.
            if previous != 0 and free < _TABLE_SIZE:
                table[free] = previous + 1
                free += 1
            if code >= free:
                return CORRUPT, written
            entry = table[code]
            start = entry >> _LENGTH_BITS
            length = min(entry & _LENGTH_MASK, expected - written)
            if written - start >= 16:
                for k in range(0, length, 16):
                    low = load64(out, start + k)
                    high = load64(out, start + k + 8)
                    store64(out, written + k, low)
                    store64(out, written + k + 8, high)
            else:
                for k in range(length):
                    out[written + k] = out[start + k]
            previous = (written << _LENGTH_BITS) | length
            written += length
        elif code < _CLEAR:
            if previous != 0 and free < _TABLE_SIZE:
                table[free] = previous + 1
                free += 1
            out[written] = code
            previous = (written << _LENGTH_BITS) | 1
            written += 1
        elif code == _CLEAR:
            free = _FIRST_FREE
            width, grow_at = 9, 511
            previous = 0
        else:
            break
        if free >= grow_at and width < 12:
            width += 1
            grow_at = 2 * grow_at + 1
    if 8 * read - count > 8 * size:
        return TRUNCATED, written
    return (DONE if written == expected else CORRUPT), written
