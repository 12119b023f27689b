"""Quality of 2D classification on simulated particles, in one go or as a stream.

    python -m benchmarks.classify2d --particles 3000 --classes 20 --snr 0.08 --seed 1 --threads 2
    python -m benchmarks.classify2d --stream 500

With OMP_NUM_THREADS=1 it computes as Frazil's workers do, whose libraries have no threads of their own.
Prints CPU and wall time, purity by view and by specimen, adjusted Rand index, views found, classes in use,
resolution of the averages against the true views.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from scipy import ndimage

from frazil.compute.classify2d import classify
from frazil.compute.classify2d.classify import some_ctf
from frazil.formats.mrc import MrcStack, write_mrc
from frazil.microscope.particles import SimulatedParticles, simulate_particles
from frazil.stages.classify_stream import stream_batch
from frazil.stages.classify_stream_task import Publication, StreamParticles, StreamSettings, StreamTask

PIXEL_A, MASK_A = 4.0, 200.0


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


def true_resolution_a(average: np.ndarray, view: np.ndarray, turn_deg: float) -> float:
    """Where the ring correlation of an average with the true view, best aligned, falls below one half.

    Aligned to half a degree and a tenth of a pixel: half a pixel off would halve the correlation at Nyquist.
    """
    n = len(view)
    axis = np.arange(n) - n // 2
    r = np.hypot(axis[:, None], axis) * PIXEL_A
    mask = 0.5 + 0.5 * np.cos(np.pi * np.clip((r - 0.5 * MASK_A) / 20.0 + 0.5, 0, 1))
    f, k = np.fft.fft2(average * mask), np.fft.fftfreq(n)
    ring = np.rint(np.hypot(k[:, None], k) * n).astype(int)
    best, cross, power = -1.0, np.zeros((n, n)), np.ones((n, n))
    fine = np.arange(-0.6, 0.61, 0.1)
    ramp = np.exp(2j * np.pi * k * fine[:, None])
    for angle in turn_deg + np.arange(-8.0, 8.1, 0.5):
        g = np.fft.fft2(ndimage.rotate(view, angle, reshape=False, order=3) * mask)
        product = f * g.conj()
        rough = np.fft.ifft2(product).real
        y, x = np.unravel_index(rough.argmax(), rough.shape)
        if rough[y, x] < 0.9 * best:
            continue
        product = product * np.exp(2j * np.pi * (k[:, None] * y + k * x))
        near = (ramp @ product @ ramp.T).real / n**2
        if near.max() > best:
            best = float(near.max())
            i, j = np.unravel_index(near.argmax(), near.shape)
            cross, power = (product * ramp[i][:, None] * ramp[j]).real, np.abs(g) ** 2
    sums = [np.bincount(ring.ravel(), z.ravel())[: n // 2] for z in (cross, np.abs(f) ** 2, power)]
    curve = sums[0] / np.sqrt(sums[1] * sums[2] + 1e-30)
    below = np.flatnonzero(curve[1:] < 0.5)
    edge = int(below[0]) + 1 if len(below) else n // 2 - 1
    return n * PIXEL_A / edge


def views_resolved(
    made: SimulatedParticles, averages: np.ndarray, class_id: np.ndarray, psi: np.ndarray
) -> list[float]:
    truth, found = made.truth, []
    for c in range(len(averages)):
        members = np.flatnonzero(class_id == c + 1)
        views = truth.view_id[members]
        if len(members) < 20 or np.bincount(views[views >= 0], minlength=1).max() < 0.5 * len(members):
            continue
        view = int(np.bincount(views[views >= 0]).argmax())
        mine = members[views == view]
        turn = np.deg2rad(psi[mine] - truth.psi_deg[mine])
        mean = float(np.rad2deg(np.angle(np.exp(1j * turn).mean())))
        picture = made.noiseless_view(view)
        found.append(min(true_resolution_a(averages[c], picture, sign * mean) for sign in (1.0, -1.0)))
    return found


def streamed(
    made: SimulatedParticles, options: argparse.Namespace
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Class, angle of each particle, and the averages, after a stream with a final pass."""
    count = len(made.images)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_mrc(folder / "particles.mrcs", made.images, PIXEL_A)
        settings = StreamSettings(
            PIXEL_A,
            0.5 * MASK_A,
            options.classes,
            final_resolution_a=options.final_resolution_a,
            start_particles=min(2000, count),
            seed=options.seed,
        )
        for first in range(0, count, options.stream):
            keys = np.arange(first, min(count, first + options.stream))
            particles = StreamParticles(
                keys,
                (folder / "particles.mrcs",),
                ("particles.mrcs",),
                np.zeros(len(keys), np.int64),
                keys,
                some_ctf(made.ctf, keys),
            )
            result = stream_batch(StreamTask(folder / "state", settings, particles))
            print(f"  {result.particles}: {result.phase}, {result.visits} visits, {result.seconds:.1f} s")
        stream_batch(
            StreamTask(folder / "state", settings, final_pass=True, publish=Publication(folder / "update"))
        )
        table = pq.read_table(folder / "update" / "assignments.parquet")
        rows = table.column("key").to_numpy()
        class_id, psi = np.zeros(count, np.int64), np.zeros(count)
        class_id[rows], psi[rows] = table.column("class_id").to_numpy(), table.column("psi_deg").to_numpy()
        with MrcStack(folder / "update" / "classes.mrcs") as stack:
            return class_id, psi, np.asarray(stack[0 : len(stack)], np.float32)


def add_simulation(parser: argparse.ArgumentParser) -> None:
    """Options that say which particles `simulated` makes."""
    parser.add_argument("--particles", type=int, default=3000)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--views", type=int, default=5, help="views of each specimen")
    parser.add_argument("--specimens", nargs="+", default=["proteasome", "beta-galactosidase", "groel"])
    parser.add_argument("--snr", type=float, default=None, help="default: as the microscope gives")
    parser.add_argument("--junk", type=float, default=0.12)
    parser.add_argument("--seed", type=int, default=1)


def simulated(options: argparse.Namespace) -> SimulatedParticles:
    """Make the particles that the options ask for."""
    return simulate_particles(
        options.specimens,
        options.particles,
        64,
        PIXEL_A,
        views_per_specimen=options.views,
        junk_fraction=options.junk,
        snr=options.snr,
        seed=options.seed,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_simulation(parser)
    parser.add_argument("--final-resolution-a", type=float, default=8.2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--stream", type=int, default=0, help="batch of a stream; 0: in one go")
    options = parser.parse_args()
    made = simulated(options)
    wall, cpu = time.perf_counter(), time.process_time()
    if options.stream:
        class_id, psi, averages = streamed(made, options)
    else:
        result = classify(
            made.images,
            made.ctf,
            pixel_size_a=PIXEL_A,
            classes=options.classes,
            mask_diameter_a=MASK_A,
            final_resolution_a=options.final_resolution_a,
            seed=options.seed,
            device=options.device,
            threads=options.threads,
        )
        class_id, psi, averages = result.class_id, result.psi_deg, result.averages
        print("notes:", *result.notes)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    report(made, class_id, psi, averages, options.classes)
    print(f"wall {wall:.1f} s, CPU {cpu:.1f} s")


def report(
    made: SimulatedParticles, class_id: np.ndarray, psi: np.ndarray, averages: np.ndarray, classes: int
) -> None:
    truth, real = made.truth, made.truth.view_id >= 0
    found = set()
    for c in range(1, classes + 1):
        views = truth.view_id[class_id == c]
        if len(views):
            names, counts = np.unique(views, return_counts=True)
            if 2 * counts.max() > len(views) and names[counts.argmax()] >= 0:
                found.add(int(names[counts.argmax()]))
    alive = len(np.unique(class_id[class_id > 0]))
    print(f"purity by view {purity(truth.view_id[real], class_id[real]):.3f} (junk left out)")
    print(f"purity by view {purity(truth.view_id, class_id):.3f} (junk as one view)")
    print(f"purity by specimen {purity(truth.specimen_id[real], class_id[real]):.3f}")
    print(f"adjusted Rand index {adjusted_rand(truth.view_id[real], class_id[real]):.3f} (junk left out)")
    print(f"adjusted Rand index {adjusted_rand(truth.view_id, class_id):.3f} (junk as one view)")
    print(f"views found {len(found)} of {len(truth.view_specimen_id)}")
    print(f"classes in use {alive} of {classes}")
    print(f"in no class: {np.mean(class_id[real] == 0):.3f} of the particles")
    resolved = views_resolved(made, averages, class_id, psi)
    print(f"FRC-0.5 against the true views, median of {len(resolved)} classes: {np.median(resolved):.1f} Å")


if __name__ == "__main__":
    main()
