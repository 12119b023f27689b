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
_CLEAR, _FIRST_STRING, _TABLE_SIZE = 256, 258, 4096
_SPARE = 64


@njit(nogil=True, cache=True)
def decode(
    encoded: NDArray[np.uint8], size: int, out: NDArray[np.uint8], expected: int
) -> tuple[int, np.int64]:
    """Decode ``encoded[:size]`` until ``expected`` bytes are in ``out``.

    ``encoded`` must have 16 bytes more than ``size``, ``out`` 64 bytes more than ``expected``: both are read
    and written in words. Whatever the input, nothing is touched beyond them.

    Returns
    -------
    status, written
        ``DONE``, ``CORRUPT`` or ``TRUNCATED``, and the number of bytes decoded.
    """
    table = np.empty(_TABLE_SIZE + _SPARE, dtype=np.uint64)  # offset << 20 | length
    read = 0  # next byte of the input
    bits = np.uint64(0)  # what has been read and not used, highest bit first
    count = 0  # how many bits are valid there
    written = np.int64(0)
    width = 9
    # Each code adds one entry, the last string and the byte after it, before it is looked up: so that a code
    # that means itself finds it. The first code after a clear has no last string; its entry falls on 257,
    # which no code can ask for.
    free = _FIRST_STRING - 1
    last = np.int64(0)
    ended = False
    while written < expected and not ended:
        # Codes until the width grows or the table is full. A full table takes no more: a few spare entries
        # behind it are overwritten again and again, until a clear.
        if free >= _TABLE_SIZE:
            free = _TABLE_SIZE
            codes = _SPARE
        elif width < 12:
            codes = (1 << width) - 1 - free
        else:
            codes = _TABLE_SIZE - free
        unused = np.uint64(64 - width)
        step = np.uint64(width)
        for _ in range(codes):
            if count < 12:
                if read > size + 8:
                    return TRUNCATED, written
                # Bits below the valid ones are the right ones already, or zero: no masking is needed.
                bits |= byteswap64(load64(encoded, read)) >> np.uint64(count)
                whole = (63 - count) >> 3
                read += whole
                count += whole << 3
            code = np.int64(bits >> unused)
            bits <<= step
            count -= width
            table[np.uint64(free)] = last + 1
            free += 1
            if code >= _FIRST_STRING:
                if code >= free:
                    ended = True
                    break
                entry = np.int64(table[np.uint64(code)])
                start = entry >> _LENGTH_BITS
                length = entry & _LENGTH_MASK
                if length > expected - written:
                    length = expected - written
                if written - start >= 16:
                    low, high = load64(out, start), load64(out, start + 8)
                    store64(out, written, low)
                    store64(out, written + 8, high)
                    done = 16
                    while done < length:
                        low, high = load64(out, start + done), load64(out, start + done + 8)
                        store64(out, written + done, low)
                        store64(out, written + done + 8, high)
                        done += 16
                else:
                    for k in range(length):
                        out[np.uint64(written + k)] = out[np.uint64(start + k)]
                last = (written << _LENGTH_BITS) | length
                written += length
            elif code < _CLEAR:
                out[np.uint64(written)] = code
                last = (written << _LENGTH_BITS) | 1
                written += 1
            elif code == _CLEAR:
                free = _FIRST_STRING - 1
                width = 9
                break
            else:
                ended = True
                break
            if written >= expected:
                ended = True
                break
        else:
            if width < 12:
                width += 1
    if 8 * read - count > 8 * size:
        return TRUNCATED, written
    return (DONE if written == expected else CORRUPT), written


@njit(nogil=True, cache=True)
def decode_strips(
    encoded: NDArray[np.uint8],
    positions: NDArray[np.int64],
    rows_per_strip: int,
    scratch: NDArray[np.uint8],
    flipped: NDArray[np.uint8],
) -> tuple[int, int, np.int64]:
    """Decode all strips of a page and store their rows from the last one upwards.

    Parameters
    ----------
    encoded, positions
        Strip k is ``encoded[begin : begin + size]``, positions[k] = (begin, size); 16 bytes more may be read.
    scratch
        A strip and 64 bytes.
    flipped
        Shape (rows, bytes of a row).

    Returns
    -------
    strip, status, written
        The first strip that can't be decoded and why, or the number of strips, ``DONE`` and 0.
    """
    height, row_bytes = flipped.shape
    for strip in range(len(positions)):
        first = strip * rows_per_strip
        rows = min(rows_per_strip, height - first)
        begin, size = positions[strip]
        status, written = decode(encoded[begin:], size, scratch, rows * row_bytes)
        if status != DONE:
            return strip, status, written
        for row in range(rows):
            flipped[height - 1 - first - row] = scratch[row * row_bytes : (row + 1) * row_bytes]
    return len(positions), DONE, np.int64(0)
