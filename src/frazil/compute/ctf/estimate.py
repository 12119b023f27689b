"""Estimate the CTF of one micrograph from its power spectra."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from frazil.compute.ctf.noise import measure_noise, pixel_terms
from frazil.compute.ctf.polar import polar_grid
from frazil.compute.ctf.profile import ice_ring, measure_profile, wide_grid
from frazil.compute.ctf.report import (
    SURE_MARGIN,
    USUAL_ASTIGMATISM_A,
    Outcome,
    no_fit,
    noted,
    report,
    with_doubts,
)
from frazil.compute.ctf.score import ctffind_score
from frazil.compute.ctf.search import SearchRange, find_candidates
from frazil.compute.ctf.tilt import FEWEST_TILES, STEEPEST_DEG, fit_plane
from frazil.compute.ctf.whittle import Noise, WhittleFit, WhittleModel
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.ctf.polar import PolarGrid
    from frazil.model.ctf import CtfFit
    from frazil.model.optics import Optics
    from frazil.model.periodograms import Periodograms

SIGNIFICANT_GAIN = 15.0
"""Nats over the ring-free model. In noise the best of all positions reaches 10 as a rule, seldom 15."""
ICE_LIMIT = 1.05
FINEST_WITH_ICE_A = 4.1
"""Where crystalline ice shines the fit ends before its ring."""
THICKNESS_GAIN = 8.0
"""Nats over the fit without thickness, below which there is no telling: the rings' own decay explains it."""
THICKNESS_ERROR = 0.25
"""Largest error bar of a thickness that counts as determined, relative to it."""
_HIGH_PASS_PER_A = 1.0 / 14.0
_HOPELESS = 40.0
_HOPELESS_SHARE = 0.2
"""Nats, and share of its nats, behind the best in the search: not worth refining. The envelopes tried there
are a guess, so strong rings may miss more of theirs."""
_BEYOND_STEPS = 5
"""How far outside the range the search looks: rings that lie there must not pass for others inside."""


def estimate_ctf(
    periodograms: Periodograms,
    optics: Optics,
    *,
    low_a: float = 30.0,
    high_a: float = 3.5,
    defocus_min_a: float = 3500.0,
    defocus_max_a: float = 50000.0,
    defocus_step_a: float = 100.0,
    fit_astigmatism: bool = True,
    astigmatism_max_a: float = 2500.0,
    known_astigmatism: tuple[float, float] | None = None,
    fit_phase_shift: bool = False,
    phase_shift_min_deg: float = 0.0,
    phase_shift_max_deg: float = 180.0,
    phase_shift_step_deg: float = 10.0,
    fit_tilt: bool = False,
    known_tilt_axis_deg: float | None = None,
    fit_thickness: bool = False,
) -> CtfFit:
    """Fit defocus and astigmatism, and what else is asked for, to tile power spectra.

    A matched-filter search over all defoci and astigmatisms, then a maximum-likelihood refinement in which
    background and envelope are free splines (`frazil.compute.ctf.whittle`). Error bars are its curvature,
    at the scatter that is measured in the spectrum itself.

    Parameters
    ----------
    periodograms
        Of one exposure.
    optics
        Voltage, Cs, amplitude contrast.
    low_a, high_a
        Band of the fit, Å; the fine end is limited by the spectrum.
    defocus_min_a, defocus_max_a, defocus_step_a
        Search range and step, Å.
    fit_astigmatism, astigmatism_max_a, known_astigmatism
        Whether to fit it; search range (Å); or (difference U - V in Å, angle of U in degrees) to hold fixed.
    fit_phase_shift, phase_shift_min_deg, phase_shift_max_deg, phase_shift_step_deg
        Phase plate; a range of one value holds the phase at it.
    fit_tilt, known_tilt_axis_deg
        Fit a plane of defocus over the tiles; axis from +x towards +y if known.
    fit_thickness
        Fit the ice thickness (CTFFIND 5's node model, Tichelaar 2020); not a number, with a note, where the
        spectrum can't tell it.

    Raises
    ------
    InputError
        Settings that contradict each other, or a spectrum with values that are not numbers.
    """
    _check(periodograms, low_a, high_a, defocus_min_a, defocus_max_a, defocus_step_a)
    mean_power = average_spectrum(periodograms)
    if not mean_power.any():
        return no_fit("the image is constant: it has no power spectrum")
    size, pixel = periodograms.size, periodograms.pixel_size_a
    wide = wide_grid(size, pixel, high_a)
    if ice_ring(wide, wide.average(mean_power)) > ICE_LIMIT:
        high_a = max(high_a, FINEST_WITH_ICE_A)
    grid = polar_grid(size, pixel, low_a, high_a)
    if grid.rings < 24:
        return no_fit(f"the spectrum has only {grid.rings} rings between {low_a:g} and {high_a:g} Å")
    model = WhittleModel(grid, np.maximum(grid.average(mean_power), 1e-30), optics)
    phases = np.array([0.0])
    if fit_phase_shift:
        phases = np.arange(phase_shift_min_deg, phase_shift_max_deg + 1e-6, phase_shift_step_deg)
    fixed = None
    if known_astigmatism is not None:
        half, angle = 0.5 * known_astigmatism[0], math.radians(known_astigmatism[1])
        fixed = (half * math.cos(2 * angle), half * math.sin(2 * angle))
    span = SearchRange(
        defocus_min_a=defocus_min_a,
        defocus_max_a=defocus_max_a,
        defocus_step_a=defocus_step_a,
        astigmatism_max_a=astigmatism_max_a if fit_astigmatism and known_astigmatism is None else 0.0,
        phases_rad=tuple(float(p) for p in np.deg2rad(phases)),
        fixed_astigmatism=fixed,
    )
    fit_phase = fit_phase_shift and phase_shift_max_deg > phase_shift_min_deg
    free = np.array([True, fit_astigmatism and fixed is None, False, fit_phase, False, False])
    free[2] = free[1]
    outcome = _fit_rings(model, grid, optics, span, free)
    if outcome is None:
        return no_fit("no Thon rings: nothing in the spectrum follows a CTF")
    thick = _with_thickness(model, outcome, free) if fit_thickness else None
    outcome = outcome if thick is None else thick
    profile = measure_profile(mean_power, pixel, optics, model, outcome.fit, high_a)
    if outcome.gain < SIGNIFICANT_GAIN:
        better = max(outcome.gain, 0.0)
        note = f"no Thon rings: a CTF explains the spectrum by only {better:.0f} nats better than none"
        return no_fit(note, profile)
    score = ctffind_score(mean_power, pixel, optics, outcome.fit.lens, low_a=low_a, high_a=high_a)
    fit = report(outcome, profile, score, thick is not None)
    fit = with_doubts(fit, outcome, span)
    if fit_thickness and thick is None:
        fit = noted(fit, "the ice thickness can't be told: no node or early decay of the rings is seen")
    if fit_tilt:
        fit = _with_tilt(fit, periodograms, model, outcome, known_tilt_axis_deg)
    return fit


def better_fit(first: CtfFit, second: CtfFit) -> CtfFit:
    """Of two fits of one exposure, the one with rings and the smaller error bar.

    Spectra of dose groups and of the whole average see different things: groups keep what moves between
    them (ice), the average is stronger where the dose is low. Neither is better on every exposure.
    """

    def worst_error(fit: CtfFit) -> float:
        if not fit.has_rings:
            return math.inf
        error = max(fit.defocus_u_error_a, fit.defocus_v_error_a)
        return error + (1e6 if fit.doubtful else 0.0)

    return first if worst_error(first) <= worst_error(second) else second


def average_spectrum(periodograms: Periodograms) -> NDArray[np.float32]:
    """Mean of the tiles after bringing each to the same mean power: no carbon or ice tile drowns the rest."""
    power = periodograms.power
    if not math.isfinite(float(np.sum(power, dtype=np.float64))):
        raise InputError(
            "The power spectrum holds values that are not numbers: the image is damaged, make it again"
        )
    # The lowest frequencies are left out: one contaminated tile would be scaled down by its gradient.
    skip = max(2, power.shape[2] // 8)
    level = power[:, skip:-skip, skip:].mean(axis=(1, 2), dtype=np.float64)
    if not np.any(level > 0.0):
        return np.zeros_like(power[0])
    weight = np.where(level > 0.0, level[level > 0.0].mean() / np.maximum(level, 1e-30), 0.0)
    return np.asarray(np.einsum("t,tyx->yx", (weight / np.sum(level > 0.0)).astype(np.float32), power))


def _check(
    periodograms: Periodograms, low_a: float, high_a: float, min_a: float, max_a: float, step_a: float
) -> None:
    if not 0.0 < high_a < low_a:
        raise InputError(f"The CTF band from {low_a:g} to {high_a:g} Å is empty; give the coarser one first")
    if not (0.0 < min_a < max_a and step_a > 0.0):
        raise InputError(f"The defocus range {min_a:g} to {max_a:g} Å in steps of {step_a:g} Å is empty")
    if periodograms.pixel_size_a * 2.0 >= low_a:
        raise InputError(
            f"At {periodograms.pixel_size_a:g} Å per pixel nothing finer than "
            f"{2 * periodograms.pixel_size_a:g} Å is recorded; the CTF band starts at {low_a:g} Å"
        )


def _fit_rings(
    model: WhittleModel,
    grid: PolarGrid,
    optics: Optics,
    span: SearchRange,
    free: NDArray[np.bool_],
) -> Outcome | None:
    """Search, refine the best candidates, measure the scatter, refine again and compare."""
    noise = Noise(pixel_terms(grid, model.power), np.zeros(grid.rings))
    flat = model.without_rings(noise)
    # Bragg spots: no ring rises above twice its background.
    ceiling = model.expected(flat) * (2.0 + 6.0 / np.sqrt(noise.terms * grid.count))
    if np.any(model.power > ceiling):
        np.minimum(model.power, ceiling, out=model.power)
        flat = model.without_rings(noise)
    residual = model.power / model.expected(flat) - 1.0
    wide = _widened(span)
    candidates = []
    for from_per_a in (0.0, _HIGH_PASS_PER_A):
        found = find_candidates(grid, residual, optics, wide, from_per_a=from_per_a)
        behind = max(_HOPELESS / noise.terms, _HOPELESS_SHARE * found[0].gain) if found else 0.0
        candidates += [c for c in found if found[0].gain - c.gain < behind]
    fits: list[WhittleFit] = []
    for candidate in candidates:
        if any(_near(candidate.lens, fit.lens) for fit in fits):
            continue
        start = replace(model.with_modulation(flat, candidate.depth), lens=candidate.lens)
        fits.append(model.climb(start, noise, free, steps=4, tolerance=0.5))
    fits = [fit for fit in fits if _inside(fit, wide)]
    if not fits:
        return None
    fits.sort(key=lambda fit: -fit.log_likelihood)
    noise = measure_noise(grid, model, fits[0])
    flat = model.without_rings(noise)
    free = free.copy()
    free[5] = True
    final = [model.climb(fit, noise, free, steps=6) for fit in fits[:3]]
    final.sort(key=lambda fit: -fit.log_likelihood)
    # What was asked for comes first, unless the rings clearly say otherwise.
    inside = [fit for fit in final if _inside(fit, span)]
    best = inside[0] if inside and not _clearly_better(final[0], inside[0]) else final[0]
    rivals = [fit for fit in final if not _near(fit.lens, best.lens)]
    margin = best.log_likelihood - rivals[0].log_likelihood if rivals else math.inf
    if not _inside(best, wide):
        return None
    # Noise offers far more strongly astigmatic fits than round ones; microscopes do the opposite.
    unlikely = 2.0 * float(best.lens[1] ** 2 + best.lens[2] ** 2) / USUAL_ASTIGMATISM_A**2 if free[1] else 0.0
    return Outcome(best, noise, best.log_likelihood - flat.log_likelihood - unlikely, margin)


def _with_thickness(model: WhittleModel, outcome: Outcome, free: NDArray[np.bool_]) -> Outcome | None:
    """Start from the best of a coarse scan of thicknesses; None if the spectrum can't tell one from none."""
    if outcome.gain < SIGNIFICANT_GAIN:
        return None
    best = outcome.fit
    released = free.copy()
    released[4:] = True
    for thickness in (150.0, 400.0, 700.0, 1000.0, 1400.0, 1900.0, 2500.0, 3200.0):
        lens = outcome.fit.lens.copy()
        lens[4] = thickness
        trial = model.climb(replace(outcome.fit, lens=lens), outcome.noise, released, steps=8)
        if trial.log_likelihood > best.log_likelihood:
            best = trial
    gained = best.log_likelihood - outcome.fit.log_likelihood
    if gained < THICKNESS_GAIN or best.lens_covariance is None:
        return None
    error = math.sqrt(max(float(best.lens_covariance[4, 4]), 0.0))
    if not 0.0 < error < THICKNESS_ERROR * float(best.lens[4]):
        return None
    return replace(outcome, fit=best, gain=outcome.gain + gained)


def _with_tilt(
    fit: CtfFit,
    periodograms: Periodograms,
    model: WhittleModel,
    outcome: Outcome,
    known_axis_deg: float | None,
) -> CtfFit:
    """Add the tilt, or say why there is none."""
    pixel = periodograms.movie_pixel_size_a
    if not math.isfinite(pixel) or periodograms.tiles < FEWEST_TILES:
        reason = (
            f"no tilt from {periodograms.tiles} tiles with a pixel of {pixel:g} Å: choose smaller CTF tiles"
        )
        return noted(fit, reason)
    tilt_deg, axis_deg = fit_plane(periodograms, pixel, model, outcome.fit, known_axis_deg=known_axis_deg)
    if abs(tilt_deg) > STEEPEST_DEG:
        return noted(fit, f"no tilt: the tiles agree on no plane of less than {STEEPEST_DEG:.0f} degrees")
    return replace(fit, tilt_deg=tilt_deg, tilt_axis_deg=axis_deg)


def _near(lens: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    return bool(np.all(np.abs(lens[:3] - other[:3]) < 200.0) and abs(lens[3] - other[3]) < 0.2)


def _clearly_better(fit: WhittleFit, other: WhittleFit) -> bool:
    return fit.log_likelihood - other.log_likelihood > SURE_MARGIN


def _widened(span: SearchRange) -> SearchRange:
    beyond = _BEYOND_STEPS * span.defocus_step_a
    lowest = max(span.defocus_min_a - beyond, 0.5 * span.defocus_min_a)
    return replace(span, defocus_min_a=lowest, defocus_max_a=span.defocus_max_a + beyond)


def _inside(fit: WhittleFit, span: SearchRange) -> bool:
    slack = 2.0 * span.defocus_step_a + 100.0
    return span.defocus_min_a - slack <= float(fit.lens[0]) <= span.defocus_max_a + slack
