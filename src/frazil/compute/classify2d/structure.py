"""Moves that plain expectation maximisation can't make: give up a class, split another.

What a class is worth is told by the particles: Σ -ln(1 - p) is the evidence that would be lost without it,
and what a split would gain is measured at fixed poses, each half set judged by means of the other. Both are
capped per particle, so that a few strange images (ice, edges) can't outbid a view.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from frazil.compute.classify2d.engine import Engine
    from frazil.compute.classify2d.maximise import Spectra

# Most evidence, in nats, that one particle may give for or against a move.
_CAP_NATS = 4.0
# Members looked at when a class is tried; enough to see a mixture.
# Splits gain more than is seen at fixed poses, and a vain one is easily undone.
_HOPE = 2.5
_MOST_MEMBERS = 400
_FEWEST_MEMBERS = 16


@dataclass(frozen=True)
class Split:
    """A class, what splitting it gains (capped nats), and which of its members make the new class."""

    class_index: int
    gain: float
    leavers: torch.Tensor


def worth(engine: Engine) -> torch.Tensor:
    """Capped evidence lost if a class were given up, shape (K,), float64."""
    rest = (1.0 - engine.poses.probability.double()).clamp(min=1e-12)
    return (-rest.log()).clamp(max=_CAP_NATS).sum(0)


def try_split(engine: Engine, spectra: Spectra, class_index: int) -> Split:
    """Divide the members of a class in two at their present poses and say what that gains."""
    nothing = Split(class_index, 0.0, torch.zeros(0, dtype=torch.int64))
    members = (engine.poses.class_index == class_index).nonzero().reshape(-1)
    if len(members) < _FEWEST_MEMBERS:
        return nothing
    whole = len(members)
    if whole > _MOST_MEMBERS:
        members = members[torch.linspace(0, whole - 1, _MOST_MEMBERS).long()]
    average = engine.averages(spectra)[0][class_index]
    values, squares = engine.in_class_frame(members)
    transfer = squares[..., 0].real
    score = values - transfer[..., None] * average
    rings = engine.grid.ring_count
    variance = engine.variance[:rings].float()
    signal = spectra.signal[class_index]
    weights = engine.weights.float() * 2.0 / variance
    parity = fold_of(engine, members) % 2
    # Where the difference of two views is likely to be: like the signal itself.
    feature = torch.view_as_real(score * (signal * weights / variance).sqrt()[:, None])
    leaning = _principal_direction(feature.reshape(len(members), -1), parity)
    group = leaning > 0
    gains = torch.zeros((len(members), 2), dtype=torch.float32, device=engine.device)
    penalty = 0.2 * variance / signal
    for _ in range(6):
        for g in (False, True):
            changes = []
            for half in (0, 1):
                inside = (parity == half) & (group == g)
                changes.append(score[inside].sum(0) / (transfer[inside].sum(0) + penalty)[:, None])
            believed = _reproduced(changes[0], changes[1])
            for half in (0, 1):
                judged = parity == half
                change = changes[1 - half] * believed[:, None]
                fit = torch.einsum("prt,rt,r->p", score[judged].conj(), change, weights.to(change.dtype)).real
                power = change.abs().square().sum(-1)
                gains[judged, int(g)] = fit - 0.5 * (transfer[judged] @ (weights * power))
        group = gains[:, 1] > gains[:, 0]
        if int(group.sum()) < 4 or int((~group).sum()) < 4:
            return nothing
    share = torch.stack([(~group).float().mean(), group.float().mean()]).clamp(min=1e-3).log()
    gain = torch.logsumexp(gains + share, 1).clamp(-_CAP_NATS, _CAP_NATS).sum()
    smaller = group if int(group.sum()) * 2 <= len(group) else ~group
    return Split(class_index, float(gain) * whole / len(members), members[smaller.cpu()])


def _reproduced(one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:
    """Share of each ring that both half sets agree on, 0 to 1, shape (R,)."""

    def smooth(rings: torch.Tensor) -> torch.Tensor:
        padded = torch.cat([rings[:1], rings, rings[-1:]])
        return 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]

    cross = smooth((one.conj() * two).real.sum(-1))
    power = smooth(0.5 * (one.abs().square() + two.abs().square()).sum(-1))
    return (cross / power.clamp(min=1e-20)).clamp(0.0, 1.0)


def _principal_direction(feature: torch.Tensor, parity: torch.Tensor) -> torch.Tensor:
    """First eigenvector of the members' inner products without their own noise, shape (p,)."""
    centred = feature.clone()
    for half in (0, 1):
        centred[parity == half] -= feature[parity == half].mean(0)
    gram = (centred @ centred.T).double()
    gram.fill_diagonal_(0.0)
    direction: torch.Tensor = torch.linalg.eigh(gram)[1][:, -1]
    return direction.to(feature.dtype)


def fold_of(engine: Engine, rows: torch.Tensor) -> torch.Tensor:
    """Fold of each row."""
    starts = torch.tensor([f.start for f in engine.folds[1:]], dtype=torch.int64)
    return torch.bucketize(rows, starts, right=True).to(engine.device)


def exchange(engine: Engine, most: int) -> int:
    """Give up the classes of least worth where splitting another gains more; return how many moved.

    The sums are made anew from the best poses; a pass must follow.
    """
    spectra = engine.spectra()
    value = worth(engine)
    splits = [try_split(engine, spectra, c) for c in range(engine.class_count)]
    splits.sort(key=lambda s: -s.gain)
    index = engine.poses.class_index.clone()
    cheap = torch.argsort(value).tolist()
    moved = 0
    busy: set[int] = set()
    for split in splits:
        if moved >= most:
            break
        free = next((c for c in cheap if c not in busy and c != split.class_index), None)
        if free is None or split.class_index in busy or _HOPE * split.gain <= float(value[free]):
            continue
        index[index == free] = -1
        index[split.leavers] = free
        busy |= {free, split.class_index}
        moved += 1
    if moved:
        engine.rebuild(index, engine.class_count)
    return moved
