"""From log evidence of classes and shifts to what is kept of a particle: its best pose and a few draws.

The space of poses is cut into cells: a few neighbouring angles, and the shifts around the best one together.
Cells are drawn from the posterior, evenly spaced through its cumulative sum, and a cell stands for the
posterior inside it by its mean and its variance. So a broad posterior is spread, a sharp one gives one cell
many times, and sums over draws are those over all poses on average, with little of the noise of chance. A
particle's contribution can be made again from a few numbers whenever it must be taken out.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from frazil.compute.classify2d.lane_fft import series
from frazil.compute.classify2d.lane_math import exponential, maximum
from frazil.compute.classify2d.score import SIDE_BY_SIDE
from frazil.compute.lanes import load, splat, store

# Seven draws and the best pose fill the eight lanes.
MOST_DRAWS = 7
_GOLDEN = 0.6180339887498949
# Angles on either side of the middle of a cell.
_REACH = 2
# Shifts around the best one that make one cell: squared distance in steps.
_NEAR = 2.5


@njit(nogil=True, cache=True)
def class_evidence(scores: Any, evidence: Any) -> None:
    """Ln Σ_s exp(scores) of (P, K, S), with the prior in it, to (P, K); -inf where all are."""
    particles, classes, shifts = scores.shape
    for p in range(particles):
        for c in range(classes):
            top = -np.inf
            for s in range(shifts):
                top = max(top, scores[p, c, s])
            total = 0.0
            if top > -np.inf:
                for s in range(shifts):
                    if scores[p, c, s] > top - 20.0:
                        total += math.exp(scores[p, c, s] - top)
                evidence[p, c] = top + math.log(total)
            else:
                evidence[p, c] = -np.inf


@njit(nogil=True, cache=True)
def _pick_rows(scores: Any, evidence: Any, first: float, count: int, rows: Any) -> None:
    """Class and shift of each draw, and of the best pose in ``rows[count]``."""
    classes, shifts = scores.shape
    best_class = np.argmax(evidence)
    top = evidence[best_class]
    rows[count, 0], rows[count, 1] = best_class, np.argmax(scores[best_class])
    total = 0.0
    for c in range(classes):
        if evidence[c] > top - 20.0:
            total += math.exp(evidence[c] - top)
    done, running = 0, 0.0
    for c in range(classes):
        if evidence[c] <= top - 20.0:
            continue
        mass = math.exp(evidence[c] - top)
        inside = running
        running += mass
        if done == count or running < (done + first) / count * total:
            continue
        for s in range(shifts):
            if scores[c, s] > top - 20.0:
                inside += math.exp(scores[c, s] - top)
            while done < count and inside >= (done + first) / count * total:
                rows[done, 0], rows[done, 1] = c, s
                done += 1
    while done < count:
        rows[done] = rows[count]
        done += 1


@njit(nogil=True, cache=True)
def _row_orders(
    flat: Any, references: Any, starts: Any, blocks: int, rows: Any, lane: int, orders: Any
) -> None:
    """G(q) of one particle and one class and shift, into a lane."""
    c, s = rows[lane, 0], rows[lane, 1]
    at = (c * blocks + s // SIDE_BY_SIDE) * starts[-1] * 2 * SIDE_BY_SIDE + s % SIDE_BY_SIDE
    for q in range(len(starts) - 1):
        re, im = np.float32(0), np.float32(0)
        for t in range(starts[q], starts[q + 1]):
            a, b = references[at + t * 8], references[at + t * 8 + 4]
            yr, yi = flat[2 * t], flat[2 * t + 1]
            re += yr * a - yi * b
            im += yr * b + yi * a
        orders[q * 16 + lane] = re
        orders[q * 16 + 8 + lane] = im


@njit(nogil=True, cache=True)
def _angle_weights(norms: Any, rows: Any, trigonometry: Any, place: Any, values: Any, logs: Any) -> None:
    """In eight lanes, from B to ln p, and exp(ln p - its maximum), in the natural order of angles."""
    coefficients = np.empty(40, np.float32)
    for lane in range(8):
        for i in range(5):
            coefficients[i * 8 + lane] = norms[rows[lane, 0], i]
    size = len(trigonometry)
    top = splat(np.float32(-1e30))
    for j in range(size):
        at = (2 * place[j // 2] + j % 2) * 8
        table = trigonometry[2 * place[j // 2] + j % 2]
        value = load(values, at) - load(coefficients, 0)
        value = value - load(coefficients, 8) * splat(table[0]) - load(coefficients, 16) * splat(table[1])
        value = value - load(coefficients, 24) * splat(table[2]) - load(coefficients, 32) * splat(table[3])
        store(logs, j * 8, value)
        top = maximum(top, value)
    for j in range(0, size * 8, 8):
        store(values, j, exponential(load(logs, j) - top))


@njit(nogil=True, cache=True)
def _between(logs: Any, j: int, size: int, lane: int) -> float:
    """Vertex of the parabola through a maximum and its neighbours; 0 elsewhere."""
    here = logs[j * 8 + lane]
    before, after = logs[((j - 1) % size) * 8 + lane], logs[((j + 1) % size) * 8 + lane]
    bend = before - 2.0 * here + after
    if here < before or here < after or bend >= 0.0:
        return 0.0
    return float(0.5 * (before - after) / bend)


@njit(nogil=True, cache=True)
def _best_shift(scores: Any, best: int, shifts: Any, step: float, out: Any) -> None:
    """Mean (x, y) and variance along one axis of the posterior over the shifts around the best one."""
    sx, sy, squares, total = 0.0, 0.0, 0.0, 0.0
    for s in range(len(shifts)):
        x, y = shifts[s, 0] - shifts[best, 0], shifts[s, 1] - shifts[best, 1]
        if x * x + y * y < _NEAR * step * step:
            weight = math.exp(max(-60.0, scores[s] - scores[best]))
            sx += weight * x
            sy += weight * y
            squares += weight * (x * x + y * y)
            total += weight
    sx /= total
    sy /= total
    out[0], out[1] = shifts[best, 0] + sx, shifts[best, 1] + sy
    out[2] = max(0.0, 0.5 * (squares / total - sx * sx - sy * sy))


@njit(nogil=True, cache=True)
def _gather_near(rows: Any, count: int, shifts: Any, step: float) -> None:
    """Let draws near the best shift be draws of the best shift: one cell."""
    best = rows[count, 1]
    for draw in range(count):
        if rows[draw, 0] == rows[count, 0]:
            x = shifts[rows[draw, 1], 0] - shifts[best, 0]
            y = shifts[rows[draw, 1], 1] - shifts[best, 1]
            if x * x + y * y < _NEAR * step * step:
                rows[draw, 1] = best


@njit(nogil=True, cache=True)
def _angle_cell(values: Any, size: int, lane: int, top: int, chance: float, out: Any) -> None:
    """Draw a cell of angles; its mean and variance, in steps. Cells are counted from the largest value."""
    total = 0.0
    for j in range(size):
        total += values[j * 8 + lane]
    wanted, running, j = chance * total, float(values[lane]), 0
    while running < wanted and j < size - 1:
        j += 1
        running += values[j * 8 + lane]
    away = (j - top + size // 2) % size - size // 2
    middle = (away + _REACH) // (2 * _REACH + 1) * (2 * _REACH + 1)
    mass, mean, square = 1e-30, 0.0, 0.0
    for d in range(-_REACH, _REACH + 1):
        weight = values[((top + middle + d) % size) * 8 + lane]
        mass += weight
        mean += weight * d
        square += weight * d * d
    mean /= mass
    out[0] = top + middle + mean
    out[1] = max(0.0, square / mass - mean * mean)


@njit(nogil=True, cache=True)
def _largest(values: Any, size: int, lane: int) -> int:
    top = 0
    for j in range(size):
        if values[j * 8 + lane] > values[top * 8 + lane]:
            top = j
    return top


@njit(nogil=True, cache=True)
def choose_poses(
    flat: Any,
    scores: Any,
    evidence: Any,
    norms: Any,
    references: Any,
    starts: Any,
    tables: Any,
    trigonometry: Any,
    place: Any,
    shifts: Any,
    step: float,
    chance: Any,
    drawn_class: Any,
    drawn_pose: Any,
    best_pose: Any,
) -> None:
    """Draw poses of P particles and find the best one.

    Parameters
    ----------
    flat, norms, references, starts, tables, trigonometry
        As in `score_pairs`, but norms (P, K, 5).
    scores, evidence
        Log posterior (P, K, S), -inf where not looked at, and `class_evidence` of it.
    place
        Of the plan.
    shifts, step
        Shape (S, 2), and their distance, Å.
    chance
        Shape (P, 2), uniform in [0, 1).
    drawn_class, drawn_pose
        Results: (P, D) and (P, D, 5): γ in radian, δ in Å, the variances of γ and of δ along one axis.
    best_pose
        Result: (P, 3), in the most probable class.
    """
    radices, twiddles, halves = tables
    particles, count = drawn_class.shape
    size = len(trigonometry)
    blocks = (len(shifts) + SIDE_BY_SIDE - 1) // SIDE_BY_SIDE
    rows = np.zeros((8, 2), np.int64)
    orders = np.zeros((len(starts) - 1) * 16, np.float32)
    values, logs = np.empty(size * 8, np.float32), np.empty(size * 8, np.float32)
    centre, cell = np.empty(3, np.float64), np.empty(2, np.float64)
    angle = 2.0 * np.pi / size
    for p in range(particles):
        _pick_rows(scores[p], evidence[p], chance[p, 0], count, rows)
        _gather_near(rows, count, shifts, step)
        for lane in range(count + 1, 8):
            rows[lane] = rows[count]
        for lane in range(count + 1):
            same = -1
            for other in range(lane):
                if rows[other, 0] == rows[lane, 0] and rows[other, 1] == rows[lane, 1]:
                    same = other
            if same < 0:
                _row_orders(flat[p], references, starts, blocks, rows, lane, orders)
            else:
                for i in range(0, len(orders), 8):
                    orders[i + lane] = orders[i + same]
        series(orders, 0, values, radices, twiddles, halves)
        _angle_weights(norms[p], rows, trigonometry, place, values, logs)
        _best_shift(scores[p, rows[count, 0]], rows[count, 1], shifts, step, centre)
        top = _largest(logs, size, count)
        best_pose[p, 0] = (top + _between(logs, top, size, count)) * angle
        best_pose[p, 1], best_pose[p, 2] = centre[0], centre[1]
        for lane in range(count):
            chosen = (chance[p, 1] + lane * _GOLDEN) % 1.0
            _angle_cell(values, size, lane, _largest(logs, size, lane), chosen, cell)
            drawn_class[p, lane] = rows[lane, 0]
            drawn_pose[p, lane, 0], drawn_pose[p, lane, 3] = cell[0] * angle, cell[1] * angle * angle
            if rows[lane, 0] == rows[count, 0] and rows[lane, 1] == rows[count, 1]:
                drawn_pose[p, lane, 1], drawn_pose[p, lane, 2] = centre[0], centre[1]
                drawn_pose[p, lane, 4] = centre[2]
            else:
                drawn_pose[p, lane, 1] = shifts[rows[lane, 1], 0]
                drawn_pose[p, lane, 2] = shifts[rows[lane, 1], 1]
                drawn_pose[p, lane, 4] = 0.0
