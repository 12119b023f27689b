"""Speed and quality of 2D classification on simulated particles.

    python benchmarks/classify2d.py --particles 3000 --classes 20 --snr 0.1 --seed 1 --threads 2

Prints CPU and wall time, purity by view and by specimen, adjusted Rand index, views found, classes in use.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from frazil.compute.classify2d import classify
from frazil.microscope.particles import simulate_particles


def adjusted_rand(one: np.ndarray, two: np.ndarray) -> float:
    a, b = (np.unique(x, return_inverse=True)[1] for x in (one, two))
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1)

    def pairs(x: np.ndarray) -> float:
        return float((x * (x - 1) / 2).sum())

    both, rows, columns = pairs(table), pairs(table.sum(1)), pairs(table.sum(0))
    chance = rows * columns / (len(a) * (len(a) - 1) / 2)
    return (both - chance) / (0.5 * (rows + columns) - chance)


def purity(labels: np.ndarray, class_id: np.ndarray) -> float:
    hits = sum(np.unique(labels[class_id == c], return_counts=True)[1].max() for c in np.unique(class_id))
    return float(hits) / len(labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--particles", type=int, default=3000)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--views", type=int, default=5, help="views of each specimen")
    parser.add_argument("--specimens", nargs="+", default=["proteasome", "beta-galactosidase", "groel"])
    parser.add_argument("--snr", type=float, default=None, help="default: as the microscope gives")
    parser.add_argument("--junk", type=float, default=0.12)
    parser.add_argument("--final-resolution-a", type=float, default=8.2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    made = simulate_particles(
        options.specimens,
        options.particles,
        64,
        4.0,
        views_per_specimen=options.views,
        junk_fraction=options.junk,
        snr=options.snr,
        seed=options.seed,
    )
    wall, cpu = time.perf_counter(), time.process_time()
    result = classify(
        made.images,
        made.ctf,
        pixel_size_a=4.0,
        classes=options.classes,
        mask_diameter_a=200.0,
        final_resolution_a=options.final_resolution_a,
        seed=options.seed,
        device=options.device,
        threads=options.threads,
    )
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    truth, real = made.truth, made.truth.view_id >= 0
    found = set()
    for c in range(1, options.classes + 1):
        views = truth.view_id[(result.class_id == c)]
        if len(views):
            names, counts = np.unique(views, return_counts=True)
            if 2 * counts.max() > len(views) and names[counts.argmax()] >= 0:
                found.add(int(names[counts.argmax()]))
    alive = result.population > 0
    print(f"wall {wall:.1f} s, CPU {cpu:.1f} s")
    print(f"purity by view {purity(truth.view_id[real], result.class_id[real]):.3f} (junk left out)")
    print(f"purity by view {purity(truth.view_id, result.class_id):.3f} (junk as one view)")
    print(f"purity by specimen {purity(truth.specimen_id[real], result.class_id[real]):.3f}")
    print(
        f"adjusted Rand index {adjusted_rand(truth.view_id[real], result.class_id[real]):.3f} (junk left out)"
    )
    print(f"adjusted Rand index {adjusted_rand(truth.view_id, result.class_id):.3f} (junk as one view)")
    print(f"views found {len(found)} of {len(truth.view_specimen_id)}")
    print(f"classes in use {int(alive.sum())} of {options.classes}")
    print(f"median FRC-0.5 of classes in use {np.median(result.resolution_a[alive]):.1f} Å")
    print("notes:", *result.notes)


if __name__ == "__main__":
    main()
