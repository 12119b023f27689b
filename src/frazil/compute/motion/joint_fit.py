"""Global and local motion together, from specimen and ice.

The finest detail tells most, and only where the field is not blurred by motion that differs from place to
place; so both parts of the motion are fitted at once, to patches of single frames, starting from what coarser
detail has told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from frazil.compute.motion.global_fit import GlobalFit, candidate_priors, mixture, shares
from frazil.compute.motion.local_fit import LocalFit
from frazil.compute.motion.local_prior import LocalPrior, QuadraticLikelihood, local_prior, posterior
from frazil.compute.motion.pace import Pace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.motion.global_fit import Candidate
    from frazil.compute.motion.ice_patches import IcePatches

_LEVELS_A = (6.0, 4.5, 3.5)
FINEST_A = _LEVELS_A[-1]
_MEASURED = 3
"""Powers and candidates are looked at again in so many steps of a level."""


@dataclass
class _State:
    """Global shift (F, 2) and nodes of the local shift (S, F, 2), Å, and what is known of them."""

    common: NDArray[np.float64]
    field: NDArray[np.float64]
    covariance_a2: NDArray[np.float64]
    best: Candidate
    found: LocalFit | None = None


def fit_jointly(
    patches: IcePatches,
    place: NDArray[np.float64],
    whole: GlobalFit,
    nodes_a: NDArray[np.float64] | None,
    dose_start: NDArray[np.float64],
    dose_end: NDArray[np.float64],
    extent_a: tuple[float, float],
    *,
    grid: tuple[int, int] | None = None,
    local: bool = True,
    steps: int = 8,
    tolerance_a: float = 0.03,
) -> tuple[GlobalFit, LocalFit | None]:
    """Refine global and local motion.

    Parameters
    ----------
    patches, place
        Of frames moved by ``whole``, and their centres (P, 2) in (x, y) as fractions of the field.
    whole, nodes_a
        Where to start: global motion, and B-spline nodes (F, gy, gx, 2) of the local motion if there is any.
    extent_a
        Size of the field (y, x), Å.
    grid, local
        See `align_frames`; without ``local`` the local part stays zero and None is returned for it.
    """
    candidates = candidate_priors(dose_start, dose_end)
    groups = [[frame] for frame in range(len(dose_start))]
    prior = local_prior(place, groups, dose_start, dose_end, extent_a, grid)
    field = np.zeros((prior.to_patches.shape[1], len(dose_start), 2))
    if nodes_a is not None:
        field = nodes_a.reshape(len(dose_start), -1, 2).transpose(1, 0, 2)
    state = _State(whole.shift_a - whole.shift_a.mean(0), field, whole.covariance_a2, candidates[0])
    for high_a in _LEVELS_A:
        level = patches.below(high_a)
        level.move_to(state.common + _at_patches(prior, state.field))
        _fit_level(level, state, candidates, prior, local, steps, tolerance_a)
    refined = replace(whole, shift_a=state.common, covariance_a2=state.covariance_a2, prior=state.best.prior)
    return refined, state.found


def _fit_level(
    patches: IcePatches,
    state: _State,
    candidates: list[Candidate],
    prior: LocalPrior,
    local: bool,
    steps: int,
    tolerance_a: float,
) -> None:
    """Fisher scoring below one resolution: the common part and the rest are nearly independent."""
    pace = Pace()
    for step in range(steps):
        if step < _MEASURED:
            trust, course = patches.measure()
            information = trust.sum() * course
        gradient = patches.gradient()
        score = gradient.sum(0) + information @ state.common
        if step < _MEASURED:
            share = shares(candidates, information, score)
        common, state.covariance_a2 = mixture(candidates, share, information, score)
        common -= common.mean(0)
        field = state.field
        if local:
            present = _at_patches(prior, state.field)
            linear = gradient + trust[:, None, None] * np.einsum("fg,pgc->pfc", course, present)
            likelihood = QuadraticLikelihood(linear, trust, course)
            field, _, log_odds, length, error = posterior(likelihood, prior)
        ahead = common - state.common, field - state.field
        apart = _at_patches(prior, ahead[1])
        part = pace.of(ahead[0] + apart)
        state.common = state.common + part * ahead[0]
        state.field = state.field + part * ahead[1]
        if local:
            state.found = LocalFit(prior.nodes(state.field), log_odds, length, error)
        patches.move_to(state.common + _at_patches(prior, state.field))
        change = max(float(np.sqrt((ahead[0] ** 2).sum(1).mean())), float(np.abs(apart).max()))
        if change < tolerance_a:
            break
    state.best = candidates[int(np.argmax(share))]


def _at_patches(prior: LocalPrior, field: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shifts (P, F, 2) about a mean of zero over time."""
    moved = np.einsum("ps,sfc->pfc", prior.to_patches, field)
    centred: NDArray[np.float64] = moved - moved.mean(1, keepdims=True)
    return centred
