"""The fused kernel of the expectation step: orders in, log evidence of every (particle, class, shift) out.

Eight particles lie in the lanes of a vector. For each class and shift: one complex product per order and
ring, the inverse transform to all angles, the norm taken off, the sum over angles of exp. What belongs to
single angles never leaves the first level cache.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from frazil.compute.classify2d.lane_fft import series
from frazil.compute.classify2d.lane_math import exponential, largest, maximum
from frazil.compute.lanes import load, multiply_add, splat, store, store_transposed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.classify2d.references import References

# References side by side in registers.
SIDE_BY_SIDE = 4
# Rows this far below the best are not summed up, nats.
_NEGLIGIBLE = np.float32(25.0)


@njit(nogil=True, cache=True)
def _gather(flat: Any, first: Any, at: Any, count: int, lanes: Any) -> None:
    """Transpose eight particles' floats into lanes: ``lanes[i, l] = flat[first[l] + i]``."""
    for i in range(0, count, 8):
        rows = (
            load(flat, first[at] + i),
            load(flat, first[at + 1] + i),
            load(flat, first[at + 2] + i),
            load(flat, first[at + 3] + i),
            load(flat, first[at + 4] + i),
            load(flat, first[at + 5] + i),
            load(flat, first[at + 6] + i),
            load(flat, first[at + 7] + i),
        )
        store_transposed(lanes, i * 8, 8, rows)


@njit(nogil=True, cache=True)
def _products(lanes: Any, references: Any, at: int, starts: Any, orders: Any) -> None:
    """G(q) = Σ_r Ŷ M of four references for all orders: ``orders`` = (4, N, re | im, 8)."""
    count = len(starts) - 1
    for q in range(count):
        zero = splat(np.float32(0))
        r0, i0, r1, i1, r2, i2, r3, i3 = zero, zero, zero, zero, zero, zero, zero, zero
        for t in range(starts[q], starts[q + 1]):
            yr, yi = load(lanes, t * 16), load(lanes, t * 16 + 8)
            m = at + t * 8
            ny = zero - yi
            b = splat(references[m + 4])
            a = splat(references[m])
            r0, i0 = multiply_add(yr, a, r0), multiply_add(yi, a, i0)
            r0, i0 = multiply_add(ny, b, r0), multiply_add(yr, b, i0)
            b = splat(references[m + 5])
            a = splat(references[m + 1])
            r1, i1 = multiply_add(yr, a, r1), multiply_add(yi, a, i1)
            r1, i1 = multiply_add(ny, b, r1), multiply_add(yr, b, i1)
            b = splat(references[m + 6])
            a = splat(references[m + 2])
            r2, i2 = multiply_add(yr, a, r2), multiply_add(yi, a, i2)
            r2, i2 = multiply_add(ny, b, r2), multiply_add(yr, b, i2)
            b = splat(references[m + 7])
            a = splat(references[m + 3])
            r3, i3 = multiply_add(yr, a, r3), multiply_add(yi, a, i3)
            r3, i3 = multiply_add(ny, b, r3), multiply_add(yr, b, i3)
        to = q * 16
        step = count * 16
        store(orders, to, r0)
        store(orders, to + 8, i0)
        store(orders, to + step, r1)
        store(orders, to + step + 8, i1)
        store(orders, to + 2 * step, r2)
        store(orders, to + 2 * step + 8, i2)
        store(orders, to + 3 * step, r3)
        store(orders, to + 3 * step + 8, i3)


@njit(nogil=True, cache=True)
def _half_norms(norms: Any, pair: int, count: int, trigonometry: Any, coefficients: Any, out: Any) -> None:
    """½ N at all angles for eight pairs, in the order in which `series` leaves the points."""
    for lane in range(8):
        source = pair + min(lane, count - 1)
        for i in range(5):
            coefficients[i * 8 + lane] = norms[source, i]
    c0, c1, c2 = load(coefficients, 0), load(coefficients, 8), load(coefficients, 16)
    c3, c4 = load(coefficients, 24), load(coefficients, 32)
    for j in range(len(trigonometry)):
        value = multiply_add(c1, splat(trigonometry[j, 0]), c0)
        value = multiply_add(c2, splat(trigonometry[j, 1]), value)
        value = multiply_add(c3, splat(trigonometry[j, 2]), value)
        store(out, j * 8, multiply_add(c4, splat(trigonometry[j, 3]), value))


@njit(nogil=True, cache=True)
def _summed(values: Any, norms: Any, size: int, floor: Any, peaks: Any, sums: Any) -> None:
    """Largest value over all angles and Σ exp(value - largest), of eight rows."""
    top = load(values, 0) - load(norms, 0)
    store(values, 0, top)
    for j in range(8, size * 8, 8):
        value = load(values, j) - load(norms, j)
        store(values, j, value)
        top = maximum(top, value)
    store(peaks, 0, top)
    # Not worth summing if it is hopeless for all eight.
    if largest(top - load(floor, 0)) < 0:
        store(sums, 0, splat(np.float32(1)))
        return
    total = splat(np.float32(0))
    other = total
    for j in range(0, size * 8, 16):
        total = total + exponential(load(values, j) - top)
        other = other + exponential(load(values, j + 8) - top)
    store(sums, 0, total + other)


@njit(nogil=True, cache=True)
def score_pairs(
    flat: Any,
    particle: Any,
    norms: Any,
    references: Any,
    class_index: Any,
    log_prior: Any,
    starts: Any,
    tables: Any,
    trigonometry: Any,
    best: Any,
    rows: Any,
) -> None:
    """Log evidence of pairs of a particle and a class, for each shift.

    Parameters
    ----------
    flat
        Orders of C X of the particles, (P, floats) as `Band.packed` lays them out.
    particle, class_index
        Of each pair; pairs of one class lie side by side.
    norms
        Shape (pairs, 5): ½ N as a series in cos and sin of 2γ and 4γ.
    references, log_prior, starts
        Of `References`.
    tables, trigonometry
        Radices, twiddles, halves of the plan; cos 2γ, sin 2γ, cos 4γ, sin 4γ at its points.
    best
        Shape (P,): best log posterior so far, goes on here.
    rows
        Result, shape (pairs, S): ln Σ_γ exp(B - ½ N), without the prior.
    """
    radices, twiddles, halves = tables
    orders_count, size = len(starts) - 1, len(trigonometry)
    shifts, width = rows.shape[1], flat.shape[1]
    blocks = (shifts + SIDE_BY_SIDE - 1) // SIDE_BY_SIDE
    block_floats = starts[-1] * 2 * SIDE_BY_SIDE
    everything = flat.reshape(-1)
    lanes = np.empty(width * 8, np.float32)
    orders = np.empty(SIDE_BY_SIDE * orders_count * 16, np.float32)
    values, half_norms = np.empty(size * 8, np.float32), np.empty(size * 8, np.float32)
    coefficients, floor = np.empty(40, np.float32), np.empty(8, np.float32)
    peaks, sums = np.empty(8, np.float32), np.empty(8, np.float32)
    first = np.empty(8, np.int64)
    pair = 0
    while pair < len(particle):
        c = class_index[pair]
        count = 1
        while count < 8 and pair + count < len(particle) and class_index[pair + count] == c:
            count += 1
        for lane in range(8):
            who = particle[pair + min(lane, count - 1)]
            first[lane] = who * width
            floor[lane] = best[who] - _NEGLIGIBLE
        _gather(everything, first, 0, width, lanes)
        _half_norms(norms, pair, count, trigonometry, coefficients, half_norms)
        for block in range(blocks):
            _products(lanes, references, (c * blocks + block) * block_floats, starts, orders)
            for s in range(block * SIDE_BY_SIDE, min(shifts, (block + 1) * SIDE_BY_SIDE)):
                at = (s - block * SIDE_BY_SIDE) * orders_count * 16
                series(orders, at, values, radices, twiddles, halves)
                _summed(values, half_norms, size, floor, peaks, sums)
                for lane in range(count):
                    row = peaks[lane] + np.float32(math.log(sums[lane]))
                    rows[pair + lane, s] = row
                    floor[lane] = max(floor[lane], peaks[lane] + log_prior[c, s] - _NEGLIGIBLE)
        for lane in range(count):
            who = particle[pair + lane]
            best[who] = max(best[who], floor[lane] + _NEGLIGIBLE)
        pair += count


@njit(nogil=True, cache=True)
def _with_prior(rows: Any, particle: Any, class_index: Any, log_prior: Any, scores: Any) -> None:
    """Log posterior where it was looked at, -inf elsewhere."""
    scores[:] = -np.inf
    for pair in range(len(rows)):
        p, c = particle[pair], class_index[pair]
        for s in range(rows.shape[1]):
            scores[p, c, s] = rows[pair, s] + log_prior[c, s]


def score(
    references: References, flat: NDArray[np.float32], norms: NDArray[np.float32], keep: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Log posterior (P, K, S) of the pairs of particle and class that ``keep`` (P, K) names; -inf elsewhere.

    ``flat`` as in `score_pairs`, ``norms`` (P, K, 5).
    """
    class_index, particle = np.nonzero(keep.T)
    rows = np.empty((len(particle), references.shift_count), dtype=np.float32)
    best = np.full(len(flat), -np.inf, dtype=np.float32)
    score_pairs(
        flat,
        particle,
        norms[particle, class_index],
        references.matched,
        class_index,
        references.log_prior,
        references.band.starts,
        references.band.tables,
        references.band.trigonometry,
        best,
        rows,
    )
    scores = np.empty((*keep.shape, references.shift_count), dtype=np.float32)
    _with_prior(rows, particle, class_index, references.log_prior, scores)
    return scores
