"""Stages align and sum: from the frames of a movie to its average."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.compute.motion.align import align_frames, motion_summary
from frazil.compute.motion.polynomial import fit_polynomial
from frazil.compute.motion.sums import sum_frames
from frazil.formats.atomic import atomic_path
from frazil.formats.relion_motion import MotionHeader, write_motion_star
from frazil.model.errors import InputError
from frazil.model.motion import MotionField
from frazil.stages.averaged import store_previews
from frazil.stages.checks import check_space
from frazil.stages.load_frames import load_movie
from frazil.stages.machine import give_back_memory, worker_threads

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.stages.exposure import Exposure
    from frazil.stages.load_frames import LoadedMovie

_WORST_POLYNOMIAL_PX = 0.3
_SUSPICIOUS_GAIN_CORRELATION = 0.05
_TRIMMED_BYTES = 2.35e9


def run_alignment(exposure: Exposure) -> None:
    """Estimate the motion; store it for RELION, and as it is."""
    settings = exposure.settings.alignment
    movie = load_movie(exposure)
    prepared = movie.prepared
    pre_exposure = _dose_before(exposure, movie)
    if settings.alignment_method == "none":
        field = MotionField.still(prepared.frames, prepared.width_px, prepared.height_px, movie.pixel_size_a)
    else:
        if prepared.frames < 2:
            raise InputError(
                f"{exposure.task.source}: one frame only, nothing to align. For averaged micrographs give "
                "--micrographs; for a one-frame movie --set alignment_method=none"
            )
        field = _align(exposure, movie, pre_exposure)
        # The spectra leave gaps between what stays, in which no image of the sums has room.
        give_back_memory(_TRIMMED_BYTES)
    exposure.notes += prepared.notes
    if prepared.gain_correlation > _SUSPICIOUS_GAIN_CORRELATION:
        exposure.notes.append(
            "the gain reference brings its own pattern into the frames: check rotation, flips and inversion"
        )
    if field.note:
        exposure.notes.append(f"alignment: {field.note}")
    _store_field(exposure.files.motion_field, field)
    _store_star(exposure, movie, field)
    exposure.products += [exposure.files.motion_field, exposure.files.motion_star]
    dose = pre_exposure + (np.arange(prepared.frames) + 1.0) * movie.dose_per_frame_e_per_a2
    exposure.numbers.update(_motion_numbers(field, dose))
    exposure.field = field


def _align(exposure: Exposure, movie: LoadedMovie, pre_exposure: float) -> MotionField:
    settings = exposure.settings.alignment
    prepared = movie.prepared
    grid = None
    if settings.patch_grid != "auto":
        columns, rows = (int(number) for number in settings.patch_grid.split("x"))
        grid = (max(rows, 4), max(columns, 4))
    return align_frames(
        prepared.binned,
        binning=prepared.binned.binning,
        width_px=prepared.width_px,
        height_px=prepared.height_px,
        pixel_size_a=movie.pixel_size_a,
        dose_per_frame_e_per_a2=movie.dose_per_frame_e_per_a2,
        pre_exposure_e_per_a2=pre_exposure,
        local=settings.alignment_method == "local",
        patch_grid=grid,
        patch_overlap=settings.patch_overlap_percent / 100.0,
        band_low_a=settings.alignment_low_a,
        band_high_a=settings.alignment_high_a,
        frame_weights=prepared.good.astype(np.float64),
        voltage_kv=exposure.optics.voltage_kv,
        device=exposure.task.device,
        threads=worker_threads(),
    )


def run_sum(exposure: Exposure) -> None:
    """Sum the frames along the motion; store the average and what else is wanted."""
    settings = exposure.settings.alignment
    movie = load_movie(exposure)
    prepared = movie.prepared
    field = exposure.field if exposure.field is not None else read_field(exposure.files.motion_field)
    binning = settings.output_binning or float(exposure.settings.alignment.eer_upsampling)
    if movie.eer_upsampling is None and settings.output_binning is None:
        binning = 1.0
    sums = sum_frames(
        prepared,
        field,
        pixel_size_a=movie.pixel_size_a,
        voltage_kv=exposure.optics.voltage_kv,
        dose_per_frame_e_per_a2=movie.dose_per_frame_e_per_a2,
        pre_exposure_e_per_a2=_dose_before(exposure, movie),
        dose_weighting=settings.dose_weighting,
        output_binning=binning,
        unweighted=settings.write_unweighted,
        half_sums=settings.write_half_sums,
        periodograms=True,
        sum_dose_range_e_per_a2=(settings.sum_dose_min_e_per_a2, settings.sum_dose_max_e_per_a2),
        invert=exposure.settings.image_data.invert_contrast,
        device=exposure.task.device,
        threads=worker_threads(),
    )
    exposure.loaded = None
    exposure.pixel_size_a = sums.pixel_size_a
    exposure.periodograms = sums.periodograms
    check_space(exposure, sums.micrograph.size)
    height, width = sums.micrograph.shape
    exposure.numbers.update(
        micrograph_pixel_size_a=sums.pixel_size_a,
        width_px=float(width),
        height_px=float(height),
        frames=float(prepared.frames),
        frames_used=float(sums.frames_used),
        intensity_e_per_px=float(prepared.frame_means[prepared.good].sum()),
        gain_residual=prepared.gain_spread,
        bad_pixels=float(len(prepared.bad_pixels)),
    )
    exposure.keep_micrograph(sums.micrograph)
    for path, image in (
        (exposure.files.unweighted, sums.unweighted),
        (exposure.files.odd, sums.odd),
        (exposure.files.even, sums.even),
    ):
        if image is not None:
            exposure.store(path, image)
    store_previews(exposure)


def _dose_before(exposure: Exposure, movie: LoadedMovie) -> float:
    """Dose before the first used frame."""
    skipped = movie.prepared.first_frame * movie.dose_per_frame_e_per_a2
    return exposure.settings.microscope.pre_exposure_e_per_a2 + skipped


def _motion_numbers(field: MotionField, dose: NDArray[np.floating[Any]]) -> dict[str, float]:
    summary = motion_summary(field, dose)
    distance = np.linalg.norm(field.global_shift_a - field.global_shift_a[0], axis=1)
    numbers = {
        "motion_total_a": summary["total_a"],
        "motion_early_a": summary["early_a"],
        "motion_late_a": summary["late_a"],
        "motion_mean_a": float(distance.mean()),
        "motion_max_step_a": summary["max_step_a"],
        "motion_local_rms_a": summary["local_rms_a"],
        "motion_error_a": float(np.sqrt((field.global_error_a**2).mean())),
    }
    for part in ("total", "early", "late"):
        numbers[f"motion_{part}_px"] = summary[f"{part}_a"] / field.pixel_size_a
    return numbers


def _store_field(path: Path, field: MotionField) -> None:
    arrays = {
        "size_px": np.array([field.width_px, field.height_px]),
        "pixel_size_a": np.array(field.pixel_size_a),
        "global_shift_a": field.global_shift_a,
        "global_error_a": field.global_error_a,
    }
    if field.local_nodes_a is not None:
        arrays["local_nodes_a"] = field.local_nodes_a
    with atomic_path(path) as part, part.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_field(path: Path) -> MotionField:
    """Read what `run_alignment` stored."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return MotionField(
                width_px=int(arrays["size_px"][0]),
                height_px=int(arrays["size_px"][1]),
                pixel_size_a=float(arrays["pixel_size_a"]),
                global_shift_a=arrays["global_shift_a"],
                global_error_a=arrays["global_error_a"],
                local_nodes_a=arrays["local_nodes_a"] if "local_nodes_a" in arrays else None,
            )
    except (ValueError, KeyError, OSError) as error:
        raise InputError(f"{path}: damaged ({error}); remove it and run again") from error


def _store_star(exposure: Exposure, movie: LoadedMovie, field: MotionField) -> None:
    settings, files = exposure.settings, exposure.files
    polynomial = None
    if field.local_nodes_a is not None:
        polynomial, rms_px = fit_polynomial(field)
        exposure.numbers["motion_polynomial_rms_px"] = rms_px
        if rms_px > _WORST_POLYNOMIAL_PX:
            exposure.notes.append(
                f"RELION's polynomial leaves {rms_px:.2f} px (rms) of local motion; the average is unaffected"
            )
    header = MotionHeader(
        movie=exposure.task.listed_as or f"raw/{exposure.task.name}{exposure.task.source.suffix}",
        gain=movie.gain,
        movie_frames=movie.movie_frames,
        first_frame=movie.prepared.first_frame + 1,
        binning=settings.alignment.output_binning or 1.0,
        dose_per_frame_e_per_a2=movie.dose_per_frame_e_per_a2,
        pre_exposure_e_per_a2=settings.microscope.pre_exposure_e_per_a2,
        voltage_kv=exposure.optics.voltage_kv,
        eer_upsampling=movie.eer_upsampling,
        eer_frames_per_fraction=movie.eer_frames_per_fraction,
    )
    write_motion_star(files.motion_star, header, field, polynomial, movie.prepared.bad_pixels)
