"""Back from the blocks of `tile_fft` to tiles of pixels, cropped in frequency on the way.

The inverse of a transform is the transform of the numbers with real and imaginary part exchanged, exchanged
again: the passes are the same. Along x eight ky lie in the lanes; then sixteen columns are put together as
the real and imaginary parts of eight complex ones and transformed along y.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from frazil.compute.lanes import load, splat, store, transposed
from frazil.compute.motion.tile_passes import transform

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.motion.tile_fft import TransformPlan


def inverse_tiles(
    blocks: NDArray[np.float32], scale: NDArray[np.float32], plan: TransformPlan, new: TransformPlan
) -> NDArray[np.float32]:
    """Tiles of pixels from their transforms.

    Parameters
    ----------
    blocks
        Shape (tiles, floats): transforms of ``plan``, or their first ``new.blocks`` blocks.
    scale
        Shape (blocks * size * 8,): factors of the coefficients; empty for none.
    plan, new
        Of the transforms and of the tiles that are wanted, which are as large or smaller: what lies at or
        beyond their Nyquist frequency is left out then.

    Returns
    -------
    tiles
        Shape (tiles, n, n): the same field on n pixels, at the same level.
    """
    out = np.empty((len(blocks), new.size, new.size), dtype=np.float32)
    _inverse_tiles(blocks, scale, plan.size, plan.place, new.size, new.place, new.radices, new.twiddles, out)
    return out


def kept_positions(plan: TransformPlan, new: TransformPlan) -> NDArray[np.int64]:
    """Positions in a block of ``plan`` whose kx tiles of ``new`` have, in ascending order."""
    if new.size == plan.size:
        return np.arange(plan.size)
    half = new.size // 2
    return np.sort(np.concatenate([plan.place[:half], plan.place[1 - half :]]))


@njit(nogil=True, cache=True)
def _inverse_tiles(
    tiles: Any, scale: Any, size: int, place: Any, n: int, new_place: Any, radices: Any, table: Any, out: Any
) -> None:
    half = np.empty((n // 16 + 1) * n * 16, dtype=np.float32)
    strip = np.empty(n * 16, dtype=np.float32)
    level = np.float32(1.0 / (size * size))
    for tile in range(len(tiles)):
        _gather(tiles[tile], scale, size, place, n, half)
        for j in range(n // 16 + 1):
            transform(half, j * n * 16, n, radices, table)
        for x in range(0, n, 16):
            _join_columns(half, strip, x, n, new_place)
            transform(strip, np.int64(0), n, radices, table)
            _spread_columns(strip, x, n, new_place, level, out[tile].reshape(-1))


@njit(nogil=True, cache=True)
def _gather(blocks: Any, scale: Any, size: int, place: Any, n: int, half: Any) -> None:
    """Coefficients that the new size has, parts exchanged, kx in its usual order."""
    nothing = splat(np.float32(0))
    for j in range(n // 16 + 1):
        for i in range(n):
            p = j * size + place[i if i <= n // 2 else size + i - n]
            re, im = load(blocks, p * 16), load(blocks, p * 16 + 8)
            if scale.size > 0:
                factor = load(scale, p * 8)
                re, im = re * factor, im * factor
            if n < size and i == n // 2:
                re, im = nothing, nothing
            to = (j * n + i) * 16
            store(half, to, im)
            store(half, to + 8, re)
    if n < size:
        lane = n // 2 % 8
        for i in range(n):
            to = (n // 16 * n + i) * 16 + lane
            half[to], half[to + 8] = 0.0, 0.0


@njit(nogil=True, cache=True)
def _columns(half: Any, j: int, x: int, n: int, place: Any, part: int) -> Any:
    """Eight columns from x on for eight ky, columns in the lanes."""
    at = j * n * 16 + part
    return transposed(
        (
            *(load(half, at + place[x] * 16), load(half, at + place[x + 1] * 16)),
            *(load(half, at + place[x + 2] * 16), load(half, at + place[x + 3] * 16)),
            *(load(half, at + place[x + 4] * 16), load(half, at + place[x + 5] * 16)),
            *(load(half, at + place[x + 6] * 16), load(half, at + place[x + 7] * 16)),
        )
    )


@njit(nogil=True, cache=True)
def _join_columns(half: Any, strip: Any, x: int, n: int, place: Any) -> None:
    """Columns x … x+7 and x+8 … x+15 of a half plane, as the two parts of one whole plane, exchanged.

    Where there are no more than eight columns left, they are joined with themselves.
    """
    second = x + 8 if x + 8 < n else x
    for j in range(n // 16 + 1):
        # Parts lie exchanged: the imaginary one comes first.
        ai, ar = _columns(half, j, x, n, place, 0), _columns(half, j, x, n, place, 8)
        bi, br = _columns(half, j, second, n, place, 0), _columns(half, j, second, n, place, 8)
        for lane in range(8):
            ky = 8 * j + lane
            if ky == 0 or 2 * ky == n:
                # Real, as all is that a real image holds there.
                store(strip, ky * 16, br[lane])
                store(strip, ky * 16 + 8, ar[lane])
            elif 2 * ky < n:
                store(strip, ky * 16, ai[lane] + br[lane])
                store(strip, ky * 16 + 8, ar[lane] - bi[lane])
                store(strip, (n - ky) * 16, br[lane] - ai[lane])
                store(strip, (n - ky) * 16 + 8, ar[lane] + bi[lane])


@njit(nogil=True, cache=True)
def _spread_columns(strip: Any, x: int, n: int, place: Any, level: Any, out: Any) -> None:
    factor = splat(level)
    for y in range(n):
        at = place[y] * 16
        store(out, y * n + x, load(strip, at + 8) * factor)
        if x + 8 < n:
            store(out, y * n + x + 8, load(strip, at) * factor)
