"""Pixels of the camera that can't be trusted: found in the sum of the raw frames, and replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from frazil.compute.parallel import for_each

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK = 64
_BAND = 4 * _BLOCK
_DEAD_BELOW_SIGMA = 6.0


def find_bad_pixels(
    total: NDArray[np.float32], gain: NDArray[np.float32] | None, sigma: float, threads: int = 1
) -> tuple[NDArray[np.bool_], float]:
    """Hot and dead pixels of the sum of all unaligned frames.

    Compared with the local mean of the gain-corrected sum, turned back to counts, in units of their Poisson
    noise; the typical deviation (1.4826 MAD) takes the place of the unit. Hot: more than ``sigma`` above.
    Dead: as unlikely below on the scale of the square root (Anscombe 1948), which is fair at low counts too.

    Parameters
    ----------
    total
        Shape (h, w): raw sum, in counts or whatever the camera gives.
    gain
        Shape (h, w), zero where a pixel is known to be bad, or None.
    sigma
        Threshold.
    threads
        The result does not depend on it.

    Returns
    -------
    bad
        Shape (h, w).
    spread
        Typical deviation in units of the Poisson noise: 1 for a counting camera with the right gain.
    """
    counting = bool(total.min() >= 0)
    local = _local_mean(total, gain, counting, threads)
    height, width = total.shape
    step = max(1, height * width // 400_000)
    empty = np.empty((0, 0), dtype=np.float32)
    deviation = _deviations(total, empty if gain is None else gain, local, counting, step)
    middle = float(np.median(deviation)) if len(deviation) else 0.0
    spread = 1.4826 * float(np.median(np.abs(deviation - middle))) if len(deviation) else 0.0
    bad = np.zeros(total.shape, dtype=np.bool_)
    if spread > 0:
        # Of few counts, which are whole numbers, the median deviation can be far too small.
        unit = max(spread, 1.0) if counting else spread

        def mark(rows: slice) -> None:
            own = empty if gain is None else gain[rows]
            blocks = local[rows.start // _BLOCK : -(-rows.stop // _BLOCK)]
            _mark(total[rows], own, blocks, counting, middle, unit, sigma, bad[rows])

        for_each(mark, _bands(height), threads)
    if gain is not None:
        bad |= ~((gain > 0) & np.isfinite(gain))
    return bad, spread


def _bands(height: int) -> list[slice]:
    """Rows that one thread looks at in one go: whole blocks."""
    return [slice(y, min(y + _BAND, height)) for y in range(0, height, _BAND)]


def _local_mean(
    total: NDArray[np.float32], gain: NDArray[np.float32] | None, counting: bool, threads: int
) -> NDArray[np.float32]:
    """Mean of the gain-corrected sum in blocks of 64 pixels, without what is far above the median."""
    sample = total[:: max(1, total.shape[0] // 256), :: max(1, total.shape[1] // 256)]
    cap = 4.0 * float(np.median(sample)) + 10.0 if counting else float("inf")
    rows, columns = -(-total.shape[0] // _BLOCK), -(-total.shape[1] // _BLOCK)
    mean = np.zeros((rows, columns), dtype=np.float32)
    empty = np.empty((0, 0), dtype=np.float32)

    def average(band: slice) -> None:
        blocks = slice(band.start // _BLOCK, -(-band.stop // _BLOCK))
        _block_means(total[band], empty if gain is None else gain[band], np.float32(cap), mean[blocks])

    for_each(average, _bands(total.shape[0]), threads)
    return mean


@njit(nogil=True, cache=True)
def _block_means(total: Any, gain: Any, cap: Any, mean: Any) -> None:
    height, width = total.shape
    for by in range(mean.shape[0]):
        for bx in range(mean.shape[1]):
            value = 0.0
            count = 0
            for y in range(by * _BLOCK, min((by + 1) * _BLOCK, height)):
                for x in range(bx * _BLOCK, min((bx + 1) * _BLOCK, width)):
                    pixel = total[y, x]
                    factor = gain[y, x] if gain.size > 0 else np.float32(1)
                    if pixel <= cap and factor > 0:
                        value += pixel * factor
                        count += 1
            mean[by, bx] = value / count if count else 0.0


@njit(nogil=True, cache=True)
def _deviation(pixel: Any, factor: Any, level: Any, counting: bool) -> Any:
    expected = level / factor
    if counting:
        return (pixel - expected) / np.sqrt(max(expected, np.float32(0.5)))
    return pixel - expected


@njit(nogil=True, cache=True)
def _deviations(total: Any, gain: Any, local: Any, counting: bool, step: int) -> Any:
    """Every ``step``-th good pixel's deviation."""
    width = total.shape[1]
    out = np.empty(total.size // step + 1, dtype=np.float32)
    count = 0
    for i in range(0, total.size, step):
        y, x = i // width, i % width
        factor = gain[y, x] if gain.size > 0 else np.float32(1)
        if factor > 0:
            out[count] = _deviation(total[y, x], factor, local[y // _BLOCK, x // _BLOCK], counting)
            count += 1
    return out[:count]


@njit(nogil=True, cache=True)
def _mark(
    total: Any, gain: Any, local: Any, counting: bool, middle: float, spread: float, sigma: float, bad: Any
) -> None:
    height, width = total.shape
    high = np.float32(middle + sigma * spread)
    low = np.float32(middle - sigma * spread)
    # A pixel that can't matter is passed over without a root or a division: these are nearly all.
    near = np.float32(min(float(high), 3.0) ** 2) if high > 0 and counting else np.float32(0)
    one = np.float32(1)
    for y in range(height):
        for x in range(width):
            factor = gain[y, x] if gain.size > 0 else one
            pixel, level = total[y, x], local[y // _BLOCK, x // _BLOCK]
            excess = pixel * factor - level
            if not factor > 0 or excess * excess <= near * level * factor:
                continue
            value = _deviation(pixel, factor, level, counting)
            if value > high:
                bad[y, x] = True
            elif value < 0:
                if counting:
                    root = 2.0 * (np.sqrt(pixel + 0.375) - np.sqrt(level / factor + 0.375))
                    bad[y, x] = root < -_DEAD_BELOW_SIGMA * spread
                else:
                    bad[y, x] = value < low


@njit(nogil=True, cache=True)
def good_neighbours(bad: NDArray[np.bool_], y: Any, x: Any, reach: int, least: int) -> tuple[Any, Any]:
    """Good pixels within ``reach`` of each bad one.

    Returns
    -------
    table, count
        Shape (bad pixels, (2 reach + 1)²): flat positions, and how many there are; a count of 0 where there
        are fewer than ``least``.
    """
    height, width = bad.shape
    side = 2 * reach + 1
    table = np.empty((len(y), side * side), dtype=np.int32)
    count = np.zeros(len(y), dtype=np.int32)
    for i in range(len(y)):
        found = 0
        for v in range(max(y[i] - reach, 0), min(y[i] + reach + 1, height)):
            for u in range(max(x[i] - reach, 0), min(x[i] + reach + 1, width)):
                if not bad[v, u]:
                    table[i, found] = v * width + u
                    found += 1
        count[i] = found if found >= least else 0
    return table, count


@njit(nogil=True, cache=True)
def _random(state: Any) -> Any:
    """Next number of a 64-bit mix (Steele 2014): cheap, and the same everywhere."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


@njit(nogil=True, cache=True)
def repair_frame(frame: Any, positions: Any, table: Any, count: Any, elsewhere: Any, seed: int) -> None:
    """Give each bad pixel of one frame the value of a random good neighbour.

    Parameters
    ----------
    frame
        Shape (h, w), changed in place.
    positions
        Shape (bad,): flat positions.
    table, count
        See `good_neighbours`.
    elsewhere
        Flat positions of good pixels from all over the frame, for those without good neighbours.
    seed
        Differs from frame to frame.
    """
    flat = frame.reshape(-1)
    for i in range(len(positions)):
        number = _random(np.uint64(seed) + np.uint64(i + 1) * np.uint64(0x9E3779B97F4A7C15))
        pick = np.int64(number >> np.uint64(33))
        if count[i] > 0:
            flat[positions[i]] = flat[table[i, pick % count[i]]]
        else:
            flat[positions[i]] = flat[elsewhere[pick % len(elsewhere)]]
