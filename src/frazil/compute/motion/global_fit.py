"""Motion of the whole field: one shift per frame.

The likelihood of `likelihood` with a mixture of the priors of `basis`; the most probable shifts are found by
Fisher scoring from several starts, from coarse to fine.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from frazil.compute.motion.basis import (
    TimePrior,
    burst_beginnings,
    displacement_covariance,
    log_evidence,
    square_root,
)
from frazil.compute.motion.likelihood import (
    Frames,
    fisher_information,
    log_likelihood_and_gradient,
    ring_weight,
)
from frazil.compute.motion.pace import Pace
from frazil.compute.motion.search import first_guess
from frazil.compute.parallel import for_each

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEARCH_A = 20.0
MIDDLE_A = 12.0
_SEARCH_SIZE = 25_000
_GROUP_DOSES = (4.0, 8.0)


@dataclass(frozen=True)
class GlobalFit:
    """What a fit found.

    Attributes
    ----------
    shift_a
        Shape (F, 2): shifts about a mean of zero, Å.
    covariance_a2
        Shape (F, F): their posterior covariance along either axis, Å².
    signal
        Shape (rings,): power of the specimen, in units of the noise of one frame.
    prior
        The likeliest kind of motion.
    log_posterior
        Of these shifts, up to what no shift changes; compares results from different starts, nats. NaN where
        nothing is to be compared.
    """

    shift_a: NDArray[np.float64]
    covariance_a2: NDArray[np.float64]
    signal: NDArray[np.float64]
    prior: TimePrior
    log_posterior: float


_WIDE = TimePrior(5.0, 0.5, 4.0, 1.0)
_JITTER = ((0.03, 0.0), (0.1, 0.0), (0.25, -2.0), (0.6, -5.0))
_KINDS = ((5.0, 0.5, 2.5), (5.0, 0.5, 5.0), (1.5, 0.15, 2.5), (1.5, 0.15, 5.0))
_MEMORY = ((0.7, -1.0), (2.0, 0.0))


@dataclass(frozen=True)
class Candidate:
    """A prior the data may choose: its square root (F, r) and what it is worth beforehand, nats."""

    prior: TimePrior
    root: NDArray[np.float64]
    log_prior: float


def candidate_priors(dose_start: NDArray[np.float64], dose_end: NDArray[np.float64]) -> list[Candidate]:
    """Kinds of global motion: fast or slow, short or long burst, winding or straight, steady or shaken."""
    found = []
    for since, until, bursting in burst_beginnings(dose_start, dose_end):
        for early, late, decay in _KINDS:
            for memory, worth in _MEMORY:
                smooth = displacement_covariance(since, until, TimePrior(early, late, decay, memory))
                for jitter, shaken in _JITTER:
                    prior = TimePrior(early, late, decay, memory, jitter)
                    root = square_root(smooth + jitter**2 * np.eye(dose_start.size))
                    found.append(Candidate(prior, root, worth + shaken + bursting))
    return found


def fit_global(
    frames: Frames,
    dose_start: NDArray[np.float64],
    dose_end: NDArray[np.float64],
    *,
    steps: int = 12,
    tolerance_a: float = 0.02,
) -> GlobalFit:
    """Most probable shifts by Fisher scoring from coarse to fine; ``frames`` is left aligned.

    At the coarsest resolution several starts compete (none, and `first_guess` from small and large groups of
    frames). The resolution is then raised in steps; at each the signal is measured again and the candidate
    priors are averaged by their evidence.
    """
    candidates = candidate_priors(dose_start, dose_end)
    top = float(frames.band.ring_k[-1])
    area_a2 = 1 / float((frames.band.ky[1] - frames.band.ky[0]) * (frames.band.kx[1] - frames.band.kx[0]))
    # A large field says enough at low resolution; the search then costs the same whatever its size.
    coarse = frames.crop(min(max(SEARCH_A, np.sqrt(0.5 * np.pi * area_a2 / _SEARCH_SIZE)), 40.0))
    begun = dose_start[0]
    motion = displacement_covariance(dose_start - begun, dose_end - begun, _WIDE)
    coarse.move_to(np.zeros_like(frames.shift_a))
    found: list[GlobalFit | None] = [None] * (1 + len(_GROUP_DOSES))

    def try_start(number: int) -> None:
        own = replace(coarse, values=coarse.values.clone(), threads=1)
        if number:
            own.move_to(first_guess(own, dose_end - begun, _GROUP_DOSES[number - 1], motion))
        found[number] = _fit_level(own, candidates, steps=steps, tolerance_a=tolerance_a, compared=True)

    # The longer ones first.
    for_each(try_start, reversed(range(len(found))), frames.threads)
    best = max((fit for fit in found if fit is not None), key=lambda fit: fit.log_posterior)
    frames.move_to(best.shift_a)
    if 1 / MIDDLE_A < 0.8 * top:
        middle = frames.crop(MIDDLE_A)
        frames.move_to(_fit_level(middle, candidates, steps=steps, tolerance_a=tolerance_a).shift_a)
    return _fit_level(frames, candidates, steps=steps, tolerance_a=tolerance_a)


def refine_global(
    frames: Frames, dose_start: NDArray[np.float64], dose_end: NDArray[np.float64]
) -> GlobalFit:
    """Most probable shifts near those that ``frames`` has, at its full resolution."""
    return _fit_level(frames, candidate_priors(dose_start, dose_end), steps=8, tolerance_a=0.02)


def shares(
    candidates: list[Candidate], information: NDArray[np.float64], score: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Probability of each candidate, given the curvature (F, F) and linear term (F, 2) of the likelihood."""
    worth = np.array([c.log_prior + log_evidence(c.root, information, score) for c in candidates])
    share: NDArray[np.float64] = np.exp(worth - worth.max())
    share /= share.sum()
    return share


def mixture(
    candidates: list[Candidate],
    share: NDArray[np.float64],
    information: NDArray[np.float64],
    score: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Posterior mean (F, 2) and covariance (F, F), averaged over the candidates by their `shares`."""
    target = np.zeros_like(score)
    covariance = np.zeros_like(information)
    for part, candidate in zip(share, candidates, strict=True):
        if part > 1e-3:
            root = candidate.root
            inner = np.linalg.inv(root.T @ information @ root + np.eye(root.shape[1]))
            here = root @ inner @ root.T
            target += part * (here @ score)
            covariance += part * here
    return target / share[share > 1e-3].sum(), covariance


def _fit_level(
    frames: Frames, candidates: list[Candidate], *, steps: int, tolerance_a: float, compared: bool = False
) -> GlobalFit:
    shift = frames.shift_a.copy()
    pace = Pace()
    for step in range(steps):
        if step < 4:
            signal = frames.estimate_signal()
            weight = ring_weight(signal, frames.kept)
            information = frames.share * fisher_information(frames.band, weight, signal, frames.kept)
        _, gradient = log_likelihood_and_gradient(frames, weight)
        score = gradient + information @ shift
        if step < 4:
            share = shares(candidates, information, score)
        target, covariance = mixture(candidates, share, information, score)
        target -= target.mean(0)
        ahead = target - shift
        change = float(np.sqrt((ahead**2).sum(1).mean()))
        shift = shift + pace.of(ahead) * ahead
        frames.move_to(shift)
        if change < tolerance_a:
            break
    best = candidates[int(np.argmax(share))]
    inner = best.root.T @ information @ best.root + np.eye(best.root.shape[1])
    unknown = np.linalg.solve(inner, best.root.T @ score)
    value = log_likelihood_and_gradient(frames, weight)[0] if compared else float("nan")
    return GlobalFit(shift, covariance, signal, best.prior, value - 0.5 * float((unknown**2).sum()))
