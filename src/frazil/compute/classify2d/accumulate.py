"""What particles add to the sums of their classes, by the draws that the bank holds of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from frazil.compute.classify2d.deposit import deposit, shared_out
from frazil.compute.classify2d.transfer import SQUARE_ORDERS
from frazil.compute.parallel import for_each

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from frazil.compute.classify2d.band import Band
    from frazil.compute.classify2d.prepared import Prepared
    from frazil.compute.classify2d.sums import Sums

# Draws of less weight are none.
_NO_WEIGHT = 1e-6


@dataclass(frozen=True)
class Contribution:
    """A part of `Sums`, on the inner rings only: arrays as there, num and den in single precision."""

    num: NDArray[np.float32]
    den: NDArray[np.complex64]
    weight: NDArray[np.float64]

    def add_to(self, sums: Sums, sign: float) -> None:
        """Add it (+1) or take it out (-1)."""
        sums.num[..., : self.num.shape[-1]] += np.float64(sign) * self.num
        sums.den[:, :, : self.den.shape[2]] += np.float64(sign) * self.den
        sums.weight += sign * self.weight


def contribution(
    prepared: Prepared,
    columns: Mapping[str, NDArray[np.generic]],
    rows: NDArray[np.int64],
    classes: int,
    rings: int,
    band: Band,
    threads: int,
) -> Contribution:
    """Sum up particles.

    Parameters
    ----------
    prepared, rows
        The particles, and their rows of the bank, (P,).
    columns
        Of the bank.
    classes, rings
        K, and how many rings are summed.
    band
        Layout of the whole grid.
    threads
        The result doesn't depend on them.
    """
    slot = columns["draw_slot"][rows].astype(np.int64)
    weights = columns["draw_weight"][rows].astype(np.float64)
    half = columns["half"][rows].astype(np.int64)
    place, draw = np.nonzero((weights > _NO_WEIGHT) & (slot >= 0))
    target, weight = half[place] * classes + slot[place, draw], weights[place, draw]
    pose = columns["draw_pose"][rows].astype(np.float64)[place, draw]
    angles = band.grid.half_angles().numpy()
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    num = np.zeros((2 * classes, len(angles), 2, -(-rings // 8) * 8), dtype=np.float32)
    den = np.zeros((2 * classes, rings, SQUARE_ORDERS), dtype=np.complex64)
    order = np.lexsort((pose[:, 4], pose[:, 2], pose[:, 1], place, target))

    def work(chosen: NDArray[np.int64]) -> None:
        deposit(
            prepared.planes,
            prepared.squares,
            prepared.rows[place],
            target,
            pose,
            weight,
            chosen,
            band.tables,
            band.plan.place,
            directions,
            band.grid.ring_step_per_a,
            num,
            den,
        )

    for_each(work, shared_out(order, target, threads), threads)
    return Contribution(
        num.reshape(2, classes, *num.shape[1:]),
        den.reshape(2, classes, *den.shape[1:]),
        np.bincount(target, weight, 2 * classes).astype(np.float64).reshape(2, classes),
    )


def in_class_frame(prepared: Prepared, pose: NDArray[np.float64], band: Band) -> NDArray[np.float32]:
    """Turn and shift C X of single particles back, (P, Q/2, re | im, rings filled up to eights).

    ``pose`` (P, 5) as `deposit` takes it; ``band`` may be coarser than the particles' grid.
    """
    count, rings = len(prepared), band.grid.ring_count
    angles = band.grid.half_angles().numpy()
    out = np.zeros((count, len(angles), 2, -(-rings // 8) * 8), dtype=np.float32)
    each = np.arange(count)
    deposit(
        prepared.planes,
        prepared.squares,
        prepared.rows,
        each,
        pose,
        np.ones(count),
        each,
        band.tables,
        band.plan.place,
        np.stack([np.cos(angles), np.sin(angles)], axis=1),
        band.grid.ring_step_per_a,
        out,
        np.zeros((count, 0, SQUARE_ORDERS), dtype=np.complex64),
    )
    out[..., rings:] = 0.0
    return out
