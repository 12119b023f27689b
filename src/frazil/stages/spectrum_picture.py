"""Picture of a power spectrum: measured on the left, fitted rings on the right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from scipy import ndimage

from frazil.compute.ctf.model import ctf_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.model.ctf import CtfFit
    from frazil.model.optics import Optics

_SHOWN_PX = 512
_FINEST_A = 3.0


def spectrum_picture(
    amplitudes: NDArray[np.float32], pixel_size_a: float, fit: CtfFit, optics: Optics
) -> Image.Image:
    """Draw a spectrum (n, n) centred at n // 2, flattened; the right half is the fit where there is one."""
    n = amplitudes.shape[0]
    axis = (np.arange(n) - n // 2) / (n * pixel_size_a)
    kx, ky = np.meshgrid(axis, axis)
    k = np.hypot(kx, ky)
    flat = _flattened(amplitudes, k, n)
    if fit.has_rings:
        values = np.asarray(
            ctf_values(
                kx,
                ky,
                optics,
                fit.defocus_u_a,
                fit.defocus_v_a,
                fit.astigmatism_angle_deg,
                fit.phase_shift_deg,
            )
        )
        reach = (
            1.0 / max(fit.fit_resolution_a, 2.0 * pixel_size_a) if np.isfinite(fit.fit_resolution_a) else 0.1
        )
        right = kx > 0
        flat[right] = (0.15 + 0.7 * np.abs(values) * np.where(k <= reach, 1.0, 0.35))[right]
    half = min(n // 2, int(n * pixel_size_a / _FINEST_A))
    shown = flat[n // 2 - half : n // 2 + half, n // 2 - half : n // 2 + half]
    picture = Image.fromarray(np.asarray(np.clip(shown * 255.0, 0, 255), np.uint8))
    return picture.resize((_SHOWN_PX, _SHOWN_PX), Image.Resampling.LANCZOS)


def _flattened(amplitudes: NDArray[np.float32], k: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Spectrum over its local mean and spread by radius, as values around 0.4."""
    ring = np.minimum((k / k.max() * n).astype(np.int64), n)
    counts = np.maximum(np.bincount(ring.ravel(), minlength=n + 1), 1)
    smooth = ndimage.gaussian_filter(amplitudes.astype(np.float64), n / 512.0)
    mean = np.bincount(ring.ravel(), smooth.ravel(), n + 1) / counts
    mean = ndimage.gaussian_filter1d(mean, n / 24.0, mode="nearest")
    residual = smooth - mean[ring]
    spread = np.sqrt(np.bincount(ring.ravel(), (residual**2).ravel(), n + 1) / counts)
    spread = np.maximum(ndimage.gaussian_filter1d(spread, n / 24.0, mode="nearest"), 1e-12)
    flat: NDArray[np.float64] = 0.4 + residual / spread[ring] / 5.0
    return flat
