"""The polar identities of the classifier, in double precision, against direct sums."""

from __future__ import annotations

import numpy as np
import torch

from frazil.compute.classify2d.expect import References, log_likelihood, power_orders, shift_disc
from frazil.compute.classify2d.maximise import accumulate, den_values, shifted_back
from frazil.compute.classify2d.polar import (
    PolarGrid,
    from_harmonics,
    harmonics,
    make_grid,
    sampling_rows,
    shift_phases,
)

GRID = PolarGrid(ring_count=5, angle_count=32, ring_step_per_a=0.01, mask_radius_a=30.0, mask_edge_a=6.0)


def band_limited(rng: np.random.Generator, *shape: int, orders: int = 12) -> torch.Tensor:
    """Random functions on half the circle whose orders end well before Q/2."""
    values = rng.standard_normal((*shape, orders)) + 1j * rng.standard_normal((*shape, orders))
    values[..., 0] = values[..., 0].real
    return from_harmonics(torch.as_tensor(values), GRID.angle_count)


def full_circle(half: torch.Tensor) -> torch.Tensor:
    return torch.cat([half, half.conj()], dim=-1)


def test_harmonics_invert_and_agree_with_their_definition() -> None:
    half = band_limited(np.random.default_rng(0), 3, 5)
    orders = harmonics(half, GRID.order_count)
    theta = torch.arange(32, dtype=torch.float64) * (2 * np.pi / 32)
    direct = (full_circle(half) * torch.exp(-1j * 3 * theta)).mean(-1)
    torch.testing.assert_close(orders[..., 3], direct, rtol=0, atol=1e-13)
    torch.testing.assert_close(from_harmonics(orders, 32), half, rtol=0, atol=1e-12)


def test_likelihood_of_all_poses_equals_direct_sums() -> None:
    rng = np.random.default_rng(1)
    average = band_limited(rng, 2, 5)
    x = band_limited(rng, 3, 5)
    transfer2 = 1.0 + 0.3 * torch.cos(2 * GRID.half_angles() - 0.4) + 0.1 * torch.cos(4 * GRID.half_angles())
    weight = torch.as_tensor(rng.random(5))
    shifts = shift_disc(2.0, 2.0)
    phases = shift_phases(GRID, shifts)
    shifted = average[:, None] * phases
    matched = harmonics(shifted, GRID.order_count).conj() * (weight * 32)[:, None]
    references = References(
        GRID,
        average,
        matched.permute(3, 2, 0, 1).contiguous(),
        power_orders(average).conj() * (weight * 32)[:, None],
        torch.zeros((2, len(shifts)), dtype=torch.float64),
        torch.zeros(2),
        shifts,
    )
    squares = torch.fft.rfft(transfer2.expand(3, 5, -1), norm="forward")[..., :3]
    y = harmonics(x, GRID.order_count).permute(2, 0, 1).contiguous()
    found = log_likelihood(references, y, squares)
    for j in (0, 5, 20):
        turned = torch.roll(full_circle(shifted), j, dims=-1)  # A(θ - γ_j)
        cross = torch.einsum("r,prt,ksrt->pks", weight + 0j, full_circle(x).conj(), turned).real
        base = torch.roll(full_circle(average), j, dims=-1)
        norm = torch.einsum("r,t,krt->k", weight, transfer2.repeat(2), base.abs().square())
        torch.testing.assert_close(found[..., j], cross - 0.5 * norm[None, :, None], rtol=1e-11, atol=1e-9)


def test_sums_turn_back_first_and_then_shift_back() -> None:
    rng = np.random.default_rng(2)
    average = band_limited(rng, 5, orders=6)
    shifts = shift_disc(2.0, 2.0)
    # A particle that is the average, shifted by δ in the class frame and turned by γ.
    s, j = 3, 7
    moved = harmonics(average * shift_phases(GRID, shifts[s]), GRID.order_count)
    q = torch.arange(GRID.order_count, dtype=torch.float64)
    y = moved * torch.exp(-1j * q * (2 * np.pi * j / 32))
    weights = torch.zeros((1, 1, len(shifts), 32), dtype=torch.float64)
    weights[0, 0, s, j] = 2.0
    transfer2 = 1.0 + 0.3 * torch.cos(2 * GRID.half_angles() - 0.4)
    squares = torch.fft.rfft(transfer2.expand(1, 5, -1), norm="forward")[..., :3]
    num, den = accumulate(GRID, weights, y.T[:, None], squares)
    back = shifted_back(GRID, shifts, num)
    torch.testing.assert_close(back[0], 2.0 * average, rtol=0, atol=1e-10)
    expected = torch.roll(transfer2.repeat(2), -j)[:16]
    torch.testing.assert_close(den_values(den, 32)[0, 0], 2.0 * expected, rtol=0, atol=1e-12)


def test_samples_of_a_point_are_its_phases() -> None:
    grid = make_grid(40.0, 8.0, 10.0)
    rows = sampling_rows(
        grid, torch.tensor([3.0], dtype=torch.float64), torch.tensor([-5.0], dtype=torch.float64)
    )
    expected = shift_phases(grid, torch.tensor([3.0, -5.0], dtype=torch.float64))
    torch.testing.assert_close(rows[..., 0].to(torch.complex128), expected, rtol=0, atol=1e-5)
    assert grid.resolution_a < 10.3
    assert grid.limited(20.0).ring_count < grid.ring_count
