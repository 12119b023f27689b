"""Reference-free picking: find blobs, learn what they look like, find them again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from frazil.compute.picking.contamination import ContaminationMask, find_extremes
from frazil.compute.picking.pursuit import pursue
from frazil.compute.picking.reduction import ReducedMicrograph, flatten_background, reduce_micrograph
from frazil.compute.picking.template import (
    PROFILE_STEP_PX,
    Rings,
    blob_template,
    learn_template,
    matched_filter,
    point_transform,
    power_spectrum,
)
from frazil.compute.picking.threshold import false_alarm_threshold, split_scores
from frazil.model.picks import Picks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.model.ctf import CtfFit
    from frazil.model.optics import Optics

PIXELS_PER_DIAMETER = 20.0
LOWEST_SCORE = 3.0
"""Candidates below this are not reported."""
FALSE_PICKS_ON_NOISE = 0.5
"""Expected on a micrograph of pure noise at the automatic threshold."""
BORDER_DIAMETERS = 0.25
"""No centres closer to the border than this: less than 80 % of such a particle is visible."""
LEARNING_ROUNDS = 2
FEWEST_TO_LEARN = 8


@dataclass(frozen=True)
class PickingResult:
    """Picks, and where none were looked for."""

    picks: Picks
    contamination: ContaminationMask


@dataclass(frozen=True)
class _Candidates:
    y: NDArray[np.float64]
    x: NDArray[np.float64]
    score: NDArray[np.float64]
    false_alarm_b: float


def pick_particles(
    micrograph: NDArray[np.float32],
    pixel_size_a: float,
    *,
    diameter_min_a: float,
    diameter_max_a: float | None = None,
    ctf: CtfFit | None = None,
    optics: Optics | None = None,
    shape: str = "disc",
    threshold: float | None = None,
    min_distance_a: float | None = None,
    max_picks: int = 4000,
    expected_particles: int | None = None,
    mask_contamination: bool = True,
    device: torch.device | str = "cpu",
) -> Picks:
    """Find particles (see `find_particles`, which also returns the contamination mask)."""
    return find_particles(
        micrograph,
        pixel_size_a,
        diameter_min_a=diameter_min_a,
        diameter_max_a=diameter_max_a,
        ctf=ctf,
        optics=optics,
        shape=shape,
        threshold=threshold,
        min_distance_a=min_distance_a,
        max_picks=max_picks,
        expected_particles=expected_particles,
        mask_contamination=mask_contamination,
        device=device,
    ).picks


def find_particles(
    micrograph: NDArray[np.float32],
    pixel_size_a: float,
    *,
    diameter_min_a: float,
    diameter_max_a: float | None = None,
    ctf: CtfFit | None = None,
    optics: Optics | None = None,
    shape: str = "disc",
    threshold: float | None = None,
    min_distance_a: float | None = None,
    max_picks: int = 4000,
    expected_particles: int | None = None,
    mask_contamination: bool = True,
    device: torch.device | str = "cpu",
) -> PickingResult:
    """Find particles (dark on bright, as in a defocused micrograph) without a reference.

    The best of a few blobs finds the first particles; their rotational average, learnt from the same
    micrograph, finds them again, each explained and subtracted before the next is looked for.

    Parameters
    ----------
    micrograph
        Shape (H, W), dose-weighted average or the like; NaN where unknown.
    pixel_size_a
        Its pixel, Å.
    diameter_min_a, diameter_max_a
        Range of the particle's diameter, Å; with only one given, 0.85 to 1.15 of it.
    ctf, optics
        The micrograph's CTF; without (or without rings) templates are plain dark blobs.
    shape
        "disc" or "ring" (hollow), for the first pass.
    threshold
        Least score of a pick; None: drawn between noise and particles.
    min_distance_a
        Closest two picks may lie; None: half the diameter.
    max_picks
        At most this many candidates.
    expected_particles
        If given, the automatic threshold keeps about this many where that is above the noise.
    mask_contamination
        Whether carbon, ice crystals and aggregates are left out.
    device
        Where the transforms run.

    Returns
    -------
    result
        Picks (candidates down to a score of 3, best first) and the contamination mask.

    Raises
    ------
    ValueError
        For sizes that are not positive or an unknown shape.
    """
    diameters = _diameters(diameter_min_a, diameter_max_a)
    if not pixel_size_a > 0.0:
        message = f"pixel size {pixel_size_a} Å: must be positive"
        raise ValueError(message)
    if shape not in ("disc", "ring"):
        message = f"blob shape {shape!r}: must be 'disc' or 'ring'"
        raise ValueError(message)
    where = torch.device(device)
    middle = float(np.sqrt(diameters[0] * diameters[-1]))
    target_pixel_a = float(np.clip(diameters[0] / PIXELS_PER_DIAMETER, 3.0, 8.0))
    reduced = reduce_micrograph(np.asarray(micrograph), pixel_size_a, target_pixel_a, where)
    if reduced is None:
        return _nothing(micrograph.shape, middle, "The micrograph is constant or holds no numbers.")
    search = _Search(reduced, middle, ctf, optics, mask_contamination, min_distance_a, max_picks, where)
    found = search.run(diameters, shape)
    return search.result(found, threshold, expected_particles)


def _diameters(lowest: float, highest: float | None) -> NDArray[np.float64]:
    if highest is None or highest <= lowest:
        lowest, highest = 0.85 * lowest, 1.15 * lowest
    if not lowest > 0.0:
        message = f"particle diameter {lowest} Å: must be positive"
        raise ValueError(message)
    steps = max(round(4.0 * float(np.log2(highest / lowest))), 1)
    return np.geomspace(lowest, highest, steps + 1)


def _nothing(shape: tuple[int, ...], diameter_a: float, note: str) -> PickingResult:
    none = np.zeros(0)
    mask = ContaminationMask(np.ones((1, 1), dtype=bool), (float(shape[1]), float(shape[0])), 0.0)
    return PickingResult(Picks(none, none.copy(), none.copy(), 0.0, diameter_a, 1.0, note), mask)


class _Search:
    """One micrograph's way through the passes."""

    def __init__(
        self,
        reduced: ReducedMicrograph,
        diameter_a: float,
        ctf: CtfFit | None,
        optics: Optics | None,
        mask_contamination: bool,
        min_distance_a: float | None,
        max_picks: int,
        device: torch.device,
    ) -> None:
        self.reduced = reduced
        self.pixel_a = reduced.pixel_size_a
        self.diameter_a = diameter_a
        self.reach_a = 1.4 * diameter_a
        self.min_distance_a = min_distance_a if min_distance_a is not None else 0.5 * diameter_a
        self.max_picks = max_picks
        self.flat_sigma_px = 1.5 * diameter_a / self.pixel_a
        flat = flatten_background(reduced.pixels, reduced.valid, self.flat_sigma_px)
        self.usable = reduced.valid.copy()
        if mask_contamination:
            self.usable &= ~find_extremes(flat, reduced.valid, diameter_a / self.pixel_a)
            flat = flatten_background(reduced.pixels, self.usable, self.flat_sigma_px)
        self.flat = flat
        self.rings = Rings.of(flat.shape, int(self.reach_a / self.pixel_a), self.pixel_a, device)
        self.transform = self.rings.transform(flat)
        self.power = power_spectrum(self.rings, self.transform, float(self.usable.sum()))
        self.contrast = _contrast(self.rings.frequency_per_a, ctf, optics)
        self.allowed = self.usable & _inside(flat.shape, BORDER_DIAMETERS * diameter_a / self.pixel_a)

    def run(self, diameters: NDArray[np.float64], shape: str) -> _Candidates:
        """All passes."""
        k = self.rings.frequency_per_a
        tried = [self.find(blob_template(k, float(d), shape, self.contrast)) for d in diameters]
        found = max(tried, key=_evidence)
        for _ in range(LEARNING_ROUNDS):
            good = self.worth_learning(found)
            if good.sum() < FEWEST_TO_LEARN:
                break
            score = found.score[good]
            template = learn_template(
                self.rings,
                self.transform,
                self.power,
                found.y[good],
                found.x[good],
                np.clip(score / np.median(score), 0.5, 1.5),
                0.5 * float(diameters[-1]) * 1.1,
                self.contrast,
            )
            self.power = self.unexplained_power(template, found)
            found = self.find(template)
        return found

    def unexplained_power(self, template: NDArray[np.float64], found: _Candidates) -> NDArray[np.float64]:
        """Power of the field once the particles found are subtracted: what a particle must stand out from."""
        points = point_transform(self.rings, found.y, found.x, found.score)
        particles = points * self.rings.spread(template)
        weight = self.rings.spread(1.0 / self.power)
        cross = particles.real * self.transform.real + particles.imag * self.transform.imag
        scale = float((weight * cross).sum() / (weight * (particles.real**2 + particles.imag**2)).sum())
        return power_spectrum(self.rings, self.transform - scale * particles, float(self.usable.sum()))

    def worth_learning(self, found: _Candidates) -> NDArray[np.bool_]:
        """Candidates that are surely particles."""
        best = found.score[: max(found.score.size // 3, 20)]
        typical = float(np.median(best)) if best.size else 0.0
        accepted: NDArray[np.bool_] = (found.score > 0.6 * typical) & (found.score < 2.0 * typical)
        return accepted

    @property
    def area_a2(self) -> float:
        """Area in which centres may lie, Å²."""
        return float(self.allowed.sum()) * self.pixel_a**2

    def find(self, template: NDArray[np.float64]) -> _Candidates:
        """Candidates of one template, best first."""
        matched = matched_filter(self.rings, self.transform, self.power, template, self.reach_a)
        distance = self.min_distance_a / self.pixel_a
        residue = matched.z.copy()
        args = (self.allowed, LOWEST_SCORE, distance, matched.profile, PROFILE_STEP_PX, self.max_picks)
        y, x, score = pursue(residue, *args)
        # What is left is noise, and the unit of the score: the power above holds the particles too.
        noise = max(float(np.median(np.abs(residue[self.allowed]))) / 0.6745, 1e-3)
        order = np.argsort(-score, kind="stable")
        keep = order[score[order] > 0.0]
        return _Candidates(y[keep], x[keep], score[keep] / noise, matched.false_alarm_b)

    def result(
        self, found: _Candidates, threshold: float | None, expected_particles: int | None
    ) -> PickingResult:
        """Draw the line and go back to the micrograph's pixels."""
        sure = false_alarm_threshold(found.false_alarm_b, self.area_a2, FALSE_PICKS_ON_NOISE)
        if threshold is None:
            threshold = max(sure, split_scores(found.score, LOWEST_SCORE))
            if expected_particles is not None and found.score.size:
                wanted = found.score[min(expected_particles, found.score.size) - 1]
                threshold = max(sure, float(wanted))
        x, y = self.reduced.to_micrograph(found.x, found.y)
        picks = Picks(
            x_px=x,
            y_px=y,
            score=found.score,
            threshold=threshold,
            diameter_a=self.diameter_a,
            contaminated_fraction=1.0 - float(self.usable.mean()),
            note="" if (found.score >= threshold).any() else "No particles found.",
        )
        mask = ContaminationMask(~self.usable, self.reduced.step_px, self.reduced.offset_px)
        return PickingResult(picks, mask)


def _evidence(found: _Candidates) -> float:
    return float(np.clip(found.score - LOWEST_SCORE, 0.0, 10.0).sum())


def _inside(shape: tuple[int, int], margin: float) -> NDArray[np.bool_]:
    y, x = (np.minimum(np.arange(n), n - 1 - np.arange(n)) >= margin for n in shape)
    return np.logical_and.outer(y, x)


def _contrast(
    frequency_per_a: NDArray[np.float64], ctf: CtfFit | None, optics: Optics | None
) -> NDArray[np.float64]:
    """CTF at the mean defocus; astigmatism doesn't matter at the resolution of picking."""
    if ctf is None or optics is None or not ctf.has_rings:
        return np.full(frequency_per_a.size, -1.0)
    wavelength = optics.wavelength_a
    chi = np.pi * wavelength * frequency_per_a**2
    chi = chi * (ctf.defocus_mean_a - 0.5 * wavelength**2 * frequency_per_a**2 * optics.cs_a)
    chi = chi + np.deg2rad(ctf.phase_shift_deg) + np.arcsin(optics.amplitude_contrast)
    contrast: NDArray[np.float64] = -np.sin(chi)
    return contrast
