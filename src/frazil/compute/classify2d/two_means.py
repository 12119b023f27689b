"""Two means of a class's members at fixed poses, to see whether it holds two views.

Each half set's difference from the class average is judged by the members of the other half, so that noise
gains nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.linalg
from numba import njit

from frazil.compute.lanes import LANES, load, multiply_add, splat, store

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROUNDS = 6
_FEWEST = 4


def principal_direction(feature: NDArray[np.float32], parity: NDArray[np.int64]) -> NDArray[np.float64]:
    """First eigenvector of the inner products of members (p, values) without their own noise, shape (p,)."""
    centred = feature.copy()
    for half in (0, 1):
        mine = parity == half
        if mine.any():
            centred[mine] -= feature[mine].mean(axis=0)
    gram = (centred @ centred.T).astype(np.float64)
    np.fill_diagonal(gram, 0.0)
    last = len(gram) - 1
    direction: NDArray[np.float64] = scipy.linalg.eigh(gram, subset_by_index=(last, last))[1][:, 0]
    return direction


@njit(nogil=True, cache=True)
def _means(score: Any, transfer: Any, penalty: Any, parity: Any, group: Any, means: Any, known: Any) -> None:
    """Difference of each group's half sets from the average, (2 groups, 2 halves, values); flat arrays."""
    members, rings = len(parity), len(penalty)
    size = len(score) // members
    means[:] = 0.0
    for part in range(4):
        known[part * rings : (part + 1) * rings] = penalty
    for i in range(members):
        part = 2 * group[i] + parity[i]
        for v in range(0, size, LANES):
            at = part * size + v
            store(means, at, load(means, at) + load(score, i * size + v))
        for r in range(rings):
            known[part * rings + r] += transfer[i * rings + r]
    for part in range(4):
        for v in range(size):
            means[part * size + v] /= known[part * rings + v % rings]


@njit(nogil=True, cache=True)
def _smoothed(values: Any, r: int, last: int) -> float:
    return float(0.25 * values[max(r - 1, 0)] + 0.5 * values[r] + 0.25 * values[min(r + 1, last)])


@njit(nogil=True, cache=True)
def _reproduced(one: Any, two: Any, rings: int, count: int, share: Any) -> None:
    """Share of each of the first ``count`` rings that both half sets agree on, 0 to 1; 0 beyond."""
    cross, power = np.zeros(rings, np.float64), np.zeros(rings, np.float64)
    for v in range(len(one)):
        cross[v % rings] += one[v] * two[v]
        power[v % rings] += 0.5 * (one[v] * one[v] + two[v] * two[v])
    share[:] = 0.0
    for r in range(count):
        ratio = _smoothed(cross, r, count - 1) / max(_smoothed(power, r, count - 1), 1e-20)
        share[r] = min(1.0, max(0.0, ratio))


@njit(nogil=True, cache=True)
def _judge(score: Any, transfer: Any, parity: Any, means: Any, own: Any, gains: Any) -> None:
    """Write down what each group's difference, known from the other half, gains for each member."""
    members = len(parity)
    size, rings = len(score) // members, len(transfer) // members
    total = np.empty(LANES, np.float32)
    for i in range(members):
        for g in range(2):
            at = 2 * g + 1 - parity[i]
            fit = splat(np.float32(0))
            for v in range(0, size, LANES):
                fit = multiply_add(load(score, i * size + v), load(means, at * size + v), fit)
            store(total, 0, fit)
            gain = 0.0
            for lane in range(LANES):
                gain += total[lane]
            for r in range(rings):
                gain -= transfer[i * rings + r] * own[at * rings + r]
            gains[i, g] = gain


@njit(nogil=True, cache=True)
def _two_means(
    score: Any,
    transfer: Any,
    weights: Any,
    penalty: Any,
    count: int,
    parity: Any,
    group: Any,
    gains: Any,
) -> bool:
    members, rings = len(parity), len(weights)
    size = len(score) // members
    means = np.empty(4 * size, np.float32)
    known, own = np.empty(4 * rings, np.float32), np.empty(4 * rings, np.float32)
    share = np.empty(rings, np.float64)
    for _ in range(_ROUNDS):
        _means(score, transfer, penalty, parity, group, means, known)
        own[:] = 0.0
        for g in range(2):
            first, second, end = 2 * g * size, (2 * g + 1) * size, (2 * g + 2) * size
            _reproduced(means[first:second], means[second:end], rings, count, share)
            for part in (2 * g, 2 * g + 1):
                for v in range(size):
                    r = v % rings
                    mean = means[part * size + v] * share[r]
                    own[part * rings + r] += 0.5 * weights[r] * mean * mean
                    means[part * size + v] = mean * weights[r]
        _judge(score, transfer, parity, means, own, gains)
        same, inside = True, 0
        for i in range(members):
            now = 1 if gains[i, 1] > gains[i, 0] else 0
            same = same and now == group[i]
            group[i] = now
            inside += now
        if inside < _FEWEST or members - inside < _FEWEST:
            return False
        if same:
            break
    return True


def two_means(
    score: NDArray[np.float32],
    transfer: NDArray[np.float32],
    weights: NDArray[np.float32],
    penalty: NDArray[np.float32],
    ring_count: int,
    parity: NDArray[np.int64],
    group: NDArray[np.bool_],
) -> NDArray[np.float64] | None:
    """Two means by turns, until they stay; evidence that each gains for each member, (p, 2).

    Parameters
    ----------
    score
        What members have beyond the average times their transfer, (p, values, rings filled up to eights).
    transfer
        Mean C² of their rings, (p, rings).
    weights, penalty
        (rings,): what a squared difference counts in nats, 0 beyond ``ring_count``; σ²/τ² of differences.
    parity, group
        (p,): half set, and which mean they begin with.

    Returns
    -------
    NDArray or None
        None where one group is too small.
    """
    gains = np.zeros((len(score), 2))
    enough = _two_means(
        score.reshape(-1),
        transfer.reshape(-1),
        weights,
        penalty,
        ring_count,
        parity,
        group.astype(np.int64),
        gains,
    )
    return gains if enough else None
