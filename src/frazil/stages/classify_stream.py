"""Streaming 2D classification and cycles of the scheduled modes, on a worker.

`frazil.stages.classify_stream_task` says what holds between calls.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np
import torch

from frazil.compute.classify2d.cycle import run_cycle, seed_from_pictures, seed_randomly
from frazil.compute.parallel import single_threaded_torch
from frazil.formats.mrc import read_mrc
from frazil.model.errors import InputError
from frazil.stages.classify_stream_run import StoredRun
from frazil.stages.classify_stream_task import CycleResult, StreamResult
from frazil.stages.machine import reuse_memory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.stages.classify_stream_task import (
        CycleTask,
        Phase,
        StreamParticles,
        StreamSettings,
        StreamTask,
    )

# Particles that make a class average at all: a final pass over fewer finds nothing.
_FEWEST = 20
# Particles taken in together while the run waits for more.
_WAITING = 500
# Batches of a final pass that a killed worker may cost.
_UNCOMMITTED = 10


def stream_batch(task: StreamTask) -> StreamResult:
    """Do one batch; see `frazil.stages.classify_stream_task` for what holds between calls.

    Raises
    ------
    InputError
        Settings that don't fit the run, unreadable stacks, a damaged checkpoint.
    """
    began = time.monotonic()
    reuse_memory()
    with single_threaded_torch(), torch.inference_mode():
        stored = StoredRun(task.state, task.settings, task.particles, task.device)
        run = stored.run
        withdrawn = stored.withdraw(task.withdrawn)
        added = 0
        if withdrawn:
            stored.commit()
        for new, changed in _portions(stored, task.particles):
            added += len(new)
            _take_in(stored, new, changed, task.settings)
            stored.commit()
        if task.idle_visits > 0 and run.progress.settled:
            rows = run.stale(task.idle_visits)
            for some in np.array_split(rows, max(1, math.ceil(len(rows) / run.batch_size))):
                run.visit_together(some)
            stored.commit()
        if task.final_pass and run.usable >= _FEWEST:
            _final_pass(stored)
        summary = None
        changes = run.progress.changes
        if task.publish is not None and run.progress.settled:
            run.progress.changes = 0
            stored.commit()
            summary = stored.publish(task.publish, {"phase": _phase(stored)})
        tally = stored.take_tally()
        return StreamResult(
            phase=_phase(stored),
            particles=int((stored.bank.column("key") >= 0).sum()),
            added=added,
            withdrawn=withdrawn,
            visits=tally.visits,
            classes_in_use=int((run.engine.sums.weight.sum(0) > 0.5).sum()),
            limit_a=run.progress.limit_a,
            structure_changes=changes,
            mean_log_evidence=tally.evidence / max(1, tally.visits),
            moved_share=tally.moved / max(1, tally.visits),
            seconds=time.monotonic() - began,
            summary=summary,
            notes=stored.notes() if summary is None else tuple(summary["notes"]),
        )


def _final_pass(stored: StoredRun) -> None:
    """Visit every particle once more, after another start-up if the first has seen too few."""
    run = stored.run
    if run.progress.settled < run.startup:
        # Samples of known particles may be taken anew.
        stored.folder.fork_samples()
    run.finish(passes=0)
    stored.commit()
    rows = np.flatnonzero(stored.bank.column("alive"))
    portions = math.ceil(len(rows) / (_UNCOMMITTED * run.batch_size))
    if portions > 1:
        rows = run.random(8).permutation(rows)
    for some in np.array_split(rows, max(1, portions)):
        run.visit(some, run.stage)
        stored.commit()


def _phase(stored: StoredRun) -> Phase:
    progress = stored.run.progress
    if not progress.settled:
        return "waiting"
    return "following" if progress.settled >= stored.run.startup else "seeding"


def _portions(
    stored: StoredRun, particles: StreamParticles | None
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Take particles in portion by portion; gives rows of usable new ones and of changed ones.

    How large a portion is depends only on what was committed before it: a worker killed between two of them
    makes no difference.
    """
    if particles is None or not len(particles.keys):
        return
    new, changed = stored.sort_out(particles)
    if not len(new):
        if len(changed):
            yield new, changed
        return
    start = 0
    while start < len(new):
        run = stored.run
        size = run.batch_size if run.progress.settled else max(_WAITING, 10 * stored.settings.class_count)
        yield stored.admit(particles, new[start : start + size]), changed
        changed, start = changed[:0], start + size


def _take_in(
    stored: StoredRun, new: NDArray[np.int64], changed: NDArray[np.int64], settings: StreamSettings
) -> None:
    """Classify what came: start up, start up again, or follow."""
    run = stored.run
    if not run.progress.settled and run.usable < settings.start_particles:
        return
    if run.needs_settling():
        # Samples of known particles will be taken anew.
        stored.folder.fork_samples()
        run.settle()
        run.follow(run.unvisited, 0.0)
    else:
        run.follow(new, settings.revisits)
        run.restructure()
    run.visit_together(changed)


def batch_cycle(task: CycleTask) -> CycleResult:
    """Do one cycle of a scheduled mode; see `frazil.stages.classify_stream_task`.

    Raises
    ------
    InputError
        As `stream_batch`; no particles; a first cycle with nothing to begin from.
    """
    began = time.monotonic()
    reuse_memory()
    with single_threaded_torch(), torch.inference_mode():
        stored = StoredRun(task.state, task.settings, task.particles, task.device)
        run = stored.run
        # A cycle that was committed before its worker died is only published.
        if run.progress.cycle != task.cycle:
            _do_cycle(stored, task)
            run.progress.cycle = task.cycle
            stored.commit()
        more = {
            "kind": task.kind,
            "cycle": task.cycle,
            "limit_a": task.limit_a,
            "fraction": task.fraction,
        }
        summary = stored.publish(task.publish, more)
        tally = stored.take_tally()
        return CycleResult(
            particles=run.usable,
            visits=tally.visits,
            classes_in_use=int((run.engine.sums.weight.sum(0) > 0.5).sum()),
            mean_log_evidence=tally.evidence / max(1, tally.visits),
            moved_share=tally.moved / max(1, tally.visits),
            seconds=time.monotonic() - began,
            summary=summary,
            notes=tuple(summary["notes"]),
        )


def _do_cycle(stored: StoredRun, task: CycleTask) -> None:
    run = stored.run
    stored.withdraw(task.withdrawn)
    for new, _ in _portions(stored, task.particles):
        run.engine.resample(new, run.images, np.zeros((len(new), 2)))
    if not run.usable:
        raise InputError(f"{task.state}: there is no usable particle to classify")
    # Samples of known particles may be taken anew.
    stored.folder.fork_samples()
    if task.kind == "random_seed":
        seed_randomly(run, _drawn(stored, task))
        return
    if run.engine.sums.weight.sum() < 0.5:
        if task.source is None:
            raise InputError(
                f"{task.state}: no averages to begin from; start with random seeds or name an update"
            )
        seed_from_pictures(run, _pictures(task.source, stored))
    run_cycle(run, _drawn(stored, task), task.limit_a, everyone=task.assign_all)


def _drawn(stored: StoredRun, task: CycleTask) -> NDArray[np.int64]:
    """Particles of this cycle, drawn anew in each."""
    rows = np.flatnonzero(stored.bank.column("alive"))
    count = math.ceil(min(1.0, task.fraction) * len(rows))
    if task.max_particles > 0:
        count = min(count, task.max_particles)
    chance = np.random.default_rng([task.settings.seed, task.cycle, 7])
    return np.sort(chance.permutation(rows)[:count])


def _pictures(source: Path, stored: StoredRun) -> NDArray[np.float32]:
    """Averages of an earlier entry, at the pixel and box of the run's particles."""
    image = read_mrc(source / "classes.mrcs")
    data = np.asarray(image.data, dtype=np.float32)
    box, classes = stored.fixed["box_px"], stored.settings.class_count
    if data.ndim != 3 or data.shape[1:] != (box, box):
        raise InputError(
            f"{source}: averages of {data.shape[-1]} pixels for particles of {box}; begin with random seeds"
        )
    if len(data) > classes:
        raise InputError(f"{source}: {len(data)} classes, but {classes} are asked for; ask for as many")
    return data
