"""The fused kernel of the maximisation step: particles turned, shifted back and added to their classes.

    Num(r, θ) += w exp(+2πi k·δ - 2π² k² σ_δ²) IDFT_q[Ŷ(r, q) exp(iqγ - ½ q² σ_γ²)]
    Den(r, 2m) += w Ĉ²(r, 2m) exp(2imγ)

Turned in q first, then shifted back: the order matters. Eight rings lie in the lanes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from frazil.compute.classify2d.lane_fft import series
from frazil.compute.lanes import load, multiply_add, splat, store

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(nogil=True, cache=True)
def _turns(pose: Any, weight: Any, chosen: Any, first: int, last: int, turns: Any) -> None:
    """Σ w exp(iqγ - ½ q² σ_γ²) over some draws, as (re, im) by order."""
    turns[:] = 0.0
    for i in range(first, last):
        gamma, w = pose[chosen[i], 0], weight[chosen[i]]
        step = complex(math.cos(gamma), math.sin(gamma))
        turn = complex(w, 0.0)
        # exp(-½ q² σ²) step by step: its ratio falls by exp(-σ²) each time.
        fall = math.exp(-pose[chosen[i], 3])
        ratio = math.exp(-0.5 * pose[chosen[i], 3])
        for q in range(len(turns) // 2):
            turns[2 * q] += turn.real
            turns[2 * q + 1] += turn.imag
            turn *= step * ratio
            ratio *= fall


@njit(nogil=True, cache=True)
def _turned(planes: Any, at: int, blocks: int, turns: Any, blur: Any, orders: Any) -> None:
    """Ŷ times the turns and the blur of the shift, of one block of rings: ``orders`` = (N, re | im, 8)."""
    ring = load(blur, 0)
    for q in range(len(orders) // 16):
        c, s = splat(np.float32(turns[2 * q])), splat(np.float32(turns[2 * q + 1]))
        source = at + q * blocks * 16
        re, im = load(planes, source) * ring, load(planes, source + 8) * ring
        store(orders, q * 16, re * c - im * s)
        store(orders, q * 16 + 8, multiply_add(re, s, im * c))


@njit(nogil=True, cache=True)
def _put_phases(phases: Any, at: int, one: complex, two: complex, three: complex, four: complex) -> None:
    phases[at], phases[at + 8] = one.real, one.imag
    phases[at + 1], phases[at + 9] = two.real, two.imag
    phases[at + 2], phases[at + 10] = three.real, three.imag
    phases[at + 3], phases[at + 11] = four.real, four.imag


@njit(nogil=True, cache=True)
def _phases(dx: float, dy: float, ring_step: float, directions: Any, phases: Any) -> None:
    """exp(2πi k·δ) of the first eight rings at all angles, and of one step of eight rings."""
    for j in range(len(directions)):
        along = 2.0 * np.pi * ring_step * (dx * directions[j, 0] + dy * directions[j, 1])
        if abs(along) < 1.0:
            # Taylor's series, good to 3e-9 here: a ring step turns the phase only a little.
            x = along * along
            sine = along * (1 - x / 6 * (1 - x / 20 * (1 - x / 42 * (1 - x / 72 * (1 - x / 110)))))
            cosine = 1 - x / 2 * (1 - x / 12 * (1 - x / 30 * (1 - x / 56 * (1 - x / 90))))
        else:
            sine, cosine = math.sin(along), math.cos(along)
        one = complex(cosine, sine)
        two = one * one
        three, four = two * one, two * two
        _put_phases(phases, j * 18, one, two, three, four)
        _put_phases(phases, j * 18 + 4, four * one, four * two, four * three, four * four)
        eight = four * four
        phases[j * 18 + 16], phases[j * 18 + 17] = eight.real, eight.imag


@njit(nogil=True, cache=True)
def _add(values: Any, phases: Any, place: Any, num: Any, at: int, padded: int) -> None:
    """Points j and j + Q/2 of the series give f(θ_j); times the phase to the class's sum."""
    half = len(place)
    w = splat(np.float32(0.5))
    for j in range(half):
        k = j + half
        one = load(values, (2 * place[j // 2] + j % 2) * 8)
        two = load(values, (2 * place[k // 2] + k % 2) * 8)
        even, odd = (one + two) * w, (one - two) * w
        pr, pi = load(phases, j * 18), load(phases, j * 18 + 8)
        to = at + j * 2 * padded
        store(num, to, load(num, to) + even * pr - odd * pi)
        store(num, to + padded, load(num, to + padded) + even * pi + odd * pr)
        # On to the next eight rings.
        c, s = splat(phases[j * 18 + 16]), splat(phases[j * 18 + 17])
        store(phases, j * 18, pr * c - pi * s)
        store(phases, j * 18 + 8, pr * s + pi * c)


@njit(nogil=True, cache=True)
def deposit(
    planes: Any,
    squares: Any,
    row: Any,
    target: Any,
    pose: Any,
    weight: Any,
    chosen: Any,
    tables: Any,
    place: Any,
    directions: Any,
    ring_step: float,
    num: Any,
    den: Any,
) -> None:
    """Add draws to the sums of their classes.

    Parameters
    ----------
    planes
        Orders of C X, (P, N, blocks of rings, re | im, 8), float32.
    squares
        Orders 0, 2, 4 of C², (P, R, 3), complex64.
    row, target, pose, weight
        Of each draw: its particle, the sum it goes to, (γ, δx, δy, σ_γ², σ_δ² along an axis), w.
    chosen
        Which draws, in an order in which those of one target, particle and shift follow each other: they are
        added in one go.
    tables, place
        Of the plan.
    directions, ring_step
        (cos θ, sin θ) on half the circle, (Q/2, 2); Δk, 1/Å.
    num, den
        Sums: (T, Q/2, re | im, rings filled up to eight), float32; (T, rings, 3), complex64. They may hold
        fewer rings and angles than the particles do: outer rings and orders are left out.
    """
    radices, twiddles, halves = tables
    stride, padded = planes.shape[2], num.shape[3]
    blocks = padded // 8
    stored, half = planes.shape[1], len(directions)
    count = half
    flat_planes, flat_num = planes.reshape(-1), num.reshape(-1)
    orders, values = np.empty(count * 16, np.float32), np.empty(half * 16, np.float32)
    phases = np.empty(half * 18, np.float32)
    turns, blur = np.empty(2 * count, np.float64), np.empty(8, np.float32)
    first = 0
    while first < len(chosen):
        d = chosen[first]
        p, t = row[d], target[d]
        last = first + 1
        while last < len(chosen) and _same(pose, row, target, d, chosen[last]):
            last += 1
        _turns(pose, weight, chosen, first, last, turns)
        _phases(pose[d, 1], pose[d, 2], ring_step, directions, phases)
        for block in range(blocks):
            for lane in range(8):
                k = ring_step * (block * 8 + lane + 1)
                blur[lane] = math.exp(-2.0 * (np.pi * k) ** 2 * pose[d, 4])
            _turned(flat_planes, (p * stored * stride + block) * 16, stride, turns, blur, orders)
            series(orders, 0, values, radices, twiddles, halves)
            at = t * half * 2 * padded + block * 8
            _add(values, phases, place, flat_num, at, padded)
        w = np.float32(turns[0])
        turn1 = np.complex64(complex(turns[4], turns[5]))
        turn2 = np.complex64(complex(turns[8], turns[9]))
        for r in range(den.shape[1]):
            den[t, r, 0] += w * squares[p, r, 0]
            den[t, r, 1] += squares[p, r, 1] * turn1
            den[t, r, 2] += squares[p, r, 2] * turn2
        first = last


@njit(nogil=True, cache=True)
def _same(pose: Any, row: Any, target: Any, one: int, two: int) -> bool:
    if row[one] != row[two] or target[one] != target[two]:
        return False
    for i in (1, 2, 4):
        if pose[one, i] != pose[two, i]:
            return False
    return True


def shared_out(order: NDArray[np.int64], target: NDArray[np.int64], parts: int) -> list[NDArray[np.int64]]:
    """Cut draws, sorted by target, into parts that share no target."""
    if not len(order):
        return []
    edges = np.flatnonzero(np.diff(target[order])) + 1
    wanted = np.linspace(0, len(order), parts + 1)[1:-1]
    cuts = [int(edges[np.searchsorted(edges, w).clip(0, len(edges) - 1)]) for w in wanted if len(edges)]
    return [part for part in np.split(order, sorted(set(cuts))) if len(part)]
