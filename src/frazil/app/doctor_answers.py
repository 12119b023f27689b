"""Known-answer tests: the virtual microscope makes a movie, every stage has to find what is true of it."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from frazil.app.doctor import Finding
from frazil.compute.classify2d import classify
from frazil.microscope.acquisition import acquire
from frazil.microscope.exposure import simulate_movie
from frazil.microscope.particles import simulate_particles
from frazil.microscope.settings import ExposureSettings
from frazil.model.settings import Settings, with_values
from frazil.stages.frames import read_field
from frazil.stages.movie_task import MovieTask
from frazil.stages.picking import read_candidates
from frazil.stages.preprocess import preprocess
from frazil.stages.products import FOLDERS, Products
from frazil.stages.record import MovieRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from frazil.microscope.truth import ExposureTruth
    from frazil.model.settings import Stage

_EXPOSURE = ExposureSettings(
    height_px=768,
    width_px=768,
    frames=8,
    pixel_size_a=1.5,
    dose_per_frame_e_per_a2=5.0,
    defocus_u_a=16_000.0,
    defocus_v_a=15_700.0,
    astigmatism_angle_deg=35.0,
    specimens=("apoferritin",),
    spacing=1.5,
    local_motion_a=1.0,
    seed=11,
    noise_seed=12,
    detector_seed=13,
)
_DIAMETER_A = 128.0
_MOTION_LIMIT_A = 1.0
_DEFOCUS_LIMIT_A = 150.0
_F1_LIMIT = 0.85
_PURITY_LIMIT = 0.9


@dataclass(frozen=True)
class _Movie:
    """The processed movie and what is true of it."""

    record: MovieRecord
    files: Products
    truth: ExposureTruth


def check_answers(device: str) -> Iterator[Finding]:
    """Run every stage on a virtual movie and virtual particles.

    The first time nearly all of it is compilation, one kernel at a time in each process: there are two.
    """
    with (
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as beside,
        tempfile.TemporaryDirectory(prefix="frazil-doctor-") as name,
    ):
        classification = beside.submit(_classification, device)
        movie = _process_movie(Path(name), device)
        for stage, look in _LOOKS.items():
            yield _judge(movie, stage, look)
        try:
            yield classification.result()
        except BrokenProcessPool as error:
            yield Finding("classify2d", False, f"its process ended before it had an answer: {error}")


def _process_movie(folder: Path, device: str) -> _Movie:
    path = next(iter(acquire(folder / "movies", [_EXPOSURE])))
    values = {
        "pixel_size_a": _EXPOSURE.pixel_size_a,
        "voltage_kv": _EXPOSURE.optics.voltage_kv,
        "cs_mm": _EXPOSURE.optics.cs_mm,
        "amplitude_contrast": _EXPOSURE.optics.amplitude_contrast,
        "dose_per_movie_e_per_a2": _EXPOSURE.dose_e_per_a2,
        "gain_path": str(folder / "movies" / "gain.mrc"),
        "particle_diameter_min_a": _DIAMETER_A,
        "particle_diameter_max_a": _DIAMETER_A,
    }
    session = folder / "session"
    for product in FOLDERS:
        (session / product).mkdir(parents=True)
    record = MovieRecord(name="doctor", source=str(path))
    task = MovieTask(session, "doctor", path, with_values(Settings(), values), record, device)
    return _Movie(preprocess(task), Products(session, "doctor"), simulate_movie(_EXPOSURE).truth)


def _judge(movie: _Movie, stage: Stage, look: object) -> Finding:
    done = movie.record.stage(stage)
    if done.state != "done":
        return Finding(stage, False, done.reason or f"{done.state}: an earlier stage failed")
    ok, text = look(movie) if callable(look) else (True, "")
    return Finding(stage, ok, f"{text} ({done.seconds:.1f} s)")


def _look_at_motion(movie: _Movie) -> tuple[bool, str]:
    field = read_field(movie.files.motion_field)
    grid = np.linspace(50.0, _EXPOSURE.width_px - 50.0, 6)
    x, y = np.meshgrid(grid, grid)
    difference = field.displacement_a(x, y) - movie.truth.displacement_a(x, y)
    # The first frame is the reference of both: its own error is no error of the track.
    difference -= difference.mean(axis=0)
    rmse = float(np.sqrt((difference**2).sum(-1).mean()))
    return rmse < _MOTION_LIMIT_A, f"motion within {rmse:.2f} Å of the truth"


def _look_at_average(movie: _Movie) -> tuple[bool, str]:
    expected = movie.truth.mean_counts_per_px * _EXPOSURE.frames
    found = movie.record.number("intensity_e_per_px")
    ok = abs(found / expected - 1.0) < 0.05
    return ok, f"{found:.1f} counts per pixel, {expected:.1f} expected"


def _look_at_ctf(movie: _Movie) -> tuple[bool, str]:
    errors = [
        movie.record.number("defocus_u_a") - _EXPOSURE.defocus_u_a,
        movie.record.number("defocus_v_a") - _EXPOSURE.defocus_v_a,
    ]
    worst = max(abs(error) for error in errors)
    return worst < _DEFOCUS_LIMIT_A, f"defocus within {worst:.0f} Å of the truth"


def _look_at_picks(movie: _Movie) -> tuple[bool, str]:
    picks = read_candidates(movie.files.candidates)
    found = np.stack([picks.x_px, picks.y_px], axis=1)[picks.accepted]
    particles = movie.truth.particles
    true = np.stack([particles.x_px, particles.y_px], axis=1)[particles.visible]
    radius = 0.25 * _DIAMETER_A / _EXPOSURE.pixel_size_a
    hits = 0
    if len(found) and len(true):
        distance, nearest = cKDTree(true).query(found)
        hits = len(set(nearest[distance < radius].tolist()))
    f1 = 2.0 * hits / max(len(found) + len(true), 1)
    return f1 >= _F1_LIMIT, f"{hits} of {len(true)} particles found, {len(found) - hits} others: F1 {f1:.2f}"


def _look_at_particles(movie: _Movie) -> tuple[bool, str]:
    from frazil.formats.mrc import read_mrc

    stack = read_mrc(movie.files.particles)
    images = stack.data.reshape(-1, *stack.data.shape[-2:]).astype(np.float64)
    size, pixel = images.shape[-1], stack.pixel_size_a or 1.0
    axis = (np.arange(size) - size // 2) * pixel
    radius = np.hypot(axis[:, None], axis[None, :])
    mean = images.mean(axis=0)
    contrast = float(mean[radius < 0.45 * _DIAMETER_A].mean() - mean[radius > 0.62 * _DIAMETER_A].mean())
    return contrast > 0.05, f"{len(images)} images, particles stand out by {contrast:.2f} σ"


_LOOKS: dict[Stage, object] = {
    "align": _look_at_motion,
    "sum": _look_at_average,
    "ctf": _look_at_ctf,
    "pick": _look_at_picks,
    "extract": _look_at_particles,
}


def _classification(device: str) -> Finding:
    """Two specimens must not share a class."""
    particles = simulate_particles(
        ["apoferritin", "proteasome"], 240, 48, 5.0, snr=0.15, views_per_specimen=3, seed=7
    )
    began = time.perf_counter()
    result = classify(
        particles.images,
        particles.ctf,
        pixel_size_a=particles.pixel_size_a,
        classes=6,
        mask_diameter_a=200.0,
        final_resolution_a=15.0,
        seed=1,
        device=device,
    )
    seconds = time.perf_counter() - began
    kept = result.class_id > 0
    best = 0
    for number in np.unique(result.class_id[kept]):
        best += int(np.bincount(particles.truth.specimen_id[result.class_id == number]).max())
    purity = best / max(int(kept.sum()), 1)
    ok = bool(purity >= _PURITY_LIMIT and kept.mean() > 0.5)
    return Finding("classify2d", ok, f"purity {purity:.2f} for two specimens ({seconds:.1f} s)")
