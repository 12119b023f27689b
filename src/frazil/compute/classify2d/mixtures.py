"""Classes that share their particles: two views, each class holding some of both, or one view in two classes.

A particle moves by what tells two averages apart. Where both show the same mixture, nothing does, and plain
expectation maximisation stays there for ever; two classes begun anew with the same particles may part them.
And where one class explains the particles better than the best two, both show one view: they become one.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from frazil.compute.classify2d.division import LARGE, populations
from frazil.compute.classify2d.trial import (
    begun,
    by_chance,
    evidence,
    improve,
    joined,
    members,
    take_over,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.classify2d.engine import Engine
    from frazil.compute.classify2d.stage import Stage

# Σ p q over the members of the smaller class, of which each has the probability p in one class and q in the
# other: one half where classes are the same.
_SHARED = 0.05
# Pairs tried, and beginnings of each trial.
_MOST_PAIRS, _STARTS = 4, 2
_FEWEST_MEMBERS = 40
# A class beside one of so many times its size is a fragment of it, not half of a mixture.
_FRAGMENT = 3.0
# What a new beginning, or one class instead of two, must explain better, nats.
_GAIN_NATS = 5.0
# Share of the classes that stay in use, however many pairs show one view.
_IN_USE = 0.8


def part_or_merge(
    engine: Engine, stage: Stage, allowed: int, *, part: bool = True
) -> list[NDArray[np.int64]]:
    """Begin pairs of classes that share particles anew, or make one of them; returns the rows it concerns.

    Without ``part`` they only become one, or stay.
    """
    if allowed < 2:
        return []
    shared = _shared(engine, allowed)
    stage = replace(stage, coarse=None)
    touched: list[NDArray[np.int64]] = []
    for _ in range(_MOST_PAIRS):
        one, other = (int(k) for k in np.unravel_index(int(shared.argmax()), shared.shape))
        if shared[one, other] < _SHARED:
            break
        shared[[one, other], :] = shared[:, [one, other]] = 0.0
        may_merge = _may_merge(engine, allowed, one, other)
        if not (part or may_merge):
            continue
        rows = members(engine, one, other)
        second = (engine.bank.columns["slot"][rows] == other).astype(np.int64)
        common = joined(engine, rows, stage, second == 0)
        trial = by_chance(common, np.arange(len(rows)), stage, _STARTS) if part else None
        present = evidence(begun(engine, rows, stage, second))
        parted = -math.inf if trial is None else evidence(trial)
        if may_merge:
            improve(common, stage)
            if evidence(common) >= max(present, parted) + _GAIN_NATS:
                take_over(engine, rows, common.bank, np.array([one, other]))
                touched.append(np.union1d(rows, engine.give_up(other)))
                continue
        if trial is not None and parted >= present + _GAIN_NATS:
            # Each class keeps the part that holds more of its members.
            swapped = float((trial.bank.column("slot") == second).mean()) < 0.5
            take_over(engine, rows, trial.bank, np.array([other, one] if swapped else [one, other]))
            touched.append(rows)
    return touched


def _may_merge(engine: Engine, allowed: int, one: int, other: int) -> bool:
    """Whether two classes may become one: not one that would be divided again, and enough stay in use."""
    population, typical = populations(engine, allowed)
    small = float(population[[one, other]].sum()) <= LARGE * typical
    return small and int((population > 0.5).sum()) - 1 >= _IN_USE * allowed


def _shared(engine: Engine, allowed: int) -> NDArray[np.float64]:
    """How far each pair of classes holds the same particles, (K, K), above the diagonal."""
    bank = engine.bank
    alive = np.flatnonzero(bank.column("alive"))
    slot, probability = bank.columns["top_slot"][alive], bank.columns["top_probability"][alive]
    used = (slot >= 0) & (slot < allowed)
    # A class that does not count has no share, wherever its share would go.
    slot, probability = np.where(used, slot, 0).astype(np.int64), np.where(used, probability, 0.0)
    size = np.bincount(slot.ravel(), probability.ravel(), allowed)
    common = np.zeros(allowed * allowed)
    for one, other in combinations(range(slot.shape[1]), 2):
        pair = np.sort(slot[:, [one, other]], axis=1) @ (allowed, 1)
        common += np.bincount(pair, probability[:, one] * probability[:, other], allowed * allowed)
    smaller, larger = np.minimum(size[:, None], size), np.maximum(size[:, None], size)
    halves = (smaller >= _FEWEST_MEMBERS) & (larger < _FRAGMENT * smaller)
    return np.where(halves, common.reshape(smaller.shape) / np.maximum(smaller, 1.0), 0.0)
