"""Smooth things live on a coarse grid and are interpolated to pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

COARSE_PX = 4
"""Step of the coarse canvas in pixels of the movie."""


@numba.njit(nogil=True, cache=True, fastmath=True)
def upsample(coarse: NDArray[np.float32], factor: int, out: NDArray[np.float32]) -> None:
    """Fill ``out`` by linear interpolation; coarse value (i, j) lies at pixel (factor i, factor j)."""
    for y in range(out.shape[0]):
        iy = y // factor
        ty = np.float32(y - iy * factor) / np.float32(factor)
        for x in range(out.shape[1]):
            ix = x // factor
            tx = np.float32(x - ix * factor) / np.float32(factor)
            top = coarse[iy, ix] + tx * (coarse[iy, ix + 1] - coarse[iy, ix])
            bottom = coarse[iy + 1, ix] + tx * (coarse[iy + 1, ix + 1] - coarse[iy + 1, ix])
            out[y, x] = top + ty * (bottom - top)
