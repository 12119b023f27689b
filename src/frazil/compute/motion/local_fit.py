"""Motion that differs from place to place: all patches at once, one smooth field.

The aligned frames are gathered into groups (single frames while motion is fast) and cut into overlapping
patches; the likelihood of `likelihood` is summed over them, and the priors of `local_prior` are averaged by
their evidence. What all patches share is left to the global fit: seen again here it would count twice, and
would tell against every prior that lets the field move.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from frazil.compute.motion.likelihood import fisher_information
from frazil.compute.motion.local_prior import LocalPrior, QuadraticLikelihood, local_prior, posterior
from frazil.compute.motion.pace import Pace
from frazil.compute.motion.spectra import signal_power
from frazil.compute.parallel import for_each

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.motion.patches import Patches

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
    prior = local_prior(patches.place, groups, dose_start, dose_end, extent_a, grid)
    top = float(patches.band.ring_k[-1])
    if 1 / COARSE_A < 0.8 * top:
        coarse = patches.crop(COARSE_A)
        _fit_level(coarse, prior, steps, tolerance_a)
        patches.move_to(coarse.shift_a)
    field, evidence, length, error = _fit_level(patches, prior, steps, tolerance_a)
    return LocalFit(prior.nodes(field), evidence, length, error)


def _fit_level(
    patches: Patches, prior: LocalPrior, steps: int, tolerance_a: float
) -> tuple[NDArray[np.float64], float, float, float]:
    """Fisher scoring at one resolution: field (S, F, 2), log-evidence, length and expected error."""
    pace = Pace()
    for step in range(steps):
        if step < _SIGNAL_STEPS:
            signal, strength = patch_signal(patches)
            power = signal * strength[:, None]
            weight = power / (1 + power * patches.kept.sum(0))
            trust, time = _curvature(patches, weight, power)
        shift = patches.shift_a
        gradient = patch_gradient(patches, weight) * patches.share[:, None, None]
        score = gradient + trust[:, None, None] * np.einsum("gh,phc->pgc", time, shift)
        likelihood = QuadraticLikelihood(score, trust, time)
        field, in_groups, evidence, length, error = posterior(likelihood, prior)
        target = np.einsum("ps,sgc->pgc", prior.to_patches, in_groups)
        target -= target.mean(1, keepdims=True)
        ahead = target - shift
        patches.move_to(shift + pace.of(ahead) * ahead)
        if np.abs(ahead).max() < tolerance_a:
            break
    return field, evidence, length, error


_SIGNAL_STEPS = 4


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
