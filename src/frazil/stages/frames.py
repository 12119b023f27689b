"""Stages align and sum: from the frames of a movie to its average."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.compute.motion.align import align_frames, motion_summary
from frazil.compute.motion.polynomial import fit_polynomial
from frazil.compute.motion.prepare import choose_binning, prepare_movie
from frazil.compute.motion.sums import sum_frames
from frazil.formats.atomic import atomic_path
from frazil.formats.defects import read_defects
from frazil.formats.eer import EerMovie
from frazil.formats.gain import read_gain
from frazil.formats.movie import open_movie
from frazil.formats.relion_motion import MotionHeader, write_motion_star
from frazil.model.errors import InputError
from frazil.model.motion import MotionField
from frazil.stages.averaged import store_previews
from frazil.stages.checks import check_size, check_space
from frazil.stages.machine import worker_threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.motion.prepare import PreparedMovie
    from frazil.formats.movie import Movie
    from frazil.stages.exposure import Exposure

_EER_DOSE_PER_FRACTION_E_PER_A2 = 0.7
_EER_FRAMES_PER_FRACTION = 32
_UNKNOWN_DOSE_PER_FRAME_E_PER_A2 = 1.0
_WORST_POLYNOMIAL_PX = 0.3
_SUSPICIOUS_GAIN_CORRELATION = 0.05


@dataclass(frozen=True)
class LoadedMovie:
    """Frames in memory, and what the file and the settings say about them."""

    prepared: PreparedMovie
    pixel_size_a: float
    """Of the frames as they were read (EER: rendered)."""
    dose_per_frame_e_per_a2: float
    movie_frames: int
    eer_upsampling: int | None = None
    eer_frames_per_fraction: int | None = None


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
    import torch

    settings = exposure.settings.alignment
    prepared = movie.prepared
    grid = None
    if settings.patch_grid != "auto":
        columns, rows = (int(number) for number in settings.patch_grid.split("x"))
        grid = (max(rows, 4), max(columns, 4))
    return align_frames(
        torch.from_numpy(prepared.stream).to(exposure.task.device),
        binning=prepared.binning,
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
        threads=worker_threads(),
    )


def run_sum(exposure: Exposure) -> None:
    """Sum the frames along the motion; store the average and what else is wanted."""
    settings = exposure.settings.alignment
    movie = load_movie(exposure)
    prepared = movie.prepared
    prepared.release_stream()
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


def load_movie(exposure: Exposure) -> LoadedMovie:
    """Read, check and correct the frames; once for both stages."""
    if exposure.loaded is not None:
        return exposure.loaded
    settings = exposure.settings
    microscope, alignment, source = settings.microscope, settings.alignment, exposure.task.source
    if microscope.pixel_size_a is None:
        raise InputError("pixel_size_a: the pixel size is not given")
    with _open(exposure) as movie:
        eer = movie if isinstance(movie, EerMovie) else None
        if eer is None and alignment.eer_upsampling != 1:
            raise InputError(f"{source}: is no EER movie; eer_upsampling applies to EER only")
        upsampling = eer.upsampling if eer else 1
        check_size(exposure, movie.width_px, movie.height_px)
        check_space(exposure, movie.width_px * movie.height_px)
        if alignment.last_frame > movie.frames:
            raise InputError(f"{source}: has {movie.frames} frames, last_frame is {alignment.last_frame}")
        pixel_size_a = microscope.pixel_size_a / upsampling
        prepared = prepare_movie(
            movie,
            gain=_gain(exposure, movie),
            defects=_defects(exposure, movie),
            binning=choose_binning(pixel_size_a, movie.width_px * movie.height_px),
            hot_pixel_sigma=settings.gain.hot_pixel_sigma,
            first_frame=alignment.first_frame - 1,
            last_frame=alignment.last_frame - 1 if alignment.last_frame else None,
            threads=worker_threads(),
        )
        loaded = LoadedMovie(
            prepared=prepared,
            pixel_size_a=pixel_size_a,
            dose_per_frame_e_per_a2=_dose_per_frame(microscope.dose_per_movie_e_per_a2, movie),
            movie_frames=movie.frames,
            eer_upsampling=eer.upsampling if eer else None,
            eer_frames_per_fraction=eer.frames_per_fraction if eer else None,
        )
        stated = movie.pixel_size_a
        if stated is not None and abs(stated / pixel_size_a - 1.0) > 0.01:
            exposure.notes.append(
                f"the file says {stated:.4g} Å per pixel, the settings {pixel_size_a:.4g} Å: check it"
            )
    exposure.loaded = loaded
    return loaded


def _open(exposure: Exposure) -> Movie:
    alignment = exposure.settings.alignment
    dose = exposure.settings.microscope.dose_per_movie_e_per_a2
    grouping = alignment.eer_frames_per_fraction
    if grouping is None and dose is None:
        grouping = _EER_FRAMES_PER_FRACTION
    return open_movie(
        exposure.task.source,
        eer_upsampling=alignment.eer_upsampling,
        eer_frames_per_fraction=grouping,
        eer_dose_per_fraction_e_per_a2=_EER_DOSE_PER_FRACTION_E_PER_A2 if grouping is None else None,
        dose_per_movie_e_per_a2=dose,
    )


def _gain(exposure: Exposure, movie: Movie) -> NDArray[np.float32] | None:
    settings = exposure.settings.gain
    if settings.gain_path is None:
        return None
    path = Path(settings.gain_path)
    invert: bool | str = "auto" if settings.gain_invert == "auto" else settings.gain_invert == "on"
    return _read_gain(
        path,
        path.stat().st_mtime_ns,
        movie.height_px,
        movie.width_px,
        settings.gain_rotation_deg,
        settings.gain_flip_x,
        settings.gain_flip_y,
        invert,
        isinstance(movie, EerMovie),
    )


@lru_cache(maxsize=2)
def _read_gain(
    path: Path,
    changed_ns: int,  # noqa: ARG001 - part of the cache's key
    height_px: int,
    width_px: int,
    rotation_deg: int,
    flip_x: bool,
    flip_y: bool,
    invert: Any,
    for_eer: bool,
) -> NDArray[np.float32]:
    """Read a gain reference once per worker and not once per movie."""
    gain = read_gain(
        path,
        height_px=height_px,
        width_px=width_px,
        rotation_deg=rotation_deg,
        flip_x=flip_x,
        flip_y=flip_y,
        invert=invert,
        for_eer=for_eer,
    )
    gain.setflags(write=False)
    return gain


def _defects(exposure: Exposure, movie: Movie) -> NDArray[np.bool_] | None:
    path = exposure.settings.gain.defects_path
    return (
        None if path is None else read_defects(Path(path), height_px=movie.height_px, width_px=movie.width_px)
    )


def _dose_per_frame(dose_per_movie: float | None, movie: Movie) -> float:
    if dose_per_movie is None:
        return _UNKNOWN_DOSE_PER_FRAME_E_PER_A2
    if isinstance(movie, EerMovie):
        return dose_per_movie * movie.frames_per_fraction / movie.camera_frames
    return dose_per_movie / movie.frames


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


def _listed_gain(gain_path: str, *, in_place: bool) -> str:
    """Name the gain reference for RELION: where it lies, or as it is linked afterwards."""
    if not gain_path or in_place:
        return gain_path
    return f"raw/gain{Path(gain_path).suffix}"


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
        gain=_listed_gain(settings.gain.gain_path or "", in_place=bool(exposure.task.listed_as)),
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
