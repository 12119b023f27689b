"""Moves that plain expectation maximisation can't make: give up a class, split another.

What a class is worth is told by the particles: Σ -ln(1 - p) is the evidence that would be lost without it,
and what a split would gain is measured at fixed poses, each half set judged by means of the other. Both are
capped per particle, so that a few strange images (ice, edges) can't outbid a view.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.linalg
import torch

from frazil.compute.classify2d.prepared import in_class_frame
from frazil.compute.parallel import for_each

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.classify2d.band import Band
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


def worth(engine: Engine) -> NDArray[np.float64]:
    """Capped evidence lost if a class were given up, shape (K,)."""
    columns = engine.bank.columns
    alive = np.flatnonzero(engine.bank.column("alive"))
    slot = columns["top_slot"][alive].astype(np.int64)
    rest = np.clip(1.0 - columns["top_probability"][alive].astype(np.float64), 1e-12, 1.0)
    value = np.minimum(-np.log(rest), _CAP_NATS)
    inside = slot >= 0
    total = np.bincount(slot[inside], value[inside], engine.class_count)
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
    values, squares = in_class_frame(
        engine.prepared(rows, threads=1), np.arange(len(rows)), columns["pose"][rows], band
    )
    rings = band.grid.ring_count
    transfer = squares[..., 0].real
    score = values - transfer[..., None] * averages[slot]
    variance = engine.variance[:rings].float()
    signal = spectra.signal[slot, :rings]
    weights = (band.grid.weights(engine.mask_area_a2) * 2.0 / engine.variance[:rings]).float()
    parity = torch.as_tensor(columns["half"][rows].astype(np.int64))
    # Where the difference of two views is likely to be: like the signal itself.
    feature = torch.view_as_real(score * (signal * weights / variance).sqrt()[:, None])
    group = _principal_direction(feature.reshape(len(rows), -1), parity) > 0
    gains = _divided(score, transfer, weights, 0.2 * variance / signal, parity, group)
    if gains is None:
        return nothing
    group = gains[:, 1] > gains[:, 0]
    share = torch.stack([(~group).float().mean(), group.float().mean()]).clamp(min=1e-3).log()
    gain = torch.logsumexp(gains + share, 1).clamp(-_CAP_NATS, _CAP_NATS).sum()
    smaller = group if int(group.sum()) * 2 <= len(group) else ~group
    return Split(slot, float(gain) * whole / len(rows), rows[smaller.numpy()])


def _divided(
    score: torch.Tensor,
    transfer: torch.Tensor,
    weights: torch.Tensor,
    penalty: torch.Tensor,
    parity: torch.Tensor,
    group: torch.Tensor,
) -> torch.Tensor | None:
    """Two means by turns, until they stay; evidence that each gains for each member, (p, 2).

    None where one is too small.
    """
    gains = torch.zeros((len(score), 2), dtype=torch.float32)
    values = torch.view_as_real(score).flatten(2)
    flat, weighted = values.flatten(1), (values * weights[:, None]).flatten(1)
    judged = torch.stack([parity == 1, parity == 0])
    for _ in range(6):
        for g in (False, True):
            inside = ((group == g) & ~judged).float()
            sums = (inside @ flat).reshape(2, *values.shape[1:])
            changes = sums / (inside @ transfer + penalty)[..., None]
            changes = changes * _reproduced(changes[0], changes[1])[:, None]
            fit = weighted @ changes.flatten(1).T
            own = 0.5 * (transfer @ (weights * changes.square().sum(-1)).T)
            # By means of the other half set.
            gains[:, int(g)] = torch.where(judged[0], (fit - own)[:, 0], (fit - own)[:, 1])
        before, group = group, gains[:, 1] > gains[:, 0]
        if int(group.sum()) < 4 or int((~group).sum()) < 4:
            return None
        if bool((group == before).all()):
            break
    return gains


def _reproduced(one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:
    """Share of each ring, (R, values), that both half sets agree on, 0 to 1, shape (R,)."""

    def smooth(rings: torch.Tensor) -> torch.Tensor:
        padded = torch.cat([rings[:1], rings, rings[-1:]])
        return 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]

    cross = smooth((one * two).sum(-1))
    power = smooth(0.5 * (one.square() + two.square()).sum(-1))
    return (cross / power.clamp(min=1e-20)).clamp(0.0, 1.0)


def _principal_direction(feature: torch.Tensor, parity: torch.Tensor) -> torch.Tensor:
    """First eigenvector of the members' inner products without their own noise, shape (p,)."""
    centred = feature.clone()
    for half in (0, 1):
        centred[parity == half] -= feature[parity == half].mean(0)
    gram = (centred @ centred.T).double()
    gram.fill_diagonal_(0.0)
    last = len(gram) - 1
    direction = scipy.linalg.eigh(gram.numpy(), subset_by_index=(last, last))[1][:, 0]
    return torch.as_tensor(direction).to(feature.dtype)


def exchange(engine: Engine, most: int, resolution_a: float, allowed: int) -> list[Move]:
    """Give up classes of least worth where splitting another gains more; returns what was done.

    Only the first ``allowed`` classes take part.
    The new classes begin with the members that leave the old ones; visits must follow.
    """
    spectra = engine.spectra()
    averages = engine.regridded(engine.averages(spectra)[0], resolution_a)
    band = engine.band(resolution_a)
    value = worth(engine)[:allowed]
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
