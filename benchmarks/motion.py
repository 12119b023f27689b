"""Frame alignment, ours and RELION's, as whole processes on the same movie.

    .venv/bin/python benchmarks/motion.py --folder /tmp/bench --width 5760 --height 4092 --frames 40

Writes an LZW TIFF movie and a gain reference once, then runs `relion_run_motioncorr --use_own` with 5 x 5
patches and dose weighting, and Frazil from file to dose-weighted micrograph and periodograms, each in a
process of its own, and prints wall time, processor time and peak memory of both. Our second run shows what a
user sees: the first one compiles.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from frazil.engine.worker_process import LIBRARY_THREADS

PIXEL_A, VOLTAGE_KV, DOSE = 0.83, 300.0, 1.0


def write_movie(folder: Path, width: int, height: int, frames: int, seed: int = 1) -> tuple[Path, Path]:
    """Write counts of a drifting, smooth specimen seen through a gain: quick to make, aligned like any."""
    import mrcfile
    import tifffile
    from scipy.ndimage import gaussian_filter, shift, zoom

    movie, reference = folder / "movie.tif", folder / "gain.mrc"
    if movie.exists() and reference.exists():
        return movie, reference
    rng = np.random.default_rng(seed)
    gain = rng.normal(1.0, 0.03, (height, width)).clip(0.5, 2.0).astype(np.float32)
    coarse = gaussian_filter(rng.standard_normal((height // 4 + 32, width // 4 + 32)), 1.2)
    coarse = (0.12 * coarse / coarse.std()).astype(np.float32)
    with tifffile.TiffWriter(movie) as writer:
        for frame in range(frames):
            drift = 14.0 * (1.0 - np.exp(-(frame + 0.5) / 6.0))
            seen = shift(coarse, (drift / 4, -0.6 * drift / 4), order=3, mode="wrap")
            rate = 0.8 * (1.0 + zoom(seen, 4, order=1)[:height, :width]) / gain
            counts = rng.poisson(rate.clip(0.0)).astype(np.uint8)
            writer.write(counts[::-1], compression="lzw", rowsperstrip=height, contiguous=False)
    with mrcfile.new(reference, overwrite=True) as file:
        file.set_data(gain)
    return movie, reference


def measure(command: list[str], folder: Path, threads: int) -> tuple[float, float, float]:
    """Wall and processor seconds and peak GB of a process."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    if command[0] == sys.executable:
        # As in Frazil's workers: only its own threads.
        environment |= LIBRARY_THREADS
    begin = time.perf_counter()
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{command[0]} failed:\n{(folder / 'log.txt').read_text()[-2000:]}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e6


def relion_command(movie: Path, gain: Path, threads: int) -> list[str]:
    (movie.parent / "in.star").write_text(
        "data_optics\n\nloop_\n_rlnOpticsGroupName #1\n_rlnOpticsGroup #2\n"
        "_rlnMicrographOriginalPixelSize #3\n_rlnVoltage #4\n"
        "_rlnSphericalAberration #5\n_rlnAmplitudeContrast #6\n"
        f"og1 1 {PIXEL_A} {VOLTAGE_KV} 2.7 0.1\n\ndata_movies\n\nloop_\n_rlnMicrographMovieName #1\n"
        f"_rlnOpticsGroup #2\n{movie.name} 1\n"
    )
    patches = ["--patch_x", "5", "--patch_y", "5", "--bfactor", "150", "--gainref", gain.name]
    dose = ["--dose_weighting", "--dose_per_frame", str(DOSE), "--preexposure", "0"]
    files = ["--i", "in.star", "--o", "relion/", "--use_own", "--j", str(threads)]
    return ["relion_run_motioncorr", *files, *patches, *dose]


def run_ours(movie_path: Path, gain_path: Path, output: Path, threads: int) -> None:
    """From file to micrograph, in this process; libraries are loaded and memory is kept as a worker does."""
    begin = time.perf_counter()

    def lap(name: str) -> None:
        print(f"{name} {time.perf_counter() - begin:.2f} s", flush=True)

    from frazil.stages import loading
    from frazil.stages.machine import large_arrays_reused

    loading.begin()
    from frazil.compute.motion.prepare import choose_binning, prepare_movie
    from frazil.formats.gain import read_gain
    from frazil.formats.movie import open_movie

    lap("first libraries")
    with large_arrays_reused():
        with open_movie(movie_path) as movie:
            height, width = movie.height_px, movie.width_px
            prepared = prepare_movie(
                movie,
                gain=lambda: read_gain(gain_path, height_px=height, width_px=width),
                binning=choose_binning(PIXEL_A, width * height),
                threads=threads,
            )
        lap("prepared")
        loading.finish()
        from frazil.compute.motion.align import align_frames
        from frazil.compute.motion.sums import sum_frames
        from frazil.formats.mrc_write import write_mrc

        lap("all libraries")
        field = align_frames(
            prepared.binned,
            binning=prepared.binned.binning,
            width_px=prepared.width_px,
            height_px=prepared.height_px,
            pixel_size_a=PIXEL_A,
            dose_per_frame_e_per_a2=DOSE,
            frame_weights=prepared.good.astype(np.float64),
            voltage_kv=VOLTAGE_KV,
            threads=threads,
        )
        lap("aligned")
        sums = sum_frames(
            prepared,
            field,
            pixel_size_a=PIXEL_A,
            voltage_kv=VOLTAGE_KV,
            dose_per_frame_e_per_a2=DOSE,
            threads=threads,
        )
        lap("summed")
        write_mrc(output, sums.micrograph, PIXEL_A)
        lap("written")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--width", type=int, default=5760)
    parser.add_argument("--height", type=int, default=4092)
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--ours-only", action="store_true")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    folder: Path = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if arguments.child:
        run_ours(folder / "movie.tif", folder / "gain.mrc", folder / "ours.mrc", arguments.threads)
        return
    movie, gain = write_movie(folder, arguments.width, arguments.height, arguments.frames)
    own = [sys.executable, str(Path(__file__).resolve()), "--child", "--folder", str(folder)]
    own += ["--threads", str(arguments.threads)]
    results = {}
    for name in ("Frazil, first run", "Frazil"):
        results[name] = measure(own, folder, arguments.threads)
    print((folder / "log.txt").read_text())
    if not arguments.ours_only:
        if shutil.which("relion_run_motioncorr") is None:
            raise SystemExit("relion_run_motioncorr is not installed; use --ours-only")
        results["RELION"] = measure(relion_command(movie, gain, arguments.threads), folder, arguments.threads)
    for name, (wall, processor, memory) in results.items():
        print(f"{name:18s} wall {wall:6.1f} s   processor {processor:6.1f} s   peak {memory:5.2f} GB")
    if "RELION" in results:
        (wall, processor, memory), (own_wall, own_processor, own_memory) = (
            results["RELION"],
            results["Frazil"],
        )
        print(
            f"RELION / Frazil    wall {wall / own_wall:6.1f}     processor {processor / own_processor:6.1f}"
            f"     memory {memory / own_memory:5.2f}"
        )


if __name__ == "__main__":
    main()
