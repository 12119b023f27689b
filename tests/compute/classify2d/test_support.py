"""Solvent taken out of averages: the particle stays, noise beyond its margin goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from scipy import ndimage

from frazil.compute.classify2d.polar import sampling_rows
from frazil.compute.classify2d.sampler import Sampler
from frazil.compute.classify2d.support import Support

if TYPE_CHECKING:
    from numpy.typing import NDArray


def averages_of(sampler: Sampler, pictures: NDArray[np.float64]) -> torch.Tensor:
    """Polar samples of pictures (K, n, n) of working pixels, pixel by pixel."""
    n = sampler.working_box_px
    axis = (torch.arange(n, dtype=torch.float64) - n // 2) * sampler.working_pixel_a
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    rows = sampling_rows(sampler.grid, x.reshape(-1), y.reshape(-1))
    weighted = torch.as_tensor(pictures.reshape(len(pictures), -1)) * sampler.mask.reshape(-1)
    return torch.einsum("rtx,kx->krt", rows, weighted.to(rows.dtype) / sampler.mask_norm)


def particle(n: int, radius_px: float) -> NDArray[np.float64]:
    y, x = np.mgrid[:n, :n] - n // 2
    blob = (np.hypot(x - 2.0, 1.5 * (y + 1.0)) < radius_px).astype(np.float64)
    smooth: NDArray[np.float64] = ndimage.gaussian_filter(blob, 1.0)
    return smooth


@pytest.mark.parametrize("box_px", [48, 45])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_noise_of_the_solvent_goes_and_the_particle_stays(box_px: int, sign: float) -> None:
    sampler = Sampler(box_px, 4.0, 0.85 * 4.0 * box_px, 8.4)
    assert sampler.working_box_px == box_px
    truth = 10.0 * sign * particle(box_px, 8.0)[None].repeat(12, axis=0)
    noise = np.random.default_rng(3).normal(0.0, 1.0, truth.shape)
    clean, noisy = averages_of(sampler, truth), averages_of(sampler, truth + noise)
    spread = torch.ones(noisy.shape[:2])
    inside, share = Support(sampler)(noisy, spread, threads=2)

    def error(values: torch.Tensor) -> float:
        # Inner rings hold most of the particle, of which a two thousandth is lost.
        return float((values - clean)[:, 10:].abs().square().mean())

    # What is left of the noise is what the variance says is left.
    left = error(inside) / error(noisy)
    assert 0.15 < left < 0.5
    assert abs(float(share.mean()) - left) < 0.03
    alone, _ = Support(sampler)(clean, spread)
    assert float((alone - clean).abs().square().sum()) < 1e-3 * float(clean.abs().square().sum())


def test_an_average_of_noise_alone_keeps_it_and_an_empty_one_stays_empty() -> None:
    sampler = Sampler(48, 4.0, 160.0, 8.4)
    noise = np.random.default_rng(4).normal(0.0, 1.0, (4, 48, 48))
    noise[3] = 0.0
    averages = averages_of(sampler, noise)
    inside, share = Support(sampler)(averages, torch.ones(averages.shape[:2]))
    assert float(share[:3].min()) > 0.7
    assert not inside[3].any()
    assert not share[3].any()
