"""Contrast transfer: what the lens does to a weak phase image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.model.optics import Optics


@dataclass(frozen=True)
class Lens:
    """One setting of the objective lens.

    ``defocus_u_a >= defocus_v_a``, underfocus positive, ``astigmatism_angle_deg`` is the direction of U
    from +x (columns) towards +y (rows). ``convergence_mrad`` and ``focus_spread_a`` damp by limited
    coherence; ``b_factor_a2`` by exp(-B k²/4).
    """

    optics: Optics
    defocus_u_a: float
    defocus_v_a: float
    astigmatism_angle_deg: float = 0.0
    phase_shift_deg: float = 0.0
    convergence_mrad: float = 0.02
    focus_spread_a: float = 35.0
    b_factor_a2: float = 0.0

    def aberration_rad(
        self, kx: NDArray[np.float64], ky: NDArray[np.float64], extra_defocus_a: float = 0.0
    ) -> NDArray[np.float64]:
        """Phase χ at frequencies (kx, ky) in 1/Å, which broadcast; with the phase plate and asin(w)."""
        wavelength = self.optics.wavelength_a
        k2 = kx**2 + ky**2
        mean = 0.5 * (self.defocus_u_a + self.defocus_v_a) + extra_defocus_a
        half = 0.5 * (self.defocus_u_a - self.defocus_v_a)
        double = 2.0 * np.deg2rad(self.astigmatism_angle_deg)
        # k² cos 2(θ - α) written out.
        turned = (kx**2 - ky**2) * (half * np.cos(double)) + kx * (ky * (2.0 * half * np.sin(double)))
        chi: NDArray[np.float64] = (mean - 0.5 * wavelength**2 * self.optics.cs_a * k2) * k2 + turned
        chi *= np.pi * wavelength
        chi += np.deg2rad(self.phase_shift_deg) + float(np.arcsin(self.optics.amplitude_contrast))
        return chi

    def envelope(self, k: NDArray[np.float64]) -> NDArray[np.float64]:
        """Damping at radial frequencies k, 1/Å."""
        wavelength = self.optics.wavelength_a
        defocus = 0.5 * (self.defocus_u_a + self.defocus_v_a)
        slope = self.optics.cs_a * wavelength**3 * k**3 - defocus * wavelength * k
        spatial = (np.pi * self.convergence_mrad * 1e-3 / wavelength * slope) ** 2
        temporal = 0.5 * (np.pi * wavelength * self.focus_spread_a * k**2) ** 2
        result: NDArray[np.float64] = np.exp(-spatial - temporal - self.b_factor_a2 * k**2 / 4.0)
        return result

    def transfer(
        self, height_px: int, width_px: int, pixel_size_a: float, extra_defocus_a: float = 0.0
    ) -> NDArray[np.float32]:
        """C = -sin χ times the envelope on the half plane of a real FFT: shape (height, width // 2 + 1).

        Protein comes out dark at underfocus.
        """
        kx, ky = half_plane(height_px, width_px, pixel_size_a)
        out = np.empty((height_px, kx.shape[1]), dtype=np.float32)
        # Row blocks keep the float64 temporaries small on whole micrographs.
        for start in range(0, height_px, 256):
            rows = slice(start, start + 256)
            chi = self.aberration_rad(kx, ky[rows], extra_defocus_a)
            out[rows] = -np.sin(chi) * self.envelope(np.hypot(kx, ky[rows]))
        return out


def half_plane(
    height_px: int, width_px: int, pixel_size_a: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies (1/Å) of a real FFT's half plane: kx of shape (1, width // 2 + 1), ky of (height, 1)."""
    kx = fft.rfftfreq(width_px, pixel_size_a)[None, :]
    ky = fft.fftfreq(height_px, pixel_size_a)[:, None]
    return kx, ky
