"""Particle images to polar Fourier samples: judged, normalised, centred, masked, sampled."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from frazil.compute.classify2d.polar import PolarGrid, make_grid, soft_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.model.classes import ParticleCtf


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
    """Which images are finite and not constant, with a finite CTF: shape (m,)."""
    low, high = images.min(axis=(1, 2)), images.max(axis=(1, 2))
    good: NDArray[np.bool_] = np.isfinite(low) & np.isfinite(high) & (high > low)
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
        self._mask = mask

    def __call__(self, images: NDArray[np.float32], offset_a: NDArray[np.float64]) -> NDArray[np.float16]:
        """Sample images (m, n, n) around centres (m, 2), (x, y) in Å from the boxes' centres.

        Returns real series (see `frazil.compute.classify2d.band`), shape (m, R, Q).
        """
        block = torch.as_tensor(images, device=self.device)
        flat = self._centred(block, torch.as_tensor(offset_a))
        one, two, cosines, sines = self._pairs
        here, there = flat[:, one] * self._weights[0], flat[:, two] * self._weights[1]
        re, im = (here + there) @ cosines, (here - there) @ sines
        rings, half = self.grid.ring_count, self.grid.angle_count // 2
        re, im = re.reshape(-1, rings, half), im.reshape(-1, rings, half)
        series: NDArray[np.float16] = torch.cat([re + im, re - im], dim=-1).to(torch.float16).cpu().numpy()
        return series

    def make_ready(self) -> None:
        """Make the tables, so that threads find them."""
        _ = self._weights, self._pairs

    @cached_property
    def _places(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Pixels inside the mask on one side of the centre, their mirror images, and whether these exist."""
        n, middle = self.working_box_px, self.working_box_px // 2
        y, x = (self._mask > 0).nonzero().unbind(1)
        ahead = (y > middle) | ((y == middle) & (x >= middle))
        lone = (y == 0) | (x == 0) if n % 2 == 0 else torch.zeros_like(ahead)
        ahead = (ahead & ~lone) | lone
        y, x, lone = y[ahead], x[ahead], lone[ahead]
        mirrored = torch.where(lone, 0, (2 * middle - y) * n + (2 * middle - x))
        return y * n + x, mirrored, lone

    @cached_property
    def _weights(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mask over its norm for both sides; the middle pixel is its own mirror image."""
        one, two, lone = self._places
        mask = (self._mask.reshape(-1) / self.mask_norm).float()
        same = one == two
        here = torch.where(same, 0.5 * mask[one], mask[one])
        there = torch.where(lone, 0.0, torch.where(same, 0.5 * mask[two], mask[two]))
        return here.to(self.device), there.to(self.device)

    @cached_property
    def _pairs(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Pixels on both sides, and cos and -sin of 2π k·x, shape (pixels, R · Q/2)."""
        one, two, _ = self._places
        n = self.working_box_px
        axis = (torch.arange(n, dtype=torch.float64) - n // 2) * self.working_pixel_a
        y, x = axis[one // n], axis[one % n]
        theta, k = self.grid.half_angles(), self.grid.frequencies_per_a()
        along = x[:, None] * torch.cos(theta) + y[:, None] * torch.sin(theta)
        phase = (2.0 * math.pi) * (k[:, None] * along[:, None]).reshape(len(one), -1)
        cosines, sines = torch.cos(phase).float(), (-torch.sin(phase)).float()
        device = self.device
        return one.to(device), two.to(device), cosines.to(device), sines.to(device)

    def _centred(self, block: torch.Tensor, offset_a: torch.Tensor) -> torch.Tensor:
        """Normalise, move the centres to the middle, crop: shape (m, n'²)."""
        n, small = self.box_px, self.working_box_px
        axis = (torch.arange(n, device=self.device) - n // 2) * self.pixel_size_a
        r = torch.hypot(axis[None, :], axis[:, None])
        outside = r > self.grid.mask_radius_a + 0.5 * self.grid.mask_edge_a
        if int(outside.sum()) < 0.05 * n * n:
            outside = r > 0.45 * n * self.pixel_size_a
        around = block[:, outside]
        deviation = around.std(dim=1, correction=0)
        whole = block.std(dim=(1, 2), correction=0)
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
