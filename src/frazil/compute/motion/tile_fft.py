"""Fourier transforms of real tiles, eight lines at a time, without leaving the cache.

A tile of n x n pixels is transformed along y first: eight columns lie in the lanes, two sets of eight share
one complex transform as its real and imaginary part. The half plane ky = 0 … n/2 goes, transposed, to blocks
of eight ky: ``block[j, x, re | im, lane]`` with ky = 8 j + lane. Each block is then transformed along x in
place (decimation in frequency, Cooley & Tukey 1965), which leaves kx in the digit-reversed order of
`TransformPlan.order`. Whoever uses the blocks keeps that order; only `gather_half_plane` undoes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from frazil.compute.lanes import LANES, load, multiply_add, splat, store, store_transposed

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROOT_HALF = np.float32(np.sqrt(0.5))
_RADICES = {64: (8, 8), 128: (4, 4, 8), 256: (4, 8, 8), 512: (8, 8, 8), 1024: (4, 4, 8, 8)}


@dataclass(frozen=True)
class TransformPlan:
    """Tables for tiles of one size.

    Attributes
    ----------
    size
        Side n of the tile: 64, 128, 256, 512 or 1024.
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


@cache
def transform_plan(size: int) -> TransformPlan:
    """Tables for tiles of ``size`` pixels; raises `ValueError` for a size there is no plan for."""
    if size not in _RADICES:
        raise ValueError(f"tiles of {size} pixels are not supported; use one of {sorted(_RADICES)}")
    radices = _RADICES[size]
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
def _turn(re: Any, im: Any, cosine: Any, sine: Any) -> tuple[Any, Any]:
    """(re + i im)(cosine + i sine)."""
    c, s, minus = splat(cosine), splat(sine), splat(-sine)
    return multiply_add(re, c, im * minus), multiply_add(re, s, im * c)


@njit(nogil=True, cache=True)
def _four(ar: Any, ai: Any, br: Any, bi: Any, cr: Any, ci: Any, dr: Any, di: Any) -> Any:
    """Transform of four numbers."""
    sr, si, tr, ti = ar + cr, ai + ci, ar - cr, ai - ci
    ur, ui, vr, vi = br + dr, bi + di, br - dr, bi - di
    return sr + ur, si + ui, tr + vi, ti - vr, sr - ur, si - ui, tr - vi, ti + vr


@njit(nogil=True, cache=True)
def _pass_four(data: NDArray[np.float32], start: int, size: int, length: int, table: Any, at: int) -> None:
    inner = length // 4
    step = inner * 16
    for block in range(start, start + size * 16, length * 16):
        for p in range(inner):
            i = block + p * 16
            y = _four(
                *(load(data, i), load(data, i + 8)),
                *(load(data, i + step), load(data, i + step + 8)),
                *(load(data, i + 2 * step), load(data, i + 2 * step + 8)),
                *(load(data, i + 3 * step), load(data, i + 3 * step + 8)),
            )
            t = at + p * 6
            store(data, i, y[0])
            store(data, i + 8, y[1])
            re, im = _turn(y[2], y[3], table[t], table[t + 1])
            store(data, i + step, re)
            store(data, i + step + 8, im)
            re, im = _turn(y[4], y[5], table[t + 2], table[t + 3])
            store(data, i + 2 * step, re)
            store(data, i + 2 * step + 8, im)
            re, im = _turn(y[6], y[7], table[t + 4], table[t + 5])
            store(data, i + 3 * step, re)
            store(data, i + 3 * step + 8, im)


@njit(nogil=True, cache=True)
def _put(data: NDArray[np.float32], at: int, re: Any, im: Any) -> None:
    store(data, at, re)
    store(data, at + 8, im)


@njit(nogil=True, cache=True)
def _put_turned(data: NDArray[np.float32], at: int, re: Any, im: Any, table: Any, t: int) -> None:
    re, im = _turn(re, im, table[t], table[t + 1])
    store(data, at, re)
    store(data, at + 8, im)


@njit(nogil=True, cache=True)
def _eight_sums(data: NDArray[np.float32], i: int, step: int) -> Any:
    """Return the even and the odd outputs of a transform of eight numbers."""
    a0r, a0i = load(data, i), load(data, i + 8)
    a4r, a4i = load(data, i + 4 * step), load(data, i + 4 * step + 8)
    a1r, a1i = load(data, i + step), load(data, i + step + 8)
    a5r, a5i = load(data, i + 5 * step), load(data, i + 5 * step + 8)
    a2r, a2i = load(data, i + 2 * step), load(data, i + 2 * step + 8)
    a6r, a6i = load(data, i + 6 * step), load(data, i + 6 * step + 8)
    a3r, a3i = load(data, i + 3 * step), load(data, i + 3 * step + 8)
    a7r, a7i = load(data, i + 7 * step), load(data, i + 7 * step + 8)
    even = _four(a0r + a4r, a0i + a4i, a1r + a5r, a1i + a5i, a2r + a6r, a2i + a6i, a3r + a7r, a3i + a7i)
    half = splat(_ROOT_HALF)
    d1r, d1i, d3r, d3i = a1r - a5r, a1i - a5i, a3r - a7r, a3i - a7i
    odd = _four(
        *(a0r - a4r, a0i - a4i),
        *((d1r + d1i) * half, (d1i - d1r) * half),
        *(a2i - a6i, a6r - a2r),
        *((d3i - d3r) * half, (d3r + d3i) * splat(-_ROOT_HALF)),
    )
    return even, odd


@njit(nogil=True, cache=True)
def _pass_eight(data: NDArray[np.float32], start: int, size: int, length: int, table: Any, at: int) -> None:
    inner = length // 8
    step = inner * 16
    for block in range(start, start + size * 16, length * 16):
        for p in range(inner):
            i = block + p * 16
            even, odd = _eight_sums(data, i, step)
            t = at + p * 14
            _put(data, i, even[0], even[1])
            _put_turned(data, i + step, odd[0], odd[1], table, t)
            _put_turned(data, i + 2 * step, even[2], even[3], table, t + 2)
            _put_turned(data, i + 3 * step, odd[2], odd[3], table, t + 4)
            _put_turned(data, i + 4 * step, even[4], even[5], table, t + 6)
            _put_turned(data, i + 5 * step, odd[4], odd[5], table, t + 8)
            _put_turned(data, i + 6 * step, even[6], even[7], table, t + 10)
            _put_turned(data, i + 7 * step, odd[6], odd[7], table, t + 12)


@njit(nogil=True, cache=True)
def _last_eight(data: NDArray[np.float32], start: int, size: int) -> None:
    """Radix eight on neighbours: no factors."""
    for i in range(start, start + size * 16, 8 * 16):
        even, odd = _eight_sums(data, i, 16)
        for k in range(4):
            _put(data, i + 32 * k, even[2 * k], even[2 * k + 1])
            _put(data, i + 32 * k + 16, odd[2 * k], odd[2 * k + 1])


@njit(nogil=True, cache=True)
def transform(data: NDArray[np.float32], start: int, size: int, radices: Any, table: Any) -> None:
    """Eight complex transforms side by side, in place, of ``data[start:]`` = (size, re | im, 8) floats."""
    length = size
    at = 0
    for number in range(len(radices)):
        radix = radices[number]
        if length == 8:
            _last_eight(data, start, size)
        elif radix == 8:
            _pass_eight(data, start, size, length, table, at)
        else:
            _pass_four(data, start, size, length, table, at)
        at += 2 * (length // radix) * (radix - 1)
        length //= radix


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
