"""Loops over the pixels of raw frames: sums, binning, statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from frazil.compute.lanes import LANES, load, multiply_add, store

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PIECE = 2048


@njit(nogil=True, cache=True)
def mean_gain(flat: Any, binning: int, out: Any) -> None:
    """Mean over b x b pixels; bad ones count as one, which they will be once they are replaced."""
    for by in range(out.shape[0]):
        for bx in range(out.shape[1]):
            total = np.float32(0)
            for y in range(by * binning, (by + 1) * binning):
                for x in range(bx * binning, (bx + 1) * binning):
                    value = flat[y, x]
                    total += value if value > 0 else np.float32(1)
            out[by, bx] = total / np.float32(binning * binning)


@njit(nogil=True, cache=True)
def sum_rows(raw: Any, first: int, last: int, total: Any) -> None:
    """Add up rows ``first`` to ``last`` of all frames (F, h, w) into ``total`` (h, w)."""
    flat, out = raw.reshape(-1), total.reshape(-1)
    width = total.shape[1]
    # A piece of the sum stays in the first cache while that of one frame after the other is added.
    for begin in range(first * width, last * width, _PIECE):
        end = min(begin + _PIECE, last * width)
        whole = begin + (end - begin) // LANES * LANES
        out[begin:end] = 0
        for f in range(raw.shape[0]):
            at = f * total.size
            for i in range(begin, whole, LANES):
                store(out, i, load(out, i) + load(flat, at + i))
            for i in range(whole, end):
                out[i] += flat[at + i]


@njit(nogil=True, cache=True)
def _column_sums(flat: Any, gain: Any, start: int, width: int, rows: int, line: Any) -> None:
    """Sum of ``rows`` rows of ``width`` pixels, times their gain where there is one."""
    with_gain = gain.size > 0
    whole = width // LANES * LANES
    for x in range(0, whole, LANES):
        i = start + x
        total = load(flat, i)
        if with_gain:
            total = total * load(gain, i)
        for _ in range(1, rows):
            i += width
            if with_gain:
                total = multiply_add(load(flat, i), load(gain, i), total)
            else:
                total = total + load(flat, i)
        store(line, x, total)
    for x in range(whole, width):
        value = np.float32(0)
        for y in range(rows):
            i = start + y * width + x
            value += flat[i] * gain[i] if with_gain else np.float32(flat[i])
        line[x] = value


@njit(nogil=True, cache=True)
def _block_sums(line: Any, binning: int, out: Any) -> None:
    """Add up ``binning`` neighbours; the usual numbers are written out, which is several times as fast."""
    if binning == 4:
        for i in range(len(out)):
            x = 4 * i
            out[i] = line[x] + line[x + 1] + line[x + 2] + line[x + 3]
    elif binning == 3:
        for i in range(len(out)):
            x = 3 * i
            out[i] = line[x] + line[x + 1] + line[x + 2]
    elif binning == 2:
        for i in range(len(out)):
            out[i] = line[2 * i] + line[2 * i + 1]
    else:
        for i in range(len(out)):
            value = np.float32(0)
            for x in range(i * binning, (i + 1) * binning):
                value += line[x]
            out[i] = value


@njit(nogil=True, cache=True)
def bin_frame(frame: Any, gain: Any, factors: Any, binning: int, out: Any) -> None:
    """Add b x b pixels; with ``gain`` pixel by pixel, or with ``factors`` block by block."""
    height, width = frame.shape
    flat, flat_gain = frame.reshape(-1), gain.reshape(-1)
    # Longer than a row where the frame is smaller than a block.
    line = np.zeros(max(width, binning * out.shape[1]), dtype=np.float32)
    for by in range(out.shape[0]):
        first = by * binning
        _column_sums(flat, flat_gain, first * width, width, min(binning, height - first), line)
        _block_sums(line, binning, out[by])
        if factors.size > 0:
            factor, target = factors[by], out[by]
            for bx in range(len(target)):
                target[bx] *= factor[bx]


@njit(nogil=True, cache=True)
def mean_and_std(image: Any) -> tuple[float, float]:
    """In one pass over rows, in double precision."""
    total = 0.0
    squares = 0.0
    for y in range(image.shape[0]):
        row = image[y]
        part = 0.0
        part_squares = 0.0
        for x in range(len(row)):
            value = float(row[x])
            part += value
            part_squares += value * value
        total += part
        squares += part_squares
    mean = total / image.size
    return mean, np.sqrt(max(squares / image.size - mean * mean, 0.0))


def share_at_ceiling(frame: NDArray[Any]) -> float:
    """Share of the pixels (every 16th row) at the largest number that the type can hold."""
    if frame.dtype.kind not in "iu":
        return 0.0
    rows = frame[::16]
    return float((rows == np.iinfo(frame.dtype).max).mean())


@njit(nogil=True, cache=True)
def clean_gain(flat: Any) -> tuple[float, int]:
    """Set what can't be a gain to zero; return the sum of the others and their number."""
    total, count = 0.0, 0
    for y in range(flat.shape[0]):
        for x in range(flat.shape[1]):
            value = flat[y, x]
            if value > 0 and np.isfinite(value):
                total += value
                count += 1
            else:
                flat[y, x] = 0.0
    return total, count
