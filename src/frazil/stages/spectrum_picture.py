"""Picture of a power spectrum: measured on the left, averaged along rings top right, fit bottom right."""

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
_BEGIN_A = 60.0


def spectrum_picture(
    amplitudes: NDArray[np.float32], pixel_size_a: float, fit: CtfFit, optics: Optics
) -> Image.Image:
    """Draw a spectrum (n, n) centred at n // 2, flattened, beside the fit where there is one."""
    n = amplitudes.shape[0]
    half = min(n // 2, int(n * pixel_size_a / _FINEST_A))
    inside = slice(n // 2 - half, n // 2 + half)
    axis = (np.arange(n) - n // 2)[inside] / (n * pixel_size_a)
    kx, ky = np.meshgrid(axis, axis)
    k = np.hypot(kx, ky)
    flat = _flattened(amplitudes[inside, inside], k)
    shown = 0.35 + flat / 5.0
    if fit.has_rings:
        rings = _along_rings(flat, kx, ky, fit)
        scale = float(np.std(rings[(k > 1 / 20.0) & (k < 1 / 7.0)])) or 1.0
        top = (kx > 0) & (ky < 0)
        shown[top] = (0.4 + rings / (6.0 * scale))[top]
        bottom = (kx > 0) & (ky >= 0)
        shown[bottom] = _fitted(kx, ky, k, fit, optics, pixel_size_a)[bottom]
    shown[k < 1.0 / _BEGIN_A] = 0.35
    picture = Image.fromarray(np.asarray(np.clip(shown * 255.0, 0, 255), np.uint8))
    return picture.resize((_SHOWN_PX, _SHOWN_PX), Image.Resampling.LANCZOS)


def _ring_mean(
    values: NDArray[np.float64], radius: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Mean over rings one pixel wide, and which ring each pixel is in."""
    ring = np.rint(radius / radius.max() * values.shape[0] * 0.7).astype(np.int64)
    counts = np.maximum(np.bincount(ring.ravel()), 1)
    return np.bincount(ring.ravel(), values.ravel()) / counts, ring


def _flattened(amplitudes: NDArray[np.float32], k: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spectrum over a smooth background, in units of its scatter."""
    smooth = ndimage.gaussian_filter(amplitudes.astype(np.float64), max(0.7, len(k) / 500.0))
    logarithm = np.log(np.maximum(smooth, 1e-30))
    mean, ring = _ring_mean(logarithm, k)
    background = ndimage.gaussian_filter1d(mean, len(mean) / 24.0, mode="nearest")
    residual = logarithm - background[ring]
    spread = np.sqrt(np.maximum(_ring_mean(residual**2, k)[0], 1e-12))
    spread = ndimage.gaussian_filter1d(spread, len(mean) / 24.0, mode="nearest")
    flat: NDArray[np.float64] = residual / spread[ring]
    return flat


def _along_rings(
    flat: NDArray[np.float64], kx: NDArray[np.float64], ky: NDArray[np.float64], fit: CtfFit
) -> NDArray[np.float64]:
    """Average where the fit has the same phase, so that astigmatic rings don't smear."""
    angle = np.arctan2(ky, kx) - np.deg2rad(fit.astigmatism_angle_deg)
    mean = fit.defocus_mean_a
    defocus = mean + 0.5 * fit.astigmatism_a * np.cos(2.0 * angle)
    radius = np.hypot(kx, ky) * np.sqrt(np.maximum(defocus / mean, 0.05))
    values, ring = _ring_mean(flat, radius)
    # Weak rings at high frequency are brought to the strength of the others.
    spread = np.sqrt(ndimage.gaussian_filter1d(values**2, len(values) / 30.0, mode="nearest"))
    typical = float(np.median(spread)) or 1.0
    averaged: NDArray[np.float64] = (values / np.maximum(spread, 0.3 * typical))[ring]
    return averaged


def _fitted(
    kx: NDArray[np.float64],
    ky: NDArray[np.float64],
    k: NDArray[np.float64],
    fit: CtfFit,
    optics: Optics,
    pixel_size_a: float,
) -> NDArray[np.float64]:
    """|CTF|, dark beyond the resolution of the fit."""
    values = ctf_values(
        kx,
        ky,
        optics,
        fit.defocus_u_a,
        fit.defocus_v_a,
        fit.astigmatism_angle_deg,
        fit.phase_shift_deg,
    )
    finest = fit.fit_resolution_a if np.isfinite(fit.fit_resolution_a) else 2.0 * pixel_size_a
    return np.asarray(0.1 + 0.75 * np.abs(values) * np.where(k <= 1.0 / finest, 1.0, 0.3))
