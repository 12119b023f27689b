"""How much signal frame alignment keeps: Frazil and RELION on the same virtual movies.

    .venv/bin/python benchmarks/motion_quality.py --folder /tmp/motion --seeds 11 12 --size 2048 --frames 30

For each movie: correlation of the plain sum with the noiseless image per resolution band, relative to that
of the same frames summed along their true trajectories (blur inside a frame is nobody's fault). Measured in
patches that are registered to the truth first, so that a constant shift of the output, which harms nobody,
does not count. Beside it the error of the trajectories at the particles, one offset per particle removed,
over the whole exposure and within the first 4 e/Å². Correlations scatter where particles are few, so the
signal that these errors leave, by calculation, is printed too; and the bound of one frame's global shift.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

from frazil.compute.motion.align import align_frames
from frazil.compute.motion.prepare import choose_binning, prepare_movie
from frazil.compute.motion.sums import sum_frames
from frazil.formats.gain import read_gain
from frazil.formats.movie import open_movie
from frazil.formats.mrc import read_mrc
from frazil.formats.star import read_star
from frazil.microscope import ExposureSettings, simulate_movie
from frazil.microscope.files import write_gain, write_movie
from frazil.model.motion import MotionField, cubic_bspline_weights

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from frazil.microscope import ExposureTruth

BANDS_A = ((10.0, 7.0), (7.0, 5.0), (5.0, 4.0))
PATCH = 384


def kept_signal(
    image: NDArray[np.float32], still: NDArray[np.float32], truth: NDArray[np.float32], pixel_size_a: float
) -> list[float]:
    """Correlation of ``image`` with the truth over that of ``still``, for each of `BANDS_A`."""
    ky = fft.fftfreq(PATCH, pixel_size_a)[:, None]
    kx = fft.rfftfreq(PATCH, pixel_size_a)[None, :]
    k = np.hypot(ky, kx)
    window = np.hanning(PATCH)[:, None] * np.hanning(PATCH)
    register = (k > 1 / 40) & (k < 1 / 6)
    sums = np.zeros((len(BANDS_A), 2, 2))
    height, width = truth.shape
    margin = 48
    for y in range(margin, height - PATCH - margin + 1, PATCH // 2):
        for x in range(margin, width - PATCH - margin + 1, PATCH // 2):
            cut = (slice(y, y + PATCH), slice(x, x + PATCH))
            a, a0, t = (fft.rfft2((i[cut] - i[cut].mean()) * window) for i in (image, still, truth))
            for column, spectrum in enumerate((a, a0)):
                cross = spectrum * t.conj()
                shift = _registration(cross * register, kx, ky, pixel_size_a)
                cross = (cross * np.exp(2j * np.pi * (kx * shift[0] + ky * shift[1]))).real
                for b, (low, high) in enumerate(BANDS_A):
                    band = (k > 1 / low) & (k <= 1 / high)
                    sums[b, column] += cross[band].sum(), (np.abs(spectrum[band]) ** 2).sum()
    correlation = sums[..., 0] / np.sqrt(sums[..., 1])
    return [float(c[0] / c[1]) for c in correlation]


def _registration(
    cross: NDArray[np.complex128], kx: NDArray[np.float64], ky: NDArray[np.float64], pixel_size_a: float
) -> tuple[float, float]:
    """Shift (x, y) in Å at which the cross-correlation peaks, within 30 Å."""
    ccf = fft.irfft2(cross, s=(PATCH, PATCH))
    reach = int(30 / pixel_size_a)
    offsets = np.r_[0 : reach + 1, -reach:0]
    near = ccf[np.ix_(offsets, offsets)]
    row, column = np.unravel_index(int(near.argmax()), near.shape)
    x, y = (float(offsets[i]) * pixel_size_a for i in (column, row))
    for _ in range(5):
        z = cross * np.exp(2j * np.pi * (kx * x + ky * y))
        gx, gy = (-(2 * np.pi * q * z.imag).sum() for q in (kx, ky))
        hxx, hxy, hyy = ((4 * np.pi**2 * p * q * z.real).sum() for p, q in ((kx, kx), (kx, ky), (ky, ky)))
        det = hxx * hyy - hxy**2
        if det <= 0:
            break
        x, y = x + (hyy * gx - hxy * gy) / det, y + (hxx * gy - hxy * gx) / det
    return x, y


def trajectory_error(
    truth: ExposureTruth, ours: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
) -> dict[str, object]:
    """Compare u_f at the visible particles, per-particle offset removed.

    Returns the rms error in Å (both axes) and, per band, what is left of the plain sum's signal: the mean
    over particles and spatial frequencies of |mean over frames of exp(2πi k·error)|.
    """
    particles = truth.particles
    x, y = (np.asarray(v, dtype=np.float64)[particles.visible] for v in (particles.x_px, particles.y_px))
    error = ours(x, y) - truth.displacement_a(x, y)
    settings = truth.settings
    early = settings.dose_per_frame_e_per_a2 * np.arange(settings.frames) < 4.0
    error = error - error.mean(axis=0)
    length2 = (error**2).sum(-1)
    return {
        "rmse_a": float(np.sqrt(length2.mean())),
        "rmse_early_a": float(np.sqrt(length2[early].mean())),
        "kept_by_error": [_left(error, low, high) for low, high in BANDS_A],
    }


def _left(error_a: NDArray[np.float64], low_a: float, high_a: float) -> float:
    angle = np.pi * np.arange(24) / 24
    k = np.sqrt(np.linspace(1 / low_a**2, 1 / high_a**2, 12))  # evenly over the ring's area
    wave = np.stack([np.outer(k, np.cos(angle)).ravel(), np.outer(k, np.sin(angle)).ravel()])
    return float(np.abs(np.exp(2j * np.pi * (error_a @ wave)).mean(axis=0)).mean())


def relion(folder: Path, settings: ExposureSettings, patches: int) -> Path:
    """Run RELION's own alignment; returns the folder with its results."""
    program = shutil.which("relion_run_motioncorr")
    if program is None:
        raise SystemExit("relion_run_motioncorr is not on the PATH")
    out = f"relion{patches}"
    optics = settings.optics
    (folder / "movies.star").write_text(
        "\n# version 30001\n\ndata_optics\n\nloop_\n_rlnOpticsGroupName #1\n_rlnOpticsGroup #2\n"
        "_rlnMicrographOriginalPixelSize #3\n_rlnVoltage #4\n"
        "_rlnSphericalAberration #5\n_rlnAmplitudeContrast #6\n"
        f"opticsGroup1 1 {settings.pixel_size_a} {optics.voltage_kv} {optics.cs_mm} "
        f"{optics.amplitude_contrast}\n\n\n"
        "# version 30001\n\ndata_movies\n\nloop_\n"
        "_rlnMicrographMovieName #1\n_rlnOpticsGroup #2\nmovie.tiff 1\n\n"
    )
    command = [program, "--i", "movies.star", "--o", f"{out}/", "--use_own"]
    command += ["--gainref", "gain.mrc", "--save_noDW"]
    command += ["--dose_weighting", "--dose_per_frame", str(settings.dose_per_frame_e_per_a2), "--j", "2"]
    command += ["--patch_x", str(patches), "--patch_y", str(patches)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / out


def relion_track(
    star: Path, settings: ExposureSettings
) -> Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]:
    """u_f of RELION's motion file: its global track plus its polynomial, with the sign turned."""
    blocks = read_star(star)
    track = np.stack([blocks["global_shift"].numbers(f"rlnMicrographShift{c}") for c in "XY"], -1)
    local = blocks.get("local_motion_model")
    c = np.zeros((2, 6, 3)) if local is None else local.numbers("rlnMotionModelCoeff").reshape(2, 6, 3)

    def at(x_px: NDArray[np.float64], y_px: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = x_px / settings.width_px - 0.5, y_px / settings.height_px - 0.5
        space = np.stack([np.ones_like(x), x, x * x, y, y * y, x * y])
        z = np.arange(settings.frames)[:, None] ** np.arange(1, 4)
        shift = np.einsum("apm,pn,fm->fna", c, space, z) + track[:, None]
        return np.asarray(-shift * settings.pixel_size_a, dtype=np.float64)

    return at


def true_field(truth: ExposureTruth, nodes: int = 14) -> MotionField:
    """Fit the true motion by a field that `sum_frames` takes."""
    settings = truth.settings
    x, y = (np.linspace(0, n - 1, 40) for n in (settings.width_px, settings.height_px))
    shift = truth.displacement_a(*np.meshgrid(x, y))
    shift = shift - shift[:1]
    basis = np.linalg.pinv(cubic_bspline_weights(np.linspace(0, 1, 40), nodes))
    local = np.einsum("ja,ib,fabc->fjic", basis, basis, shift)
    zero = np.zeros((settings.frames, 2))
    return MotionField(settings.width_px, settings.height_px, settings.pixel_size_a, zero, zero.copy(), local)


def frazil(
    folder: Path, settings: ExposureSettings, truth: ExposureTruth
) -> tuple[list[NDArray[np.float32]], MotionField]:
    """Align the same file by Frazil's own chain; also sum it along its true trajectories."""
    px, dose = settings.pixel_size_a, settings.dose_per_frame_e_per_a2
    with open_movie(folder / "movie.tiff") as movie:
        gain = read_gain(folder / "gain.mrc", height_px=movie.height_px, width_px=movie.width_px)
        binning = choose_binning(px, movie.width_px * movie.height_px)
        prepared = prepare_movie(movie, gain=gain, defects=None, binning=binning, threads=2)
    field = align_frames(
        prepared.binned, binning=prepared.binned.binning, width_px=settings.width_px,
        height_px=settings.height_px, pixel_size_a=px, dose_per_frame_e_per_a2=dose,
        voltage_kv=settings.optics.voltage_kv,
    )  # fmt: skip
    images = []
    for motion in (field, true_field(truth)):
        sums = sum_frames(
            prepared, motion, pixel_size_a=px, voltage_kv=settings.optics.voltage_kv,
            dose_per_frame_e_per_a2=dose, unweighted=True, threads=2,
        )  # fmt: skip
        images.append(np.asarray(sums.unweighted))
    return images, field


def one(folder: Path, settings: ExposureSettings, with_relion: bool) -> dict[str, object]:
    """Make one movie and measure everything on it."""
    folder.mkdir(parents=True, exist_ok=True)
    movie = simulate_movie(settings)
    write_movie(folder / "movie.tiff", movie, "tiff")
    write_gain(folder / "gain.mrc", movie.gain, settings.pixel_size_a)
    truth = movie.perfect_sum()
    size = [settings.width_px, settings.height_px, settings.frames]
    result: dict[str, object] = {"size": size, "seed": settings.seed}
    (ours, still), field = frazil(folder, settings, movie.truth)
    result["frazil"] = {
        "kept": kept_signal(ours, still, truth, settings.pixel_size_a),
        **trajectory_error(movie.truth, field.displacement_a),
        **{name: field.diagnostics[name] for name in ("global_error_bound_a", "global_expected_error_a")},
    }
    if with_relion:
        for patches in (1, 5):
            out = relion(folder, settings, patches)
            image = np.asarray(read_mrc(out / "movie_noDW.mrc").data, np.float32)
            result[f"relion {patches}x{patches}"] = {
                "kept": kept_signal(image, still, truth, settings.pixel_size_a),
                **trajectory_error(movie.truth, relion_track(out / "movie.star", settings)),
            }
    return result


def main() -> None:
    """Run the comparison and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[101])
    parser.add_argument("--size", type=int, nargs="+", default=[2048], help="one number, or width and height")
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--pixel-size-a", type=float, default=1.0)
    parser.add_argument("--dose-per-frame-e-per-a2", type=float, default=1.2)
    parser.add_argument("--drift-a", type=float, default=20.0)
    parser.add_argument("--local-a", type=float, default=3.0)
    parser.add_argument("--specimen", default="proteasome")
    parser.add_argument("--spacing", type=float, default=1.6, help="in diameters; from 2 on sparse")
    parser.add_argument("--no-relion", action="store_true")
    args = parser.parse_args()
    for seed in args.seeds:
        settings = ExposureSettings(
            height_px=args.size[-1], width_px=args.size[0], frames=args.frames,
            pixel_size_a=args.pixel_size_a, dose_per_frame_e_per_a2=args.dose_per_frame_e_per_a2,
            specimens=(args.specimen,), spacing=args.spacing, seed=seed, noise_seed=seed,
            drift_total_a=0.5 * args.drift_a, drift_burst_a=0.5 * args.drift_a, local_motion_a=args.local_a,
        )  # fmt: skip
        result = one(args.folder / str(seed), settings, not args.no_relion)
        for name, value in result.items():
            print(f"{name:12}", json.dumps(value))


if __name__ == "__main__":
    main()
