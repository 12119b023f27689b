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

from frazil.compute.classify2d.bank import Bank
from frazil.compute.classify2d.engine import Engine
from frazil.compute.classify2d.exchange import Move, worth
from frazil.compute.classify2d.samples import FewSamples

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.classify2d.stage import Stage

# Times the median population of classes.
_LARGE = 1.5
# Classes tried, and members looked at.
_MOST_TRIALS, _MOST_MEMBERS = 4, 1500
# Beginnings of a trial, and its passes in batches.
_STARTS, _PASSES, _BATCHES = 2, 5, 4
# A class that is worth more than so many times the median gives up its slot to nobody.
_FRAGMENT = 0.5
# Share of the members that the smaller part holds at least.
_SMALLER = 0.25
# What a trial finds belongs to these columns of the bank.
_FOUND = ("evidence", "slot", "probability", "pose", "top_slot", "top_probability")
_DRAWN = ("draw_slot", "draw_pose", "draw_weight")


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
        value = worth(engine)[:allowed]
        most = _FRAGMENT * float(np.median(value[value > 0.0])) if (value > 0.0).any() else 0.0
        value[[slot, *(move.free for move in moves), *(move.parent for move in moves)]] = math.inf
        free = int(np.argmin(value))
        if value[free] > most:
            break
        rows = _members(engine, slot)
        trial = _parted(engine, rows, replace(stage, coarse=None))
        if trial is None or float(worth(trial).min()) <= value[free]:
            continue
        left = engine.give_up(free)
        _take_over(engine, rows, trial.bank, np.array([slot, free]))
        moves.append(Move(free, slot, np.union1d(left, rows)))
        tried -= {slot, free}
    return moves


def _largest(engine: Engine, allowed: int, tried: set[int]) -> int | None:
    """Return the largest class, not tried yet, of those far larger than the others; None without any."""
    population = engine.sums.weight.sum(0)[:allowed]
    filled = population > 0.5
    if not filled.any():
        return None
    large = np.flatnonzero(population > _LARGE * float(np.median(population[filled])))
    left = [k for k in large.tolist() if k not in tried]
    return max(left, key=lambda k: float(population[k]), default=None)


def _members(engine: Engine, slot: int) -> NDArray[np.int64]:
    rows = np.flatnonzero((engine.bank.column("slot") == slot) & engine.bank.column("alive"))
    if len(rows) > _MOST_MEMBERS:
        rows = rows[np.linspace(0, len(rows) - 1, _MOST_MEMBERS).astype(np.int64)]
    return rows


def _parted(engine: Engine, rows: NDArray[np.int64], stage: Stage) -> Engine | None:
    """Let two classes share these particles, by themselves; None where one of them stays small.

    They begin with halves drawn by chance: what a split at fixed poses proposes differs in pose, not in view.
    """
    best = None
    for start in range(_STARTS):
        slots = np.random.default_rng([engine.seed, engine.batch, start]).integers(0, 2, len(rows))
        trial = _visited(engine, rows, stage, slots)
        members = np.bincount(trial.bank.column("slot").clip(min=0), minlength=2)
        enough = int(members.min()) >= _SMALLER * len(rows)
        if enough and (best is None or _evidence(trial) > _evidence(best)):
            best = trial
    return best


def _visited(engine: Engine, rows: NDArray[np.int64], stage: Stage, slots: NDArray[np.int64]) -> Engine:
    trial = _apart(engine, rows)
    own = np.arange(len(rows))
    for slot in (0, 1):
        trial.place(own[slots == slot], slot)
    for number in range(_PASSES):
        order = np.random.default_rng([engine.seed, number]).permutation(own)
        for some in np.array_split(order, _BATCHES):
            trial.visit(np.sort(some), stage)
    return trial


def _evidence(trial: Engine) -> float:
    """Of particles against averages that did not hold them."""
    return float(trial.bank.column("evidence").sum(dtype=np.float64))


def _apart(engine: Engine, rows: NDArray[np.int64]) -> Engine:
    """Make an engine of two empty classes for some particles alone; it knows the noise."""
    bank = Bank.empty()
    own = bank.add(len(rows))
    for name, values in engine.bank.columns.items():
        bank.columns[name][own] = values[rows]
    bank.forget(own)
    samples = FewSamples(own, engine.sampler)
    samples.write(own, engine.samples.read(rows))
    trial = Engine(engine.sampler, engine.optics, bank, samples, 2, seed=engine.seed, threads=engine.threads)
    trial.residual = engine.residual * (len(rows) / max(engine.residual_count, 1e-9))
    trial.residual_count, trial.strictness = float(len(rows)), engine.strictness
    trial.hold(own)
    return trial


def _take_over(engine: Engine, rows: NDArray[np.int64], found: Bank, slots: NDArray[np.int64]) -> None:
    """Believe of particles what a trial has found; its two classes lie in these slots."""
    engine.remove(rows)
    own = np.arange(len(rows))
    for name in (*_FOUND, *_DRAWN):
        values = found.columns[name][own]
        if name.endswith("slot"):
            values = np.where(values >= 0, slots[values.clip(min=0)], -1)
        engine.bank.columns[name][rows] = values
    engine.put_back(rows)
