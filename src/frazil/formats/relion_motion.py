"""RELION's motion metadata: one STAR file per movie, read by its Bayesian polishing.

Shifts are minus the specimen's displacement in pixels of the unbinned movie; the polynomial adds to the
global track: ``Σ c[3 p + m - 1] · {1, x, x², y, y², xy}[p] · z^m``, x and y = pixel / size - 1/2, z = frame
from the first used one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.formats.star import StarTable, write_star

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.model.motion import MotionField

_PATCHES = 5


@dataclass(frozen=True)
class MotionHeader:
    """What RELION wants to know about a movie.

    Attributes
    ----------
    movie, gain, defects
        Paths relative to the project; empty where there is none.
    movie_frames
        Frames in the file (EER: fractions).
    first_frame
        Counted from 1.
    binning
        Of the average.
    dose_per_frame_e_per_a2, pre_exposure_e_per_a2, voltage_kv
        Per fraction for EER.
    eer_upsampling, eer_frames_per_fraction
        Only for EER.
    """

    movie: str
    movie_frames: int
    first_frame: int
    binning: float
    dose_per_frame_e_per_a2: float
    pre_exposure_e_per_a2: float
    voltage_kv: float
    gain: str = ""
    defects: str = ""
    eer_upsampling: int | None = None
    eer_frames_per_fraction: int | None = None


def write_motion_star(
    path: Path,
    header: MotionHeader,
    field: MotionField,
    polynomial_px: NDArray[np.float64] | None,
    hot_pixels_xy: NDArray[np.integer[Any]] | None = None,
) -> None:
    """Write the motion of one movie.

    Parameters
    ----------
    path
        The STAR file.
    header
        Facts about the movie.
    field
        The motion; F used frames.
    polynomial_px
        Shape (36,): 18 coefficients for x, 18 for y, unbinned pixels, sign as RELION's shifts; None where the
        motion is global.
    hot_pixels_xy
        Shape (n, 2): column, row.
    """
    frames = np.arange(field.frames) + header.first_frame
    shift_px = -(field.global_shift_a - field.global_shift_a[0]) / field.pixel_size_a
    # RELION holds one row for every frame from the first; those that were left out before are marked.
    skipped = np.full((header.first_frame - 1, 2), -9999.0)
    blocks: dict[str, StarTable | Mapping[str, Any]] = {
        "general": _general(header, field, local=polynomial_px is not None),
        "global_shift": {
            "rlnMicrographFrameNumber": np.arange(1, frames[-1] + 1),
            "rlnMicrographShiftX": np.concatenate([skipped[:, 0], shift_px[:, 0]]),
            "rlnMicrographShiftY": np.concatenate([skipped[:, 1], shift_px[:, 1]]),
        },
    }
    if polynomial_px is not None:
        blocks["local_motion_model"] = {
            "rlnMotionModelCoeffsIdx": np.arange(36),
            "rlnMotionModelCoeff": polynomial_px.reshape(36),
        }
    if hot_pixels_xy is not None and len(hot_pixels_xy):
        blocks["hot_pixels"] = {
            "rlnCoordinateX": hot_pixels_xy[:, 0].astype(np.int64),
            "rlnCoordinateY": hot_pixels_xy[:, 1].astype(np.int64),
        }
    if polynomial_px is not None:
        blocks["local_shift"] = _local_shift(field, frames)
    write_star(path, blocks)


def with_names(text: str, movie: str, gain: str) -> str:
    """Return a motion file's text in which movie and gain reference, where it has one, have other names.

    An empty name takes its line out: RELION reads no empty ones.
    """
    for column, name in (("rlnMicrographMovieName", movie), ("rlnMicrographGainName", gain)):
        found = re.search(rf"(?m)^_{column}[ \t]+(.*)\n", text)
        if found is not None:
            line = f"{text[found.start() : found.start(1)]}{name}\n" if name else ""
            text = f"{text[: found.start()]}{line}{text[found.end() :]}"
    return text


def _general(header: MotionHeader, field: MotionField, *, local: bool) -> StarTable:
    columns: dict[str, Any] = {
        "rlnImageSizeX": field.width_px,
        "rlnImageSizeY": field.height_px,
        "rlnImageSizeZ": header.movie_frames,
        "rlnMicrographMovieName": header.movie,
    }
    if header.gain:
        columns["rlnMicrographGainName"] = header.gain
    if header.defects:
        columns["rlnMicrographDefectFile"] = header.defects
    columns |= {
        "rlnMicrographBinning": float(header.binning),
        "rlnMicrographOriginalPixelSize": float(field.pixel_size_a),
        "rlnMicrographDoseRate": float(header.dose_per_frame_e_per_a2),
        "rlnMicrographPreExposure": float(header.pre_exposure_e_per_a2),
        "rlnVoltage": float(header.voltage_kv),
        "rlnMicrographStartFrame": header.first_frame,
    }
    if header.eer_upsampling is not None and header.eer_frames_per_fraction is not None:
        columns["rlnEERUpsampling"] = header.eer_upsampling
        columns["rlnEERGrouping"] = header.eer_frames_per_fraction
    columns["rlnMotionModelVersion"] = int(local)
    return StarTable({name: [value] for name, value in columns.items()}, is_loop=False)


def _local_shift(field: MotionField, frames: NDArray[np.int64]) -> dict[str, Any]:
    """Shifts relative to the global track at the centres of a grid of patches."""
    x = (np.arange(_PATCHES) + 0.5) / _PATCHES * field.width_px
    y = (np.arange(_PATCHES) + 0.5) / _PATCHES * field.height_px
    grid_x, grid_y = (axis.ravel() for axis in np.meshgrid(x, y))
    shift_px = -field.local_shift_a(grid_x, grid_y) / field.pixel_size_a
    return {
        "rlnMicrographFrameNumber": np.repeat(frames, grid_x.size),
        "rlnCoordinateX": np.tile(grid_x, frames.size),
        "rlnCoordinateY": np.tile(grid_y, frames.size),
        "rlnMicrographShiftX": shift_px[..., 0].ravel(),
        "rlnMicrographShiftY": shift_px[..., 1].ravel(),
    }
