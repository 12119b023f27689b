"""What the two steps need of some particles: orders of C X, of C², power of the rings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numba import njit

from frazil.compute.classify2d.transfer import SQUARE_ORDERS, PolarTransfer
from frazil.compute.parallel import for_each

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.classify2d.band import Band
    from frazil.compute.classify2d.polar import PolarGrid
    from frazil.model.classes import ParticleCtf
    from frazil.model.optics import Optics

# Particles worked on at a time, by one thread; results don't depend on the number of threads.
PIECE = 128


def pieces(count: int, size: int = PIECE) -> list[slice]:
    """Cut ``count`` particles into nearly equal pieces of at most ``size``; an even number, if several."""
    number = -(-count // size)
    number += number % 2 if number > 1 else 0
    ends = [count * i // number for i in range(number + 1)] if number else []
    return [slice(first, end) for first, end in pairwise(ends)]


@njit(nogil=True, cache=True)
def _take(values: Any, rows: Any, index: Any, out: Any) -> None:
    """``out[p, i] = values[rows[p], index[i]]``."""
    for p in range(len(rows)):
        row = values[rows[p]]
        for i in range(len(index)):
            out[p, i] = row[index[i]]


@dataclass(frozen=True)
class Prepared:
    """P particles on a grid, of M that lie in memory.

    Attributes
    ----------
    planes
        Orders of C X as a real series: (M, N, blocks of rings, re | im, 8), float32.
    squares
        Orders 0, 2, 4 of C², (M, R, 3), complex64.
    power
        Mean |X|² of each ring, (M, R), float32.
    rows
        Which of the M, (P,).
    """

    grid: PolarGrid
    planes: NDArray[np.float32]
    squares: NDArray[np.complex64]
    power: NDArray[np.float32]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def some(self, places: NDArray[np.int64]) -> Prepared:
        """Return some of the particles; nothing is copied."""
        return Prepared(self.grid, self.planes, self.squares, self.power, self.rows[places])

    def copy(self) -> Prepared:
        """Return these particles by themselves."""
        rows = self.rows
        return Prepared(
            self.grid, self.planes[rows], self.squares[rows], self.power[rows], np.arange(len(rows))
        )

    def packed(self, band: Band, some: slice | NDArray[np.int64]) -> NDArray[np.float32]:
        """Orders of some particles as the kernels read them, (p, `Band.width`), on a band not finer."""
        blocks = self.planes.shape[2]
        index = ((band.order * blocks + band.ring // 8) * 2)[:, None] + np.arange(2)
        index = (index * 8 + (band.ring % 8)[:, None]).reshape(-1)
        rows = self.rows[some]
        out = np.zeros((len(rows), band.width), dtype=np.float32)
        _take(self.planes.reshape(len(self.planes), -1), rows, index, out)
        return out

    def orders(self, some: slice | NDArray[np.int64], rings: int, count: int) -> torch.Tensor:
        """Orders of some particles, (p, rings, count), complex64."""
        chosen = torch.as_tensor(self.planes[self.rows[some], :count])
        values = torch.complex(chosen[..., 0, :], chosen[..., 1, :]).flatten(2)
        return values[..., :rings].transpose(1, 2).contiguous()


def prepare(
    grid: PolarGrid,
    samples: NDArray[np.float16],
    ctf: NDArray[np.float64],
    optics: Optics,
    threads: int = 1,
) -> Prepared:
    """Prepare particles from their samples (P, R, Q) and CTF (P, 4) (see `Bank`)."""
    count, rings = len(samples), grid.ring_count
    blocks = -(-rings // 8)
    planes = np.zeros((count, grid.order_count, blocks, 2, 8), dtype=np.float32)
    squares = np.empty((count, rings, SQUARE_ORDERS), dtype=np.complex64)
    power = np.empty((count, rings), dtype=np.float32)
    transfer = PolarTransfer.of_columns(ctf, optics)

    def work(piece: slice) -> None:
        # The context belongs to a thread.
        with torch.inference_mode():
            series = torch.as_tensor(samples[piece].astype(np.float32))
            # ½ (h(θ)² + h(θ + π)²) = |f(θ)|², so that the mean over the full circle is that of |f|².
            power[piece] = series.square().mean(-1).numpy()
            values = transfer.values(grid, piece)
            orders = torch.fft.rfft(series * torch.cat([values, values], dim=-1), norm="forward")
            orders = torch.nn.functional.pad(
                orders[..., : grid.order_count].transpose(1, 2), (0, blocks * 8 - rings)
            )
            split = orders.reshape(*orders.shape[:2], blocks, 8)
            planes[piece, :, :, 0] = split.real.numpy()
            planes[piece, :, :, 1] = split.imag.numpy()
            squares[piece] = transfer.square_orders(grid, piece).numpy()

    for_each(work, pieces(count), threads)
    return Prepared(grid, planes, squares, power, np.arange(count))


def centre_a(pose: NDArray[np.float32]) -> NDArray[np.float64]:
    """R(γ) δ of poses (p, 3): the particle's centre in the image frame, (p, 2), Å."""
    gamma, x, y = pose.astype(np.float64).T
    c, s = np.cos(gamma), np.sin(gamma)
    return np.stack([c * x - s * y, s * x + c * y], axis=1)


def ctf_columns(ctf: ParticleCtf) -> NDArray[np.float64]:
    """Columns of the bank for these CTF parameters, (P, 4)."""
    u, v = np.asarray(ctf.defocus_u_a, np.float64), np.asarray(ctf.defocus_v_a, np.float64)
    constant = np.deg2rad(ctf.phase_shift_deg) + math.asin(ctf.optics.amplitude_contrast)
    return np.stack([0.5 * (u + v), u - v, np.deg2rad(ctf.astigmatism_angle_deg), constant], axis=1)
