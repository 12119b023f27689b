"""Structure of amorphous ice and carbon: how strongly they scatter into each frequency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from frazil.microscope.form_factors import (
    POTENTIAL_VA2,
    WATER_PER_A3,
    interaction_rad_per_va,
    scattering_factor_a,
    water_factor_a,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

ICE_MEAN_FREE_PATH_A = 3500.0
"""Thickness that lets 1/e of the electrons pass without energy loss or wide scattering, 300 kV, filtered."""
CARBON_MEAN_FREE_PATH_A = 1100.0
CARBON_PER_A3 = 0.1
CARBON_POTENTIAL_V = 9.5
ICE_POTENTIAL_V = POTENTIAL_VA2 * WATER_PER_A3 * float(water_factor_a(0.0))

_WATER_STEP_A2 = 1.0
"""Mean square displacement of water per e/Å² (McMullan, Vinothkumar & Henderson 2015), three dimensions."""


def ice_phase_psd(frequency_per_a: ArrayLike, thickness_a: float, voltage_kv: float) -> NDArray[np.float64]:
    """Power per area of the phase that amorphous ice gives (rad² Å²) at frequencies in 1/Å.

    Independent molecules times a structure factor that is small at low frequency (water is hardly
    compressible) and peaks at 1/3.7 Å, as low-density amorphous ice does.
    """
    k = np.asarray(frequency_per_a, dtype=np.float64)
    structure = (
        0.07 + 0.93 / (1.0 + np.exp(-(k - 0.21) / 0.018)) + 0.9 * np.exp(-0.5 * ((k - 0.268) / 0.022) ** 2)
    )
    structure -= 0.35 * np.exp(-0.5 * ((k - 0.36) / 0.03) ** 2)
    one = POTENTIAL_VA2 * interaction_rad_per_va(voltage_kv) * water_factor_a(k)
    result: NDArray[np.float64] = WATER_PER_A3 * thickness_a * structure * one**2
    return result


def ice_correlation(frequency_per_a: ArrayLike, dose_e_per_a2: ArrayLike) -> NDArray[np.float64]:
    """Correlation of the ice's Fourier coefficients over a dose: water moves under the beam."""
    k = np.asarray(frequency_per_a, dtype=np.float64)
    spread_a2 = _WATER_STEP_A2 * np.asarray(dose_e_per_a2, dtype=np.float64)
    result: NDArray[np.float64] = np.exp(-((2.0 * np.pi * k) ** 2) * spread_a2 / 6.0)
    return result


def ice_left_after_sum(frequency_per_a: ArrayLike, dose_e_per_a2: float) -> NDArray[np.float64]:
    """Amplitude of the ice in the mean over a whole exposure, relative to an instant."""
    k = np.asarray(frequency_per_a, dtype=np.float64)
    x = np.maximum((2.0 * np.pi * k) ** 2 * _WATER_STEP_A2 * dose_e_per_a2 / 6.0, 1e-6)
    result: NDArray[np.float64] = np.where(x < 1e-3, 1.0 - x / 6.0, np.sqrt(2.0 * (x - 1.0 + np.exp(-x))) / x)
    return result


def carbon_phase_psd(
    frequency_per_a: ArrayLike, thickness_a: float, voltage_kv: float
) -> NDArray[np.float64]:
    """Power per area of the phase of amorphous carbon (rad² Å²): nearly independent atoms."""
    k = np.asarray(frequency_per_a, dtype=np.float64)
    structure = 0.35 + 0.65 / (1.0 + np.exp(-(k - 0.12) / 0.05))
    one = POTENTIAL_VA2 * interaction_rad_per_va(voltage_kv) * scattering_factor_a("C", k)
    result: NDArray[np.float64] = CARBON_PER_A3 * thickness_a * structure * one**2
    return result


def damage_dose_e_per_a2(frequency_per_a: ArrayLike, voltage_kv: float) -> NDArray[np.float64]:
    """Critical dose N_e: amplitudes fall by exp(-D / (2 N_e)) (Grant & Grigorieff 2015)."""
    k = np.maximum(np.asarray(frequency_per_a, dtype=np.float64), 1e-3)
    # Damage goes with the energy loss per electron, that is with 1/β².
    rest_kv = 510.99895
    beta2 = [1.0 - (1.0 + v / rest_kv) ** -2 for v in (voltage_kv, 300.0)]
    result: NDArray[np.float64] = (0.24499 * k**-1.6649 + 2.8141) * beta2[0] / beta2[1]
    return result
