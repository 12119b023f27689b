"""Where to draw the line between particles and the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def false_alarm_threshold(false_alarm_b: float, area_a2: float, expected: float) -> float:
    """Score above which noise alone gives ``expected`` peaks on ``area_a2`` (inverse of `false_alarms`)."""
    grid = np.linspace(2.0, 12.0, 1001)
    count = np.sqrt(2.0 * np.pi) * false_alarm_b * area_a2 * grid * np.exp(-0.5 * grid**2)
    below = np.nonzero(count <= expected)[0]
    return float(grid[below[0]] if below.size else grid[-1])


def split_scores(scores: NDArray[np.float64], lowest: float, noise_scale: float = 1.0) -> float:
    """Threshold that maximises the expected F1 of a mixture of noise peaks and particles.

    The noise component has the density of peaks of a Gaussian field above ``lowest``, z exp(−z²/2s²), with a
    free scale s (clutter is wilder than noise); particles are normal. Fitted by expectation maximisation.

    Parameters
    ----------
    scores
        Shape (n,): all candidates above ``lowest``.
    lowest
        The least score that was looked for.
    noise_scale
        Start for s.

    Returns
    -------
    threshold
        ``lowest`` if all are particles.
    """
    z = np.sort(np.asarray(scores, dtype=np.float64))[::-1]
    if z.size < 8:
        return lowest
    mean, spread = float(np.median(z[: max(z.size // 2, 4)])), 0.25 * float(z[0])
    scale2, share = noise_scale**2, 0.5
    chance = np.full(z.size, 0.5)
    for _ in range(200):
        noise = (z / scale2) * np.exp(-0.5 * (z**2 - lowest**2) / scale2)
        particle = np.exp(-0.5 * ((z - mean) / spread) ** 2) / (np.sqrt(2.0 * np.pi) * spread)
        joint = share * particle
        new = joint / np.maximum(joint + (1.0 - share) * noise, 1e-300)
        # A score above the particles' mean is no less of a particle than the mean itself.
        new = np.where(z > mean, 1.0, new)
        weight = max(float(new.sum()), 1e-9)
        share = min(max(weight / z.size, 1e-3), 1.0 - 1e-3)
        mean = float((new * z).sum()) / weight
        spread = max(float(np.sqrt((new * (z - mean) ** 2).sum() / weight)), 0.1 * mean, 0.3)
        rest = 1.0 - new
        # Exponential in z² above lowest²: mean excess is 2 s².
        scale2 = float((rest * (z**2 - lowest**2)).sum() + 20.0) / (2.0 * float(rest.sum()) + 20.0)
        scale2 = min(max(scale2, 0.5), 4.0)
        if np.abs(new - chance).max() < 1e-4:
            chance = new
            break
        chance = new
    kept = np.arange(1, z.size + 1)
    f1 = 2.0 * np.cumsum(chance) / (kept + chance.sum())
    best = int(np.argmax(f1))
    return lowest if best == z.size - 1 else float(0.5 * (z[best] + z[best + 1]))
