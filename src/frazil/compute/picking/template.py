"""Radial templates: blobs to begin with, then the micrograph's own particles, and their matched filter.

Everything here is a function of |k| alone, given on the rings of the padded transform, so that all sums
over Fourier space are sums over rings. Projections of symmetric molecules are point-symmetric, and those of
compact ones nearly so: a radial template answers at their centre, whatever the view.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import scipy.fft
import torch
from scipy.ndimage import gaussian_filter1d
from scipy.special import j0, j1

if TYPE_CHECKING:
    from numpy.typing import NDArray

PROFILE_STEP_PX = 0.25
"""Sampling of autocorrelation profiles."""


@dataclass(frozen=True)
class Rings:
    """Rings of the transform of a field padded with zeros.

    Attributes
    ----------
    shape
        Field before padding (h, w).
    padded
        After padding; friendly to FFTs.
    pixel_size_a
        Pixel, Å.
    index
        Shape (padded h, padded w // 2 + 1): ring of every coefficient.
    frequency_per_a
        Shape (n,): radius of each ring, 1/Å.
    weight
        Shape (n,): coefficients of the full plane in each ring.
    """

    shape: tuple[int, int]
    padded: tuple[int, int]
    pixel_size_a: float
    index: torch.Tensor
    frequency_per_a: NDArray[np.float64]
    weight: NDArray[np.float64]

    @classmethod
    def of(cls, shape: tuple[int, int], padding_px: int, pixel_size_a: float, device: torch.device) -> Rings:
        """Rings for fields of one shape, kept apart by ``padding_px`` zeros."""
        padded = (
            scipy.fft.next_fast_len(shape[0] + padding_px, real=True),
            scipy.fft.next_fast_len(shape[1] + padding_px, real=True),
        )
        ky = np.fft.fftfreq(padded[0], pixel_size_a)[:, None]
        kx = np.fft.rfftfreq(padded[1], pixel_size_a)[None, :]
        width = 1.0 / (pixel_size_a * max(padded))
        index = (np.hypot(ky, kx) / width + 0.5).astype(np.int64)
        twice = np.full(kx.size, 2.0)
        twice[0] = 1.0
        if padded[1] % 2 == 0:
            twice[-1] = 1.0
        weight = np.bincount(index.ravel(), np.broadcast_to(twice, index.shape).ravel()).astype(np.float64)
        return cls(
            shape=shape,
            padded=padded,
            pixel_size_a=pixel_size_a,
            index=torch.from_numpy(index).to(device),
            frequency_per_a=np.arange(weight.size) * width,
            weight=weight,
        )

    def transform(self, field: NDArray[np.float32]) -> torch.Tensor:
        """Transform of a field of `shape`, zero padded."""
        transform: torch.Tensor = torch.fft.rfft2(
            torch.from_numpy(field).to(self.index.device), s=self.padded
        )
        return transform

    def inverse(self, spectrum: torch.Tensor) -> NDArray[np.float32]:
        """Field of `shape` of a transform."""
        field = torch.fft.irfft2(spectrum, s=self.padded)[: self.shape[0], : self.shape[1]]
        result: NDArray[np.float32] = field.contiguous().cpu().numpy()
        return result

    def whole(self, spectrum: torch.Tensor) -> NDArray[np.float32]:
        """Field of size ``padded`` of a real transform; the origin is pixel (0, 0)."""
        field = torch.fft.irfft2(spectrum.to(torch.complex64), s=self.padded)
        result: NDArray[np.float32] = field.cpu().numpy()
        return result

    def mean(self, values: torch.Tensor) -> NDArray[np.float64]:
        """Ring means of real values on the half plane, shape (n,)."""
        size = self.weight.size
        flat = self.index.reshape(-1)
        total = torch.bincount(flat, values.reshape(-1).to(torch.float64), minlength=size)
        means: NDArray[np.float64] = (total / self.count).cpu().numpy()
        return means

    @cached_property
    def count(self) -> torch.Tensor:
        """Shape (n,): coefficients of the half plane in each ring, at least 1."""
        return torch.bincount(self.index.reshape(-1), minlength=self.weight.size).clamp(min=1)

    @cached_property
    def spline_response(self) -> torch.Tensor:
        """Shape of ``index``: transform of a cubic B-spline on the grid."""
        fy = np.sinc(np.fft.fftfreq(self.padded[0])) ** 4
        fx = np.sinc(np.fft.rfftfreq(self.padded[1])) ** 4
        return torch.from_numpy(np.outer(fy, fx).astype(np.float32)).to(self.index.device)

    def spread(self, values: NDArray[np.float64]) -> torch.Tensor:
        """Values of the rings on the half plane."""
        return torch.from_numpy(values.astype(np.float32)).to(self.index.device)[self.index]


def power_spectrum(rings: Rings, transform: torch.Tensor, pixels_used: float) -> NDArray[np.float64]:
    """Smooth power of a field per usable pixel on each ring: white noise of variance v gives v."""
    power = rings.mean(transform.real**2 + transform.imag**2) / pixels_used
    power[0] = power[1]
    floor = 1e-9 * float(power.max())
    smooth: NDArray[np.float64] = np.exp(gaussian_filter1d(np.log(np.maximum(power, floor)), 2.0))
    return smooth


def disc_transform(frequency_per_a: NDArray[np.float64], diameter_a: float) -> NDArray[np.float64]:
    """Transform of a uniform disc of unit sum."""
    x = np.maximum(np.pi * diameter_a * frequency_per_a, 1e-6)
    result: NDArray[np.float64] = 2.0 * j1(x) / x
    return result


def blob_template(
    frequency_per_a: NDArray[np.float64], diameter_a: float, shape: str, contrast: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Disc or ring (a shell of 0.7 to 1 diameters) with soft edges, as the microscope shows it."""
    blob = disc_transform(frequency_per_a, diameter_a)
    if shape == "ring":
        blob = blob - 0.49 * disc_transform(frequency_per_a, 0.7 * diameter_a)
    soft = np.exp(-0.5 * (2.0 * np.pi * 0.03 * diameter_a * frequency_per_a) ** 2)
    return blob * soft * contrast


def learn_template(
    rings: Rings,
    transform: torch.Tensor,
    power: NDArray[np.float64],
    y: NDArray[np.float64],
    x: NDArray[np.float64],
    weight: NDArray[np.float64],
    radius_a: float,
    contrast: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Rotationally averaged particle that explains the field best if one sits at every position.

    A least-squares fit in whitened Fourier space, so that neighbours do not bleed into the average however
    crowded they are; CTF-corrected where ``contrast`` is one.

    Parameters
    ----------
    rings, transform, power
        The field, its transform and noise power.
    y, x, weight
        Shape (n,): positions in pixels and the contrast of each relative to the others.
    radius_a
        Radius outside which the particle is zero (before the CTF), Å.
    contrast
        Shape (rings,): contrast transfer.

    Returns
    -------
    template
        Shape (rings,): transform of the particle as the microscope shows it.
    """
    points = point_transform(rings, y, x, weight)
    cross = rings.mean(points.real * transform.real + points.imag * transform.imag) * rings.weight
    auto = rings.mean(points.real**2 + points.imag**2) * rings.weight
    pixel = rings.pixel_size_a
    radii = (np.arange(max(int(radius_a / pixel), 3)) + 0.5) * pixel
    k = rings.frequency_per_a
    soft = np.exp(-0.5 * (2.0 * np.pi * 0.6 * pixel * k) ** 2)
    basis = j0(2.0 * np.pi * np.outer(k, radii)) * (soft * contrast)[:, None]
    normal = basis.T @ (basis * (auto / power)[:, None])
    normal += 0.01 * np.trace(normal) / radii.size * np.eye(radii.size)
    fitted: NDArray[np.float64] = basis @ np.linalg.solve(normal, basis.T @ (cross / power))
    return fitted


def point_transform(
    rings: Rings, y: NDArray[np.float64], x: NDArray[np.float64], weight: NDArray[np.float64]
) -> torch.Tensor:
    """Transform of weighted points at sub-pixel positions, by way of cubic splines on the grid."""
    return rings.transform(_splat(rings.shape, y, x, weight)) / rings.spline_response


def _splat(
    shape: tuple[int, int], y: NDArray[np.float64], x: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Points as cubic B-splines on a grid."""
    field = np.zeros(shape)
    y0, x0 = np.floor(y).astype(int), np.floor(x).astype(int)
    for j in range(-1, 3):
        for i in range(-1, 3):
            row, column = y0 + j, x0 + i
            inside = (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
            value = weight * _cubic(y - row) * _cubic(x - column)
            np.add.at(field, (row[inside], column[inside]), value[inside])
    return field.astype(np.float32)


def _cubic(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    d = np.abs(distance)
    return np.where(d < 1.0, 2.0 / 3.0 - d**2 + d**3 / 2.0, np.clip(2.0 - d, 0.0, None) ** 3 / 6.0)


@dataclass(frozen=True)
class Matched:
    """What a template answers.

    Attributes
    ----------
    z
        Shape (h, w): z-score, N(0, 1) where there is no particle and ``power`` is that of the noise.
    profile
        The answer to one particle, sampled every `PROFILE_STEP_PX` from its centre; 1 there, 0 at the end.
    unit
        z-score of a particle that equals the template.
    false_alarm_b
        B of the density of false peaks, 1/Å²: ½ Σ k² P / Σ P, P = |T|²/power.
    """

    z: NDArray[np.float32]
    profile: NDArray[np.float32]
    unit: float
    false_alarm_b: float


def matched_filter(
    rings: Rings,
    transform: torch.Tensor,
    power: NDArray[np.float64],
    template: NDArray[np.float64],
    reach_a: float,
) -> Matched:
    """Whitened matched filter (Sigworth 2004, J. Struct. Biol. 145:111).

    ``reach_a`` is where the answer to one particle is cut off, Å.
    """
    filtered = template / power
    filtered[0] = 0.0
    energy = rings.weight * template * filtered
    total = float(energy.sum())
    pixels = rings.padded[0] * rings.padded[1]
    z = rings.inverse(transform * rings.spread(filtered / np.sqrt(total / pixels)))
    reach_px = reach_a / rings.pixel_size_a
    radius = np.arange(0.0, reach_px + 2 * PROFILE_STEP_PX, PROFILE_STEP_PX)
    k = rings.frequency_per_a
    near = energy > 1e-7 * float(energy.max())
    profile = j0(2.0 * np.pi * np.outer(radius * rings.pixel_size_a, k[near])) @ (energy[near] / total)
    profile *= np.clip((radius[-2] - radius) / (0.15 * radius[-2]), 0.0, 1.0)
    return Matched(
        z,
        profile.astype(np.float32),
        float(np.sqrt(total / pixels)),
        0.5 * float((energy * k**2).sum()) / total,
    )


def false_alarms(threshold: float, false_alarm_b: float, area_a2: float) -> float:
    """Count the noise peaks to expect above ``threshold``: √(2π) B T exp(−T²/2) times the area."""
    return float(np.sqrt(2.0 * np.pi) * false_alarm_b * threshold * np.exp(-0.5 * threshold**2) * area_a2)
