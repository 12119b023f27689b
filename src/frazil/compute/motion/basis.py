"""What motion is expected before looking at the data: covariances in time and space.

Beam-induced motion starts fast and settles; its speed decays with dose while its direction keeps its memory
over ever longer stretches of dose. Both are put into one Gaussian process for the velocity, integrated to
displacements. In space the field is smooth over a thousand Å or so. Splines enter where the field is stored
(`frazil.model.motion`); the prior decides how much each of their nodes may move.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STEPS_PER_FRAME = 6
_LEAST_PRE_EXPOSURE = 1.0
_BURSTS_AGAIN = -2.0
"""A specimen that has been exposed before rarely bursts a second time, nats."""


@dataclass(frozen=True)
class TimePrior:
    """Expected motion in dose.

    Attributes
    ----------
    early_speed, late_speed
        Standard deviation of the velocity per axis at the start and at high dose, Å per e/Å².
    decay
        Dose over which the early speed falls to 1/e, e/Å².
    memory
        How long the velocity keeps its value, in units of ``ln(1 + D / 2)``: 1 means that motion changes
        over some 2 e/Å² at the start and over 20 e/Å² at a dose of 18.
    jitter_a
        Standard deviation of what each frame adds on its own, Å.
    """

    early_speed: float
    late_speed: float
    decay: float = 4.0
    memory: float = 1.0
    jitter_a: float = 0.0


def displacement_covariance(
    dose_start: NDArray[np.float64], dose_end: NDArray[np.float64], prior: TimePrior
) -> NDArray[np.float64]:
    """Prior covariance of the mean displacement in each frame: shape (F, F), Å².

    The displacement is zero at the start of the first frame, so only differences between frames mean
    anything. Velocities have a Matérn-3/2 covariance on the axis ``ln(1 + D / 2)``.

    Parameters
    ----------
    dose_start, dose_end
        Shape (F,): dose on the specimen before and after each frame, pre-exposure included, e/Å².
    """
    frames = dose_start.size
    part = (np.arange(_STEPS_PER_FRAME) + 0.5) / _STEPS_PER_FRAME
    length = np.maximum(dose_end - dose_start, 1e-6)
    dose = (dose_start[:, None] + part * length[:, None]).ravel()
    step = np.repeat(length / _STEPS_PER_FRAME, _STEPS_PER_FRAME)
    warped = np.log1p(dose / 2.0)
    apart = np.sqrt(3.0) * np.abs(warped[:, None] - warped[None, :]) / prior.memory
    speed = prior.early_speed * np.exp(-dose / prior.decay) + prior.late_speed
    weighted = speed * step
    velocity = (1 + apart) * np.exp(-apart) * weighted[:, None] * weighted[None, :]
    # Displacement at the middle of step j is the sum of all earlier steps and half of its own.
    walk = np.tril(np.ones((dose.size, dose.size)), -1) + 0.5 * np.eye(dose.size)
    mean = np.kron(np.eye(frames), np.full((1, _STEPS_PER_FRAME), 1 / _STEPS_PER_FRAME))
    path = mean @ walk
    covariance: NDArray[np.float64] = path @ velocity @ path.T
    return covariance + prior.jitter_a**2 * np.eye(frames)


def burst_beginnings(
    dose_start: NDArray[np.float64], dose_end: NDArray[np.float64]
) -> list[tuple[NDArray[np.float64], NDArray[np.float64], float]]:
    """Doses (F,) to reckon the burst from, and what each reading is worth beforehand, nats.

    What was exposed before has done its bursting; but a new exposure can set it off again.
    """
    known = [(dose_start, dose_end, 0.0)]
    if dose_start[0] > _LEAST_PRE_EXPOSURE:
        known.append((dose_start - dose_start[0], dose_end - dose_start[0], _BURSTS_AGAIN))
    return known


def field_covariance(
    x_a: NDArray[np.float64], y_a: NDArray[np.float64], length_a: float
) -> NDArray[np.float64]:
    """Prior covariance between places (n,): a smooth field of unit variance.

    Parameters
    ----------
    length_a
        Distance over which neighbours move alike (squared exponential), Å.
    """
    square = (x_a[:, None] - x_a[None, :]) ** 2 + (y_a[:, None] - y_a[None, :]) ** 2
    near: NDArray[np.float64] = np.exp(-0.5 * square / length_a**2)
    return near


def square_root(covariance: NDArray[np.float64], tolerance: float = 1e-6) -> NDArray[np.float64]:
    """Matrix R (n, r) with ``R Rᵀ = covariance`` up to ``tolerance`` of its largest eigenvalue.

    Its columns are the principal functions of the prior: a basis in which the unknowns are independent and
    of unit variance, and which follows early motion closely because the prior does.
    """
    value, vector = np.linalg.eigh(0.5 * (covariance + covariance.T))
    keep = value > tolerance * max(float(value[-1]), 1e-30)
    root: NDArray[np.float64] = vector[:, keep] * np.sqrt(value[keep])
    return root


def log_evidence(
    root: NDArray[np.float64], information: NDArray[np.float64], score: NDArray[np.float64]
) -> float:
    """Log probability of the data under a prior, relative to no motion at all, nats.

    The likelihood is taken as quadratic: ``scoreᵀu − ½ uᵀ information u``, with ``u = root z``.

    Parameters
    ----------
    root
        Shape (n, r), see `square_root`.
    information
        Shape (n, n): minus the Hessian of the log-likelihood.
    score
        Shape (n, axes): linear term for each axis.
    """
    inner = root.T @ information @ root + np.eye(root.shape[1])
    factor = np.linalg.cholesky(inner)
    half = np.linalg.solve(factor, root.T @ score)
    axes = score.shape[1]
    return float(0.5 * (half**2).sum() - axes * np.log(np.diag(factor)).sum())
