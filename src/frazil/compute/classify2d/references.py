"""Class averages made ready for the expectation step.

ln p = B(c, γ, δ) - ½ N(c, γ)
G(q) = Σ_r (w/σ²) Ŷ(r, q) conj Â_{c,δ}(r, q),   B = Q² irfft(G)
N    = Q {Re S_0 + 2 Re[exp(2iγ) S_1 + exp(4iγ) S_2]},  S_m = Σ_r (w/σ²) Ĉ²(r, 2m) conj (|A|²)^(r, 2m)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numba import njit

from frazil.compute.classify2d.polar import real_series, shift_phases
from frazil.compute.classify2d.prepared import pieces
from frazil.compute.classify2d.score import SIDE_BY_SIDE
from frazil.compute.classify2d.transfer import SQUARE_ORDERS
from frazil.compute.parallel import for_each

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.classify2d.band import Band
    from frazil.compute.classify2d.polar import PolarGrid


# Classes whose shifts are made together.
_TOGETHER = 5
# Classes are compared by torch a few at a time, so that what is made of them on the way fits the device.
_TORCH_BYTES = 1e9


@dataclass(frozen=True)
class References:
    """K averages at S shifts.

    Attributes
    ----------
    band
        Grid and layout.
    averages
        Shape (K, R, Q/2), complex64: A on half the circle.
    shifted, scale
        Orders of A, shifted, as a real series, (K, S, R, N), complex64; Q w/σ², (R,), float32.
    power
        Shape (K, R, 3): Q (w/σ²) conj of the orders 0, 2, 4 of |A|², less what is noise of the average.
    log_prior
        Shape (K, S), float32: ln of the share of the class times the prior of shift and rotation.
    allowance
        Shape (K,): nats that a typical particle (mean C² = ½) gets for the average's own noise.
    shifts_a
        Shape (S, 2), float64, (x, y).
    matched
        Q (w/σ²) conj of the shifted orders as the kernel reads them: flat (K, blocks, pairs, four real | four
        imaginary parts); empty on other devices than the CPU.
    """

    band: Band
    averages: torch.Tensor
    shifted: torch.Tensor
    scale: torch.Tensor
    power: torch.Tensor
    log_prior: NDArray[np.float32]
    allowance: NDArray[np.float64]
    shifts_a: NDArray[np.float64]
    matched: NDArray[np.float32]

    @property
    def shift_count(self) -> int:
        """S."""
        return len(self.shifts_a)

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Shape (K,): classes that take part."""
        return np.isfinite(self.log_prior[:, 0])

    @property
    def class_count(self) -> int:
        """K."""
        return len(self.averages)

    @property
    def device(self) -> torch.device:
        """Where they are."""
        return self.averages.device

    @cached_property
    def orders(self) -> torch.Tensor:
        """Q (w/σ²) conj of the shifted orders, (K, S, R, N), complex64."""
        return (self.shifted.conj() * self.scale[:, None]).resolve_conj()

    @cached_property
    def _power(self) -> NDArray[np.complex64]:
        return np.ascontiguousarray(self.power.cpu().numpy())

    def half_norms(self, squares: NDArray[np.complex64], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """½ N of rows of these orders of C², (M, R, 3), as series in cos, sin of 2γ, 4γ: (P, K, 5)."""
        out = np.empty((len(rows), self.class_count, 5), dtype=np.float32)
        _half_norms(squares, rows, self._power, out)
        return out


@njit(nogil=True, cache=True)
def _match(shifted: Any, scale: Any, ring: Any, order: Any, out: Any) -> None:
    for k in range(shifted.shape[0]):
        for s in range(shifted.shape[1]):
            block, side = s // out.shape[4], s % out.shape[4]
            for t in range(len(ring)):
                value = shifted[k, s, ring[t], order[t]]
                out[k, block, t, 0, side] = value.real * scale[ring[t]]
                out[k, block, t, 1, side] = -value.imag * scale[ring[t]]


@njit(nogil=True, cache=True)
def _half_norms(squares: Any, rows: Any, power: Any, out: Any) -> None:
    classes, rings = power.shape[0], power.shape[1]
    for p in range(len(rows)):
        own = squares[rows[p]]
        for k in range(classes):
            zero = np.float32(0)
            two, four = np.complex64(0), np.complex64(0)
            for r in range(rings):
                zero += own[r, 0].real * power[k, r, 0].real - own[r, 0].imag * power[k, r, 0].imag
                two += own[r, 1] * power[k, r, 1]
                four += own[r, 2] * power[k, r, 2]
            out[p, k, 0] = np.float32(0.5) * zero
            out[p, k, 1], out[p, k, 2] = two.real, -two.imag
            out[p, k, 3], out[p, k, 4] = four.real, -four.imag


def shift_disc(step_a: float, radius_a: float) -> NDArray[np.float64]:
    """Shifts (x, y) on a square grid inside a disc, shape (S, 2); no shift first."""
    reach = math.floor(radius_a / step_a + 1e-9)
    axis = np.arange(-reach, reach + 1) * step_a
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    square = (points**2).sum(1)
    inside = square <= radius_a**2 + 1e-6
    chosen: NDArray[np.float64] = points[inside][np.argsort(square[inside], kind="stable")]
    return chosen


def power_orders(values: torch.Tensor) -> torch.Tensor:
    """Orders 0, 2, 4 of |values|² from half the circle: shape (..., 3)."""
    power = values.real.square() + values.imag.square()
    orders: torch.Tensor = torch.fft.rfft(power, norm="forward")
    return orders[..., :SQUARE_ORDERS]


@lru_cache(maxsize=16)
def _phases(grid: PolarGrid, shifts: bytes, device: torch.device) -> torch.Tensor:
    """exp(-2πi k·δ), (S, R, Q/2), complex64; the same for every batch of a stage."""
    shifts_a = np.frombuffer(shifts).reshape(-1, 2)
    return shift_phases(grid, torch.as_tensor(shifts_a.copy(), device=device)).to(torch.complex64)


def make_references(
    band: Band,
    averages: torch.Tensor,
    variance: torch.Tensor,
    weights_over_variance: torch.Tensor,
    class_share: NDArray[np.float64],
    shifts_a: NDArray[np.float64],
    shift_sigma_a: float,
    threads: int = 1,
) -> References:
    """Shift the averages, take their orders, weight them.

    Parameters
    ----------
    band, averages
        Where, and A of shape (K, R, Q/2).
    variance
        Shape (K, R): variance of A per real component that is to be taken off |A|²/2 (out-of-sample rule:
        a stranger and a member of a small class are treated alike; zero to leave it).
    weights_over_variance
        Shape (R,): w_r/σ_r².
    class_share
        Shape (K,): prior probabilities; 0 for a class that takes no part.
    shifts_a, shift_sigma_a
        Shape (S, 2), and the standard deviation of the prior per axis.
    threads
        The result doesn't depend on them.
    """
    grid = band.grid
    phases = _phases(grid, shifts_a.tobytes(), averages.device)
    scale = (weights_over_variance * grid.angle_count).to(averages.real.dtype)
    shape = (len(averages), len(phases), grid.ring_count, grid.order_count)
    shifted = torch.empty(shape, dtype=averages.dtype, device=averages.device)
    on_cpu = averages.device.type == "cpu"
    blocks = -(-len(phases) // SIDE_BY_SIDE)
    layout = (len(averages) if on_cpu else 0, blocks, band.pairs, 2, SIDE_BY_SIDE)
    matched = np.zeros(layout, dtype=np.float32)

    def work(some: slice) -> None:
        with torch.inference_mode():
            orders = torch.fft.rfft(real_series(averages[some, None] * phases), norm="forward")
            shifted[some] = orders[..., : grid.order_count]
            if on_cpu:
                _match(shifted[some].numpy(), scale.numpy(), band.ring, band.order, matched[some])

    for_each(work, pieces(len(averages), _TOGETHER), threads)
    power = power_orders(averages)
    power[..., 0] = power[..., 0] - 2.0 * variance
    prior = -(shifts_a**2).sum(1) / (2.0 * shift_sigma_a**2)
    prior = prior - np.logaddexp.reduce(prior) - math.log(grid.angle_count)
    with np.errstate(divide="ignore"):
        log_share = np.log(class_share)
    return References(
        band,
        averages,
        shifted,
        scale,
        power.conj() * scale[:, None],
        (log_share[:, None] + prior).astype(np.float32),
        (0.5 * variance @ scale).double().cpu().numpy(),
        shifts_a,
        matched.reshape(-1),
    )


def score_with_torch(references: References, orders: torch.Tensor, half_norms: torch.Tensor) -> torch.Tensor:
    """Log evidence of all particles, classes and shifts, shape (P, K, S), on the tensors' device.

    Parameters
    ----------
    references
        From `make_references`.
    orders
        Orders of C X as a real series, (P, R, N).
    half_norms
        From `References.half_norms`.
    """
    classes, shifts, rings, count = references.orders.shape
    q_count = references.band.grid.angle_count
    angle = torch.arange(q_count, dtype=torch.float64, device=orders.device) * (4.0 * math.pi / q_count)
    one = torch.ones_like(angle)
    turns = torch.stack([one, angle.cos(), angle.sin(), (2 * angle).cos(), (2 * angle).sin()])
    norms = half_norms @ turns.to(half_norms.dtype)
    particles = orders.permute(2, 0, 1)
    scores = torch.empty((len(orders), classes, shifts), dtype=norms.dtype, device=orders.device)
    together = max(1, int(_TORCH_BYTES / (16 * len(orders) * shifts * q_count)))
    for first in range(0, classes, together):
        some = slice(first, first + together)
        matched = references.orders[some].permute(3, 2, 0, 1).reshape(count, rings, -1)
        products = torch.bmm(particles, matched)
        values = torch.fft.irfft(products.permute(1, 2, 0), n=q_count, norm="forward")
        values = values.reshape(len(orders), -1, shifts, q_count)
        scores[:, some] = torch.logsumexp(values - norms[:, some, None], dim=-1)
    return scores
