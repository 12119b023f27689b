"""What is reported of a fit, and what speaks against it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from frazil.compute.ctf.whittle import LENS, Noise, WhittleFit
from frazil.model.ctf import CtfFit, CtfProfile

if TYPE_CHECKING:
    from frazil.compute.ctf.profile import MeasuredProfile
    from frazil.compute.ctf.search import SearchRange

USUAL_ASTIGMATISM_A = 1000.0
"""Standard deviation that is expected: it counts when rings are declared found, not in their fit."""
SURE_GAIN = 40.0
SURE_MARGIN = 8.0
"""Nats over the second-best position."""
SURE_ERROR_A = 120.0
COARSEST_SURE_A = 25.0
"""Rings as coarse as the particles may be the particles' own."""


@dataclass(frozen=True)
class Outcome:
    """Best fit of a search.

    Attributes
    ----------
    fit, noise
        The fit, and the scatter of the spectrum it was made with.
    gain, margin
        Nats over no rings at all, and over the second-best position.
    """

    fit: WhittleFit
    noise: Noise
    gain: float
    margin: float


def report(outcome: Outcome, profile: MeasuredProfile, score: float, thickness: bool) -> CtfFit:
    """Everything the fit says, without doubts; the thickness only if it is determined."""
    lens = outcome.fit.lens
    covariance = outcome.fit.lens_covariance
    covariance = np.zeros((LENS, LENS)) if covariance is None else covariance
    half = math.hypot(lens[1], lens[2])
    along = np.array([lens[1], lens[2]]) / half if half > 0.0 else np.array([1.0, 0.0])
    u_direction = np.array([1.0, *along])
    v_direction = np.array([1.0, *-along])
    across = np.array([-along[1], along[0]])
    side = math.sqrt(max(float(across @ covariance[1:3, 1:3] @ across), 0.0))
    angle_error = min(math.degrees(0.5 * side / half) if half > 0.0 else 90.0, 52.0)
    angle = 0.5 * math.degrees(math.atan2(lens[2], lens[1]))
    return CtfFit(
        defocus_u_a=float(lens[0] + half),
        defocus_v_a=float(lens[0] - half),
        astigmatism_angle_deg=(angle + 90.0) % 180.0 - 90.0,
        phase_shift_deg=math.degrees(lens[3]),
        defocus_u_error_a=math.sqrt(max(float(u_direction @ covariance[:3, :3] @ u_direction), 0.0)),
        defocus_v_error_a=math.sqrt(max(float(v_direction @ covariance[:3, :3] @ v_direction), 0.0)),
        astigmatism_angle_error_deg=angle_error,
        phase_shift_error_deg=math.degrees(math.sqrt(max(float(covariance[3, 3]), 0.0))),
        score=score,
        fit_resolution_a=profile.resolution_a,
        ice_ring=profile.ice_ring,
        has_rings=True,
        doubtful=False,
        note="",
        tilt_deg=math.nan,
        tilt_axis_deg=math.nan,
        thickness_a=float(lens[4]) if thickness else math.nan,
        profile=profile.curves,
    )


def with_doubts(fit: CtfFit, outcome: Outcome, span: SearchRange) -> CtfFit:
    """Say what speaks against a fit."""
    doubts = []
    if outcome.gain < SURE_GAIN:
        doubts.append(f"rings are faint ({outcome.gain:.0f} nats)")
    if outcome.margin < SURE_MARGIN:
        doubts.append("another defocus fits almost as well")
    if fit.fit_resolution_a > COARSEST_SURE_A:
        doubts.append(f"rings agree only to {fit.fit_resolution_a:.0f} Å")
    worst = max(fit.defocus_u_error_a, fit.defocus_v_error_a)
    if worst > SURE_ERROR_A:
        doubts.append(f"the defocus is uncertain by {worst:.0f} Å")
    outside = max(span.defocus_min_a - fit.defocus_mean_a, fit.defocus_mean_a - span.defocus_max_a)
    if outside > span.defocus_step_a:
        doubts.append(f"a defocus of {fit.defocus_mean_a:.0f} Å is outside the range that was searched")
    astigmatism_a = fit.defocus_u_a - fit.defocus_v_a
    if span.fixed_astigmatism is None and astigmatism_a > span.astigmatism_max_a + USUAL_ASTIGMATISM_A:
        doubts.append(f"an astigmatism of {astigmatism_a:.0f} Å is far outside the range searched")
    phases = np.rad2deg(span.phases_rad)
    slack = 10.0 if len(phases) < 2 else 1.5 * float(phases[1] - phases[0])
    if not phases[0] - slack <= fit.phase_shift_deg <= phases[-1] + slack:
        doubts.append(
            f"a phase shift of {fit.phase_shift_deg:.0f} degrees is outside the range that was searched"
        )
    return replace(fit, doubtful=bool(doubts), note="; ".join(doubts))


def no_fit(note: str, profile: MeasuredProfile | None = None) -> CtfFit:
    """Say that there are no rings: no numbers, and ``note`` says why."""
    nothing = math.nan
    empty = np.zeros(0)
    return CtfFit(
        defocus_u_a=nothing,
        defocus_v_a=nothing,
        astigmatism_angle_deg=nothing,
        phase_shift_deg=nothing,
        defocus_u_error_a=nothing,
        defocus_v_error_a=nothing,
        astigmatism_angle_error_deg=nothing,
        phase_shift_error_deg=nothing,
        score=nothing,
        fit_resolution_a=nothing,
        ice_ring=nothing if profile is None else profile.ice_ring,
        has_rings=False,
        doubtful=True,
        note=note,
        tilt_deg=nothing,
        tilt_axis_deg=nothing,
        thickness_a=nothing,
        profile=CtfProfile(empty, empty, empty, empty) if profile is None else profile.curves,
    )


def noted(fit: CtfFit, note: str) -> CtfFit:
    """Add a note to what a fit says."""
    return replace(fit, note="; ".join(filter(None, (fit.note, note))))
