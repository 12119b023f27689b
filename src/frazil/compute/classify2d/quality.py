"""How good a class is: a score from 0 to 1 with its reasons.

Each measure is a penalty on the logit of the score; the reasons name those that count. Thresholds were fixed
on simulated classes of particles, junk and neighbours cut in half.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Classes at or above are selected automatically.
SELECTED = 0.5
# What a class without any fault gets: logit 3 is 0.95.
_BEST = 3.0


@dataclass(frozen=True)
class ClassMeasures:
    """What is known of K classes.

    Attributes
    ----------
    pictures
        Averages (K, n, n), protein white.
    population, half_a
        Members, and resolutions at FRC 0.5, Å.
    evidence
        Median log evidence of the members over pure noise, nats.
    pixel_size_a, radius_a
        Of the pictures; of the mask.
    """

    pictures: NDArray[np.float32]
    population: NDArray[np.int64]
    half_a: NDArray[np.float64]
    evidence: NDArray[np.float64]
    pixel_size_a: float
    radius_a: float


def judge(classes: ClassMeasures) -> tuple[NDArray[np.float64], list[tuple[str, ...]]]:
    """Score classes: (K,), 0 for an empty one; and what speaks against each, the gravest first."""
    population, half_a = classes.population, classes.half_a
    filled = np.flatnonzero(population > 0)
    scores = np.zeros(len(population))
    reasons: list[tuple[str, ...]] = [("empty",)] * len(population)
    if not len(filled):
        return scores, reasons
    finest = float(np.min(half_a[filled]))
    strong = float(np.max(classes.evidence[filled]))
    typical = float(population[filled].mean())
    for k in filled:
        faults = [
            _resolution(float(half_a[k]), finest),
            _members(float(population[k]), typical),
            _gain(float(classes.evidence[k]), strong),
            *_shape(classes.pictures[k], classes.pixel_size_a, classes.radius_a),
        ]
        faults = sorted((fault for fault in faults if fault[0] > 0.3), key=lambda fault: -fault[0])
        logit = _BEST - sum(fault[0] for fault in faults)
        scores[k] = 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))
        reasons[k] = tuple(fault[1] for fault in faults)
    return scores, reasons


def _resolution(half_a: float, finest_a: float) -> tuple[float, str]:
    if not math.isfinite(half_a):
        return 5.0, "halves don't agree at any resolution"
    # The frequency counts: half of the best class's is poor.
    return max(0.0, 8.0 * (0.75 - finest_a / half_a)), f"resolved to {half_a:.0f} Å only"


def _members(count: float, typical: float) -> tuple[float, str]:
    share = count / max(typical, 1.0)
    return max(0.0, 1.2 * math.log(0.2 / max(share, 1e-3))), f"{count:.0f} particles only"


def _gain(nats: float, strong: float) -> tuple[float, str]:
    share = nats / max(strong, 1e-3)
    return max(0.0, 5.0 * (0.3 - share)), "members fit hardly better than noise"


def _shape(picture: NDArray[np.float32], pixel_size_a: float, radius_a: float) -> list[tuple[float, str]]:
    """Faults of density: at the rim, in pieces, a neighbour, without contrast against the solvent."""
    n = picture.shape[-1]
    axis = (np.arange(n) - n // 2) * pixel_size_a
    r = np.hypot(axis[:, None], axis)
    inside = r < radius_a
    smooth = ndimage.gaussian_filter(picture, 5.0 / pixel_size_a)
    bright = np.clip(smooth, 0.0, None) * inside
    if not bright.any():
        return [(4.0, "nothing brighter than the solvent")]
    above = bright > 0.25 * bright.max()
    labels, count = ndimage.label(above)
    mass = ndimage.sum_labels(bright, labels, np.arange(1, count + 1))
    largest = float(mass.max() / mass.sum())
    main = labels == 1 + int(mass.argmax())
    edge = float(bright[main & (r > 0.85 * radius_a)].sum() / bright[main].sum())
    y, x = ndimage.center_of_mass(bright * main)
    off = math.hypot((y - n // 2) * pixel_size_a, (x - n // 2) * pixel_size_a) / radius_a
    # A long particle reaches the rim on both sides and cancels; a neighbour does not.
    direction = (axis + 1j * axis[:, None]) / np.maximum(r, pixel_size_a)
    lean = float(abs((bright * direction)[r > 0.75 * radius_a].sum()) / bright.sum())
    return [
        (4.0 * max(0.0, 0.8 - largest), "in pieces"),
        (8.0 * max(0.0, edge - 0.08), "cut by the mask"),
        (6.0 * max(0.0, off - 0.25), "off centre"),
        (150.0 * max(0.0, lean - 0.04), "something on one side of it"),
    ]
