"""Divide classes that hold far more particles than the others, by trial.

Two views that are nearly the same end in one class. At fixed poses nothing speaks for a split, because the
poses are those of the mixture (see `exchange`); let two classes align their members anew, and the views part.
What fragments and leftovers hold a slot for is worth less. A class of one common view is divided in vain,
which does no harm: its halves show that view.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from frazil.compute.classify2d.exchange import Move, worth
from frazil.compute.classify2d.trial import Trial, best_half, by_chance, members, take_over
from frazil.compute.parallel import for_each

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.classify2d.engine import Engine
    from frazil.compute.classify2d.stage import Stage

# Times the median population of classes.
LARGE = 1.5
# Classes tried, and beginnings of each trial.
_MOST_TRIALS, _STARTS = 4, 2
# A class that is worth more than so many times the median gives up its slot to nobody.
_FRAGMENT = 0.5


def divide_large(engine: Engine, stage: Stage, allowed: int) -> list[Move]:
    """Divide large classes into slots that are worth less; returns what was done, in this order.

    A part that is large itself is tried again: three views may share a class.
    """
    moves: list[Move] = []
    tried: set[int] = set()
    for _ in range(_MOST_TRIALS):
        slot = _largest(engine, allowed, tried)
        if slot is None:
            break
        tried.add(slot)
        value = worth(engine.bank, allowed)
        most = _FRAGMENT * float(np.median(value[value > 0.0])) if (value > 0.0).any() else 0.0
        value[[slot, *(move.free for move in moves), *(move.parent for move in moves)]] = math.inf
        free = int(np.argmin(value))
        if value[free] > most:
            break
        rows = members(engine, slot)
        trial = _halves(engine, rows, replace(stage, coarse=None))
        if trial is None or float(worth(trial.bank, 2).min()) <= value[free]:
            continue
        left = engine.give_up(free)
        take_over(engine, rows, trial.bank, np.array([slot, free]))
        moves.append(Move(free, slot, np.union1d(left, rows)))
        tried -= {slot, free}
    return moves


def _halves(engine: Engine, rows: NDArray[np.int64], stage: Stage) -> Trial | None:
    """Return the best of the beginnings; None where one part stays small in each."""
    trials: dict[int, Trial] = {}

    def work(start: int) -> None:
        with torch.inference_mode():
            trials[start] = by_chance(engine, rows, stage, start, max(1, engine.threads // _STARTS))

    for_each(work, range(_STARTS), engine.threads)
    return best_half(trials[start] for start in range(_STARTS))


def populations(engine: Engine, allowed: int) -> tuple[NDArray[np.float64], float]:
    """Return how many particles each class holds, (allowed,), and the median of those that hold any, or 0."""
    population = engine.sums.weight.sum(0)[:allowed]
    filled = population > 0.5
    return population, float(np.median(population[filled])) if filled.any() else 0.0


def _largest(engine: Engine, allowed: int, tried: set[int]) -> int | None:
    """Return the largest class, not tried yet, of those far larger than the others; None without any."""
    population, typical = populations(engine, allowed)
    large = np.flatnonzero(population > max(LARGE * typical, 0.5))
    left = [k for k in large.tolist() if k not in tried]
    return max(left, key=lambda k: float(population[k]), default=None)
