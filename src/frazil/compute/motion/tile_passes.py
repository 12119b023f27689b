"""Passes of a complex transform of eight lines side by side, in place; lanes hold the lines.

Decimation in frequency (Cooley & Tukey 1965): each pass splits transforms of ``length`` into ``radix`` of
``length / radix``. Values are 16 floats: eight real parts, then eight imaginary ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from frazil.compute.lanes import load, multiply_add, splat, store

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROOT_HALF = np.float32(np.sqrt(0.5))
_SINE_3 = np.float32(np.sqrt(0.75))
_COSINE_5, _COSINE_5_TWICE = np.float32(np.cos(0.4 * np.pi)), np.float32(np.cos(0.8 * np.pi))
_SINE_5, _SINE_5_TWICE = np.float32(np.sin(0.4 * np.pi)), np.float32(np.sin(0.8 * np.pi))


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
def _pass_three(data: NDArray[np.float32], start: int, size: int, length: int, table: Any, at: int) -> None:
    inner = length // 3
    step = inner * 16
    half, sine = splat(np.float32(-0.5)), splat(_SINE_3)
    for block in range(start, start + size * 16, length * 16):
        for p in range(inner):
            i = block + p * 16
            ar, ai = load(data, i), load(data, i + 8)
            br, bi = load(data, i + step), load(data, i + step + 8)
            cr, ci = load(data, i + 2 * step), load(data, i + 2 * step + 8)
            sr, si = br + cr, bi + ci
            dr, di = (br - cr) * sine, (bi - ci) * sine
            mr, mi = multiply_add(sr, half, ar), multiply_add(si, half, ai)
            t = at + p * 4
            _put(data, i, ar + sr, ai + si)
            _put_turned(data, i + step, mr + di, mi - dr, table, t)
            _put_turned(data, i + 2 * step, mr - di, mi + dr, table, t + 2)


@njit(nogil=True, cache=True)
def _pass_five(data: NDArray[np.float32], start: int, size: int, length: int, table: Any, at: int) -> None:
    inner = length // 5
    step = inner * 16
    cosine, cosine_twice = splat(_COSINE_5), splat(_COSINE_5_TWICE)
    sine, sine_twice, minus = splat(_SINE_5), splat(_SINE_5_TWICE), splat(-_SINE_5)
    for block in range(start, start + size * 16, length * 16):
        for p in range(inner):
            i = block + p * 16
            ar, ai = load(data, i), load(data, i + 8)
            br, bi = load(data, i + step), load(data, i + step + 8)
            cr, ci = load(data, i + 2 * step), load(data, i + 2 * step + 8)
            dr, di = load(data, i + 3 * step), load(data, i + 3 * step + 8)
            er, ei = load(data, i + 4 * step), load(data, i + 4 * step + 8)
            outer_r, outer_i, inner_r, inner_i = br + er, bi + ei, cr + dr, ci + di
            br, bi, cr, ci = br - er, bi - ei, cr - dr, ci - di
            mr = multiply_add(outer_r, cosine, multiply_add(inner_r, cosine_twice, ar))
            mi = multiply_add(outer_i, cosine, multiply_add(inner_i, cosine_twice, ai))
            nr = multiply_add(outer_r, cosine_twice, multiply_add(inner_r, cosine, ar))
            ni = multiply_add(outer_i, cosine_twice, multiply_add(inner_i, cosine, ai))
            sr, si = multiply_add(br, sine, cr * sine_twice), multiply_add(bi, sine, ci * sine_twice)
            tr, ti = multiply_add(br, sine_twice, cr * minus), multiply_add(bi, sine_twice, ci * minus)
            t = at + p * 8
            _put(data, i, ar + outer_r + inner_r, ai + outer_i + inner_i)
            _put_turned(data, i + step, mr + si, mi - sr, table, t)
            _put_turned(data, i + 2 * step, nr + ti, ni - tr, table, t + 2)
            _put_turned(data, i + 3 * step, nr - ti, ni + tr, table, t + 4)
            _put_turned(data, i + 4 * step, mr - si, mi + sr, table, t + 6)


@njit(nogil=True, cache=True)
def transform(data: NDArray[np.float32], start: int, size: int, radices: Any, table: Any) -> None:
    """Eight complex transforms side by side, in place, of ``data[start:]`` = (size, re | im, 8) floats.

    ``radices`` and ``table`` are those of a `frazil.compute.motion.tile_fft.TransformPlan`, in whose order
    the results are left.
    """
    # Typed, here and by callers: a plain 0 would have every pass compiled once more, for the literal.
    length, at = size, np.int64(0)
    for number in range(len(radices)):
        radix = radices[number]
        if length == 8:
            _last_eight(data, start, size)
        elif radix == 8:
            _pass_eight(data, start, size, length, table, at)
        elif radix == 4:
            _pass_four(data, start, size, length, table, at)
        elif radix == 3:
            _pass_three(data, start, size, length, table, at)
        else:
            _pass_five(data, start, size, length, table, at)
        at += 2 * (length // radix) * (radix - 1)
        length //= radix
