"""Loops over the pixels of raw frames: sums, binning, statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
    for y in range(first, last):
        row = np.zeros(raw.shape[2], dtype=np.float32)
        for f in range(raw.shape[0]):
            frame_row = raw[f, y]
            for x in range(len(row)):
                row[x] += frame_row[x]
        total[y] = row


@njit(nogil=True, cache=True)
def bin_frame(frame: Any, gain: Any, factors: Any, binning: int, out: Any) -> None:
    """Add b x b pixels; with ``gain`` pixel by pixel, or with ``factors`` block by block."""
    width = frame.shape[1]
    line = np.empty(width, dtype=np.float32)
    for by in range(out.shape[0]):
        line[:] = 0
        for y in range(by * binning, min((by + 1) * binning, frame.shape[0])):
            row = frame[y]
            if gain.size > 0:
                weight = gain[y]
                for x in range(width):
                    line[x] += row[x] * weight[x]
            else:
                for x in range(width):
                    line[x] += row[x]
        target = out[by]
        for bx in range(out.shape[1]):
            value = np.float32(0)
            for x in range(bx * binning, min((bx + 1) * binning, width)):
                value += line[x]
            target[bx] = value
        if factors.size > 0:
            factor = factors[by]
            for bx in range(out.shape[1]):
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
