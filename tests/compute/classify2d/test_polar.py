"""The polar identities of the classifier against direct sums; the fused kernels against both."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from frazil.compute.classify2d.band import Band
from frazil.compute.classify2d.deposit import deposit
from frazil.compute.classify2d.lane_fft import fitting_size, series, series_plan
from frazil.compute.classify2d.polar import (
    PolarGrid,
    from_real_series,
    make_grid,
    real_series,
    sampling_rows,
    shift_phases,
)
from frazil.compute.classify2d.references import (
    References,
    make_references,
    score_with_torch,
    shift_disc,
)
from frazil.compute.classify2d.score import score
from frazil.compute.classify2d.sums import den_values

GRID = PolarGrid(ring_count=5, angle_count=32, ring_step_per_a=0.01, mask_radius_a=30.0, mask_edge_a=6.0)
BAND = Band(GRID)


def band_limited(rng: np.random.Generator, *shape: int, below: int = 16) -> torch.Tensor:
    """Random functions on half the circle, (..., R, Q/2), of the orders that a particle has; complex128."""
    orders = torch.zeros((*shape, GRID.ring_count, GRID.angle_count // 2 + 1), dtype=torch.complex128)
    values = rng.standard_normal((*shape, BAND.pairs)) + 1j * rng.standard_normal((*shape, BAND.pairs))
    orders[..., torch.as_tensor(BAND.ring), torch.as_tensor(BAND.order)] = torch.as_tensor(values)
    orders[..., 0] = orders[..., 0].real + 0j
    orders[..., below:] = 0.0
    half: torch.Tensor = from_real_series(torch.fft.irfft(orders, n=GRID.angle_count, norm="forward"))
    return half


def full_circle(half: torch.Tensor) -> torch.Tensor:
    return torch.cat([half, half.conj()], dim=-1)


def orders_of(half: torch.Tensor) -> torch.Tensor:
    orders = torch.fft.rfft(real_series(half), norm="forward")
    some: torch.Tensor = orders[..., : GRID.order_count].to(torch.complex64)
    return some


@pytest.mark.parametrize("least", [8, 34, 72, 100, 117, 128, 180, 250])
def test_series_of_every_length_are_the_inverse_transform(least: int) -> None:
    size = fitting_size(least)
    assert least <= size <= 1.3 * least + 4
    rng = np.random.default_rng(size)
    plan = series_plan(size)
    orders = (rng.standard_normal((size // 2, 8)) + 1j * rng.standard_normal((size // 2, 8))).astype("c8")
    orders[0] = orders[0].real
    packed = np.ascontiguousarray(np.stack([orders.real, orders.imag], axis=1)).reshape(-1)
    points = np.empty(size * 8, dtype=np.float32)
    series(packed, 0, points, plan.radices, plan.twiddles, plan.halves)
    found = np.empty((size, 8))
    found[plan.points] = points.reshape(size, 8)
    expected = np.fft.irfft(np.concatenate([orders, np.zeros((1, 8))]), n=size, axis=0, norm="forward")
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6 * size)
    np.testing.assert_array_equal(plan.order[plan.place], np.arange(size // 2))


def test_a_real_series_stands_for_half_a_circle_and_turns_with_it() -> None:
    half = band_limited(np.random.default_rng(0), 3)
    torch.testing.assert_close(from_real_series(real_series(half)), half)
    turned = torch.roll(full_circle(half), 5, dims=-1)[..., :16]
    torch.testing.assert_close(real_series(turned), torch.roll(real_series(half), 5, dims=-1))


def compared() -> tuple[References, torch.Tensor, torch.Tensor, torch.Tensor]:
    """References of two averages, three particles, C² (even orders only), and the weights."""
    rng = np.random.default_rng(1)
    average, x = band_limited(rng, 2), band_limited(rng, 3)
    weight = torch.as_tensor(rng.random(5))
    references = make_references(
        BAND,
        average.to(torch.complex64),
        torch.zeros((2, 5)),
        weight.float(),
        np.array([0.4, 0.6]),
        shift_disc(2.0, 2.0),
        3.0,
    )
    transfer2 = 1.0 + 0.3 * torch.cos(2 * GRID.half_angles() - 0.4) + 0.1 * torch.cos(4 * GRID.half_angles())
    return references, x, transfer2, weight


def direct(
    references: References, x: torch.Tensor, transfer2: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    """ln Σ_γ exp(B - ½ N) by turning the averages, (P, K, S)."""
    average = references.averages.to(torch.complex128)
    shifted = average[:, None] * shift_phases(GRID, torch.as_tensor(references.shifts_a))
    values = []
    for j in range(GRID.angle_count):
        turned = torch.roll(full_circle(shifted), j, dims=-1)  # A(θ - γ_j)
        cross = torch.einsum("r,prt,ksrt->pks", weight + 0j, full_circle(x).conj(), turned).real
        base = torch.roll(full_circle(average), j, dims=-1)
        norm = torch.einsum("r,t,krt->k", weight, transfer2.repeat(2), base.abs().square())
        values.append(cross - 0.5 * norm[None, :, None])
    return torch.logsumexp(torch.stack(values), 0)


def test_evidence_equals_direct_sums_by_the_kernel_and_by_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    references, x, transfer2, weight = compared()
    expected = direct(references, x, transfer2, weight).float()
    squares = torch.fft.rfft(transfer2.expand(3, 5, -1), norm="forward")[..., :3].to(torch.complex64)
    half_norms = references.half_norms(squares.numpy(), np.arange(3))
    by_torch = score_with_torch(references, orders_of(x), torch.as_tensor(half_norms))
    monkeypatch.setattr("frazil.compute.classify2d.references._TORCH_BYTES", 1.0)
    one_by_one = score_with_torch(references, orders_of(x), torch.as_tensor(half_norms))
    torch.testing.assert_close(one_by_one, by_torch)
    torch.testing.assert_close(by_torch, expected, rtol=1e-5, atol=2e-3)
    flat = np.ascontiguousarray(BAND.packed(orders_of(x)).numpy())
    posterior = expected.numpy() + references.log_prior
    # All pairs, and a choice of them.
    for keep in (np.ones((3, 2), dtype=np.bool_), np.array([[False, True], [False, False], [False, True]])):
        scores = score(references, flat, half_norms, keep)
        assert (scores[~keep] == -np.inf).all()
        near = keep[..., None] & (posterior > posterior[keep].max() - 15.0)
        np.testing.assert_allclose(scores[near], posterior[near], rtol=1e-5, atol=2e-3)


def test_sums_turn_back_first_and_then_shift_back() -> None:
    rng = np.random.default_rng(2)
    # A shift makes further orders: the average has few.
    average = band_limited(rng, below=8)
    # Particles that are the average, shifted by δ in the class frame and turned by γ.
    poses = np.array([[0.3, 1.5, -2.0, 0.0, 0.0], [2.9, 1.5, -2.0, 0.0, 0.0], [4.0, 0.0, 3.0, 0.0, 0.0]])
    planes = np.zeros((3, GRID.order_count, 1, 2, 8), dtype=np.float32)
    transfer2 = 1.0 + 0.3 * torch.cos(2 * GRID.half_angles() - 0.4)
    for p, (gamma, x, y) in enumerate(poses[:, :3]):
        moved = orders_of(average * shift_phases(GRID, torch.tensor([x, y], dtype=torch.float64)))
        turned = moved * torch.exp(-1j * gamma * torch.arange(GRID.order_count))
        planes[p, :, 0, 0, :5], planes[p, :, 0, 1, :5] = turned.real.T, turned.imag.T
    squares = torch.fft.rfft(transfer2.expand(3, 5, -1), norm="forward")[..., :3].numpy().astype("c8")
    num = np.zeros((2, 16, 2, 8), dtype=np.float32)
    den = np.zeros((2, 5, 3), dtype=np.complex64)
    angles = GRID.half_angles().numpy()
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    row, target, weight = np.array([0, 1, 2]), np.array([1, 1, 1]), np.array([0.5, 1.0, 0.25])
    plan = BAND.plan
    deposit(
        planes,
        squares,
        row,
        target,
        poses,
        weight,
        np.arange(3),
        BAND.tables,
        plan.place,
        directions,
        GRID.ring_step_per_a,
        num,
        den,
    )
    back = num[1, :, 0, :5].T + 1j * num[1, :, 1, :5].T
    np.testing.assert_allclose(back, 1.75 * average.numpy(), rtol=0, atol=2e-4)
    assert not num[0].any()
    expected = sum(
        w * (1.0 + 0.3 * np.cos(2 * (angles + gamma) - 0.4))
        for w, gamma in zip(weight, poses[:, 0], strict=True)
    )
    np.testing.assert_allclose(den_values(torch.as_tensor(den), 32)[1, 0].numpy(), expected, rtol=1e-5)


def test_draws_of_one_particle_and_shift_add_up() -> None:
    rng = np.random.default_rng(3)
    planes = rng.standard_normal((1, GRID.order_count, 1, 2, 8)).astype(np.float32)
    squares = np.ones((1, 5, 3), dtype=np.complex64)
    poses = np.array([[0.3, 1.5, -2.0, 0.0, 0.0], [2.9, 1.5, -2.0, 0.0, 0.0], [4.0, 0.0, 3.0, 0.0, 0.0]])
    angles = GRID.half_angles().numpy()
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)

    def summed(parts: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
        num, den = np.zeros((1, 16, 2, 8), dtype=np.float32), np.zeros((1, 5, 3), dtype=np.complex64)
        zeros = np.zeros(3, dtype=np.int64)
        for part in parts:
            deposit(
                planes,
                squares,
                zeros,
                zeros,
                poses,
                np.array([0.5, 1.0, 0.25]),
                np.array(part),
                BAND.tables,
                BAND.plan.place,
                directions,
                GRID.ring_step_per_a,
                num,
                den,
            )
        return num, den

    together, alone = summed([[0, 1, 2]]), summed([[0], [1], [2]])
    np.testing.assert_allclose(together[0], alone[0], rtol=0, atol=1e-4)
    np.testing.assert_allclose(together[1], alone[1], rtol=0, atol=1e-6)


def test_a_spread_draw_is_the_mean_of_many_sharp_ones() -> None:
    rng = np.random.default_rng(4)
    planes = rng.standard_normal((1, GRID.order_count, 1, 2, 8)).astype(np.float32)
    squares = np.ones((1, 5, 3), dtype=np.complex64)
    angles = GRID.half_angles().numpy()
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)

    def summed(poses: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        num, den = np.zeros((1, 16, 2, 8), dtype=np.float32), np.zeros((1, 5, 3), dtype=np.complex64)
        zeros = np.zeros(len(poses), dtype=np.int64)
        deposit(
            planes,
            squares,
            zeros,
            zeros,
            poses,
            weight,
            np.arange(len(poses)),
            BAND.tables,
            BAND.plan.place,
            directions,
            GRID.ring_step_per_a,
            num,
            den,
        )
        return num, den

    node, share = np.polynomial.hermite_e.hermegauss(12)
    mesh = np.meshgrid(0.5 + 0.1 * node, 1.0 + 2.0 * node, -2.0 + 2.0 * node)
    angle, x, y = (axis.reshape(-1) for axis in mesh)
    weight = np.prod(np.stack(np.meshgrid(share, share, share)), axis=0).reshape(-1)
    zero = np.zeros_like(angle)
    many = summed(np.stack([angle, x, y, zero, zero], axis=1), weight / weight.sum())
    one = summed(np.array([[0.5, 1.0, -2.0, 0.01, 4.0]]), np.ones(1))
    for found, expected in zip(one, many, strict=True):
        assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def test_samples_of_a_point_are_its_phases() -> None:
    grid = make_grid(40.0, 8.0, 10.0)
    rows = sampling_rows(
        grid, torch.tensor([3.0], dtype=torch.float64), torch.tensor([-5.0], dtype=torch.float64)
    )
    expected = shift_phases(grid, torch.tensor([3.0, -5.0], dtype=torch.float64))
    torch.testing.assert_close(rows[..., 0].to(torch.complex128), expected, rtol=0, atol=1e-5)
    assert grid.resolution_a < 10.3
    assert grid.limited(20.0).ring_count < grid.ring_count
