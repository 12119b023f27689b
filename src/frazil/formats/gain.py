"""Gain references, ready to multiply with frames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from frazil.formats.dm import SUFFIXES as DM_SUFFIXES
from frazil.formats.dm import read_dm
from frazil.formats.mrc import MrcStack, read_mrc
from frazil.formats.tiff_pages import is_tiff
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROWS = 64


def read_gain(
    path: Path,
    *,
    height_px: int,
    width_px: int,
    rotation_deg: int = 0,
    flip_x: bool = False,
    flip_y: bool = False,
    invert: bool | Literal["auto"] = "auto",
    for_eer: bool = False,
) -> NDArray[np.float32]:
    """Gain reference that fits a movie of ``height_px`` x ``width_px``, to be multiplied with its frames.

    It is first turned, then flipped, as RELION and MotionCor do; then brought to the movie's size where it
    is exactly twice as large (mean of 2 x 2) or half as large (each value four times).

    Parameters
    ----------
    path
        MRC (compressed or not), TIFF, Gatan's DM3 or DM4, or ``.gain`` of a Falcon camera.
    rotation_deg
        0, 90, 180 or 270: RELION's ``--gain_rot`` 0 to 3; clockwise on a screen with row 0 at the top.
    flip_x, flip_y
        After turning: left-right (columns), upside-down (rows).
    invert
        Use the mean divided by the value. "auto": only for an MRC reference of an EER movie, which
        holds counts.
    for_eer
        The movie is EER: its frames are not flipped, and therefore neither is a ``.gain`` reference.

    Returns
    -------
    gain
        Shape (height_px, width_px); 0 marks a defect (0, negative or not finite in the file).

    Raises
    ------
    InputError
        Unreadable, another shape (both sizes are named), a wrong rotation, nothing but defects.
    """
    path = Path(path)
    if rotation_deg % 90:
        raise InputError(f"gain rotation of {rotation_deg} degrees: only multiples of 90 are possible")
    # Frames of EER movies are not flipped, and Falcon's .gain is meant for them: its flip is undone.
    stored = read_image(path, flip_tiff=not for_eer and path.suffix.lower() != ".gain")
    if stored.ndim != 2:
        raise InputError(f"{path}: holds {len(stored)} images; a gain reference is one")
    gain = stored.astype(np.float32, copy=not stored.flags.writeable)
    # A few rows at a time: what is compared then stays in the cache.
    for first in range(0, len(gain), _ROWS):
        rows = gain[first : first + _ROWS]
        rows[~((rows >= 0) & (rows < np.inf))] = 0
    if not gain.any():
        raise InputError(f"{path}: all values are zero, negative or not finite; not a gain reference")
    if invert is True or (invert == "auto" and for_eer and not is_tiff(path)):
        gain = _inverted(gain)
    gain = np.rot90(gain, -(rotation_deg // 90))
    if flip_y:
        gain = gain[::-1]
    if flip_x:
        gain = gain[:, ::-1]
    return _fitted(path, gain, (height_px, width_px))


def read_image(path: Path, *, flip_tiff: bool = True) -> NDArray[Any]:
    """First image of an MRC, TIFF or DM file, shape (rows, columns), in our frame of reference; may hold NaN.

    ``flip_tiff`` False leaves the rows of a TIFF or DM file, top line first, in the order in which it has
    them.
    """
    if is_tiff(path):
        from frazil.formats.tiff import TiffMovie

        with TiffMovie(path, allow_nonfinite=True) as movie:
            image = movie.read_frame(0)
        return image if flip_tiff else image[::-1]
    if path.suffix.lower() in DM_SUFFIXES:
        image = read_dm(path)
        return image[::-1] if flip_tiff else image
    if path.suffix.lower() == ".raw":
        raise InputError(f"{path}: raw references are not read; convert it to MRC or TIFF")
    return read_mrc(path, allow_nonfinite=True).data


def stored_size(path: Path) -> tuple[int, int]:
    """Rows and columns of a gain reference as it is stored; errors as of `read_gain`."""
    if is_tiff(path):
        from frazil.formats.tiff import TiffMovie

        with TiffMovie(path, allow_nonfinite=True) as movie:
            return movie.height_px, movie.width_px
    if path.suffix.lower() == ".mrc":
        with MrcStack(path) as stack:
            return stack.shape[1], stack.shape[2]
    rows, columns = read_image(path).shape[-2:]
    return rows, columns


def _inverted(gain: NDArray[np.float32]) -> NDArray[np.float32]:
    good = gain > 0
    mean = gain[good].mean(dtype=np.float64)
    return np.divide(np.float32(mean), gain, out=np.zeros_like(gain), where=good)


def _fitted(path: Path, gain: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    height, width = shape
    rows, columns = gain.shape
    if (rows, columns) == shape:
        return np.ascontiguousarray(gain)
    if (rows, columns) == (2 * height, 2 * width):
        blocks = gain.reshape(height, 2, width, 2)
        good = np.count_nonzero(blocks, axis=(1, 3))
        # A defect is left out of the mean of its neighbours; four of them stay one.
        mean = blocks.sum(axis=(1, 3)) / np.maximum(good, 1)
        return np.ascontiguousarray(mean, dtype=np.float32)
    if (2 * rows, 2 * columns) == shape:
        return np.ascontiguousarray(gain.repeat(2, axis=0).repeat(2, axis=1))
    raise InputError(
        f"{path}: the gain reference has {columns} x {rows} pixels after turning, the movie "
        f"{width} x {height}; "
        "is it of another camera mode, or is the rotation wrong?"
    )
