"""Power spectra in polar cells: the data that the CTF is fitted to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from frazil.model.motion import cubic_bspline_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

SECTORS = 36
"""Over half a turn: 5 degrees each. Astigmatism of 1500 Å bends a ring by 0.1 period inside one."""
RING_WIDTH_PER_A = 1.0 / 1300.0
"""A ring's period at 3 µm defocus and 4 Å is 1/300 1/Å."""
AXIS_HALF_WIDTH_PX = 1.6
"""Fixed pattern and image edges put a cross on the axes of the spectrum."""
BACKGROUND_KNOT_SPACING_PER_A = 0.02
MODULATION_KNOT_SPACING_PER_A = 0.035


@dataclass(frozen=True, eq=False)
class PolarGrid:
    """Cells (ring, sector) of a half plane, sorted by ring; empty cells are left out.

    Attributes
    ----------
    pixel_index, cell_of_pixel
        Flat index in the (n, n // 2 + 1) spectrum and cell number of every pixel that is used.
    count
        Independent pixels per cell, shape (cells,); as are the next.
    k2, k4, k2_cos, k2_sin
        Means over the cell of k², k⁴, k² cos 2θ, k² sin 2θ (1/Å² or 1/Å⁴), which make χ linear in the lens.
    sector
        Sector number.
    ring_start
        Cells of ring j are ring_start[j]:ring_start[j + 1]; shape (rings + 1,).
    k
        Radius of each ring, 1/Å, shape (rings,).
    ring_of_cell, ring_count
        Ring number of every cell; pixels per ring.
    background_basis, modulation_basis
        Cubic B-splines over k, shape (rings, terms).
    """

    pixel_index: NDArray[np.int64]
    cell_of_pixel: NDArray[np.int64]
    count: NDArray[np.float64]
    k2: NDArray[np.float64]
    k4: NDArray[np.float64]
    k2_cos: NDArray[np.float64]
    k2_sin: NDArray[np.float64]
    sector: NDArray[np.int64]
    ring_start: NDArray[np.int64]
    k: NDArray[np.float64]
    ring_of_cell: NDArray[np.int64]
    ring_count: NDArray[np.float64]
    background_basis: NDArray[np.float64]
    modulation_basis: NDArray[np.float64]

    @property
    def rings(self) -> int:
        """Number of rings."""
        return len(self.k)

    def average(self, power: NDArray[np.float32]) -> NDArray[np.float64]:
        """Mean power of every cell: (n, n // 2 + 1) -> (cells,)."""
        picked = power.reshape(-1)[self.pixel_index]
        total = np.bincount(self.cell_of_pixel, weights=picked, minlength=len(self.count))
        return np.asarray(total / self.count, dtype=np.float64)

    def ring_mean(self, cells: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean over the ring of a quantity per cell."""
        weighted = np.add.reduceat(cells * self.count, self.ring_start[:-1])
        return np.asarray(weighted / self.ring_count, dtype=np.float64)


@lru_cache(maxsize=8)
def polar_grid(tile_px: int, pixel_size_a: float, low_a: float, high_a: float) -> PolarGrid:
    """Cells for spectra of one geometry between 1 / low_a and 1 / high_a (cached: it costs 20 ms)."""
    y = np.fft.fftfreq(tile_px)[:, None] * tile_px
    x = np.fft.rfftfreq(tile_px)[None, :] * tile_px
    to_k = 1.0 / (tile_px * pixel_size_a)
    k2 = (x * x + y * y) * to_k**2
    k = np.sqrt(k2)
    # The column kx = 0 holds each coefficient twice; it is under the cross anyhow.
    used = (np.abs(x) > AXIS_HALF_WIDTH_PX) & (np.abs(y) > AXIS_HALF_WIDTH_PX)
    used &= (k >= 1.0 / low_a) & (k <= min(1.0 / high_a, 0.499 / pixel_size_a)) & (x < tile_px // 2)
    index = np.flatnonzero(used)
    k, k2 = k.reshape(-1)[index], k2.reshape(-1)[index]
    x_used = np.broadcast_to(x, used.shape).reshape(-1)[index] * to_k
    y_used = np.broadcast_to(y, used.shape).reshape(-1)[index] * to_k
    angle = np.arctan2(y_used, x_used) + 0.5 * np.pi
    sector = np.minimum((angle / np.pi * SECTORS).astype(np.int64), SECTORS - 1)
    ring = ((k - k.min()) / RING_WIDTH_PER_A).astype(np.int64)
    occupied, cell = np.unique(ring * SECTORS + sector, return_inverse=True)
    count = np.bincount(cell).astype(np.float64)

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(cell, weights=values) / count, dtype=np.float64)

    rings, first = np.unique(occupied // SECTORS, return_index=True)
    ring_start = np.append(first, len(occupied)).astype(np.int64)
    radius = k.min() + (rings + 0.5) * RING_WIDTH_PER_A
    return PolarGrid(
        pixel_index=index.astype(np.int64),
        cell_of_pixel=cell.astype(np.int64),
        count=count,
        k2=mean(k2),
        k4=mean(k2 * k2),
        k2_cos=mean(x_used**2 - y_used**2),
        k2_sin=mean(2.0 * x_used * y_used),
        sector=(occupied % SECTORS).astype(np.int64),
        ring_start=ring_start,
        k=radius,
        ring_of_cell=np.repeat(np.arange(len(radius)), np.diff(ring_start)),
        ring_count=np.add.reduceat(count, ring_start[:-1]),
        background_basis=_spline_basis(radius, BACKGROUND_KNOT_SPACING_PER_A),
        modulation_basis=_spline_basis(radius, MODULATION_KNOT_SPACING_PER_A),
    )


def _spline_basis(k: NDArray[np.float64], spacing: float) -> NDArray[np.float64]:
    """Cubic B-splines on equal knots over the range of k: shape (rings, intervals + 3)."""
    intervals = max(1, round((k[-1] - k[0]) / spacing))
    return cubic_bspline_weights((k - k[0]) / (k[-1] - k[0]), intervals + 3)
