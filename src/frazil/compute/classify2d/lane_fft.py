"""Eight real series of one length at a time, from their Fourier orders: radices 2, 3, 4 and 5.

x(j) = Σ_q X(q) exp(2πi qj/Q) over q = -Q/2 … Q/2 of a real series needs one complex transform of N = Q/2
(the classical trick of even and odd points). It is done in place with decimation in frequency, which leaves
the points in the order of `SeriesPlan.order`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from frazil.compute.lanes import load, multiply_add, splat, store

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROOT_THREE_QUARTERS = np.float32(np.sqrt(0.75))
_COS_72, _COS_144 = np.float32(np.cos(0.4 * np.pi)), np.float32(np.cos(0.8 * np.pi))
_SIN_72, _SIN_144 = np.float32(np.sin(0.4 * np.pi)), np.float32(np.sin(0.8 * np.pi))


@dataclass(frozen=True)
class SeriesPlan:
    """Tables for series of Q points.

    Attributes
    ----------
    size
        Q, twice a product of 2, 3 and 5.
    radices, twiddles
        Of the complex transform of N = Q/2: passes, and their factors as (cos, sin) pairs.
    halves
        exp(-2πi q/Q) for q = 0 … N - 1, (cos, sin) pairs.
    order
        Shape (N,): points 2 order[p] and 2 order[p] + 1 lie at place p, as real and imaginary part.
    place
        Shape (N,): the inverse of ``order``.
    """

    size: int
    radices: NDArray[np.int64]
    twiddles: NDArray[np.float32]
    halves: NDArray[np.float32]
    order: NDArray[np.int64]
    place: NDArray[np.int64]

    @property
    def points(self) -> NDArray[np.int64]:
        """Shape (Q,): which point lies at [place, re | im]."""
        return np.stack([2 * self.order, 2 * self.order + 1], axis=1).reshape(-1)


def fitting_size(least: int) -> int:
    """Smallest Q ≥ ``least`` there is a plan for, a multiple of four."""
    size = least + (-least) % 4
    while _rest(size // 2) != 1:
        size += 4
    return size


def _rest(n: int) -> int:
    for p in (2, 3, 5):
        while n % p == 0:
            n //= p
    return n


@cache
def series_plan(size: int) -> SeriesPlan:
    """Tables for series of ``size`` points; raises `ValueError` for a size that `fitting_size` won't give."""
    half = size // 2
    if size % 2 or size < 4 or _rest(half) != 1:
        raise ValueError(f"series of {size} points are not supported")
    radices = []
    rest = half
    for radix in (5, 4, 3, 2):
        while rest % radix == 0:
            radices.append(radix)
            rest //= radix
    twiddles: list[NDArray[np.float64]] = []
    order = np.zeros(1, dtype=np.int64)
    length, weight = half, 1
    for radix in radices:
        inner = length // radix
        angle = -2.0 * np.pi * np.outer(np.arange(inner), np.arange(1, radix)) / length
        twiddles.append(np.stack((np.cos(angle), np.sin(angle)), axis=-1).reshape(-1))
        order = (order[:, None] + weight * np.arange(radix)).reshape(-1)
        weight *= radix
        length = inner
    place = np.empty(half, dtype=np.int64)
    place[order] = np.arange(half)
    turn = -2.0 * np.pi * np.arange(half) / size
    halves = np.stack((np.cos(turn), np.sin(turn)), axis=1).reshape(-1).astype(np.float32)
    table = np.concatenate(twiddles).astype(np.float32)
    return SeriesPlan(size, np.array(radices, dtype=np.int64), table, halves, order, place)


@njit(nogil=True, cache=True, inline="always")
def _turned(re: Any, im: Any, table: Any, t: int) -> Any:
    """(re + i im) times the factor at t."""
    c, s = splat(table[t]), splat(table[t + 1])
    return multiply_add(re, c, splat(np.float32(0)) - im * s), multiply_add(re, s, im * c)


@njit(nogil=True, cache=True)
def _pass_two(data: Any, size: int, length: int, table: Any, at: int) -> None:
    step = length * 8
    for block in range(0, size * 16, length * 16):
        for p in range(length // 2):
            i = block + p * 16
            ar, ai, br, bi = load(data, i), load(data, i + 8), load(data, i + step), load(data, i + step + 8)
            store(data, i, ar + br)
            store(data, i + 8, ai + bi)
            re, im = _turned(ar - br, ai - bi, table, at + 2 * p)
            store(data, i + step, re)
            store(data, i + step + 8, im)


@njit(nogil=True, cache=True)
def _pass_three(data: Any, size: int, length: int, table: Any, at: int) -> None:
    step = length // 3 * 16
    root, minus_half = splat(_ROOT_THREE_QUARTERS), splat(np.float32(-0.5))
    for block in range(0, size * 16, length * 16):
        for p in range(length // 3):
            i = block + p * 16
            t = at + 4 * p
            ar, ai = load(data, i), load(data, i + 8)
            br, bi = load(data, i + step), load(data, i + step + 8)
            cr, ci = load(data, i + 2 * step), load(data, i + 2 * step + 8)
            sr, si = br + cr, bi + ci
            dr, di = (br - cr) * root, (bi - ci) * root
            mr, mi = multiply_add(sr, minus_half, ar), multiply_add(si, minus_half, ai)
            store(data, i, ar + sr)
            store(data, i + 8, ai + si)
            re, im = _turned(mr + di, mi - dr, table, t)
            store(data, i + step, re)
            store(data, i + step + 8, im)
            re, im = _turned(mr - di, mi + dr, table, t + 2)
            store(data, i + 2 * step, re)
            store(data, i + 2 * step + 8, im)


@njit(nogil=True, cache=True)
def _pass_four(data: Any, size: int, length: int, table: Any, at: int) -> None:
    step = length * 4
    for block in range(0, size * 16, length * 16):
        for p in range(length // 4):
            i = block + p * 16
            t = at + 6 * p
            ar, ai = load(data, i), load(data, i + 8)
            br, bi = load(data, i + step), load(data, i + step + 8)
            cr, ci = load(data, i + 2 * step), load(data, i + 2 * step + 8)
            dr, di = load(data, i + 3 * step), load(data, i + 3 * step + 8)
            sr, si, tr, ti = ar + cr, ai + ci, ar - cr, ai - ci
            ur, ui, vr, vi = br + dr, bi + di, br - dr, bi - di
            store(data, i, sr + ur)
            store(data, i + 8, si + ui)
            re, im = _turned(tr + vi, ti - vr, table, t)
            store(data, i + step, re)
            store(data, i + step + 8, im)
            re, im = _turned(sr - ur, si - ui, table, t + 2)
            store(data, i + 2 * step, re)
            store(data, i + 2 * step + 8, im)
            re, im = _turned(tr - vi, ti + vr, table, t + 4)
            store(data, i + 3 * step, re)
            store(data, i + 3 * step + 8, im)


@njit(nogil=True, cache=True)
def _pass_five(data: Any, size: int, length: int, table: Any, at: int) -> None:
    step = length // 5 * 16
    c1, c2, z1, z2 = splat(_COS_72), splat(_COS_144), splat(_SIN_72), splat(_SIN_144)
    for block in range(0, size * 16, length * 16):
        for p in range(length // 5):
            i = block + p * 16
            t = at + 8 * p
            ar, ai = load(data, i), load(data, i + 8)
            br, bi = load(data, i + step), load(data, i + step + 8)
            cr, ci = load(data, i + 2 * step), load(data, i + 2 * step + 8)
            dr, di = load(data, i + 3 * step), load(data, i + 3 * step + 8)
            er, ei = load(data, i + 4 * step), load(data, i + 4 * step + 8)
            s1r, s1i, d1r, d1i = br + er, bi + ei, br - er, bi - ei
            s2r, s2i, d2r, d2i = cr + dr, ci + di, cr - dr, ci - di
            store(data, i, ar + s1r + s2r)
            store(data, i + 8, ai + s1i + s2i)
            mr = multiply_add(s1r, c1, multiply_add(s2r, c2, ar))
            mi = multiply_add(s1i, c1, multiply_add(s2i, c2, ai))
            nr, ni = multiply_add(d1r, z1, d2r * z2), multiply_add(d1i, z1, d2i * z2)
            re, im = _turned(mr + ni, mi - nr, table, t)
            store(data, i + step, re)
            store(data, i + step + 8, im)
            re, im = _turned(mr - ni, mi + nr, table, t + 6)
            store(data, i + 4 * step, re)
            store(data, i + 4 * step + 8, im)
            mr = multiply_add(s1r, c2, multiply_add(s2r, c1, ar))
            mi = multiply_add(s1i, c2, multiply_add(s2i, c1, ai))
            nr, ni = d1r * z2 - d2r * z1, d1i * z2 - d2i * z1
            re, im = _turned(mr + ni, mi - nr, table, t + 2)
            store(data, i + 2 * step, re)
            store(data, i + 2 * step + 8, im)
            re, im = _turned(mr - ni, mi + nr, table, t + 4)
            store(data, i + 3 * step, re)
            store(data, i + 3 * step + 8, im)


@njit(nogil=True, cache=True)
def _transform(data: Any, size: int, radices: Any, table: Any) -> None:
    """Eight complex transforms, in place, of ``data`` = (size, re | im, 8)."""
    # Typed: a plain 0 would have every pass compiled once more, for the literal.
    length, at = size, np.int64(0)
    for number in range(len(radices)):
        radix = radices[number]
        if radix == 4:
            _pass_four(data, size, length, table, at)
        elif radix == 5:
            _pass_five(data, size, length, table, at)
        elif radix == 3:
            _pass_three(data, size, length, table, at)
        else:
            _pass_two(data, size, length, table, at)
        inner = length // radix
        at += 2 * inner * (radix - 1)
        length = inner


@njit(nogil=True, cache=True)
def series(orders: Any, start: int, data: Any, radices: Any, table: Any, halves: Any) -> None:
    """Sum eight real series from their orders q = 0 … N - 1.

    ``orders[start:]`` = (N, re | im, 8), order N taken as zero; ``data`` = (N, re | im, 8) gets the points.
    The factor two of the orders q > 0 is included: x(j) = X(0) + 2 Re Σ X(q) exp(2πi qj/Q).
    """
    size = len(halves) // 2
    # conj X in, forward transform: the result is real and its own conjugate.
    first = load(orders, start)
    store(data, 0, first)
    store(data, 8, first)
    for q in range(1, (size + 2) // 2):
        m = size - q
        a, b = start + q * 16, start + m * 16
        xr, xi = load(orders, a), load(orders, a + 8)
        yr, yi = load(orders, b), load(orders, b + 8)
        # Z(q) = (x + y') + i W (x - y') with x = conj X(q), y' = X(N - q), W = exp(-2πi q/Q).
        sr, si = xr + yr, yi - xi
        dr, di = xr - yr, splat(np.float32(0)) - xi - yi
        c, s = splat(halves[2 * q]), splat(halves[2 * q + 1])
        wr = dr * c - di * s
        wi = multiply_add(dr, s, di * c)
        store(data, q * 16, sr - wi)
        store(data, q * 16 + 8, si + wr)
        if m != q:
            # The same for N - q, whose W is -conj of this one's.
            store(data, m * 16, sr + wi)
            store(data, m * 16 + 8, wr - si)
    _transform(data, size, radices, table)
