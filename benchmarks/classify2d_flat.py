"""Time and memory of streaming 2D classification as the session grows: they should stay as they are.

    python -m benchmarks.classify2d_flat --particles 1000000 --plot docs/pictures/flat-cost.svg

A stream in batches of 1,000 small particles, made on the fly: views of two structures under their own CTF,
drawn from a store of 20,000, with new noise each. Every batch is done as a live session does it: read from
disk, commit to disk. The time to make the particles is not counted. Prints processor and wall time per 1,000
particles in portions of the stream, and the memory of the process without files that are only mapped.

Other work on the machine comes and goes while a long stream runs. So a copy of the run is kept as it was
at 50,000 particles, and at the end the same new batches are given to both by turns: the ratio is of that.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from frazil.compute.classify2d.classify import some_ctf
from frazil.formats.mrc import write_mrc
from frazil.microscope.particles import simulate_particles
from frazil.stages.classify_stream import stream_batch
from frazil.stages.classify_stream_task import StreamParticles, StreamSettings, StreamTask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from frazil.stages.classify_stream_task import StreamResult

BOX_PX, PIXEL_A, MASK_RADIUS_A, SNR, STORE, BATCH = 32, 8.0, 95.0, 0.1, 20_000, 1_000


def batches(count: int, folder: Path, seed: int) -> Iterator[StreamParticles]:
    """Write each batch to a stack of its own; the stack before the last is removed."""
    store = simulate_particles(
        ["proteasome", "beta-galactosidase"],
        STORE,
        BOX_PX,
        PIXEL_A,
        views_per_specimen=8,
        junk_fraction=0.1,
        snr=1e9,
        seed=seed,
    )
    signal = store.images
    axis = (np.arange(BOX_PX) - BOX_PX // 2) * PIXEL_A
    disc = np.hypot(axis, axis[:, None]) < 0.8 * MASK_RADIUS_A
    signal = signal * np.float32(np.sqrt(SNR / signal[:500, disc].var(axis=1).mean()))
    chance = np.random.default_rng(seed)
    for first in range(0, count, BATCH):
        drawn = chance.integers(0, STORE, BATCH)
        images = signal[drawn] + chance.standard_normal((BATCH, BOX_PX, BOX_PX), dtype=np.float32)
        stack = folder / f"{first:08d}.mrcs"
        write_mrc(stack, images, PIXEL_A)
        keys = np.arange(first, first + BATCH)
        zero = np.zeros(BATCH, np.int64)
        yield StreamParticles(
            keys, (stack,), (stack.name,), zero, np.arange(BATCH), some_ctf(store.ctf, drawn)
        )


def own_memory_bytes() -> int:
    """Memory of this process that is no mapped file."""
    lines = Path("/proc/self/status").read_text().splitlines()
    values = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Rss")}
    return 1024 * int(values["RssAnon"])


def plot(rows: np.ndarray, file: Path) -> None:
    """Draw processor time per 1,000 particles over the particles so far, as SVG."""
    left, top, width, height = 60.0, 20.0, 560.0, 220.0
    most = 1.25 * rows[:, 1].max()
    x = left + width * rows[:, 0] / rows[-1, 0]
    y = top + height * (1.0 - rows[:, 1] / most)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    marks = [
        f'<text x="{left - 8}" y="{top + height * (1 - t) + 4:.0f}" text-anchor="end">{most * t:.2f}</text>'
        f'<line x1="{left}" x2="{left + width}" y1="{top + height * (1 - t):.0f}" '
        f'y2="{top + height * (1 - t):.0f}" stroke="#ddd"/>'
        for t in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    marks += [
        f'<text x="{left + width * t}" y="{top + height + 18}" text-anchor="middle">'
        f"{rows[-1, 0] * t:,.0f}</text>"
        for t in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    file.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 680 290" '
        'font-family="sans-serif" font-size="12"><rect width="680" height="290" fill="#fff"/>'
        + "".join(marks)
        + f'<polyline points="{points}" fill="none" stroke="#0b7285" stroke-width="2"/>'
        + f'<text x="{left + width / 2}" y="{top + height + 40}" text-anchor="middle">'
        "particles in the run</text>"
        f'<text x="{left}" y="14">processor seconds per 1,000 new particles</text></svg>\n'
    )


def timed(task: StreamTask) -> tuple[StreamResult, tuple[float, float]]:
    """Do a batch; its processor and wall time."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = stream_batch(task)
    return result, (time.process_time() - cpu, time.perf_counter() - wall)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--particles", type=int, default=1_000_000)
    parser.add_argument("--early", type=int, default=50_000)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--final-resolution-a", type=float, default=20.0)
    parser.add_argument("--report-every", type=int, default=25_000)
    parser.add_argument("--turns", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    rows, spent, turns = [], [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        late, early = folder / "state", folder / "early"
        settings = StreamSettings(
            PIXEL_A,
            MASK_RADIUS_A,
            options.classes,
            final_resolution_a=options.final_resolution_a,
            start_particles=2000,
            seed=options.seed,
        )
        whole = options.particles + options.turns * BATCH
        for number, particles in enumerate(batches(whole, folder, options.seed), 1):
            count = number * BATCH
            if count > options.particles:
                turns.append([timed(StreamTask(state, settings, particles))[1] for state in (early, late)])
                continue
            result, seconds = timed(StreamTask(late, settings, particles))
            spent.append(seconds)
            if result.phase == "following" and count > 20_000:
                # What a start-up may read again is behind us.
                particles.stacks[0].unlink()
            if count == options.early:
                shutil.copytree(late, early)
            if count % options.report_every == 0:
                mean = np.mean(spent, axis=0)
                rows.append((count, *mean, own_memory_bytes() / 1e6))
                print(
                    f"{count} particles: {mean[0]:.3f} s of processor, {mean[1]:.3f} s by the clock per "
                    f"1,000; {rows[-1][3]:.0f} MB; {result.classes_in_use} classes",
                    flush=True,
                )
                spent = []
        disk = sum(f.stat().st_size for f in late.iterdir())
    table, (first, last) = np.array(rows), np.median(np.array(turns), axis=0)
    print(
        f"by turns, per 1,000: processor {first[0]:.3f} s at {options.early} and {last[0]:.3f} s at "
        f"{options.particles} particles, ratio {last[0] / first[0]:.2f}; clock {last[1] / first[1]:.2f}"
    )
    print(f"state on disk {disk / options.particles:.0f} bytes per particle")
    if options.plot:
        plot(table, options.plot)


if __name__ == "__main__":
    main()
