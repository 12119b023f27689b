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
        self._mask, self._unit_pixel_a = mask, self.working_pixel_a

    def __call__(self, images: NDArray[np.float32], offset_a: NDArray[np.float64]) -> NDArray[np.float16]:
        """Sample images (m, n, n) around centres (m, 2), (x, y) in Å from the boxes' centres.

        Returns real series (see `frazil.compute.classify2d.band`), shape (m, R, Q).
        """
        block = torch.as_tensor(images, device=self.device)
        flat = self._centred(block, torch.as_tensor(offset_a))
        re, im = self._transformed(flat.reshape(len(flat), self.working_box_px, self.working_box_px))
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
        _ = self._around, self._quarter

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

    @cached_property
    def _quarter(self) -> tuple[torch.Tensor, torch.Tensor, tuple[torch.Tensor, ...]]:
        """What a transform of even and odd parts needs.

        Pixels (x ≥ 0, y ≥ 0 from the middle) inside the mask, (pixels,), by their place in a quarter of the
        box; their weights: the mask over its norm, halved for each coordinate that is its own mirror image;
        and for θ from 0 to π/2 cos·cos, sin·sin, sin·cos, cos·sin of 2πkx cos θ and 2πky sin θ, each
        (pixels, R · (Q/4 + 1)).
        """
        n, middle = self.working_box_px, self.working_box_px // 2
        reach = n - middle
        mask = self._mask[middle:, middle:].clone()
        mask[0] *= 0.5
        mask[:, 0] *= 0.5
        chosen = mask.reshape(-1).nonzero().reshape(-1)
        weights = (mask.reshape(-1)[chosen] / self.mask_norm).float()
        theta = self.grid.half_angles()[: self.grid.angle_count // 4 + 1]
        k = (2.0 * math.pi) * self.grid.frequencies_per_a()[:, None]
        x = (chosen % reach).double() * self.working_pixel_a
        y = (chosen // reach).double() * self.working_pixel_a
        along_x = (x[:, None, None] * (k * torch.cos(theta))).flatten(1)
        along_y = (y[:, None, None] * (k * torch.sin(theta))).flatten(1)
        across = torch.cos(along_x), torch.sin(along_x)
        down = torch.cos(along_y), torch.sin(along_y)
        tables = across[0] * down[0], across[1] * down[1], across[1] * down[0], across[0] * down[1]
        device = self.device
        return chosen.to(device), weights.to(device), tuple(table.float().to(device) for table in tables)

    def _transformed(self, block: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Real and imaginary parts of the masked Fourier transform on half the circle, each (m, R, Q/2).

        Images (m, n', n') are split into parts even and odd in x and y. At π - θ the parts odd in x change
        their sign, so that a quarter of the pixels and of the circle do.
        """
        n, middle = self.working_box_px, self.working_box_px // 2
        reach = n - middle
        chosen, weights, tables = self._quarter
        # The first row and column of an even box have no mirror image: the mask is zero there.
        ahead, behind = slice(middle, n), slice(middle - reach + 1, middle + 1)
        right, left = block[:, :, ahead], block[:, :, behind].flip(2)
        parts = []
        for odd_x in (False, True):
            across = right - left if odd_x else right + left
            below, above = across[:, ahead], across[:, behind].flip(1)
            parts.append([below + above, below - above])

        def times(part: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
            values = (part.reshape(len(part), -1)[:, chosen] * weights) @ table
            return values.reshape(len(part), self.grid.ring_count, -1)

        even, odd = times(parts[0][0], tables[0]), times(parts[1][1], tables[1])
        aside, down = times(parts[1][0], tables[2]), times(parts[0][1], tables[3])
        # π/2 and 0 are in the first quarter already.
        second = slice(1, -1)
        re = [even - odd, (even + odd)[..., second].flip(-1)]
        im = [-(aside + down), (aside - down)[..., second].flip(-1)]
        return torch.cat(re, dim=-1), torch.cat(im, dim=-1)

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
