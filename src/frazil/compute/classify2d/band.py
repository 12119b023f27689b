"""Which orders of which rings carry anything, and how they lie in memory.

A particle inside a disc of radius ρ has no orders beyond about 2π k ρ on the ring k: the orders of the inner
rings are few. Particles and references keep the pairs (order, ring) that count, order by order.

Functions on half the circle with f(θ + π) = conj f(θ) are handled as real series on the full circle:
h = Re f + Im f for θ < π, Re f - Im f beyond. Even orders of h are those of f, odd ones those of f over i.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from frazil.compute.classify2d.lane_fft import SeriesPlan, series_plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.classify2d.polar import PolarGrid

# Orders beyond 2π k ρ that still count.
_MARGIN = 5


@dataclass(frozen=True)
class Band:
    """Pairs (order, ring) of a grid, order by order."""

    grid: PolarGrid

    @cached_property
    def first_ring(self) -> NDArray[np.int64]:
        """Shape (orders,): first ring of each order."""
        q = np.arange(self.grid.order_count)
        k = 2.0 * math.pi * self.grid.ring_step_per_a * self.grid.mask_radius_a
        first = np.ceil((q - _MARGIN) / k) - 1
        clipped: NDArray[np.int64] = np.clip(first, 0, self.grid.ring_count - 1).astype(np.int64)
        return clipped

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Shape (orders + 1,): where each order's rings begin among the pairs."""
        counts = self.grid.ring_count - self.first_ring
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    @property
    def pairs(self) -> int:
        """How many pairs there are."""
        return int(self.starts[-1])

    @cached_property
    def ring(self) -> NDArray[np.int64]:
        """Shape (pairs,): ring of each pair."""
        rings: NDArray[np.int64] = np.concatenate(
            [np.arange(f, self.grid.ring_count) for f in self.first_ring]
        )
        return rings

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """Shape (pairs,): order of each pair."""
        return np.repeat(np.arange(self.grid.order_count), np.diff(self.starts))

    @property
    def width(self) -> int:
        """Floats of one particle: its pairs as (re, im), filled up to a multiple of eight."""
        return -(-2 * self.pairs // 8) * 8

    @cached_property
    def plan(self) -> SeriesPlan:
        """Transform from orders to angles."""
        return series_plan(self.grid.angle_count)

    @property
    def tables(self) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
        """Radices, twiddles and halves of the plan."""
        return self.plan.radices, self.plan.twiddles, self.plan.halves

    @cached_property
    def trigonometry(self) -> NDArray[np.float32]:
        """Cos 2γ, sin 2γ, cos 4γ, sin 4γ in the order in which the plan leaves the angles, (Q, 4)."""
        angle = self.plan.points * (2.0 * math.pi / self.grid.angle_count)
        table = [np.cos(2 * angle), np.sin(2 * angle), np.cos(4 * angle), np.sin(4 * angle)]
        return np.stack(table, axis=1).astype(np.float32)

    def packed(self, orders: torch.Tensor) -> torch.Tensor:
        """From orders (..., R, N) of real series to (..., width) floats."""
        device = orders.device
        index = torch.as_tensor(self.ring * orders.shape[-1] + self.order, device=device)
        chosen = torch.view_as_real(orders.flatten(-2).index_select(-1, index)).flatten(-2)
        return torch.nn.functional.pad(chosen, (0, self.width - 2 * self.pairs))
