"""Fourier transforms of real tiles, eight lines at a time, without leaving the cache.

A tile of n x n pixels is transformed along y first: eight columns lie in the lanes, two sets of eight share
one complex transform as its real and imaginary part. The half plane ky = 0 … n/2 goes, transposed, to blocks
of eight ky: ``block[j, x, re | im, lane]`` with ky = 8 j + lane. Each block is then transformed along x in
place (decimation in frequency, Cooley & Tukey 1965), which leaves kx in the digit-reversed order of
`TransformPlan.order`. Whoever uses the blocks keeps that order; only `tile_inverse` undoes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from frazil.compute.lanes import LANES, load, store_transposed

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ODD_RADICES = {1: (), 3: (3,), 5: (5,), 9: (3, 3), 15: (3, 5)}
_LARGEST = 1024


@dataclass(frozen=True)
class TransformPlan:
    """Tables for tiles of one size.

    Attributes
    ----------
    size
        Side n of the tile, see `can_transform`.
    radices
        Shape (passes,): product n.
    twiddles
        Factors of all passes, (cos, sin) pairs, float32.
    order
        Shape (n,): ``order[position]`` is the frequency 0 … n - 1 that a transform leaves at ``position``.
    place
        Shape (n,): the inverse of ``order``.
    """

    size: int
    radices: NDArray[np.int64]
    twiddles: NDArray[np.float32]
    order: NDArray[np.int64]
    place: NDArray[np.int64]

    @property
    def blocks(self) -> int:
        """Blocks of eight ky that hold ky = 0 … n/2; the last one repeats what is known by symmetry."""
        return self.size // (2 * LANES) + 1

    @property
    def block_floats(self) -> int:
        """Floats of one block."""
        return self.size * 2 * LANES

    @property
    def kx(self) -> NDArray[np.float64]:
        """Shape (n,): frequency at each position along x, cycles per pixel, in [-1/2, 1/2)."""
        frequency: NDArray[np.float64] = np.fft.fftfreq(self.size)[self.order].astype(np.float64)
        return frequency

    @property
    def ky(self) -> NDArray[np.float64]:
        """Shape (blocks * 8,): frequency of each lane, cycles per pixel, from 0 to a little over 1/2."""
        frequency: NDArray[np.float64] = np.arange(self.blocks * LANES) / self.size
        return frequency


def can_transform(size: int) -> bool:
    """Whether there is a plan: multiples of 8 up to 1024 that are 1, 3, 5, 9 or 15 times a power of two."""
    return 8 <= size <= _LARGEST and size % 8 == 0 and size // (size & -size) in _ODD_RADICES


def _radices(size: int) -> tuple[int, ...]:
    even = size & -size
    fours = -(even.bit_length() - 1) % 3
    eights = (even.bit_length() - 1 - 2 * fours) // 3
    return (*_ODD_RADICES[size // even], *(4,) * fours, *(8,) * eights)


@cache
def transform_plan(size: int) -> TransformPlan:
    """Tables for tiles of ``size`` pixels; raises `ValueError` for a size there is no plan for.

    Whole tiles of real pixels need a multiple of 16.
    """
    if not can_transform(size):
        raise ValueError(f"tiles of {size} pixels are not supported; a power of two from 64 to 1024 is")
    radices = _radices(size)
    twiddles: list[NDArray[np.float64]] = []
    length = size
    order = np.zeros(1, dtype=np.int64)
    weight = 1
    for radix in radices:
        inner = length // radix
        angle = -2.0 * np.pi * np.outer(np.arange(inner), np.arange(1, radix)) / length
        twiddles.append(np.stack((np.cos(angle), np.sin(angle)), axis=-1).reshape(-1))
        # The digit of the first pass counts least in the frequency and most in the position.
        order = (order[:, None] + weight * np.arange(radix)).reshape(-1)
        weight *= radix
        length = inner
    place = np.empty(size, dtype=np.int64)
    place[order] = np.arange(size)
    table = np.concatenate(twiddles).astype(np.float32)
    return TransformPlan(size, np.array(radices, dtype=np.int64), table, order, place)


@njit(nogil=True, cache=True)
def split_columns(
    strip: NDArray[np.float32], blocks: NDArray[np.float32], start: int, x: int, size: int, place: Any
) -> None:
    """From a transformed strip of 2 x 8 columns to the half planes of both, transposed into the blocks.

    ``strip`` held columns x … x+7 as real and x+8 … x+15 as imaginary part. The results are twice the
    transforms: the halves belong into the window.
    """
    for j in range(size // 16 + 1):
        to = start + (j * size + x) * 16
        here = _places(place, 8 * j, 1, size)
        there = _places(place, size - 8 * j, -1, size)
        re, mirrored = _eight(strip, here, 0), _eight(strip, there, 0)
        store_transposed(blocks, to, 16, _sums(re, mirrored))
        store_transposed(blocks, to + 8 * 16 + 8, 16, _differences(mirrored, re))
        im, mirrored = _eight(strip, here, 8), _eight(strip, there, 8)
        store_transposed(blocks, to + 8, 16, _differences(im, mirrored))
        store_transposed(blocks, to + 8 * 16, 16, _sums(im, mirrored))


@njit(nogil=True, cache=True)
def _places(place: Any, first: int, step: int, size: int) -> Any:
    """Offsets in a strip of eight frequencies, up or down from ``first``."""
    return (
        place[first % size] * 16,
        place[first + step] * 16,
        place[first + 2 * step] * 16,
        place[first + 3 * step] * 16,
        place[first + 4 * step] * 16,
        place[first + 5 * step] * 16,
        place[first + 6 * step] * 16,
        place[first + 7 * step] * 16,
    )


@njit(nogil=True, cache=True)
def _eight(data: Any, at: Any, part: int) -> Any:
    a, b, c, d = load(data, at[0] + part), load(data, at[1] + part), load(data, at[2] + part), at[3] + part
    e, f, g, h = load(data, at[4] + part), load(data, at[5] + part), load(data, at[6] + part), at[7] + part
    return (a, b, c, load(data, d), e, f, g, load(data, h))


@njit(nogil=True, cache=True)
def _sums(a: Any, b: Any) -> Any:
    low = (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3])
    return (*low, a[4] + b[4], a[5] + b[5], a[6] + b[6], a[7] + b[7])


@njit(nogil=True, cache=True)
def _differences(a: Any, b: Any) -> Any:
    low = (a[0] - b[0], a[1] - b[1], a[2] - b[2], a[3] - b[3])
    return (*low, a[4] - b[4], a[5] - b[5], a[6] - b[6], a[7] - b[7])
