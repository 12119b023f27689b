"""The polar grid on which particles and class averages meet.

A function inside a disc is known from samples of its Fourier transform on rings: R radii, Q angles. All
images are real, so X(θ + π) = conj X(θ): half the circle is stored, and orders q ≥ 0 of the angular Fourier
series suffice, f(θ) = Σ_q f̂(q) exp(iqθ) with f̂(-q) = (-1)^q conj f̂(q).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

# Rings this much closer than the sampling theorem asks of the masked image.
_RING_OVERSAMPLING = 1.15


@dataclass(frozen=True)
class PolarGrid:
    """Rings and angles of one box, mask and resolution.

    Attributes
    ----------
    ring_count, angle_count
        R, and Q (even) on the full circle.
    ring_step_per_a
        Δk; ring r (from 0) lies at k = (r + 1) Δk. The zero frequency is left out: it says nothing.
    mask_radius_a, mask_edge_a
        ρ, where the soft mask is one half, and the width of its edge.
    """

    ring_count: int
    angle_count: int
    ring_step_per_a: float
    mask_radius_a: float
    mask_edge_a: float

    @property
    def order_count(self) -> int:
        """Orders 0 … Q/2 - 1; order Q/2 is beyond the particle's angular bandwidth."""
        return self.angle_count // 2

    @property
    def resolution_a(self) -> float:
        """Resolution of the last ring, Å."""
        return 1.0 / (self.ring_count * self.ring_step_per_a)

    def frequencies_per_a(self, device: torch.device | str = "cpu") -> torch.Tensor:
        """Ring radii k, shape (R,), 1/Å, float64."""
        return torch.arange(1, self.ring_count + 1, dtype=torch.float64, device=device) * self.ring_step_per_a

    def half_angles(self, device: torch.device | str = "cpu") -> torch.Tensor:
        """θ over half the circle, shape (Q/2,), float64."""
        count = self.angle_count // 2
        return torch.arange(count, dtype=torch.float64, device=device) * (math.pi / count)

    def weights(self, mask_area_a2: float, device: torch.device | str = "cpu") -> torch.Tensor:
        """Quadrature weight w_r of one of the Q samples of a ring, shape (R,), float64.

        w_r = 2π k Δk L² / (2Q): with L² the area of the (squared) mask, sums over the full circle count each
        independent Fourier coefficient of the masked image once (half plane).
        """
        k = self.frequencies_per_a(device)
        return math.pi * k * self.ring_step_per_a * mask_area_a2 / self.angle_count

    def limited(self, resolution_a: float) -> PolarGrid:
        """Return the grid of a lower resolution: fewer rings, as many angles as they need."""
        rings = max(2, min(self.ring_count, math.floor(1.0 / (resolution_a * self.ring_step_per_a) + 1e-6)))
        angles = _angle_count(rings * self.ring_step_per_a, self.mask_radius_a)
        return PolarGrid(
            rings,
            min(angles, self.angle_count),
            self.ring_step_per_a,
            self.mask_radius_a,
            self.mask_edge_a,
        )


def make_grid(mask_radius_a: float, mask_edge_a: float, resolution_a: float) -> PolarGrid:
    """Make a grid for particles in a mask of this radius, to this resolution."""
    extent = 2.0 * mask_radius_a + mask_edge_a
    step = 1.0 / (_RING_OVERSAMPLING * extent)
    rings = max(2, round(1.0 / (resolution_a * step)))
    return PolarGrid(rings, _angle_count(rings * step, mask_radius_a), step, mask_radius_a, mask_edge_a)


def _angle_count(frequency_per_a: float, mask_radius_a: float) -> int:
    """Angles for all orders below 2πkρ plus a margin, even, with small prime factors for the FFT."""
    need = 2 * (math.ceil(2.0 * math.pi * frequency_per_a * mask_radius_a) + 6)
    while any(need % p == 0 and p > 5 for p in _prime_factors(need)) or need % 4:
        need += 1
    return need


def _prime_factors(n: int) -> set[int]:
    factors = set()
    p = 2
    while p * p <= n:
        while n % p == 0:
            factors.add(p)
            n //= p
        p += 1
    if n > 1:
        factors.add(n)
    return factors


def soft_mask(box_px: int, pixel_size_a: float, radius_a: float, edge_a: float) -> torch.Tensor:
    """Disc with a raised-cosine edge around pixel n // 2, float64, shape (n, n)."""
    axis = (torch.arange(box_px, dtype=torch.float64) - box_px // 2) * pixel_size_a
    r = torch.hypot(axis[None, :], axis[:, None])
    t = ((r - radius_a) / edge_a + 0.5).clamp(0.0, 1.0)
    return 0.5 + 0.5 * torch.cos(math.pi * t)


def real_series(half_circle: torch.Tensor) -> torch.Tensor:
    """Real series on the full circle, (..., Q), that stands for a function on half of it, (..., Q/2).

    Re f + Im f for θ < π and Re f - Im f beyond: its even orders are those of f, its odd ones those of f
    over i. Turning f turns the series.
    """
    re, im = half_circle.real, half_circle.imag
    return torch.cat([re + im, re - im], dim=-1)


def from_real_series(series: torch.Tensor) -> torch.Tensor:
    """Undo `real_series`."""
    one, two = series.chunk(2, dim=-1)
    return torch.complex(0.5 * (one + two), 0.5 * (one - two))


def shift_phases(grid: PolarGrid, shifts_a: torch.Tensor) -> torch.Tensor:
    """exp(-2πi k·δ) on half the circle, complex128, (..., R, Q/2), for shifts (..., 2) ordered (x, y)."""
    theta = grid.half_angles(shifts_a.device)
    k = grid.frequencies_per_a(shifts_a.device)
    along = shifts_a[..., 0:1] * torch.cos(theta) + shifts_a[..., 1:2] * torch.sin(theta)
    return torch.exp(-2j * math.pi * (k[:, None] * along[..., None, :]))


def sampling_rows(
    grid: PolarGrid, x_a: torch.Tensor, y_a: torch.Tensor, rings: slice = slice(None)
) -> torch.Tensor:
    """exp(-2πi k·x), complex64, shape (rings, Q/2, pixels), for pixels at (x, y)."""
    theta = grid.half_angles(x_a.device)
    k = grid.frequencies_per_a(x_a.device)[rings]
    along = torch.cos(theta)[:, None] * x_a + torch.sin(theta)[:, None] * y_a
    phase = (-2.0 * math.pi) * k[:, None, None] * along
    return torch.polar(torch.ones_like(phase, dtype=torch.float32), phase.to(torch.float32))
