"""Moves that plain expectation maximisation can't make: give up a class, split another.

What a class is worth is told by the particles: Σ -ln(1 - p) is the evidence that would be lost without it,
and what a split would gain is measured at fixed poses, each half set judged by means of the other. Both are
capped per particle, so that a few strange images (ice, edges) can't outbid a view.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from frazil.compute.classify2d.accumulate import in_class_frame
from frazil.compute.classify2d.two_means import principal_direction, two_means
from frazil.compute.parallel import for_each

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.classify2d.band import Band
    from frazil.compute.classify2d.bank import Bank
    from frazil.compute.classify2d.engine import Engine
    from frazil.compute.classify2d.sums import Spectra

# Most evidence, in nats, that one particle may give for or against a move.
_CAP_NATS = 4.0
# Splits gain more than is seen at fixed poses, and a vain one is easily undone.
_HOPE = 4.0
# Members looked at when a class is tried; enough to see a mixture.
_MOST_MEMBERS = 240
_FEWEST_MEMBERS = 16


@dataclass(frozen=True)
class Split:
    """A class, what splitting it gains (capped nats), and the rows that make the new class."""

    slot: int
    gain: float
    leavers: NDArray[np.int64]


@dataclass(frozen=True)
class Move:
    """A class given up (or empty), the one it is now split off from, and the rows whose columns changed."""

    free: int
    parent: int
    touched: NDArray[np.int64]


def worth(bank: Bank, allowed: int) -> NDArray[np.float64]:
    """Capped evidence lost if a class were given up, of the first ``allowed`` ones."""
    columns = bank.columns
    alive = np.flatnonzero(bank.column("alive"))
    slot = columns["top_slot"][alive].astype(np.int64)
    rest = np.clip(1.0 - columns["top_probability"][alive].astype(np.float64), 1e-12, 1.0)
    value = np.minimum(-np.log(rest), _CAP_NATS)
    inside = (slot >= 0) & (slot < allowed)
    total = np.bincount(slot[inside], value[inside], allowed)
    return total.astype(np.float64)


def try_split(engine: Engine, spectra: Spectra, averages: torch.Tensor, slot: int, band: Band) -> Split:
    """Divide the members of a class in two at their present poses and say what that gains."""
    nothing = Split(slot, 0.0, np.zeros(0, dtype=np.int64))
    columns = engine.bank.columns
    rows = np.flatnonzero((engine.bank.column("slot") == slot) & engine.bank.column("alive"))
    whole = len(rows)
    if whole < _FEWEST_MEMBERS:
        return nothing
    if whole > _MOST_MEMBERS:
        rows = rows[np.linspace(0, whole - 1, _MOST_MEMBERS).astype(np.int64)]
    score, transfer = _beyond_average(engine, rows, averages[slot], band)
    rings, padded = band.grid.ring_count, score.shape[-1]
    variance = engine.variance[:rings].numpy()
    signal = spectra.signal[slot, :rings].numpy()
    weights = band.grid.weights(engine.mask_area_a2).numpy() * 2.0 / variance
    parity = columns["half"][rows].astype(np.int64)
    # Where the difference of two views is likely to be: like the signal itself.
    feature = score[..., :rings] * np.sqrt(signal * weights / variance).astype(np.float32)
    group = principal_direction(feature.reshape(len(rows), -1), parity) > 0.0
    gains = two_means(
        score,
        transfer,
        _filled(weights, padded, 0.0),
        _filled(0.2 * variance / signal, padded, 1.0),
        rings,
        parity,
        group,
    )
    if gains is None:
        return nothing
    group = gains[:, 1] > gains[:, 0]
    share = np.log(np.clip([(~group).mean(), group.mean()], 1e-3, None))
    gain = np.logaddexp(*(gains + share).T).clip(-_CAP_NATS, _CAP_NATS).sum()
    smaller = group if int(group.sum()) * 2 <= len(group) else ~group
    return Split(slot, float(gain) * whole / len(rows), rows[smaller])


def _beyond_average(
    engine: Engine, rows: NDArray[np.int64], average: torch.Tensor, band: Band
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Members in their class's frame less the average times their C², (p, Q, padded rings); mean C² alike.

    Angles and real and imaginary parts share an axis.
    """
    rings = band.grid.ring_count
    prepared = engine.prepared(rows, threads=1)
    pose = np.zeros((len(rows), 5))
    pose[:, :3] = engine.bank.columns["pose"][rows]
    turned = in_class_frame(prepared, pose, band)
    padded = turned.shape[-1]
    transfer = np.zeros((len(rows), padded), dtype=np.float32)
    transfer[:, :rings] = prepared.squares[prepared.rows, :rings, 0].real
    expected = np.zeros(turned.shape[1:], dtype=np.float32)
    expected[:, 0, :rings], expected[:, 1, :rings] = average.real.T.numpy(), average.imag.T.numpy()
    turned -= transfer[:, None, None] * expected
    return turned.reshape(len(rows), -1, padded), transfer


def _filled(values: NDArray[np.float64], count: int, rest: float) -> NDArray[np.float32]:
    out = np.full(count, rest, dtype=np.float32)
    out[: len(values)] = values
    return out


def exchange(engine: Engine, most: int, resolution_a: float, allowed: int) -> list[Move]:
    """Give up classes of least worth where splitting another gains more; returns what was done.

    Only the first ``allowed`` classes take part.
    The new classes begin with the members that leave the old ones; visits must follow.
    """
    spectra = engine.spectra()
    averages = engine.regridded(engine.averages(spectra)[0], resolution_a)
    band = engine.band(resolution_a)
    value = worth(engine.bank, allowed)
    splits: list[Split] = []

    def work(slot: int) -> None:
        with torch.inference_mode():
            splits.append(try_split(engine, spectra, averages, slot, band))

    for_each(work, range(allowed), engine.threads)
    splits.sort(key=lambda s: (-s.gain, s.slot))
    cheap = np.argsort(value, kind="stable").tolist()
    moves: list[Move] = []
    busy: set[int] = set()
    for split in splits:
        if len(moves) >= most:
            break
        free = next((c for c in cheap if c not in busy and c != split.slot), None)
        if free is None or split.slot in busy or _HOPE * split.gain <= value[free]:
            continue
        left = engine.give_up(free)
        engine.place(split.leavers, free)
        busy |= {free, split.slot}
        moves.append(Move(free, split.slot, np.union1d(left, split.leavers)))
    return moves
