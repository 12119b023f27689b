"""How good a class is: a score from 0 to 1 with its reasons.

Each measure is a penalty on the logit of the score; the reasons name those that count. Thresholds were fixed
on simulated classes of particles, junk, ice, edges of the carbon and neighbours cut in half. That a class
looks like another one is told, but costs nothing: its particles are as good.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from frazil.compute.classify2d.alike import SAME, alike

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Classes at or above are selected automatically.
SELECTED = 0.5
# Strong ice or carbon has far more evidence than particles: these are judged beside the usual class.
_USUAL = 0.75
# Lobes nearer to one another than about twice this hang together, mask radii.
_LOBES = 0.1
# So many times the noise at the rim, and density there counts.
_NOISE = 1.0
# Share of an average's power beyond three waves in the radius, below which it is a mere blob.
_DETAIL = 0.02
# Classes at most so much coarser than the finest tell how much detail there is to see.
_WELL_RESOLVED = 1.15
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
    numbers
        (K,): what the classes are called in the reasons; from 1 on as they lie if None.
    """

    pictures: NDArray[np.float32]
    population: NDArray[np.int64]
    half_a: NDArray[np.float64]
    evidence: NDArray[np.float64]
    pixel_size_a: float
    radius_a: float
    numbers: NDArray[np.int64] | None = None


def judge(classes: ClassMeasures) -> tuple[NDArray[np.float64], list[tuple[str, ...]]]:
    """Score classes: (K,), 0 for an empty one; and what speaks against each, the gravest first."""
    population, half_a = classes.population, classes.half_a
    filled = np.flatnonzero(population > 0)
    scores = np.zeros(len(population))
    reasons: list[tuple[str, ...]] = [("empty",)] * len(population)
    if not len(filled):
        return scores, reasons
    finest = float(np.min(half_a[filled]))
    strong = _weighted_quantile(classes.evidence[filled], population[filled], _USUAL)
    twins = _twins(classes, filled)
    typical = float(population[filled].mean())
    detail = np.zeros(len(population))
    for k in filled:
        detail[k] = _detail(classes.pictures[k], classes.pixel_size_a, classes.radius_a)
    clear = filled[half_a[filled] <= _WELL_RESOLVED * finest]
    usual = _weighted_quantile(detail[clear], population[clear], 0.25) if len(clear) else 0.0
    for k in filled:
        coarseness = float(half_a[k]) / finest
        faults = [
            _resolution(float(half_a[k]), finest),
            _members(float(population[k]), typical),
            _gain(float(classes.evidence[k]), strong),
            *_shape(classes.pictures[k], classes.pixel_size_a, classes.radius_a),
            _blob(float(detail[k]), coarseness),
            _smooth(
                float(detail[k]) / max(usual, 1e-6),
                coarseness,
                float(classes.evidence[k]) / max(strong, 1e-3),
            ),
            _rim(classes.pictures[k], classes.pixel_size_a, classes.radius_a),
        ]
        faults = sorted((fault for fault in faults if fault[0] > 0.3), key=lambda fault: -fault[0])
        logit = _BEST - sum(fault[0] for fault in faults)
        scores[k] = 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))
        reasons[k] = (*(fault[1] for fault in faults), *twins.get(int(k), ()))
    return scores, reasons


def _weighted_quantile(values: NDArray[np.float64], weights: NDArray[np.int64], share: float) -> float:
    order = np.argsort(values, kind="stable")
    running = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(running, share * running[-1])])


def _twins(classes: ClassMeasures, filled: NDArray[np.int64]) -> dict[int, tuple[str]]:
    """Say of each class that looks like a larger one which that is; of those that are resolved well."""
    half_a, population = classes.half_a, classes.population
    clear = filled[half_a[filled] <= 2.0 * float(np.min(half_a[filled]))]
    clear = clear[np.argsort(-population[clear], kind="stable")]
    same = alike(classes.pictures[clear], half_a[clear], classes.pixel_size_a, classes.radius_a) >= SAME
    numbers = np.arange(len(population)) + 1 if classes.numbers is None else classes.numbers
    return {
        int(clear[i]): (f"looks like class {int(numbers[clear[int(np.argmax(same[i]))]])}",)
        for i in range(len(clear))
        if np.argmax(same[i]) < i
    }


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
    smooth = ndimage.gaussian_filter(picture, max(5.0, _LOBES * radius_a) / pixel_size_a)
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
    # A long particle reaches the rim on both sides and cancels; a neighbour does not. Noise is dark, too.
    direction = (axis + 1j * axis[:, None]) / np.maximum(r, pixel_size_a)
    outer = inside & (r > 0.75 * radius_a)
    dark = smooth[outer & (smooth < 0.0)]
    noise = float(np.sqrt(np.square(dark).mean())) if len(dark) else 0.0
    above_noise = np.clip(smooth[outer] - _NOISE * noise, 0.0, None)
    lean = float(abs((above_noise * direction[outer]).sum()) / bright.sum())
    return [
        (4.0 * max(0.0, 0.8 - largest), "in pieces"),
        (8.0 * max(0.0, edge - 0.08), "cut by the mask"),
        (6.0 * max(0.0, off - 0.25), "off centre"),
        (150.0 * max(0.0, lean - 0.04), "something on one side of it"),
    ]


def _detail(picture: NDArray[np.float32], pixel_size_a: float, radius_a: float) -> float:
    """Share of the power beyond three waves in the radius."""
    n = picture.shape[-1]
    frequency = np.fft.fftfreq(n, pixel_size_a)
    k = np.hypot(frequency[:, None], frequency)
    power = np.abs(np.fft.fft2(picture * _inside(n, pixel_size_a, radius_a))) ** 2
    return float(power[k > 3.0 / radius_a].sum()) / max(float(power[k > 0.0].sum()), 1e-20)


def _blob(detail: float, coarseness: float) -> tuple[float, str]:
    """Find ice and carbon: little detail, and resolved badly too. What is smooth but clear may be a particle.

    ``coarseness`` is the resolution as a multiple of the best class's.
    """
    doubt = min(1.0, max(0.0, coarseness - 1.0))
    return doubt * max(0.0, math.log(_DETAIL / max(detail, 1e-6))), "a blob without detail"


def _smooth(detail: float, coarseness: float, gain: float) -> tuple[float, str]:
    """Find aggregates and the like by three signs together, of which each alone may be a particle's.

    Less detail than clear classes have (``detail``, as a share of theirs), a worse resolution, and members
    that fit worse (``gain``, as a share of the strong classes').
    """
    worse = min(1.0, max(0.0, (coarseness - 1.0) / 0.2))
    fainter = min(1.0, max(0.0, (0.7 - gain) / 0.4))
    return 10.0 * worse * fainter * max(0.0, math.log(0.65 / max(detail, 1e-6))), "smoother than the others"


def _rim(picture: NDArray[np.float32], pixel_size_a: float, radius_a: float) -> tuple[float, str]:
    n = picture.shape[-1]
    inside = _inside(n, pixel_size_a, radius_a)
    outermost = inside & ~_inside(n, pixel_size_a, 0.85 * radius_a)
    rim = float(picture[outermost].std()) / max(float(picture[inside].std()), 1e-9)
    return 4.0 * max(0.0, rim - 0.35), "density all along the rim"


def _inside(n: int, pixel_size_a: float, radius_a: float) -> NDArray[np.bool_]:
    axis = (np.arange(n) - n // 2) * pixel_size_a
    return np.asarray(np.hypot(axis[:, None], axis) < radius_a)
