"""The figure of merit as CTFFIND defines it, so that numbers can be compared."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft
from scipy.ndimage import uniform_filter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.model.optics import Optics

SIDE = 512
_SCORE_FINEST_A = 5.0
_CROSS_PX = 10
_RAMP_CENTRE_A = 8.0
_RAMP_WIDTH_A = 4.0


def ctffind_score(
    mean_power: NDArray[np.float32],
    pixel_size_a: float,
    optics: Optics,
    lens: NDArray[np.float64],
    *,
    low_a: float,
    high_a: float,
) -> float:
    """Correlation of the filtered amplitude spectrum with |CTF| (Rohou & Grigorieff 2015, JSB 192:216).

    Between ``low_a`` and the coarser of ``high_a`` and 5 Å, over one half plane without the axes. The
    amplitude is the root of the mean tile power, brought to 512 x 512; CTFFIND takes the whole frame's.
    """
    amplitude = centred_amplitude(mean_power)
    inside = amplitude_band(pixel_size_a, low_a, max(high_a, _SCORE_FINEST_A))
    rows, columns = inside.rows, inside.columns
    radius = SIDE * pixel_size_a / low_a
    width = int(radius * math.sqrt(2.0)) | 1
    flat = amplitude - _box_average(amplitude, width)
    spectrum = flat[rows, columns].astype(np.float64)
    spectrum = _without_low(spectrum, inside.radius_px, pixel_size_a, max(high_a, _SCORE_FINEST_A))
    # A wing of the noise beyond three pixels from the axes, as CTFFIND caps its spectrum.
    spectrum = np.minimum(spectrum, spectrum.mean() + 10.0 * spectrum.std())
    wavelength = optics.wavelength_a
    bent = lens[0] * inside.k2 + lens[1] * inside.k2_cos + lens[2] * inside.k2_sin
    chi = math.pi * wavelength * (bent - 0.5 * wavelength**2 * optics.cs_a * inside.k2**2)
    curve = np.abs(np.sin(chi + lens[3] + math.asin(optics.amplitude_contrast)))
    spectrum -= spectrum.mean()
    curve -= curve.mean()
    norm = math.sqrt(float(spectrum @ spectrum) * float(curve @ curve))
    return float(spectrum @ curve) / norm if norm > 0.0 else 0.0


def _without_low(
    spectrum: NDArray[np.float64], radius_px: NDArray[np.float64], pixel_size_a: float, finest_a: float
) -> NDArray[np.float64]:
    """Fade the strong rings at low frequency in, as CTFFIND does by default, around 8 Å."""
    centre = SIDE * pixel_size_a / max(finest_a, _RAMP_CENTRE_A)
    width = SIDE * pixel_size_a / max(finest_a, _RAMP_WIDTH_A)
    part = np.clip((radius_px - centre) / width + 0.5, 0.0, 1.0)
    ramp = 0.5 * (1.0 - np.cos(np.pi * part))
    zone = (part > 0.0) & (part < 1.0)
    mean = float(spectrum[zone].mean()) if zone.any() else 0.0
    return np.asarray(mean + ramp * (spectrum - mean), dtype=np.float64)


def centred_amplitude(mean_power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Root of a half plane's power as a full spectrum of 512 x 512, zero frequency at (256, 256)."""
    n = mean_power.shape[0]
    half = np.sqrt(mean_power)
    half[0, 0] = half[1, 1]
    full = np.empty((n, n), dtype=np.float32)
    full[:, n // 2 :] = np.fft.fftshift(half[:, : n // 2], axes=0)
    mirrored = np.roll(half[::-1], 1, axis=0)[:, 1:][:, ::-1]
    full[:, : n // 2] = np.fft.fftshift(mirrored, axes=0)
    return full if n == SIDE else _resize(full)


def _resize(full: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fourier-crop or -pad a square image with its centre at n // 2 to 512 x 512."""
    n = full.shape[0]
    transform = fft.rfft2(np.fft.ifftshift(full))
    keep = min(n, SIDE)
    half = keep // 2
    out = np.zeros((SIDE, SIDE // 2 + 1), dtype=transform.dtype)
    out[:half, : half + 1] = transform[:half, : half + 1]
    out[-half:, : half + 1] = transform[-half:, : half + 1]
    resized: NDArray[np.float32] = fft.irfft2(out, s=(SIDE, SIDE)) * (SIDE / n) ** 2
    return np.fft.fftshift(resized).astype(np.float32)


class _Band:
    """Pixels of the score with their CTF geometry."""

    def __init__(self, pixel_size_a: float, low_a: float, high_a: float) -> None:
        step = 1.0 / (SIDE * pixel_size_a)
        y, x = np.mgrid[-SIDE // 2 : SIDE // 2, 0 : SIDE // 2]
        k2 = (x * x + y * y) * step**2
        used = (k2 > 1.0 / low_a**2) & (k2 < 1.0 / high_a**2)
        used &= (np.abs(y) > _CROSS_PX) & (x > _CROSS_PX)
        row, column = np.nonzero(used)
        self.rows, self.columns = row, column + SIDE // 2
        self.k2 = k2[used]
        self.radius_px = np.sqrt(self.k2) / step
        self.k2_cos = ((x * x - y * y) * step**2)[used]
        self.k2_sin = ((2 * x * y) * step**2)[used]


@lru_cache(maxsize=8)
def amplitude_band(pixel_size_a: float, low_a: float, high_a: float) -> _Band:
    """Pixels that the score is taken over (cached)."""
    return _Band(pixel_size_a, low_a, high_a)


@lru_cache(maxsize=8)
def _cross_weight(width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mask without the three-pixel cross, and its box average."""
    mask = np.ones((SIDE, SIDE), dtype=np.float32)
    mask[SIDE // 2 - 1 : SIDE // 2 + 2] = 0.0
    mask[:, SIDE // 2 - 1 : SIDE // 2 + 2] = 0.0
    return mask, np.maximum(uniform_filter(mask, width, mode="wrap"), 1e-6)


def _box_average(image: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    mask, coverage = _cross_weight(width)
    return np.asarray(uniform_filter(image * mask, width, mode="wrap") / coverage, dtype=np.float32)
