"""Start-up of a run: from random classes to the finest limit that its particles support.

What begins from nothing looks at coarse detail only. It is done by an engine of its own, on a coarse grid,
with the same particles and classes: its samples, sums and visits cost a fraction. The run's engine takes over
from there.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from frazil.compute.classify2d.engine import Engine
from frazil.compute.classify2d.samples import BoxViews, FewSamples

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from frazil.compute.classify2d.run import Run
    from frazil.compute.classify2d.schedule import Step

# A coarse grid pays if it is so many times coarser than the run's.
_COARSER = 1.25


def settle(run: Run, rows: NDArray[np.int64]) -> None:
    """Start up with these particles, or start up again if the run's classes hold already."""
    reach, again = run.reach, run.progress.settled > 0
    beginning, ramp = reach.renewal() if again else reach.beginning(), reach.ramp()
    total = sum(step.passes + step.after * step.exchanges for step in beginning + ramp) + 1
    done = 0

    def tell(step: Step) -> None:
        nonlocal done
        done += step.passes + step.after * step.exchanges
        run.tell(done / total, f"2D classification at {step.stage.resolution_a:.0f} Å")

    if again:
        run.engine.hold(rows)
        _go_through(run, rows, beginning + ramp, tell)
    elif reach.coarse_a > _COARSER * reach.final_a:
        _begin_coarsely(run, rows, beginning, tell)
        _go_through(run, rows, ramp, tell)
    else:
        run.engine.hold(rows)
        run.engine.start_noise(rows)
        run.seed(rows)
        _go_through(run, rows, beginning + ramp, tell)
    run.box_views = None
    run.engine.sum_to(0.0)
    run.engine.hold(rows[:0])


def _begin_coarsely(
    run: Run, rows: NDArray[np.int64], steps: Sequence[Step], tell: Callable[[Step], None]
) -> None:
    """Go through the first steps on a coarse grid, then sample the particles where they were found."""
    fine = run.engine
    sampler = fine.limited_sampler(run.reach.coarse_a)
    coarse = Engine(
        sampler,
        fine.optics,
        fine.bank,
        FewSamples(rows, sampler),
        fine.class_count,
        seed=fine.seed,
        threads=fine.threads,
    )
    coarse.batch = fine.batch
    run.engine = coarse
    try:
        coarse.resample(rows, run.images, np.zeros((len(rows), 2)))
        if coarse.hold(rows):
            run.box_views = BoxViews(rows, coarse.prepared(rows).copy())
        coarse.start_noise(rows)
        run.seed(rows)
        _go_through(run, rows, steps, tell)
    finally:
        run.engine = fine
    fine.take_over(coarse, rows, run.images)


def _go_through(
    run: Run, rows: NDArray[np.int64], steps: Sequence[Step], tell: Callable[[Step], None]
) -> None:
    engine = run.engine
    for step, after in pairwise([*steps, None]):
        if step is None:
            break
        limit_a = step.stage.resolution_a
        if run.progress.limit_a < math.inf and not run.supports(limit_a):
            break
        if not run.progress.settled:
            engine.sum_to(limit_a)
        if step.restart or step.second_look:
            run.learn_centring(rows)
        if step.second_look:
            run.look_again(rows)
            run.divide(step.stage)
        for _ in range(step.passes):
            if step.restart:
                run.find_centres(rows, run.wide)
            else:
                run.visit(rows, step.stage)
        for _ in range(step.exchanges):
            if run.exchange(step.exchange_share, limit_a):
                for _ in range(step.after):
                    run.visit(rows, step.stage)
        if limit_a <= run.reach.coarse_a:
            run.progress.limit_a = limit_a
        if run.autocentre:
            run.centre()
        if not (step.restart or (after is not None and after.restart)):
            run.recentre(rows, 0.25 * limit_a)
        tell(step)
