"""Fourier transform between pixels inside a mask and polar samples, on quarters of box and circle.

A real picture is the sum of parts even and odd in x and y. At π - θ the parts odd in x change their sign, so
that a quarter of the pixels and of the half circle do.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from frazil.compute.classify2d.polar import PolarGrid

# π/2 and 0 are in the first quarter already.
_SECOND = slice(1, -1)


class QuarterTransform:
    """Tables for one grid and the pixels of one mask.

    Parameters
    ----------
    grid
        Rings and angles; their number is a multiple of four.
    pixel_size_a, mask
        Of the pictures: Å; (n, n), centre at pixel n // 2, zero in the first row and column of an even box,
        which have no mirror image.
    device
        Where the tables lie.
    """

    def __init__(
        self, grid: PolarGrid, pixel_size_a: float, mask: torch.Tensor, device: torch.device
    ) -> None:
        n = len(mask)
        middle = n // 2
        self._n, self._reach, self._rings = n, n - middle, grid.ring_count
        self._ahead, self._behind = slice(middle, n), slice(middle - self._reach + 1, middle + 1)
        quarter = mask[middle:, middle:]
        chosen = quarter.reshape(-1).nonzero().reshape(-1)
        theta = grid.half_angles()[: grid.angle_count // 4 + 1]
        k = (2.0 * math.pi) * grid.frequencies_per_a()[:, None]
        x = (chosen % self._reach).double() * pixel_size_a
        y = (chosen // self._reach).double() * pixel_size_a
        along_x = (x[:, None, None] * (k * torch.cos(theta))).flatten(1)
        along_y = (y[:, None, None] * (k * torch.sin(theta))).flatten(1)
        across = torch.cos(along_x), torch.sin(along_x)
        down = torch.cos(along_y), torch.sin(along_y)
        # cos cos, sin sin, sin cos, cos sin of 2πkx cos θ and 2πky sin θ, each (pixels, R · (Q/4 + 1)).
        tables = across[0] * down[0], across[1] * down[1], across[1] * down[0], across[0] * down[1]
        self._tables = tuple(table.float().to(device) for table in tables)
        self._chosen = chosen.to(device)

    def window(self, values: torch.Tensor) -> torch.Tensor:
        """Weights of pixels from (n, n): halved for each coordinate that is its own mirror image."""
        quarter = values[self._ahead, self._ahead].clone()
        quarter[0] *= 0.5
        quarter[:, 0] *= 0.5
        return quarter.reshape(-1)[self._chosen.to(values.device)].float().to(self._chosen.device)

    def __call__(self, block: torch.Tensor, window: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Real and imaginary parts of Σ w f exp(-2πi k·x) on half the circle, each (m, R, Q/2)."""
        ahead, behind = self._ahead, self._behind
        right, left = block[:, :, ahead], block[:, :, behind].flip(2)
        parts = []
        for odd_x in (False, True):
            across = right - left if odd_x else right + left
            below, above = across[:, ahead], across[:, behind].flip(1)
            parts.append([below + above, below - above])

        def times(part: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
            values = (part.reshape(len(part), -1)[:, self._chosen] * window) @ table
            return values.reshape(len(part), self._rings, -1)

        even, odd = times(parts[0][0], self._tables[0]), times(parts[1][1], self._tables[1])
        aside, down = times(parts[1][0], self._tables[2]), times(parts[0][1], self._tables[3])
        re = [even - odd, (even + odd)[..., _SECOND].flip(-1)]
        im = [-(aside + down), (aside - down)[..., _SECOND].flip(-1)]
        return torch.cat(re, dim=-1), torch.cat(im, dim=-1)

    def pictures(self, values: torch.Tensor) -> torch.Tensor:
        """Re Σ v exp(2πi k·x) over half the circle, (m, R, Q/2) to (m, n, n); zero where the mask is."""
        first = values[..., : values.shape[-1] // 2 + 1]
        second = torch.zeros_like(first)
        second[..., _SECOND] = values[..., values.shape[-1] // 2 + 1 :].flip(-1)

        def times(part: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
            quarter = torch.zeros((len(part), self._reach**2), device=part.device)
            quarter[:, self._chosen] = part.flatten(1) @ table.T
            return quarter.reshape(-1, self._reach, self._reach)

        a, b = first + second, second - first
        even, odd = times(a.real, self._tables[0]), times(b.real, self._tables[1])
        aside, down = times(b.imag, self._tables[2]), times(-a.imag, self._tables[3])
        ahead, behind = self._ahead, self._behind
        out = torch.zeros((len(values), self._n, self._n), device=values.device)
        out[:, behind, behind] = (even + odd - aside - down).flip(1, 2)
        out[:, behind, ahead] = (even - odd + aside - down).flip(1)
        out[:, ahead, behind] = (even - odd - aside + down).flip(2)
        out[:, ahead, ahead] = even + odd + aside + down
        return out
