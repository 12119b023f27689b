"""Lay a gain reference on the first movies in its eight orientations, before anything is processed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image

from frazil.compute.motion.gain_orientation import judge_orientations
from frazil.formats.atomic import atomic_path
from frazil.formats.eer import EerMovie
from frazil.formats.gain import read_gain
from frazil.formats.movie import open_movie
from frazil.model.errors import InputError
from frazil.stages.pictures import grey_levels

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.stages.gain_check_task import GainCheckTask

_MOST_FRAMES = 120
_MOST_MOVIES = 3
_EER_FRAMES_PER_FRACTION = 40
_PICTURE_PX = 320


def check_gain(task: GainCheckTask) -> dict[str, Any]:
    """Compare, and draw the gain reference and the mean of the frames.

    Returns
    -------
        movies, frames (how many were averaged), orientations (rotation_deg, flip_x, score_sigma; best
        first), ratio of the best to the second (None: nothing else fits at all), sure, inverted.

    Raises
    ------
    InputError
        No movie can be read, or the reference can't, or it is of another size.
    """
    mean, movies, frames, for_eer = _mean_frame(task)
    gain = _read_stored(task, mean.shape, for_eer=for_eer)
    found = judge_orientations(mean, gain)
    for name, image in (("movie", mean), ("gain", gain)):
        _draw(task.folder / f"{name}.jpg", image)
    return {
        "movies": movies,
        "frames": frames,
        "orientations": [asdict(orientation) for orientation in found.orientations],
        "ratio": found.ratio if np.isfinite(found.ratio) else None,
        "sure": found.sure,
        "inverted": found.inverted,
    }


def _mean_frame(task: GainCheckTask) -> tuple[NDArray[np.float32], int, int, bool]:
    total: NDArray[np.float32] | None = None
    movies = frames = 0
    for_eer, trouble = False, "there is no movie yet"
    for path in task.movies:
        try:
            with open_movie(
                path,
                eer_upsampling=task.eer_upsampling,
                eer_frames_per_fraction=_EER_FRAMES_PER_FRACTION,
            ) as movie:
                own = np.zeros((movie.height_px, movie.width_px), np.float32)
                count = min(movie.frames, _MOST_FRAMES - frames)
                for number in range(count):
                    own += movie.read_frame(number)
                is_eer = isinstance(movie, EerMovie)
        except InputError as error:
            trouble = str(error)
            continue
        if total is not None and own.shape != total.shape:
            continue
        total, for_eer = own if total is None else total + own, is_eer
        movies, frames = movies + 1, frames + count
        if movies == _MOST_MOVIES or frames >= _MOST_FRAMES:
            break
    if total is None:
        raise InputError(f"no movie can be read: {trouble}")
    return total / np.float32(frames), movies, frames, for_eer


def _read_stored(task: GainCheckTask, shape: Sequence[int], *, for_eer: bool) -> NDArray[np.float32]:
    """Read the reference as it is stored, whether it fits as it lies or turned by a quarter."""
    height_px, width_px = shape
    invert: bool | Literal["auto"] = "auto" if task.invert == "auto" else task.invert == "on"
    try:
        return read_gain(task.gain, height_px=height_px, width_px=width_px, invert=invert, for_eer=for_eer)
    except InputError:
        if height_px == width_px:
            raise
        return read_gain(task.gain, height_px=width_px, width_px=height_px, invert=invert, for_eer=for_eer)


def _draw(path: Path, image: NDArray[np.float32]) -> None:
    block = max(1, max(image.shape) // _PICTURE_PX)
    rows, columns = (length // block * block for length in image.shape)
    small = image[:rows, :columns].reshape(rows // block, block, columns // block, block).mean(axis=(1, 3))
    with atomic_path(path) as part:
        Image.fromarray(grey_levels(small)).save(part, "JPEG", quality=88)
