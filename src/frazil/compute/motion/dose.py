"""Radiation damage: how much of the signal is left at a dose, and how to weight frames by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_VOLTAGES_KV = np.array([100.0, 120.0, 200.0, 300.0])
_BETA_SQUARED = np.array([0.498, 0.571, 0.80, 1.0])
"""Squared electron velocity relative to 300 kV: damage per electron goes with 1 / v^2 (Bethe)."""


def voltage_factor(voltage_kv: float) -> float:
    """Critical dose at ``voltage_kv`` relative to the one at 300 kV; 0.80 at 200 kV, 0.498 at 100 kV."""
    return float(np.interp(voltage_kv, _VOLTAGES_KV, _BETA_SQUARED))


def critical_dose_e_per_a2(frequency_per_a: ArrayLike, voltage_kv: float = 300.0) -> NDArray[np.float64]:
    """Dose after which a signal's amplitude has fallen to exp(-1/2).

    ``N_e(k) = 0.24499 k^-1.6649 + 2.8141`` e/Å² at 300 kV (Grant & Grigorieff 2015, eLife 4:e06980), infinite
    at k = 0, times `voltage_factor`.

    Parameters
    ----------
    frequency_per_a
        Spatial frequency k, 1/Å, any shape.

    Returns
    -------
    dose
        Same shape, e/Å².
    """
    k = np.abs(np.asarray(frequency_per_a, dtype=np.float64))
    with np.errstate(divide="ignore"):
        curve: NDArray[np.float64] = voltage_factor(voltage_kv) * (0.24499 * k**-1.6649 + 2.8141)
    return curve


def dose_weights(
    frequency_per_a: ArrayLike, dose_e_per_a2: ArrayLike, voltage_kv: float = 300.0
) -> NDArray[np.float64]:
    """Amplitude left at accumulated dose D: ``exp(-D / (2 N_e(k)))``, the weight that maximises the signal.

    Parameters
    ----------
    frequency_per_a
        Shape (...), 1/Å.
    dose_e_per_a2
        Shape (F,): accumulated dose in the middle of each frame, e/Å².

    Returns
    -------
    weights
        Shape (F, ...), 1 at k = 0.
    """
    decay = 0.5 / critical_dose_e_per_a2(frequency_per_a, voltage_kv)
    dose = np.asarray(dose_e_per_a2, dtype=np.float64)
    weights: NDArray[np.float64] = np.exp(-dose.reshape(dose.shape + (1,) * decay.ndim) * decay)
    return weights


def mid_frame_dose_e_per_a2(
    frames: int, dose_per_frame_e_per_a2: float, pre_exposure_e_per_a2: float = 0.0
) -> NDArray[np.float64]:
    """Accumulated dose in the middle of each frame: shape (frames,)."""
    dose: NDArray[np.float64] = (
        pre_exposure_e_per_a2 + (np.arange(frames, dtype=np.float64) + 0.5) * dose_per_frame_e_per_a2
    )
    return dose


def dose_groups(dose_e_per_a2: ArrayLike, group_dose_e_per_a2: float, most: int = 12) -> NDArray[np.int64]:
    """Give the number of the dose group of each frame, from 0, without gaps.

    Groups hold ``group_dose_e_per_a2`` or, in a long exposure, as much as leaves at most ``most`` groups.

    Parameters
    ----------
    dose_e_per_a2
        Shape (F,), increasing, e/Å².
    """
    dose = np.asarray(dose_e_per_a2, dtype=np.float64)
    if dose.size == 0:
        return np.zeros(0, dtype=np.int64)
    start = dose[0] - (0.5 * (dose[1] - dose[0]) if dose.size > 1 else 0.0)
    span = max(group_dose_e_per_a2, (2.0 * dose[-1] - start - dose[max(-2, -dose.size)]) / most, 1e-9)
    number = np.floor((dose - start) / span + 1e-9).astype(np.int64)
    groups: NDArray[np.int64] = np.unique(number, return_inverse=True)[1].astype(np.int64)
    return groups
