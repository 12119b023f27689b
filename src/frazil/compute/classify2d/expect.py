"""Expectation: how well every class explains a particle in every pose (algorithms: polar harmonics).

ln p = a B(c, γ, δ) - ½ a² N(c, γ),  a = 1
G(q) = Σ_r (w/σ²) Ŷ(r, q) conj Â_{c,δ}(r, q),   B = Q² irfft(G)
N    = Q {Re S_0 + 2 Re[exp(2iγ) S_1 + exp(4iγ) S_2]},  S_m = Σ_r (w/σ²) Ĉ²(r, 2m) conj (|A|²)^(r, 2m)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from frazil.compute.classify2d.polar import harmonics, shift_phases
from frazil.compute.classify2d.transfer import SQUARE_ORDERS

if TYPE_CHECKING:
    from frazil.compute.classify2d.polar import PolarGrid


@dataclass(frozen=True)
class References:
    """Class averages made ready for the E step.

    Attributes
    ----------
    averages
        Shape (K, R, Q/2), complex64: A on half the circle.
    matched
        Shape (orders, R, K, S): Q (w/σ²) conj Â_{c,δ}.
    power
        Shape (K, R, 3): Q (w/σ²) conj of the orders 0, 2, 4 of |A|², less what is noise of the average.
    log_prior
        Shape (K, S): ln of the share of the class times the prior of shift and rotation.
    allowance
        Shape (K,): nats that a typical particle (mean C² = ½) gets for the average's own noise.
    shifts_a
        Shape (S, 2).
    """

    grid: PolarGrid
    averages: torch.Tensor
    matched: torch.Tensor
    power: torch.Tensor
    log_prior: torch.Tensor
    allowance: torch.Tensor
    shifts_a: torch.Tensor


def shift_disc(step_a: float, radius_a: float) -> torch.Tensor:
    """Shifts (x, y) on a square grid inside a disc, shape (S, 2), float64; no shift first."""
    reach = math.floor(radius_a / step_a + 1e-9)
    axis = torch.arange(-reach, reach + 1, dtype=torch.float64) * step_a
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    points = torch.stack([x.reshape(-1), y.reshape(-1)], dim=1)
    points = points[points.square().sum(1) <= radius_a**2 + 1e-6]
    order = torch.argsort(points.square().sum(1), stable=True)
    return points[order]


def power_orders(values: torch.Tensor) -> torch.Tensor:
    """Orders 0, 2, 4 of |values|² from half the circle: shape (..., 3)."""
    power = values.real.square() + values.imag.square()
    orders: torch.Tensor = torch.fft.rfft(power, norm="forward")
    return orders[..., :SQUARE_ORDERS]


def make_references(
    grid: PolarGrid,
    averages: torch.Tensor,
    variance: torch.Tensor,
    weights_over_variance: torch.Tensor,
    class_share: torch.Tensor,
    shifts_a: torch.Tensor,
    shift_sigma_a: float,
) -> References:
    """Shift the averages, take their orders, weight them.

    Parameters
    ----------
    grid, averages
        Where, and A of shape (K, R, Q/2).
    variance
        Shape (K, R): variance of A per real component that is to be taken off |A|²/2 (out-of-sample rule:
        a stranger and a member of a small class are treated alike; zero to leave it).
    weights_over_variance
        Shape (R,): w_r/σ_r².
    class_share
        Shape (K,): prior probabilities.
    shifts_a, shift_sigma_a
        Shape (S, 2), and the standard deviation of the prior per axis.
    """
    phases = shift_phases(grid, shifts_a).to(averages.dtype)
    moved = averages[:, None] * phases[None]
    scale = (weights_over_variance * grid.angle_count).to(averages.real.dtype)
    orders = harmonics(moved, grid.order_count).conj() * scale[:, None]
    power = power_orders(averages)
    power[..., 0] = power[..., 0] - 2.0 * variance
    prior = -shifts_a.square().sum(1) / (2.0 * shift_sigma_a**2)
    prior = prior - torch.logsumexp(prior, 0) - math.log(grid.angle_count)
    return References(
        grid,
        averages,
        orders.permute(3, 2, 0, 1).contiguous(),
        power.conj() * scale[:, None],
        (class_share.log()[:, None] + prior[None].to(class_share.device)).to(averages.real.dtype),
        0.5 * variance @ scale,
        shifts_a,
    )


def log_likelihood(
    references: References, orders: torch.Tensor, squares: torch.Tensor, classes: slice = slice(None)
) -> torch.Tensor:
    """B - ½ N of particles in all poses: shape (p, K, S, Q), against pure noise.

    Parameters
    ----------
    references
        From `make_references`.
    orders, squares
        Ŷ of shape (orders, p, R) and the orders of C², (p, R, 3).
    classes
        Which of the K classes.
    """
    q_count = references.grid.angle_count
    matched = references.matched[:, :, classes]
    power = references.power[classes]
    count, rings, classes_n, shifts_n = matched.shape
    g = torch.bmm(orders, matched.reshape(count, rings, classes_n * shifts_n))
    score: torch.Tensor = torch.fft.irfft(g.permute(1, 2, 0).contiguous(), n=q_count, norm="forward")
    score = score.reshape(orders.shape[1], classes_n, shifts_n, q_count)
    s = torch.einsum("prm,krm->mpk", squares, power)
    angle = torch.arange(q_count, dtype=torch.float64, device=orders.device) * (4.0 * math.pi / q_count)
    turn = torch.stack([torch.exp(1j * m * angle) for m in range(SQUARE_ORDERS)]).to(s.dtype)
    s[1:] *= 2.0
    norm = torch.einsum("mpk,mq->pkq", s, turn).real
    return score.sub_(norm[:, :, None], alpha=0.5)
