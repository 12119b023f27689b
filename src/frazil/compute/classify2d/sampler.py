"""Particle images to polar Fourier samples: judged, normalised, centred, masked, sampled."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from frazil.compute.classify2d.polar import PolarGrid, make_grid, soft_mask
from frazil.compute.classify2d.quarter import QuarterTransform

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.model.classes import ParticleCtf

_SANE_SPREAD = (1e-12, 1e12)
"""From the least to the largest value: what single precision can square, with the sum of a whole image."""
_MOST_SPREAD = 20.0
_FEWEST_COMPARED = 10


class ImageStack(Protocol):
    """P square images: ``stack[i:j]`` is an array of shape (j - i, n, n)."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(P, n, n)."""

    def __getitem__(self, key: slice, /) -> NDArray[np.floating]:
        """Images of some rows."""


def working_box(box_px: int, pixel_size_a: float, resolution_a: float) -> int:
    """Even box after Fourier cropping that still holds the resolution with a margin."""
    wanted = 2 * math.ceil(0.5 * box_px * pixel_size_a / (0.42 * resolution_a))
    return box_px if wanted > 0.9 * box_px else wanted


def usable(images: NDArray[np.float32], ctf: ParticleCtf) -> NDArray[np.bool_]:
    """Which images hold sane values, with a finite CTF: shape (m,).

    Those are finite, not constant, and spread neither over far more nor over far less than the images beside
    them: a few that are a hundred times as strong spoil the noise's spectrum, and with it all classes.
    """
    low, high = images.min(axis=(1, 2)).astype(np.float64), images.max(axis=(1, 2)).astype(np.float64)
    with np.errstate(invalid="ignore"):
        spread = high - low
    good: NDArray[np.bool_] = (spread > _SANE_SPREAD[0]) & (spread < _SANE_SPREAD[1])
    if np.count_nonzero(good) >= _FEWEST_COMPARED:
        share = spread / np.median(spread[good])
        good &= (share > 1.0 / _MOST_SPREAD) & (share < _MOST_SPREAD)
    for values in (ctf.defocus_u_a, ctf.defocus_v_a, ctf.astigmatism_angle_deg, ctf.phase_shift_deg):
        good &= np.isfinite(values)
    return good


class Sampler:
    """Takes polar samples of images of one box and pixel, inside one mask.

    Parameters
    ----------
    box_px, pixel_size_a
        Of the images.
    mask_diameter_a, resolution_a
        Mask, and the finest ring, Å. The mask is cut to the box.
    invert
        The protein is dark: turn the sign.

    Attributes
    ----------
    grid
        Rings and angles.
    mask_norm
        sqrt(Σ m²) over the working pixels: samples are divided by it, so that white noise of unit variance
        has E|X|² = 1.
    mask_area_a2
        L² = px² Σ m².
    mask
        Of working pixels, float64.
    """

    def __init__(
        self,
        box_px: int,
        pixel_size_a: float,
        mask_diameter_a: float,
        resolution_a: float,
        *,
        invert: bool = False,
        device: torch.device | str = "cpu",
    ) -> None:
        self.box_px, self.pixel_size_a, self.invert = box_px, pixel_size_a, invert
        self.device = torch.device(device)
        field_a = box_px * pixel_size_a
        diameter_a = min(mask_diameter_a, 0.95 * field_a)
        edge_a = min(max(4.0 * pixel_size_a, 0.1 * diameter_a), field_a - diameter_a)
        self.grid: PolarGrid = make_grid(0.5 * diameter_a, edge_a, resolution_a)
        self.working_box_px = working_box(box_px, pixel_size_a, self.grid.resolution_a)
        self.working_pixel_a = field_a / self.working_box_px
        mask = soft_mask(self.working_box_px, self.working_pixel_a, 0.5 * diameter_a, edge_a)
        self.mask_norm = float(mask.square().sum().sqrt())
        self.mask_area_a2 = self.working_pixel_a**2 * self.mask_norm**2
        self.mask, self._unit_pixel_a = mask, self.working_pixel_a

    def __call__(self, images: NDArray[np.float32], offset_a: NDArray[np.float64]) -> NDArray[np.float16]:
        """Sample images (m, n, n) around centres (m, 2), (x, y) in Å from the boxes' centres.

        Returns real series (see `frazil.compute.classify2d.band`), shape (m, R, Q).
        """
        block = torch.as_tensor(images, device=self.device)
        flat = self._centred(block, torch.as_tensor(offset_a))
        block = flat.reshape(len(flat), self.working_box_px, self.working_box_px)
        re, im = self.transform(block, self._window)
        series = torch.cat([re + im, re - im], dim=-1).to(torch.float16)
        out: NDArray[np.float16] = series.cpu().numpy()
        return out

    def limited(self, resolution_a: float) -> Sampler:
        """Return a sampler of a lower resolution: same mask, fewer rings and angles, in the same units."""
        limit_a = self.grid.limited(resolution_a).resolution_a
        coarse = Sampler(
            self.box_px,
            self.pixel_size_a,
            2.0 * self.grid.mask_radius_a,
            limit_a,
            invert=self.invert,
            device=self.device,
        )
        # Sums over fewer, larger pixels of less noise.
        coarse.mask_norm *= self._unit_pixel_a / coarse.working_pixel_a
        coarse._unit_pixel_a = self._unit_pixel_a
        return coarse

    def make_ready(self) -> None:
        """Make the tables, so that threads find them."""
        _ = self._around, self.transform, self._window

    @cached_property
    def transform(self) -> QuarterTransform:
        """Between working pixels inside the mask and the grid."""
        return QuarterTransform(self.grid, self.working_pixel_a, self.mask, self.device)

    @cached_property
    def _window(self) -> torch.Tensor:
        return self.transform.window(self.mask / self.mask_norm)

    @cached_property
    def _around(self) -> torch.Tensor:
        """Pixels of an image outside the mask, by which it is normalised."""
        n = self.box_px
        axis = (torch.arange(n) - n // 2) * self.pixel_size_a
        r = torch.hypot(axis[None, :], axis[:, None])
        outside = r > self.grid.mask_radius_a + 0.5 * self.grid.mask_edge_a
        if int(outside.sum()) < 0.05 * n * n:
            outside = r > 0.45 * n * self.pixel_size_a
        return outside.reshape(-1).nonzero().reshape(-1).to(self.device)

    def _centred(self, block: torch.Tensor, offset_a: torch.Tensor) -> torch.Tensor:
        """Normalise, move the centres to the middle, crop: shape (m, n'²)."""
        n, small = self.box_px, self.working_box_px
        around = block.reshape(len(block), -1)[:, self._around]
        deviation, whole = _deviation(around), _deviation(block.flatten(1))
        deviation = torch.where(deviation > 1e-3 * whole, deviation, whole)
        block = (block - around.mean(dim=1)[:, None, None]) / deviation[:, None, None]
        if self.invert:
            block = -block
        if small == n and not bool(offset_a.any()):
            return block.reshape(len(block), -1)
        return self._moved(block, offset_a).reshape(len(block), -1)

    def _moved(self, block: torch.Tensor, offset_a: torch.Tensor) -> torch.Tensor:
        """Shift by Fourier phases and crop: values are kept, the pixel grows."""
        n, small = self.box_px, self.working_box_px
        transform = torch.fft.rfft2(block)
        keep = min(n, small)
        ky = torch.fft.fftfreq(n, device=self.device)
        kx = torch.fft.rfftfreq(n, device=self.device)
        # The middle pixel n // 2 plus the offset goes to the middle pixel of the small box.
        middle = n // 2 - (small // 2) * (n / small)
        move = (offset_a.to(self.device) / self.pixel_size_a + middle).float()
        phase_x = torch.exp(2j * math.pi * move[:, 0:1] * kx)
        phase_y = torch.exp(2j * math.pi * move[:, 1:2] * ky)
        transform = transform * phase_x[:, None, :] * phase_y[:, :, None]
        low = (keep - 1) // 2
        cropped = torch.zeros((len(block), small, small // 2 + 1), dtype=torch.complex64, device=self.device)
        cropped[:, : low + 1, : low + 1] = transform[:, : low + 1, : low + 1]
        if low:
            cropped[:, -low:, : low + 1] = transform[:, -low:, : low + 1]
        moved: torch.Tensor = torch.fft.irfft2(cropped, s=(small, small)) * (small / n) ** 2
        return moved


def _deviation(values: torch.Tensor) -> torch.Tensor:
    """Return the standard deviation of rows, (m,); several times faster than torch's own."""
    deviation: torch.Tensor = (values - values.mean(dim=1, keepdim=True)).square().mean(dim=1).sqrt()
    return deviation
