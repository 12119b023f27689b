"""The frames of a movie, read, checked and corrected. Loads neither torch nor SciPy's transforms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frazil.compute.motion.prepare import choose_binning, prepare_movie
from frazil.formats.defects import read_defects
from frazil.formats.eer import EerMovie
from frazil.formats.gain import read_gain
from frazil.formats.movie import open_movie
from frazil.model.errors import InputError
from frazil.stages.checks import check_size, check_space
from frazil.stages.listed_gain import listed_gain
from frazil.stages.machine import worker_threads

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from frazil.compute.motion.prepare import PreparedMovie
    from frazil.formats.movie import Movie
    from frazil.stages.exposure import Exposure

_EER_DOSE_PER_FRACTION_E_PER_A2 = 0.7
_EER_FRAMES_PER_FRACTION = 32
_UNKNOWN_DOSE_PER_FRAME_E_PER_A2 = 1.0


@dataclass(frozen=True)
class LoadedMovie:
    """Frames in memory, and what the file and the settings say about them."""

    prepared: PreparedMovie
    pixel_size_a: float
    """Of the frames as they were read (EER: rendered)."""
    dose_per_frame_e_per_a2: float
    movie_frames: int
    gain: str = ""
    """What RELION's tables call the gain reference."""
    eer_upsampling: int | None = None
    eer_frames_per_fraction: int | None = None


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
        # Read beside the first frames; afterwards it is at hand.
        gain = None if settings.gain.gain_path is None else partial(_gain, exposure, movie)
        prepared = prepare_movie(
            movie,
            gain=gain,
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
            gain=listed_gain(exposure, gain() if gain else None, pixel_size_a, for_eer=eer is not None),
            eer_upsampling=eer.upsampling if eer else None,
            eer_frames_per_fraction=eer.frames_per_fraction if eer else None,
        )
        if eer is not None and (damaged := eer.corrupt_camera_frames):
            numbers = ", ".join(str(number + 1) for number in damaged)
            exposure.notes.append(
                f"camera frames left out, their events are damaged: {numbers} of {eer.camera_frames}"
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


def _gain(exposure: Exposure, movie: Movie) -> NDArray[np.float32]:
    settings = exposure.settings.gain
    path = Path(str(settings.gain_path))
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
