"""The transfer on the polar grid against the definition of χ, and C²'s orders against its FFT."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from frazil.compute.classify2d.polar import make_grid
from frazil.compute.classify2d.prepared import ctf_columns
from frazil.compute.classify2d.transfer import PolarTransfer
from frazil.compute.ctf.model import ctf_values
from frazil.model.classes import ParticleCtf
from frazil.model.optics import Optics


@pytest.mark.parametrize("astigmatism_a", [0.0, 500.0])
def test_values_and_orders_of_the_square(astigmatism_a: float) -> None:
    grid = make_grid(90.0, 18.0, 10.0)
    optics = Optics(300.0, 2.7, 0.1)
    one = np.ones(2)
    ctf = ParticleCtf(optics, 15000.0 * one + astigmatism_a, 15000.0 * one, 33.0 * one, 20.0 * one)
    transfer = PolarTransfer.of_columns(ctf_columns(ctf), optics)
    values = transfer.values(grid, slice(0, 2))
    theta, k = grid.half_angles(), grid.frequencies_per_a()
    kx, ky = k[:, None] * torch.cos(theta), k[:, None] * torch.sin(theta)
    expected = -ctf_values(kx, ky, optics, 15000.0 + astigmatism_a, 15000.0, 33.0, 20.0)
    torch.testing.assert_close(values[1].double(), expected, rtol=0, atol=5e-6)
    orders = torch.fft.rfft(expected.square(), norm="forward")[..., :3]
    found = transfer.square_orders(grid, slice(0, 2))[0].to(torch.complex128)
    torch.testing.assert_close(found, orders, rtol=0, atol=1e-6)
