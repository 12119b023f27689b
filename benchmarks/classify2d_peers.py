"""2D classification beside RELION, whole programs one after the other on the same particles and cores.

    python -m benchmarks.classify2d_peers --particles 3000 --classes 20 --snr 0.08 --seed 1 --threads 2
    python -m benchmarks.classify2d_peers --only frazil

Simulates particles of several views with junk, writes them once as a RELION stack, then runs ``frazil
classify`` and ``relion_refine`` (25 iterations by default) and prints wall time, processor time, peak memory
and the same figures of quality for both.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.classify2d import MASK_A, PIXEL_A, add_simulation, report, simulated

from frazil.formats.mrc import MrcStack, write_mrc
from frazil.formats.relion_particles import write_particles
from frazil.formats.star import read_star

if TYPE_CHECKING:
    from collections.abc import Sequence

    from frazil.microscope.particles import SimulatedParticles


def write_stack(folder: Path, made: SimulatedParticles) -> Path:
    """Write ``particles.star`` and a float32 stack, with which both programs start."""
    write_mrc(folder / "particles.mrcs", made.images, PIXEL_A, depth="float32")
    count = len(made.images)
    columns = {
        "rlnImageName": [f"{i + 1:06d}@particles.mrcs" for i in range(count)],
        "rlnMicrographName": [f"micrograph_{i // 100:04d}.mrc" for i in range(count)],
        "rlnDefocusU": made.ctf.defocus_u_a,
        "rlnDefocusV": made.ctf.defocus_v_a,
        "rlnDefocusAngle": made.ctf.astigmatism_angle_deg,
        "rlnPhaseShift": made.ctf.phase_shift_deg,
    }
    write_particles(
        folder / "particles.star",
        columns,
        made.ctf.optics,
        movie_pixel_size_a=PIXEL_A,
        image_pixel_size_a=PIXEL_A,
        image_size_px=made.images.shape[-1],
    )
    return folder / "particles.star"


def measured(command: Sequence[str], folder: Path) -> None:
    """Run a program and print its wall time, processor time and memory (the largest process so far)."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"wall {wall:.1f} s, processor {cpu:.1f} s, largest process so far {after.ru_maxrss / 2**20:.2f} GiB"
    )


def frazil(folder: Path, options: argparse.Namespace) -> tuple[Path, Path]:
    """Run ``frazil classify``: the particle table and the class averages."""
    program = shutil.which("frazil") or str(Path(sys.executable).parent / "frazil")
    command = [program, "classify", "particles.star", "--out", "frazil", "--classes", str(options.classes)]
    command += ["--mask-diameter-a", str(MASK_A), "--device", "cpu"]
    command += ["--seed", str(options.seed), "--final-resolution-a", str(options.final_resolution_a)]
    command += ["--stream", str(options.stream)] if options.stream else []
    measured(command, folder)
    return folder / "frazil" / "particles.star", folder / "frazil" / "classes.mrcs"


def relion(folder: Path, options: argparse.Namespace) -> tuple[Path, Path]:
    """Run ``relion_refine`` as RELION's own Class2D job does."""
    (folder / "relion").mkdir()
    command = ["relion_refine", "--i", "particles.star", "--o", "relion/run", "--K", str(options.classes)]
    command += ["--iter", str(options.iterations), "--particle_diameter", str(MASK_A), "--tau2_fudge", "2"]
    command += ["--ctf", "--zero_mask", "--flatten_solvent", "--norm", "--scale", "--oversampling", "1"]
    command += ["--psi_step", "12", "--offset_range", "5", "--offset_step", "2", "--pool", "30"]
    command += ["--dont_combine_weights_via_disc", "--preread_images", "--center_classes"]
    command += ["--j", str(options.threads), "--random_seed", str(options.seed)]
    if "--center_classes" not in subprocess.run(["relion_refine"], capture_output=True, text=True).stdout:
        command.remove("--center_classes")
    measured(command, folder)
    prefix = f"relion/run_it{options.iterations:03d}"
    return folder / f"{prefix}_data.star", folder / f"{prefix}_classes.mrcs"


def judge(made: SimulatedParticles, table: Path, averages: Path, classes: int) -> None:
    """Compare classes and averages with the truth."""
    rows = read_star(table)["particles"]
    order = np.array([int(name.split("@")[0]) - 1 for name in rows.texts("rlnImageName")])
    class_id, psi = np.zeros(len(order), np.int64), np.zeros(len(order))
    class_id[order], psi[order] = rows.integers("rlnClassNumber"), rows.numbers("rlnAnglePsi")
    with MrcStack(averages) as stack:
        pictures = np.asarray(stack[0 : len(stack)], np.float32)
    report(made, class_id, psi, pictures, classes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_simulation(parser)
    parser.add_argument("--iterations", type=int, default=25, help="of RELION")
    parser.add_argument("--final-resolution-a", type=float, default=8.2)
    parser.add_argument("--stream", type=int, default=0, help="Frazil takes the particles in batches")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", choices=("frazil", "relion"))
    options = parser.parse_args()
    made = simulated(options)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_stack(folder, made)
        for program in (frazil, relion):
            if options.only in (None, program.__name__):
                print(f"\n{program.__name__}", flush=True)
                judge(made, *program(folder, options), options.classes)


if __name__ == "__main__":
    main()
