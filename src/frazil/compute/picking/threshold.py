"""Where to draw the line between particles and the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


FEWEST = 8
"""With fewer candidates nothing can be said about their scores."""
LEAST_WHOLE = 0.65
"""A whole particle scores at least this share of what is typical; below lie fragments and cut ones."""
LARGEST_WHOLE = 1.5
SURELY_NOT_NOISE = 4.5
"""Noise alone reaches this hardly once in a micrograph."""
LARGEST_LINE = 0.85
"""The line is never drawn higher than this share of the particles' mean."""


def false_alarm_threshold(false_alarm_b: float, area_a2: float, expected: float) -> float:
    """Score above which noise alone gives ``expected`` peaks on ``area_a2`` (inverse of `false_alarms`)."""
    grid = np.linspace(2.0, 12.0, 1001)
    count = np.sqrt(2.0 * np.pi) * false_alarm_b * area_a2 * grid * np.exp(-0.5 * grid**2)
    below = np.nonzero(count <= expected)[0]
    return float(grid[below[0]] if below.size else grid[-1])


def split_scores(scores: NDArray[np.float64], lowest: float) -> float:
    """Threshold between particles on one side, noise and fragments on the other.

    Two lines, of which the higher counts. Particles of one kind score alike, so below `LEAST_WHOLE` of the
    typical score lie fragments, particles that are cut, and what is left over between neighbours. And noise
    peaks may reach higher than that: see `noise_line`.

    Parameters
    ----------
    scores
        Shape (n,): all candidates above ``lowest``.
    lowest
        The least score that was looked for.

    Returns
    -------
    threshold
        ``lowest`` if there are too few to tell.
    """
    z = np.sort(np.asarray(scores, dtype=np.float64))[::-1]
    if z.size < FEWEST:
        return lowest
    typical = typical_score(z)
    return max(lowest, LEAST_WHOLE * typical, noise_line(z, lowest, typical))


def typical_score(scores: NDArray[np.float64], lowest: float = SURELY_NOT_NOISE) -> float:
    """Score of a typical particle.

    Of all values, the one around which (from `LEAST_WHOLE` to `LARGEST_WHOLE` times it) most score lies: a
    few aggregates score higher, many noise peaks lower, but particles are most of what stands out. The best
    score around each value doesn't count: one ice crystal is no kind, however dark it is.

    Parameters
    ----------
    scores
        Shape (n,).
    lowest
        Scores below are not counted, unless there are none above.

    Returns
    -------
    typical
        Median of the scores around that value; 0 without any.
    """
    z = np.sort(scores[scores >= lowest])
    if z.size == 0:
        return float(scores.max()) if scores.size else 0.0
    sums = np.concatenate([[0.0], np.cumsum(z)])
    first = np.searchsorted(z, LEAST_WHOLE * z)
    last = np.searchsorted(z, LARGEST_WHOLE * z, side="right")
    best = int(np.argmax(sums[last - 1] - sums[first]))
    return float(np.median(z[first[best] : last[best]]))


def noise_line(z: NDArray[np.float64], lowest: float, typical: float) -> float:
    """Threshold that maximises the expected F1 of a mixture of noise peaks and particles.

    The noise component has the density of peaks of a Gaussian field above ``lowest``, z exp(−z²/2s²), with a
    free scale s (clutter is wilder than noise); particles are normal. Fitted by expectation maximisation to
    scores ``z`` (descending), starting from a ``typical`` particle's.
    """
    mean, spread, scale2 = typical, 0.2 * typical, 1.0
    share = np.array([0.5, 0.5])
    chance = np.full(z.size, 0.5)
    for _ in range(200):
        particle = np.exp(-0.5 * ((z - mean) / spread) ** 2) / (np.sqrt(2.0 * np.pi) * spread)
        noise = (z / scale2) * np.exp(-0.5 * (z**2 - lowest**2) / scale2)
        joint = share * np.stack([particle, noise], axis=1)
        member = joint / np.maximum(joint.sum(1, keepdims=True), 1e-300)
        # A score above the particles' mean is no less of a particle than the mean itself.
        member[z > mean] = 1.0, 0.0
        weight = np.maximum(member.sum(0), 1e-9)
        share = np.clip(weight / z.size, 1e-3, 1.0)
        new, rest = member[:, 0], member[:, 1]
        mean = float((new * z).sum() / weight[0])
        spread = max(float(np.sqrt((new * (z - mean) ** 2).sum() / weight[0])), 0.1 * mean, 0.3)
        # Exponential in z² above lowest²: mean excess is 2 s². A prior of ten peaks keeps s near 1.
        scale2 = (float((rest * (z**2 - lowest**2)).sum()) + 20.0) / (2.0 * float(rest.sum()) + 20.0)
        scale2 = min(max(scale2, 0.5), 4.0)
        if np.abs(new - chance).max() < 1e-4:
            break
        chance = new
    chance = np.maximum.accumulate(chance[::-1])[::-1]
    kept = np.arange(1, z.size + 1)
    f1 = 2.0 * np.cumsum(chance) / (kept + chance.sum())
    best = int(np.argmax(f1))
    line = lowest if best == z.size - 1 else float(0.5 * (z[best] + z[best + 1]))
    return min(line, LARGEST_LINE * mean)
