"""Maximisation: sums over posterior weights, and the averages, noise and resolution that follow.

    Num(r, θ) = Σ_δ exp(+2πi k·δ) IDFT_q[Ŷ(r, q) Ŵ_δ(q)],   Ŵ(q) = Σ_γ w exp(iqγ)
    Den(r, θ) = IDFT_q[Ĉ²(r, q) Σ_δ Ŵ_δ(q)],   A = Num/(Den + σ²/τ²)

Rotated back in q first, then shifted back: the order matters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from frazil.compute.classify2d.polar import from_harmonics, harmonics, shift_phases
from frazil.compute.classify2d.transfer import SQUARE_ORDERS

if TYPE_CHECKING:
    from frazil.compute.classify2d.polar import PolarGrid


@dataclass
class Sums:
    """Weighted sums of F folds of the particles; even and odd folds are the half sets.

    Attributes
    ----------
    num
        Shape (F, K, R, Q/2), complex64.
    den
        Shape (F, K, R, 3), complex64: orders 0, 2, 4.
    weight
        Shape (F, K), float64.
    """

    grid: PolarGrid
    num: torch.Tensor
    den: torch.Tensor
    weight: torch.Tensor

    @classmethod
    def zeros(cls, grid: PolarGrid, folds: int, classes: int, device: torch.device | str = "cpu") -> Sums:
        """Empty sums."""
        shape = (folds, classes, grid.ring_count)
        return cls(
            grid,
            torch.zeros((*shape, grid.angle_count // 2), dtype=torch.complex64, device=device),
            torch.zeros((*shape, SQUARE_ORDERS), dtype=torch.complex64, device=device),
            torch.zeros((folds, classes), dtype=torch.float64, device=device),
        )

    def regridded(self, grid: PolarGrid) -> Sums:
        """Return the sums on another grid: rings added empty or dropped, angles by Fourier interpolation."""
        old = self.grid
        folds, classes = self.weight.shape
        new = Sums.zeros(grid, folds, classes, self.num.device)
        rings = min(old.ring_count, grid.ring_count)
        orders = min(old.order_count, grid.order_count)
        values = harmonics(self.num[:, :, :rings], orders)
        new.num[:, :, :rings] = from_harmonics(values, grid.angle_count)
        new.den[:, :, :rings] = self.den[:, :, :rings]
        new.weight[:] = self.weight
        return new

    def select(self, classes: torch.Tensor) -> Sums:
        """Return these classes only, in this order."""
        return Sums(self.grid, self.num[:, classes], self.den[:, classes], self.weight[:, classes])


def accumulate(
    grid: PolarGrid,
    weights: torch.Tensor,
    orders: torch.Tensor,
    squares: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sum one block over its posterior weights.

    Parameters
    ----------
    grid
        The grid.
    weights
        Shape (p, K, S, Q): posterior of class and pose.
    orders, squares
        Ŷ (orders, p, R) and the orders of C² (p, R, 3).

    Returns
    -------
    tuple
        Num before shifting back, as orders of shape (orders, R, K, S); see `shifted_back`. Den (K, R, 3).
    """
    particles, classes, shifts, _ = weights.shape
    count = grid.order_count
    w = torch.fft.rfft(weights)[..., :count].conj()
    flat = w.reshape(particles, classes * shifts, count).permute(2, 0, 1).contiguous().resolve_conj()
    num = torch.bmm(orders.transpose(1, 2), flat).reshape(count, -1, classes, shifts)
    even = w.sum(2)[..., 0 : 2 * SQUARE_ORDERS : 2]
    den = torch.einsum("prm,pkm->krm", squares, even)
    return num, den


def shifted_back(grid: PolarGrid, shifts_a: torch.Tensor, num: torch.Tensor) -> torch.Tensor:
    """Num on half the circle, (K, R, Q/2), from the orders that `accumulate` gives."""
    values = from_harmonics(num.permute(2, 3, 1, 0), grid.angle_count)
    phases = shift_phases(grid, shifts_a).conj().to(values.dtype)
    back: torch.Tensor = (values * phases[None]).sum(1)
    return back


def den_values(den: torch.Tensor, angle_count: int) -> torch.Tensor:
    """Den on half the circle, real, (..., R, Q/2), from its orders; never negative."""
    half = angle_count // 2
    values: torch.Tensor = torch.fft.irfft(den, n=half, norm="forward")
    return values.clamp_(min=0.0)


@dataclass(frozen=True)
class Spectra:
    """Signal of the classes ring by ring.

    Attributes
    ----------
    frc
        Shape (K, R): correlation of the half sets.
    signal
        Shape (K, R): E|A|², from the half sets' cross power, steadied by that of all classes.
    """

    frc: torch.Tensor
    signal: torch.Tensor


def half_spectra(sums: Sums, steady_members: float = 40.0) -> Spectra:
    """Correlate even and odd folds.

    Parameters
    ----------
    sums
        Of all folds.
    steady_members
        A class's own power counts as much as that of all classes when it has so many members.
    """
    halves = []
    for parity in (0, 1):
        num = sums.num[parity::2].sum(0)
        den = sums.den[parity::2].sum(0)
        floor = 0.05 * den[..., 0].real.mean(-1, keepdim=True)[..., None] + 1e-6
        halves.append(num / (den_values(den, sums.grid.angle_count) + floor))
    one, two = halves
    cross = (one * two.conj()).real.mean(-1)
    norm = (one.abs().square().mean(-1) * two.abs().square().mean(-1)).sqrt()
    members = sums.weight.sum(0)
    share = members / members.sum().clamp(min=1e-9)
    pooled = (share[:, None] * cross).sum(0)
    own = members[:, None] / (members[:, None] + steady_members)
    signal = own * cross + (1.0 - own) * pooled[None]
    signal = torch.maximum(_smooth(signal), 0.02 * _smooth(pooled[None]).clamp(min=0.0)).clamp(min=1e-12)
    return Spectra((cross / norm.clamp(min=1e-20)).float(), signal.float())


def _smooth(rings: torch.Tensor) -> torch.Tensor:
    """[1 2 1]/4 along the rings."""
    padded = torch.cat([rings[:, :1], rings, rings[:, -1:]], dim=1)
    return 0.25 * padded[:, :-2] + 0.5 * padded[:, 1:-1] + 0.25 * padded[:, 2:]


def solve(
    sums: Sums, num: torch.Tensor, den: torch.Tensor, signal: torch.Tensor, variance: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Averages and their variance per real component.

    Parameters
    ----------
    sums
        For the grid.
    num, den
        (K, R, Q/2) and (K, R, 3), summed over the folds that count.
    signal
        (K, R): E|A|² = 2τ².
    variance
        (R,): σ² of a particle's samples per real component.

    Returns
    -------
    tuple
        A (K, R, Q/2), complex64, and V (K, R) = σ²/(Den + σ²/τ²).
    """
    penalty = 2.0 * variance[None].to(signal.dtype) / signal
    average = num / (den_values(den, sums.grid.angle_count) + penalty[..., None])
    spread = variance[None].to(signal.dtype) / (den[..., 0].real + penalty)
    return average, spread


def crossing(frc: torch.Tensor, frequencies_per_a: torch.Tensor, threshold: float) -> torch.Tensor:
    """Resolution in Å where smoothed FRC curves (K, R) fall below a threshold for good; inf if at once."""
    curves = frc.double()
    out = torch.full((len(curves),), float("inf"), dtype=torch.float64)
    k = frequencies_per_a.double().cpu()
    for c, curve in enumerate(curves.cpu()):
        below = (curve < threshold).nonzero().reshape(-1)
        # A single ring (of few samples) below, with the next two above, doesn't end the curve.
        first = next(
            (int(b) for b in below if bool((curve[int(b) : int(b) + 3] < threshold).sum() >= 2)), len(curve)
        )
        if first == 0:
            continue
        if first >= len(curve):
            out[c] = 1.0 / k[-1]
            continue
        high, low = float(curve[first - 1]), float(curve[first])
        t = min(1.0, max(0.0, (high - threshold) / max(high - low, 1e-9)))
        out[c] = 1.0 / (k[first - 1] + t * (k[first] - k[first - 1]))
    return out
