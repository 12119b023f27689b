"""Electron scattering factors of neutral atoms and what water displaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

POTENTIAL_VA2 = 47.878
"""Projected potential per scattering factor: V(k) = 47.878 V·Å² · f(k) with f in Å."""

WATER_PER_A3 = 0.0314
"""Molecules per Å³ in amorphous ice of 0.94 g/cm³."""

# Peng, Ren, Dudarev & Whelan (1996), Acta Cryst. A52, 257: f(s) = sum a exp(-b s²), s = k/2, a in Å, b in Å².
_PENG: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "H": ((0.0349, 0.1201, 0.1970, 0.0573, 0.1195), (0.5347, 3.5867, 12.3471, 18.9525, 38.6269)),
    "C": ((0.0893, 0.2563, 0.7570, 1.0487, 0.3575), (0.2465, 1.7100, 6.4094, 18.6113, 50.2523)),
    "N": ((0.1022, 0.3219, 0.7982, 0.8197, 0.1715), (0.2451, 1.7481, 6.1925, 17.3894, 48.1431)),
    "O": ((0.0974, 0.2921, 0.6910, 0.6990, 0.2039), (0.2067, 1.3815, 4.6943, 12.7105, 32.4726)),
    "Na": ((0.2142, 0.6853, 0.7692, 1.6589, 1.4482), (0.3334, 2.3446, 10.0830, 48.3037, 138.2700)),
    "Mg": ((0.2314, 0.6866, 0.9677, 2.1882, 1.1339), (0.3278, 2.2720, 10.9241, 39.2898, 101.9748)),
    "P": ((0.2548, 0.6106, 1.4541, 2.3204, 0.8477), (0.2908, 1.8740, 8.5176, 24.3434, 63.2996)),
    "S": ((0.2497, 0.5628, 1.3899, 2.1865, 0.7715), (0.2681, 1.6711, 7.0267, 19.5377, 50.3888)),
    "Fe": ((0.3946, 1.2725, 1.7031, 2.3140, 1.4795), (0.2717, 2.0443, 7.6007, 29.9714, 86.2265)),
}
# Hydrogens bound to an average heavy atom of a protein, and displaced volumes in Å³ (Fraser et al. 1978): the
# sum over a folded chain is 1.2 Å³/Da, over RNA 0.95 Å³/Da.
_HYDROGENS = {"C": 1.22, "N": 1.2, "O": 0.2, "S": 0.5, "P": 0.0, "Na": 0.0, "Mg": 0.0, "Fe": 0.0}
_HYDROGEN_VOLUME_A3 = 5.15
_VOLUME_A3 = {"C": 16.44, "N": 2.49, "O": 9.13, "S": 19.86, "P": 5.73, "Na": 5.0, "Mg": 5.0, "Fe": 7.99}
_BOND_A = 1.05


def scattering_factor_a(element: str, frequency_per_a: ArrayLike) -> NDArray[np.float64]:
    """Scattering factor (Å) of a neutral atom at spatial frequencies (1/Å); same shape as the frequencies."""
    s2 = (0.5 * np.asarray(frequency_per_a, dtype=np.float64)) ** 2
    amplitude, width = _PENG[element]
    terms = [a * np.exp(-b * s2) for a, b in zip(amplitude, width, strict=True)]
    total: NDArray[np.float64] = np.sum(terms, axis=0)
    return total


def water_factor_a(frequency_per_a: ArrayLike) -> NDArray[np.float64]:
    """Scattering factor (Å) of one water molecule, averaged over its orientations."""
    k = np.asarray(frequency_per_a, dtype=np.float64)
    return scattering_factor_a("O", k) + 2.0 * np.sinc(2.0 * k * 0.96) * scattering_factor_a("H", k)


def atom_in_ice_a(element: str, frequency_per_a: ArrayLike, displaced: bool = True) -> NDArray[np.float64]:
    """Scattering factor (Å) of a heavy atom with its hydrogens, less the ice that it displaces.

    The displaced ice is a Gaussian of the atom's volume (Fraser, MacRae & Suzuki 1978, J. Appl. Cryst. 11,
    693), so that cavities are filled with ice without anybody finding them.
    """
    k = np.asarray(frequency_per_a, dtype=np.float64)
    hydrogens = _HYDROGENS[element] * np.sinc(2.0 * k * _BOND_A) * scattering_factor_a("H", k)
    factor = scattering_factor_a(element, k) + hydrogens
    if displaced:
        volume = _VOLUME_A3[element] + _HYDROGENS[element] * _HYDROGEN_VOLUME_A3
        ice = WATER_PER_A3 * volume * float(water_factor_a(0.0))
        factor = factor - ice * np.exp(-np.pi * k**2 * volume ** (2.0 / 3.0))
    return factor


def interaction_rad_per_va(voltage_kv: float) -> float:
    """Interaction constant σ_e: phase per projected potential, rad/(V·Å); 6.526e-4 at 300 kV."""
    rest_kv, h2_over_2me_va2 = 510.99895, 150.41247
    wavelength = 12.2643247 / np.sqrt(1e3 * voltage_kv * (1.0 + 0.978466e-3 * voltage_kv))
    return float(np.pi * wavelength * (1.0 + voltage_kv / rest_kv) / h2_over_2me_va2)
