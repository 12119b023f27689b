"""Classes that share their particles: two views, each class holding some of both, or one view in two classes.

A particle moves by what tells two averages apart. Where both show the same mixture, nothing does, and plain
expectation maximisation stays there for ever; two classes begun anew with the same particles may part them.
And where one class explains the particles better than the best two, both show one view: they become one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import torch

from frazil.compute.classify2d.division import LARGE, populations
from frazil.compute.classify2d.trial import Trial, begun, best_half, by_chance, joined, members, take_over
from frazil.compute.parallel import for_each

if TYPE_CHECKING:
    from collections.abc import Callable

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
# Share of the classes that stay in use, however many pairs show one view; who holds fewer particles than this
# may not live to the end.
_IN_USE, _FEWEST_COUNTED = 0.8, 20.0


@dataclass
class _Pair:
    """Two classes, their members, which of these are in the second, and trials by their names.

    ``small``: they may become one, which would not be so large that it is divided again.
    """

    one: int
    other: int
    rows: NDArray[np.int64]
    second: NDArray[np.bool_]
    small: bool
    trials: dict[str, Trial] = field(default_factory=dict)


def part_or_merge(
    engine: Engine, stage: Stage, allowed: int, *, part: bool = True
) -> list[NDArray[np.int64]]:
    """Begin pairs of classes that share particles anew, or make one of them; returns the rows it concerns.

    Without ``part`` they only become one, or stay.
    """
    pairs = _pairs(engine, allowed)
    starts = _STARTS if part else 0
    if not part:
        pairs = [pair for pair in pairs if pair.small]
    _try(engine, replace(stage, coarse=None), pairs, starts)
    touched: list[NDArray[np.int64]] = []
    for pair in pairs:
        one, other, rows, trials = pair.one, pair.other, pair.rows, pair.trials
        present, single = trials["present"], trials.get("single")
        halves = best_half(trials[f"chance {start}"] for start in range(starts))
        two = present if halves is None or halves.evidence < present.evidence + _GAIN_NATS else halves
        needed = two.evidence + _GAIN_NATS
        if single and single.evidence >= needed and _may_miss_one(engine, allowed):
            take_over(engine, rows, single.bank, np.array([one, other]))
            touched.append(np.union1d(rows, engine.give_up(other)))
        elif two is not present:
            # Each class keeps the part that holds more of its members.
            swapped = float((two.bank.column("slot") == pair.second).mean()) < 0.5
            take_over(engine, rows, two.bank, np.array([other, one] if swapped else [one, other]))
            touched.append(rows)
    return touched


def _pairs(engine: Engine, allowed: int) -> list[_Pair]:
    """Return disjoint pairs that share particles, those that share most first."""
    pairs: list[_Pair] = []
    shared = _shared(engine, allowed) if allowed > 1 else np.zeros((1, 1))
    population, typical = populations(engine, allowed)
    while len(pairs) < _MOST_PAIRS and float(shared.max()) >= _SHARED:
        one, other = (int(k) for k in np.unravel_index(int(shared.argmax()), shared.shape))
        shared[[one, other], :] = shared[:, [one, other]] = 0.0
        rows = members(engine, one, other)
        small = float(population[[one, other]].sum()) <= LARGE * typical
        pairs.append(_Pair(one, other, rows, engine.bank.columns["slot"][rows] == other, small))
    return pairs


def _try(engine: Engine, stage: Stage, pairs: list[_Pair], starts: int) -> None:
    """Make the trials of all pairs: each on one thread, several at a time."""
    common: dict[int, Engine] = {}

    def join(pair: _Pair) -> None:
        with torch.inference_mode():
            common[pair.one] = joined(engine, pair.rows, stage, ~pair.second)

    def present(pair: _Pair) -> Trial:
        return begun(engine, pair.rows, stage, pair.second.astype(np.int64))

    def single(pair: _Pair) -> Trial:
        own = np.arange(len(pair.rows))
        return begun(common[pair.one], own, stage, np.zeros_like(own))

    def chance(pair: _Pair, start: int) -> Trial:
        return by_chance(common[pair.one], np.arange(len(pair.rows)), stage, start)

    def work(item: tuple[_Pair, str, Callable[[_Pair], Trial]]) -> None:
        pair, name, make = item
        with torch.inference_mode():
            pair.trials[name] = make(pair)

    for_each(join, pairs, engine.threads)
    kinds: list[tuple[str, Callable[[_Pair], Trial]]] = [("present", present), ("single", single)]
    kinds += [(f"chance {start}", partial(chance, start=start)) for start in range(starts)]
    todo = [(pair, *kind) for pair in pairs for kind in kinds if pair.small or kind[1] is not single]
    for_each(work, todo, engine.threads)


def _may_miss_one(engine: Engine, allowed: int) -> bool:
    """Whether enough classes stay in use with one less."""
    population, _ = populations(engine, allowed)
    return int((population >= _FEWEST_COUNTED).sum()) - 1 >= _IN_USE * allowed


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
