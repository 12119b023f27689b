"""The microscope's optics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def electron_wavelength_a(voltage_kv: float) -> float:
    """Relativistic electron wavelength in Å; 0.019688 Å at 300 kV."""
    volt = voltage_kv * 1e3
    return float(12.2643247 / np.sqrt(volt * (1.0 + 0.978466e-6 * volt)))


@dataclass(frozen=True, slots=True)
class Optics:
    """What does not change between exposures of one session.

    Attributes
    ----------
    voltage_kv, cs_mm
        Acceleration voltage (kV) and spherical aberration (mm).
    amplitude_contrast
        Fraction of amplitude contrast w, 0 to 1; it enters the phase as ``asin(w)``.
    """

    voltage_kv: float = 300.0
    cs_mm: float = 2.7
    amplitude_contrast: float = 0.07

    @property
    def wavelength_a(self) -> float:
        """Electron wavelength in Å."""
        return electron_wavelength_a(self.voltage_kv)

    @property
    def cs_a(self) -> float:
        """Spherical aberration in Å."""
        return self.cs_mm * 1e7
