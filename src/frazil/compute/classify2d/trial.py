"""Two classes that share some particles, tried by themselves: begun anew, free to find other poses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from frazil.compute.classify2d.bank import Bank
from frazil.compute.classify2d.engine import Engine
from frazil.compute.classify2d.samples import FewSamples

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from frazil.compute.classify2d.stage import Stage

_MOST_MEMBERS = 1500
_PASSES, _BATCHES = 5, 4
# Share of the members that the smaller part holds at least.
_SMALLER = 0.25
# What a trial finds belongs to these columns of the bank.
_FOUND = ("evidence", "slot", "probability", "pose", "top_slot", "top_probability")
_DRAWN = ("draw_slot", "draw_pose", "draw_weight")


def members(engine: Engine, *slots: int) -> NDArray[np.int64]:
    """Return the particles of classes, at most `_MOST_MEMBERS` evenly chosen ones."""
    rows = np.flatnonzero(np.isin(engine.bank.column("slot"), slots) & engine.bank.column("alive"))
    if len(rows) > _MOST_MEMBERS:
        rows = rows[np.linspace(0, len(rows) - 1, _MOST_MEMBERS).astype(np.int64)]
    return rows


@dataclass(frozen=True)
class Trial:
    """How two classes that share some particles explain them: what was found, and its evidence."""

    bank: Bank
    evidence: float


def best_half(trials: Iterable[Trial]) -> Trial | None:
    """Return the best of trials none of whose parts stayed small; None without any."""
    best = None
    for trial in trials:
        parts = np.bincount(trial.bank.column("slot").clip(min=0), minlength=2)
        enough = int(parts.min()) >= _SMALLER * trial.bank.count
        if enough and (best is None or trial.evidence > best.evidence):
            best = trial
    return best


def by_chance(engine: Engine, rows: NDArray[np.int64], stage: Stage, start: int, threads: int = 1) -> Trial:
    """Let two classes share these particles that begin with halves drawn by chance.

    What a split at fixed poses proposes differs in pose, not in view.
    """
    slots = np.random.default_rng([engine.seed, engine.batch, start]).integers(0, 2, len(rows))
    return begun(engine, rows, stage, slots, threads)


def begun(
    engine: Engine, rows: NDArray[np.int64], stage: Stage, slots: NDArray[np.int64], threads: int = 1
) -> Trial:
    """Let two classes share these particles; they begin with those whose slot is 0 and 1."""
    trial = _apart(engine, rows, threads)
    own = np.arange(len(rows))
    for slot in (0, 1):
        trial.place(own[slots == slot], slot)
    for number in range(_PASSES):
        order = np.random.default_rng([engine.seed, number]).permutation(own)
        for some in np.array_split(order, _BATCHES):
            trial.visit(np.sort(some), stage)
    # Of particles against averages that did not hold them.
    return Trial(trial.bank, float(trial.bank.column("evidence").sum(dtype=np.float64)))


def joined(engine: Engine, rows: NDArray[np.int64], stage: Stage, first: NDArray[np.bool_]) -> Engine:
    """Put all these particles into one class, in the frame of those that are ``first``."""
    trial = _apart(engine, rows, 1)
    trial.place(np.flatnonzero(first), 0)
    for some in np.array_split(np.flatnonzero(~first), _BATCHES):
        trial.visit(some, stage)
    return trial


def _apart(engine: Engine, rows: NDArray[np.int64], threads: int) -> Engine:
    """Make an engine of two empty classes for some particles alone; it knows the noise."""
    bank = Bank.empty()
    own = bank.add(len(rows))
    for name, values in engine.bank.columns.items():
        bank.columns[name][own] = values[rows]
    bank.forget(own)
    samples = FewSamples(own, engine.sampler)
    samples.write(own, engine.samples.read(rows))
    trial = Engine(engine.sampler, engine.optics, bank, samples, 2, seed=engine.seed, threads=threads)
    trial.residual = engine.residual * (len(rows) / max(engine.residual_count, 1e-9))
    trial.residual_count, trial.strictness = float(len(rows)), engine.strictness
    trial.hold(own)
    return trial


def take_over(engine: Engine, rows: NDArray[np.int64], found: Bank, slots: NDArray[np.int64]) -> None:
    """Believe of particles what a trial has found; its two classes lie in these slots."""
    engine.remove(rows)
    own = np.arange(len(rows))
    for name in (*_FOUND, *_DRAWN):
        values = found.columns[name][own]
        if name.endswith("slot"):
            values = np.where(values >= 0, slots[values.clip(min=0)], -1)
        engine.bank.columns[name][rows] = values
    engine.put_back(rows)
