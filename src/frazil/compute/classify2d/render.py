"""Class averages as pictures, their centres, and the sign of their contrast."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from frazil.compute.classify2d.polar import PolarGrid, sampling_rows, soft_mask

if TYPE_CHECKING:
    from frazil.compute.classify2d.engine import Engine


def render(
    grid: PolarGrid,
    averages: torch.Tensor,
    box_px: int,
    pixel_size_a: float,
    sample_scale: float,
) -> torch.Tensor:
    """Turn polar averages into images: the transposed sampling with quadrature weights.

    Parameters
    ----------
    grid, averages
        Grid, and A on half the circle, (K, R, Q/2).
    box_px, pixel_size_a
        Pixels of the result; centre at pixel n // 2.
    sample_scale
        What a sum over working pixels must be multiplied with to undo the samples' normalisation: the mask's
        norm times the working pixel's area.

    Returns
    -------
    Shape (K, n, n), float32: solvent at zero, zero outside the mask.
    """
    device = averages.device
    mask = soft_mask(box_px, pixel_size_a, grid.mask_radius_a, grid.mask_edge_a).to(device).reshape(-1)
    inside = (mask > 0).nonzero().reshape(-1)
    axis = (torch.arange(box_px, dtype=torch.float64, device=device) - box_px // 2) * pixel_size_a
    k = grid.frequencies_per_a(device)
    # Both halves of the circle: twice the real part.
    weight = (2.0 * 2.0 * math.pi * grid.ring_step_per_a / grid.angle_count * sample_scale) * k
    weighted = (averages * weight[:, None].to(averages.dtype)).reshape(len(averages), -1)
    values = torch.zeros((len(averages), len(inside)), dtype=torch.float32, device=device)
    step = max(1, int(48e6 / (8 * grid.ring_count * grid.angle_count / 2)))
    for start in range(0, len(inside), step):
        some = inside[start : start + step]
        rows = sampling_rows(grid, axis[some % box_px], axis[some // box_px])
        rows = rows.reshape(-1, len(some))
        values[:, start : start + step] = weighted.real @ rows.real + weighted.imag @ rows.imag
    rim = mask[inside] < 0.9
    if bool(rim.any()):
        values -= values[:, rim].mean(1, keepdim=True)
    images = torch.zeros((len(averages), box_px * box_px), dtype=torch.float32, device=device)
    images[:, inside] = values * mask[inside].float()
    return images.reshape(-1, box_px, box_px)


def smooth_pictures(engine: Engine, resolution_a: float) -> torch.Tensor:
    """Pictures of an engine's present averages at one resolution, (K, n', n'), working pixel."""
    sampler = engine.sampler
    averages = engine.regridded(engine.averages(engine.spectra())[0], 0.8 * resolution_a)
    grid = engine.band(0.8 * resolution_a).grid
    limits = torch.full((engine.class_count,), resolution_a, dtype=torch.float64)
    return render(
        grid,
        low_passed(grid, averages, limits),
        sampler.working_box_px,
        sampler.working_pixel_a,
        sampler.mask_norm * sampler.working_pixel_a**2,
    )


def low_passed(grid: PolarGrid, averages: torch.Tensor, resolution_a: torch.Tensor) -> torch.Tensor:
    """Roll every average off at its own resolution (K,), over two rings."""
    k = grid.frequencies_per_a(averages.device)
    limit = (1.0 / resolution_a.to(averages.device)).clamp(min=2.0 * grid.ring_step_per_a)
    t = ((limit[:, None] - k[None]) / (2.0 * grid.ring_step_per_a) + 1.0).clamp(0.0, 1.0)
    filtered = (0.5 - 0.5 * torch.cos(math.pi * t)).to(averages.dtype)
    return averages * filtered[..., None]


def polarity(images: torch.Tensor, pixel_size_a: float, mask_radius_a: float) -> torch.Tensor:
    """Sign of each image's density: > 0 where the particle is brighter than what surrounds it.

    The mean near the rim stands for the solvent; what deviates strongly from it is the particle. 0: empty.
    """
    n = images.shape[-1]
    axis = (torch.arange(n, device=images.device) - n // 2) * pixel_size_a
    r = torch.hypot(axis[None, :], axis[:, None])
    rim = (r > 0.85 * mask_radius_a) & (r < mask_radius_a)
    core = r < 0.8 * mask_radius_a
    if not bool(rim.any()) or not bool(core.any()):
        return torch.zeros(len(images))
    values = images[:, core] - images[:, rim].mean(1, keepdim=True)
    # In units of their own scale before the cube: that of an empty image is zero, not a number.
    values = values / values.square().mean(1, keepdim=True).sqrt().clamp(min=1e-20)
    return (values.pow(3).mean(1) + values.mean(1)).cpu()


def centres_a(images: torch.Tensor, pixel_size_a: float, sign: float) -> torch.Tensor:
    """Centre of mass (x, y) of what stands out of the solvent, Å from pixel n // 2: shape (K, 2)."""
    n = images.shape[-1]
    axis = (torch.arange(n, device=images.device, dtype=torch.float32) - n // 2) * pixel_size_a
    bright = (images * sign).clamp(min=0.0)
    bright = (bright - 0.25 * bright.amax((1, 2), keepdim=True)).clamp(min=0.0)
    total = bright.sum((1, 2)).clamp(min=1e-20)
    x = (bright.sum(1) * axis).sum(1) / total
    y = (bright.sum(2) * axis).sum(1) / total
    return torch.stack([x, y], dim=1).double()
