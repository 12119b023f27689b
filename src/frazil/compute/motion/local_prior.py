"""What local motion is expected before looking at the data, and what data make of it.

The unknowns are the nodes of a B-spline over the field times a smooth function of dose, both with the priors
of `basis`. Curvature and prior are products of a space part and a time part, so the evidence of every
candidate prior costs a few small eigenvalue problems.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from frazil.compute.motion.basis import (
    TimePrior,
    burst_beginnings,
    displacement_covariance,
    field_covariance,
    square_root,
)
from frazil.model.motion import cubic_bspline_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

NODE_SPACING_A = 800.0

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
class Root:
    """Square root of one factor of the prior, at the unknowns (rows of ``full``) and at the data."""

    full: NDArray[np.float64]
    data: NDArray[np.float64]


@dataclass(frozen=True)
class QuadraticLikelihood:
    """Quadratic log-likelihood: score (P, G, 2), curvature the product of trust (P,) and time (G, G)."""

    score: NDArray[np.float64]
    trust: NDArray[np.float64]
    time: NDArray[np.float64]


@dataclass(frozen=True)
class LocalPrior:
    """Candidate priors of the field, at its nodes and at the patches.

    Attributes
    ----------
    grid
        Nodes (gy, gx).
    to_patches
        Shape (P, gy gx): weight of each node at each patch.
    spaces, times
        Square roots of the candidates' factors, over nodes and patches, over frames and groups.
    """

    grid: tuple[int, int]
    to_patches: NDArray[np.float64]
    spaces: list[Root]
    times: list[Root]

    def nodes(self, field: NDArray[np.float64]) -> NDArray[np.float64]:
        """Nodes (F, gy, gx, 2) of a field (gy gx, F, 2)."""
        return field.transpose(1, 0, 2).reshape(field.shape[1], *self.grid, 2)


def local_prior(
    place: NDArray[np.float64],
    groups: list[list[int]],
    dose_start: NDArray[np.float64],
    dose_end: NDArray[np.float64],
    extent_a: tuple[float, float],
    grid: tuple[int, int] | None = None,
) -> LocalPrior:
    """Candidate priors for patches at ``place`` (P, 2): fractions (x, y) of a field of ``extent_a`` (y, x).

    ``groups`` are frames that share one shift; ``grid`` is (gy, gx), at least 4 each, by default one node per
    800 Å and three more.
    """
    grid_y, grid_x = grid or (_nodes(extent_a[0]), _nodes(extent_a[1]))
    at_y, at_x = np.meshgrid(
        (np.arange(grid_y) - 1) / (grid_y - 3) * extent_a[0],
        (np.arange(grid_x) - 1) / (grid_x - 3) * extent_a[1],
        indexing="ij",
    )
    in_y = cubic_bspline_weights(place[:, 1], grid_y)
    in_x = cubic_bspline_weights(place[:, 0], grid_x)
    to_patches = (in_y[:, :, None] * in_x[:, None, :]).reshape(len(place), -1)
    spaces = []
    for length in _LENGTHS_A:
        root = square_root(field_covariance(at_x.ravel(), at_y.ravel(), length), _TOLERANCE)
        spaces.append(Root(root, to_patches @ root))
    times = []
    for since, until, _ in burst_beginnings(dose_start, dose_end):
        for prior in _TIMES:
            root = square_root(displacement_covariance(since, until, prior), _TOLERANCE)
            times.append(Root(root, np.stack([root[members].mean(0) for members in groups])))
    return LocalPrior((grid_y, grid_x), to_patches, spaces, times)


def _nodes(side_a: float) -> int:
    return max(4, 3 + round(side_a / NODE_SPACING_A))


def posterior(
    likelihood: QuadraticLikelihood, prior: LocalPrior
) -> tuple[NDArray[np.float64], NDArray[np.float64], float, float, float]:
    """Mean of the field per frame (S, F, 2) and per group (S, G, 2), averaged over all priors and none.

    Also the log of the odds of motion against none, the likeliest length in Å and the error to expect in Å.
    """
    spaces, times = prior.spaces, prior.times
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
    length = _LENGTHS_A[fits[int(np.argmax(worth))][1]]
    return field, in_groups, evidence, length, float(np.sqrt(error))


def _without_common(root: Root, trust: NDArray[np.float64]) -> Root:
    """Take from each mode its mean over the patches, weighted by their information (P,)."""
    mean = trust @ root.data / max(float(trust.sum()), 1e-30)
    return Root(root.full - mean, root.data - mean)


def _turned(root: Root, curvature: NDArray[np.float64]) -> tuple[Root, NDArray[np.float64]]:
    """Rotate a root so that the curvature becomes diagonal; returns its diagonal too."""
    value, vector = np.linalg.eigh(curvature)
    return Root(root.full @ vector, root.data @ vector), np.maximum(value, 0.0)
