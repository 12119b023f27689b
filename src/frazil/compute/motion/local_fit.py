"""Motion that differs from place to place: all patches at once, one smooth field.

The aligned frames are gathered into groups (single frames while motion is fast) and cut into overlapping
patches; the likelihood of `likelihood` is summed over them. The unknowns are the nodes of a B-spline over the
field times a smooth function of dose, both with the priors of `basis`. Curvature and prior are products of a
space part and a time part, so every step, and the evidence of every candidate prior, costs a few small
eigenvalue problems. What all patches share is left to the global fit: seen again here it would count twice,
and would tell against every prior that lets the field move.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from frazil.compute.motion.basis import (
    TimePrior,
    burst_beginnings,
    displacement_covariance,
    field_covariance,
    square_root,
)
from frazil.compute.motion.likelihood import fisher_information
from frazil.compute.motion.spectra import signal_power
from frazil.compute.parallel import for_each
from frazil.model.motion import cubic_bspline_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.motion.patches import Patches

NODE_SPACING_A = 800.0
COARSE_A = 16.0


@dataclass(frozen=True)
class LocalFit:
    """The local field and how sure it is.

    Attributes
    ----------
    nodes_a
        Shape (F, gy, gx, 2): B-spline nodes, Å.
    log_odds
        Of local motion against none, nats.
    length_a
        Over which neighbours move alike, as the data would have it, Å.
    expected_error_a
        Root mean square error of the field to expect (both axes, mean over time removed), Å.
    """

    nodes_a: NDArray[np.float64]
    log_odds: float
    length_a: float
    expected_error_a: float


_LENGTHS_A = (500.0, 900.0, 1600.0, 3000.0)
_LENGTH_WORTH = (-3.0, -1.0, 0.0, 0.0)
"""What each is worth beforehand, nats: ice moves alike over a thousand Å and more (Zivanov et al. 2019)."""
_TIMES = (
    TimePrior(1.0, 0.03, 2.5, 2.0),
    TimePrior(0.6, 0.02, 5.0, 2.0),
    TimePrior(0.6, 0.1, 4.0, 1.0),
    TimePrior(0.3, 0.1, 4.0, 2.0),
    # Nearly one course for all, only its size differs from place to place: all that poor data can tell.
    TimePrior(1.0, 0.1, 4.0, 8.0),
    TimePrior(0.6, 0.03, 3.0, 8.0),
)
_AMPLITUDES = (0.15, 0.3, 0.6, 1.0, 1.7, 3.0, 5.0)
_TOLERANCE = 1e-5


@dataclass(frozen=True)
class _Root:
    """Square root of one factor of the prior, at the unknowns (rows of ``full``) and at the data."""

    full: NDArray[np.float64]
    data: NDArray[np.float64]


@dataclass(frozen=True)
class _Likelihood:
    """Quadratic log-likelihood: score (P, G, 2), curvature the product of trust (P,) and time (G, G)."""

    score: NDArray[np.float64]
    trust: NDArray[np.float64]
    time: NDArray[np.float64]


def fit_local(
    patches: Patches,
    groups: list[list[int]],
    dose_start: NDArray[np.float64],
    dose_end: NDArray[np.float64],
    extent_a: tuple[float, float],
    *,
    grid: tuple[int, int] | None = None,
    steps: int = 8,
    tolerance_a: float = 0.03,
) -> LocalFit:
    """Most probable local field; ``patches`` is left aligned. ``grid`` is (gy, gx), at least 4 each."""
    grid_y, grid_x = grid or (_nodes(extent_a[0]), _nodes(extent_a[1]))
    at_y, at_x = np.meshgrid(
        (np.arange(grid_y) - 1) / (grid_y - 3) * extent_a[0],
        (np.arange(grid_x) - 1) / (grid_x - 3) * extent_a[1],
        indexing="ij",
    )
    in_y = cubic_bspline_weights(patches.place[:, 1], grid_y)
    in_x = cubic_bspline_weights(patches.place[:, 0], grid_x)
    to_patches = (in_y[:, :, None] * in_x[:, None, :]).reshape(len(patches.place), -1)
    spaces = []
    for length in _LENGTHS_A:
        root = square_root(field_covariance(at_x.ravel(), at_y.ravel(), length), _TOLERANCE)
        spaces.append(_Root(root, to_patches @ root))
    times = []
    for since, until, _ in burst_beginnings(dose_start, dose_end):
        for prior in _TIMES:
            root = square_root(displacement_covariance(since, until, prior), _TOLERANCE)
            times.append(_Root(root, np.stack([root[members].mean(0) for members in groups])))
    top = float(patches.band.ring_k[-1])
    if 1 / COARSE_A < 0.8 * top:
        coarse = patches.crop(COARSE_A)
        _fit_level(coarse, spaces, times, to_patches, steps, tolerance_a)
        patches.move_to(coarse.shift_a)
    field, evidence, length, error = _fit_level(patches, spaces, times, to_patches, steps, tolerance_a)
    nodes = field.transpose(1, 0, 2).reshape(len(dose_start), grid_y, grid_x, 2)
    return LocalFit(nodes, evidence, length, error)


def _nodes(side_a: float) -> int:
    return max(4, 3 + round(side_a / NODE_SPACING_A))


def _fit_level(
    patches: Patches,
    spaces: list[_Root],
    times: list[_Root],
    to_patches: NDArray[np.float64],
    steps: int,
    tolerance_a: float,
) -> tuple[NDArray[np.float64], float, float, float]:
    """Fisher scoring at one resolution: field (S, F, 2), log-evidence, length and expected error."""
    for step in range(steps):
        if step < _SIGNAL_STEPS:
            signal, strength = patch_signal(patches)
            power = signal * strength[:, None]
            weight = power / (1 + power * patches.kept.sum(0))
            trust, time = _curvature(patches, weight, power)
        shift = patches.shift_a
        gradient = patch_gradient(patches, weight) * patches.share[:, None, None]
        score = gradient + trust[:, None, None] * np.einsum("gh,phc->pgc", time, shift)
        field, in_groups, evidence, best, error = _posterior(_Likelihood(score, trust, time), spaces, times)
        target = np.einsum("ps,sgc->pgc", to_patches, in_groups)
        target -= target.mean(1, keepdims=True)
        change = np.abs(target - shift).max()
        patches.move_to(target)
        if change < tolerance_a:
            break
    return field, evidence, _LENGTHS_A[best], error


_SIGNAL_STEPS = 4


def _posterior(
    likelihood: _Likelihood, spaces: list[_Root], times: list[_Root]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float, int, float]:
    """Mean of the field per frame (S, F, 2) and per group (S, G, 2), averaged over all priors and none.

    Also the log of the odds of motion against none, the likeliest space prior and the error to expect.
    """
    fits = []
    relative = [_without_common(space, likelihood.trust) for space in spaces]
    turned_spaces = [_turned(s, s.data.T @ (likelihood.trust[:, None] * s.data)) for s in relative]
    turned_times = [_turned(t, t.data.T @ likelihood.time @ t.data) for t in times]
    for index, (space, stiff_s) in enumerate(turned_spaces):
        along = np.einsum("pr,pgc->rgc", space.data, likelihood.score)
        for time, stiff_t in turned_times:
            linear = np.einsum("rgc,gt->rtc", along, time.data)
            stiff = np.outer(stiff_s, stiff_t)
            spread = np.outer((space.data**2).mean(0), ((time.data - time.data.mean(0)) ** 2).mean(0))
            for amplitude in _AMPLITUDES:
                gain = amplitude**2 / (1 + amplitude**2 * stiff)
                told = 0.5 * (linear**2 * gain[..., None]).sum() - np.log1p(amplitude**2 * stiff).sum()
                worth = float(told) + _LENGTH_WORTH[index]
                fits.append((worth, index, space, time, linear * gain[..., None], 2 * (spread * gain).sum()))
    worth = np.array([fit[0] for fit in fits]) - np.log(len(fits))
    evidence = float(worth.max() + np.log(np.exp(worth - worth.max()).sum()))
    # One more voice: no local motion at all.
    share = np.exp(worth - np.logaddexp(evidence, 0.0))
    field = np.zeros((spaces[0].full.shape[0], times[0].full.shape[0], 2))
    in_groups = np.zeros((spaces[0].full.shape[0], times[0].data.shape[0], 2))
    error = 0.0
    for part, (_, _, space, time, unknown, variance) in zip(share, fits, strict=True):
        if part > 1e-3:
            left = np.einsum("sr,rtc->stc", part * space.full, unknown)
            field += np.einsum("stc,ft->sfc", left, time.full)
            in_groups += np.einsum("stc,gt->sgc", left, time.data)
        error += part * variance
    return field, in_groups, evidence, fits[int(np.argmax(worth))][1], float(np.sqrt(error))


def _without_common(root: _Root, trust: NDArray[np.float64]) -> _Root:
    """Take from each mode its mean over the patches, weighted by their information (P,)."""
    mean = trust @ root.data / max(float(trust.sum()), 1e-30)
    return _Root(root.full - mean, root.data - mean)


def _turned(root: _Root, curvature: NDArray[np.float64]) -> tuple[_Root, NDArray[np.float64]]:
    """Rotate a root so that the curvature becomes diagonal; returns its diagonal too."""
    value, vector = np.linalg.eigh(curvature)
    return _Root(root.full @ vector, root.data @ vector), np.maximum(value, 0.0)


def patch_signal(patches: Patches) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Signal per ring (rings,) over all patches, and the strength of each patch (P,) relative to it."""
    summed = np.empty((len(patches.values), patches.band.rings))

    def measure(index: int) -> None:
        total = patches.values[index].sum(0)
        summed[index] = patches.band.ring_mean(total.real**2 + total.imag**2)

    for_each(measure, range(len(summed)), patches.threads)
    kept = patches.kept
    signal = signal_power(summed.mean(0), patches.own_power.mean(0), kept, patches.band.count)
    pairs = np.maximum(kept.sum(0) ** 2 - (kept**2).sum(0), 1e-12)
    raw = (summed - patches.own_power) / pairs
    level = 1 / np.maximum(kept.sum(0), 1e-9)
    use = patches.band.count * signal / (signal + level) ** 2
    strength = (raw * use).sum(1) / max(float((signal * use).sum()), 1e-12)
    return signal, np.clip(strength, 0.1, 5.0)


def patch_gradient(patches: Patches, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gradient (P, G, 2) of the log-likelihood with weights per patch and ring (P, rings), 1/Å."""
    band = patches.band
    out = np.empty((*patches.values.shape[:2], 2))

    def evaluate(index: int) -> None:
        patch = patches.values[index]
        weighted = (patch.sum(0) * band.spread(weight[index])).conj()
        sides = torch.stack(
            [(weighted * band.kx[None, :]).ravel(), (weighted * band.ky[:, None]).ravel()], dim=1
        )
        product = patch.reshape(patch.shape[0], -1) @ sides
        out[index] = -4 * np.pi * product.imag.double().cpu().numpy()

    for_each(evaluate, range(len(out)), patches.threads)
    return out


def _curvature(
    patches: Patches, weight: NDArray[np.float64], power: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Size (P,) of each patch's information, and its mean course over the groups (G, G)."""
    band, kept = patches.band, patches.kept
    per_ring = weight * power
    time = fisher_information(band, per_ring.mean(0), np.ones(band.rings), kept)
    size = per_ring @ (band.count * band.ring_k**2 * kept.sum(0) ** 2)
    return patches.share * size / max(float(size.mean()), 1e-30), time
