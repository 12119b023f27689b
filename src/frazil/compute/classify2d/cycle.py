"""Cycles of the scheduled modes: each visits a choice of the particles at a given limit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from frazil.compute.classify2d.centres import find_centres
from frazil.compute.classify2d.stage import Stage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.classify2d.run import Run
    from frazil.compute.classify2d.sampler import Sampler

# Share of the classes that may move after a cycle of the start-up.
_EXCHANGE_SHARE = 0.25
# Members that an average from elsewhere counts for, until the run's own are there.
_SEED_MEMBERS = 200.0


def seed_randomly(run: Run, rows: NDArray[np.int64]) -> None:
    """Averages of random subsets of particles, each at a random angle."""
    engine, chance = run.engine, run.random(3)
    run.allow()
    engine.start_noise(rows)
    engine.bank.columns["pose"][rows] = 0.0
    engine.bank.columns["pose"][rows, 0] = chance.uniform(0.0, 2.0 * math.pi, len(rows))
    slots = chance.integers(0, run.progress.allowed, len(rows))
    for slot in range(run.progress.allowed):
        engine.place(rows[slots == slot], slot)
        run.names.born(slot, [])
    run.tally.touched.append(rows)
    run.progress.settled = run.usable


def seed_from_pictures(run: Run, pictures: NDArray[np.float32]) -> None:
    """Begin from pictures of class averages (K, n, n) at the particles' pixel; empty ones stay empty.

    They stand in the sums as if `_SEED_MEMBERS` particles had made each, until the first cycle is over.
    """
    engine = run.engine
    sampler: Sampler = engine.sampler
    rows = np.flatnonzero(engine.bank.column("alive"))
    engine.start_noise(rows)
    scale = sampler.mask_norm * sampler.working_pixel_a**2
    for slot, picture in enumerate(pictures):
        if not picture.any():
            continue
        values = _polar(picture, sampler) / scale
        num = (0.5 * _SEED_MEMBERS) * values.numpy().T
        for half in (0, 1):
            engine.sums.num[half, slot, :, 0, : num.shape[1]] += 0.5 * num.real
            engine.sums.num[half, slot, :, 1, : num.shape[1]] += 0.5 * num.imag
            engine.sums.den[half, slot, :, 0] += 0.25 * _SEED_MEMBERS
            engine.sums.weight[half, slot] += 0.5 * _SEED_MEMBERS
        run.names.born(slot, [])
    run.progress.allowed = max(run.progress.allowed, int((engine.sums.weight.sum(0) > 0.5).sum()))
    run.progress.settled = run.usable


def _polar(picture: NDArray[np.float32], sampler: Sampler) -> torch.Tensor:
    """Fourier transform of a picture on the grid, (R, Q/2), times the pixel's area."""
    n = len(picture)
    axis = (np.arange(n) - n // 2) * sampler.pixel_size_a
    grid = sampler.grid
    theta, k = grid.half_angles().numpy(), grid.frequencies_per_a().numpy()
    kx, ky = k[:, None] * np.cos(theta), k[:, None] * np.sin(theta)
    across = np.exp(-2j * np.pi * kx[..., None] * axis)
    along = np.exp(-2j * np.pi * ky[..., None] * axis)
    values = np.einsum("rty,yx,rtx->rt", along, picture.astype(np.float64), across, optimize=True)
    return torch.as_tensor(values * sampler.pixel_size_a**2)


def run_cycle(run: Run, rows: NDArray[np.int64], limit_a: float, *, everyone: bool) -> None:
    """Visit particles once at a limit; then give up and split classes, unless it is the last cycle.

    ``everyone``: look for the particles again in the whole box and divide large classes before, and visit the
    rest as well, after the averages are made.
    """
    engine, reach, progress = run.engine, run.reach, run.progress
    limit = max(limit_a, reach.final_a)
    if limit < 0.98 * reach.coarse_a and not progress.centred:
        _find_centres(run)
    if limit >= 0.98 * reach.coarse_a:
        radius = reach.radius_a
        stage = Stage(limit, 0.3 * limit, radius, max(6.0, 0.4 * radius))
    else:
        stage = reach.fine(limit)
    seeds = _taken_over(run)
    if everyone and seeds is None and stage.coarse is not None:
        run.look_again(rows[engine.bank.columns["visits"][rows] > 1])
        run.divide(stage)
    run.visit(rows, stage)
    if seeds is not None:
        # What came from elsewhere has served.
        engine.sums.num -= seeds[0]
        engine.sums.den -= seeds[1]
        engine.sums.weight -= seeds[2]
    if everyone:
        rest = np.setdiff1d(np.flatnonzero(engine.bank.column("alive")), rows)
        run.visit(rest, stage)
    else:
        run.exchange(_EXCHANGE_SHARE, max(limit, 12.0))
    if run.autocentre:
        run.centre()
    run.tally.touched.append(np.arange(engine.bank.count))
    progress.limit_a = min(progress.limit_a, limit)


def _taken_over(
    run: Run,
) -> tuple[NDArray[np.float64], NDArray[np.complex128], NDArray[np.float64]] | None:
    """Return what the sums hold that no particle of the run has put there."""
    sums, bank = run.engine.sums, run.engine.bank
    if bool((bank.column("draw_weight") > 0.0).any()):
        return None
    return sums.num.copy(), sums.den.copy(), sums.weight.copy()


def _find_centres(run: Run) -> None:
    """Sample all particles around their own centres."""
    engine = run.engine
    rows = np.flatnonzero(engine.bank.column("alive"))
    seeds = _taken_over(run)
    for some in np.array_split(rows, max(1, math.ceil(len(rows) / run.batch_size))):
        find_centres(engine, some, run.images, run.wide)
        if seeds is None:
            engine.put_back(some)
        else:
            engine.bank.forget(some)
    run.tally.touched.append(rows)
    run.progress.centred = True
