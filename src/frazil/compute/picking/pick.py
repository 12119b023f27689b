"""Reference-free picking: find blobs, learn what they look like, find them again."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from frazil.compute.picking.clumps import start_beside
from frazil.compute.picking.contamination import ContaminationMask, find_large, find_opaque
from frazil.compute.picking.reduction import ReducedMicrograph, flatten_background, reduce_micrograph
from frazil.compute.picking.search import LOWEST_SCORE, Candidates, Search, surely
from frazil.compute.picking.template import Rings, blob_template
from frazil.compute.picking.threshold import false_alarm_threshold, split_scores
from frazil.model.picks import Picks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.model.ctf import CtfFit
    from frazil.model.optics import Optics

PIXELS_PER_DIAMETER = 16.0
FALSE_PICKS_ON_NOISE = 0.5
"""Expected on a micrograph of pure noise at the automatic threshold."""
FLAT_DIAMETERS = 1.5
"""σ of the local mean that is subtracted."""
SMALLEST_VIEW = 0.7
"""Share of its largest extent that a particle's smallest view measures, where only one is known."""
OUTLINE_DIAMETERS = 0.8
"""Diameter of the mean outline of a particle's views in units of its largest extent: 1 for balls, 0.65 for
long particles."""


@dataclass(frozen=True)
class PickingResult:
    """Picks, and where none were looked for."""

    picks: Picks
    contamination: ContaminationMask


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
    threads: int = 1,
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
        threads=threads,
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
    threads: int = 1,
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
        Range of the particle's diameter, Å; with only one given, 0.7 to 1 of it. In a wider range the
        particles show their size themselves.
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
    threads
        The result does not depend on it.

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
    largest = float(diameters[-1])
    request = _Request(
        micrograph=np.asarray(micrograph),
        pixel_size_a=pixel_size_a,
        ctf=ctf,
        optics=optics,
        shape=shape,
        min_distance_a=min_distance_a,
        max_picks=max_picks,
        mask_contamination=mask_contamination,
        device=torch.device(device),
        threads=threads,
    )
    view = request.view(diameters)
    if view is not None and diameters[0] < 0.99 * SMALLEST_VIEW * largest:
        size_a = request.size_seen_a(view, float(diameters[0]))
        view = view if size_a is None else request.view(_diameters(size_a, None))
    if view is None:
        return _nothing(micrograph.shape, largest, "The micrograph is constant or holds no numbers.")
    reduced, search, usable, flat, blobs = view.reduced, view.search, view.usable, view.flat, view.blobs
    start = search.start(blobs)
    # Asked before anything is masked: in an inverted micrograph the particles themselves are the odd ones.
    inverted = start is not None and search.looks_inverted(start)
    if start is not None and mask_contamination:
        start, usable = start_beside(search, flat, view.clipped, usable, blobs, start)
        flat = np.where(usable, flat, np.float32(0.0))
        search.look_at(flat, usable)
        usable = usable & ~search.unlike(start)
        search.look_at(view.flattened(usable), usable)
        start = search.start([start.blob])
    found = search.plain(blobs[0]) if start is None else search.run(start)
    area_a2 = float(search.usable.sum()) * reduced.pixel_size_a**2
    sure = false_alarm_threshold(found.false_alarm_b, area_a2, FALSE_PICKS_ON_NOISE)
    found = _as_if_whole(found, search.seen, sure)
    if threshold is None:
        threshold = max(sure, split_scores(found.score, LOWEST_SCORE))
        if expected_particles is not None and found.score.size:
            threshold = max(sure, float(found.score[min(expected_particles, found.score.size) - 1]))
    x, y = reduced.to_micrograph(found.x, found.y)
    picks = Picks(
        x_px=x,
        y_px=y,
        score=found.score,
        threshold=threshold,
        diameter_a=largest,
        contaminated_fraction=1.0 - float(usable.mean()),
        note=_note(found=bool((found.score >= threshold).any()), inverted=inverted),
    )
    return PickingResult(picks, ContaminationMask(~usable, reduced.step_px, reduced.offset_px))


@dataclass(frozen=True)
class _View:
    """A reduced micrograph and the search for particles of one size on it.

    ``flat`` (h, w) is the field without its background, ``clipped`` without extremes, 0 where not ``usable``.
    """

    reduced: ReducedMicrograph
    search: Search
    blobs: list[NDArray[np.float64]]
    usable: NDArray[np.bool_]
    flat: NDArray[np.float32]
    clipped: NDArray[np.float32]

    def flattened(self, usable: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Field without the background of what is usable now."""
        return flatten_background(self.reduced.pixels, usable, FLAT_DIAMETERS * self.search.diameter_px)


@dataclass(frozen=True)
class _Request:
    """A micrograph and how to look at it: arguments of `find_particles`."""

    micrograph: NDArray[np.float32]
    pixel_size_a: float
    ctf: CtfFit | None
    optics: Optics | None
    shape: str
    min_distance_a: float | None
    max_picks: int
    mask_contamination: bool
    device: torch.device
    threads: int

    def view(self, diameters: NDArray[np.float64]) -> _View | None:
        """Reduce, mask what is large or opaque, flatten; None if there is nothing to see."""
        largest = float(diameters[-1])
        target_pixel_a = float(np.clip(diameters[0] / PIXELS_PER_DIAMETER, 3.0, 8.0))
        reduced = reduce_micrograph(
            self.micrograph, self.pixel_size_a, target_pixel_a, self.device, self.threads
        )
        if reduced is None:
            return None
        pixel_a = reduced.pixel_size_a
        rings = Rings.of(reduced.valid.shape, int(1.4 * largest / pixel_a), pixel_a, self.device)
        search = self._search(rings, largest)
        usable = reduced.valid
        if self.mask_contamination:
            field = reduced.pixels, reduced.valid, largest / pixel_a
            usable = usable & ~find_large(*field) & ~find_opaque(*field)
        flat = flatten_background(reduced.pixels, usable, FLAT_DIAMETERS * largest / pixel_a)
        clipped = _clipped(flat, usable)
        search.look_at(clipped, usable)
        blobs = _blobs(rings.frequency_per_a, diameters, self.shape, self.ctf, self.optics)
        return _View(reduced, search, blobs, usable, flat, clipped)

    def size_seen_a(self, view: _View, smallest_a: float) -> float | None:
        """Largest extent of the particles: the likeliest from ``smallest_a`` to what the view is made for.

        Every particle costs the logarithm of the places where it may be: what parts of particles gain by
        being more does not pay. None where nothing is to be learnt.
        """
        largest_a = view.search.diameter_a
        cost = math.log(max(int(view.usable.sum()), 2))
        best: tuple[float, float] | None = None
        size_a = largest_a
        # The blob that explains most is smaller than the longest side.
        while size_a >= SMALLEST_VIEW * smallest_a:
            search = self._search(view.search.rings, size_a)
            search.look_at(view.clipped, view.usable)
            blobs = _blobs(search.rings.frequency_per_a, _diameters(size_a, None), self.shape, None, None)
            start = search.start(blobs)
            if start is not None:
                count = int(surely(search.by(start).score).sum())
                evidence = start.gain - cost * count
                if best is None or evidence > best[0]:
                    best = evidence, search.outline_a(start) / OUTLINE_DIAMETERS
            size_a *= SMALLEST_VIEW
        return None if best is None else min(max(best[1], smallest_a), largest_a)

    def _search(self, rings: Rings, diameter_a: float) -> Search:
        return Search(
            rings,
            diameter_a=diameter_a,
            min_distance_a=0.5 * diameter_a if self.min_distance_a is None else self.min_distance_a,
            most=self.max_picks,
            threads=self.threads,
        )


def _diameters(lowest: float, highest: float | None) -> NDArray[np.float64]:
    if highest is None or highest <= lowest:
        lowest, highest = SMALLEST_VIEW * lowest, lowest
    if not lowest > 0.0:
        message = f"particle diameter {lowest} Å: must be positive"
        raise ValueError(message)
    steps = max(round(4.0 * float(np.log2(highest / lowest))), 1)
    return np.geomspace(lowest, highest, steps + 1)


def _note(*, found: bool, inverted: bool) -> str:
    if inverted:
        return "Bright blobs stand out as much as dark ones: is the contrast of the micrograph inverted?"
    return "" if found else "No particles found."


def _as_if_whole(found: Candidates, seen: NDArray[np.float32], sure: float) -> Candidates:
    """Scale up the scores of significant candidates of which the border or a mask hides a part.

    One line for all can only be drawn between particles and the rest if whole and cut ones score alike.
    ``seen`` (h, w) is the share of a particle at each place that falls on the field.
    """
    row, column = np.rint(found.y).astype(np.int64), np.rint(found.x).astype(np.int64)
    score = np.where(found.score >= sure, found.score / np.sqrt(seen[row, column]), found.score)
    order = np.argsort(-score, kind="stable")
    return replace(found, score=score).chosen(order)


def _clipped(flat: NDArray[np.float32], usable: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Field without extremes, which would outshine the particles before they are masked."""
    lower, upper = np.percentile(flat[usable], [15.87, 84.13]) if usable.any() else (0.0, 0.0)
    reach = 2.5 * float(upper - lower)
    return np.clip(flat, -reach, reach)


def _blobs(
    frequency_per_a: NDArray[np.float64],
    diameters: NDArray[np.float64],
    shape: str,
    ctf: CtfFit | None,
    optics: Optics | None,
) -> list[NDArray[np.float64]]:
    dark = np.full(frequency_per_a.size, -1.0)
    blobs = [blob_template(frequency_per_a, float(d), shape, dark) for d in diameters]
    if shape == "disc":
        # Discs find the walls of hollow particles; what explains more of the field wins.
        blobs.append(blob_template(frequency_per_a, float(diameters[-1]), "ring", dark))
    if ctf is not None and optics is not None and ctf.has_rings:
        contrast = _contrast(frequency_per_a, ctf, optics)
        blobs.append(blob_template(frequency_per_a, float(diameters[-1]), shape, contrast))
    return blobs


def _nothing(shape: tuple[int, ...], diameter_a: float, note: str) -> PickingResult:
    none = np.zeros(0)
    mask = ContaminationMask(np.ones((1, 1), dtype=bool), (float(shape[1]), float(shape[0])), 0.0)
    return PickingResult(Picks(none, none.copy(), none.copy(), 0.0, diameter_a, 1.0, note), mask)


def _contrast(frequency_per_a: NDArray[np.float64], ctf: CtfFit, optics: Optics) -> NDArray[np.float64]:
    """CTF at the mean defocus; astigmatism doesn't matter at the resolution of picking."""
    wavelength = optics.wavelength_a
    chi = np.pi * wavelength * frequency_per_a**2
    chi = chi * (ctf.defocus_mean_a - 0.5 * wavelength**2 * frequency_per_a**2 * optics.cs_a)
    chi = chi + np.deg2rad(ctf.phase_shift_deg) + np.arcsin(optics.amplitude_contrast)
    contrast: NDArray[np.float64] = -np.sin(chi)
    return contrast
