"""Particle visits per second of 2D classification, and how far that is from the arithmetic's floor.

    python -m benchmarks.classify2d_rate --classes 50 --resolution-a 12 --threads 2

A visit takes a particle out of the sums, finds its class and pose, and adds it again. Also printed: the same
for each part, the floating point operations of the expectation step, and the rate of a matrix product here.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

import numpy as np
import torch

from frazil.compute.classify2d.bank import Bank
from frazil.compute.classify2d.classify import Samples
from frazil.compute.classify2d.engine import Engine
from frazil.compute.classify2d.prepared import ctf_columns
from frazil.compute.classify2d.references import shift_disc
from frazil.compute.classify2d.sampler import Sampler
from frazil.compute.classify2d.schedule import Reach
from frazil.microscope.particles import simulate_particles

if TYPE_CHECKING:
    from frazil.compute.classify2d.stage import Stage


def flops_per_class(engine: Engine, stage: Stage) -> float:
    """Operations to compare one particle with one class: products, transforms, sums over angles."""
    band = engine.band(stage.resolution_a)
    shifts, q = len(shift_disc(stage.shift_step_a, stage.shift_radius_a)), band.grid.angle_count
    return shifts * (8.0 * band.pairs + 2.5 * q * np.log2(q) + 16.0 * q)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--particles", type=int, default=1200)
    parser.add_argument("--classes", type=int, default=50)
    parser.add_argument("--resolution-a", type=float, default=12.0)
    parser.add_argument("--snr", type=float, default=0.08)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    made = simulate_particles(
        ["proteasome", "beta-galactosidase", "groel"],
        options.particles,
        64,
        4.0,
        views_per_specimen=options.classes // 3,
        snr=options.snr,
        seed=77,
    )
    torch.set_num_threads(1)
    sampler = Sampler(64, 4.0, 200.0, options.resolution_a)
    bank, samples = Bank.empty(), Samples(options.particles, sampler)
    rows = bank.add(options.particles)
    began = time.process_time()
    offset = -np.stack([made.truth.shift_x_a, made.truth.shift_y_a], axis=1)
    for some in np.array_split(rows, 10):
        samples.write(some, sampler(made.images[some], offset[some]))
    print(f"sampling {1e3 * (time.process_time() - began) / len(rows):.3f} ms of one core per particle")
    columns = bank.columns
    columns["half"][rows] = rows % 2
    columns["ctf"][rows] = ctf_columns(made.ctf)
    columns["pose"][rows, 0] = -np.deg2rad(made.truth.psi_deg)
    engine = Engine(sampler, made.ctf.optics, bank, samples, options.classes, threads=options.threads)
    engine.start_noise(rows)
    for view in range(min(options.classes, int(made.truth.view_id.max()) + 1)):
        engine.place(rows[made.truth.view_id == view], view)
    stage = Reach(40.0, options.resolution_a, 28.0).fine(options.resolution_a)
    # As a start-up visits them; a stream visits more together.
    batches = np.array_split(rows, max(2, len(rows) // 500))
    engine.visit(batches[0], stage)
    best_wall, best_cpu = np.inf, np.inf
    for _ in range(3):
        for some in batches[1:]:
            wall, cpu = time.perf_counter(), time.process_time()
            engine.visit(some, stage)
            best_wall = min(best_wall, (time.perf_counter() - wall) / len(some))
            best_cpu = min(best_cpu, (time.process_time() - cpu) / len(some))
    print(f"{1.0 / best_wall:.0f} visits per second; {1e3 * best_cpu:.3f} ms of processor time each")
    coarse = options.classes * flops_per_class(engine, stage.coarse) if stage.coarse else 0.0
    each = flops_per_class(engine, stage)
    print(f"operations: {coarse / 1e6:.1f} M for all classes coarsely, {each / 1e6:.2f} M per class finely")
    a = torch.rand(1024, 1024)
    _ = a @ a
    began = time.process_time()
    for _ in range(10):
        _ = a @ a
    rate = 10 * 2 * 1024**3 / (time.process_time() - began)
    floor = (coarse + 4 * each) / rate
    print(f"matrix product: {rate / 1e9:.0f} GF/s of one core; floor of the expectation {1e3 * floor:.3f} ms")


if __name__ == "__main__":
    main()
