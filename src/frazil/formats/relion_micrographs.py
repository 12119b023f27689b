"""RELION's tables of micrographs: corrected and with CTF, list of pick files, pick files."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.formats.star import write_star

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.formats.star_table import StarTable

WORST_RESOLUTION_A = 25.0
"""RELION takes a larger value for a failed fit."""


@dataclass(frozen=True)
class CtfRow:
    """CTF of one micrograph. Å and degrees; ``phase_shift_deg`` None where none was fitted."""

    defocus_u_a: float
    defocus_v_a: float
    astigmatism_angle_deg: float
    score: float
    fit_resolution_a: float
    phase_shift_deg: float | None = None


@dataclass(frozen=True)
class MicrographRow:
    """One micrograph, its files by paths relative to the project, empty where there is none.

    ``motion_px`` is the total, early and late path length of the global track in pixels of the unbinned
    movie, which is what RELION's programs write although their own documentation says Å.
    """

    micrograph: str
    spectrum: str = ""
    motion_star: str = ""
    unweighted: str = ""
    even: str = ""
    odd: str = ""
    pick_star: str = ""
    motion_px: tuple[float, float, float] | None = None
    ctf: CtfRow | None = None
    optics_group: int = 1


def write_corrected_micrographs(path: Path, rows: Sequence[MicrographRow], optics: StarTable) -> None:
    """Write ``corrected_micrographs.star``; columns that some micrograph lacks are left out.

    ``optics`` as of `frazil.formats.relion_optics`, with the micrographs' pixel.
    """
    write_star(path, {"optics": optics, "micrographs": _micrograph_columns(rows)})


def write_micrographs_ctf(path: Path, rows: Sequence[MicrographRow], optics: StarTable) -> None:
    """Write ``micrographs_ctf.star`` from the micrographs that have a CTF."""
    rows = [row for row in rows if row.ctf is not None]
    columns = {**_micrograph_columns(rows), **_ctf_columns([row.ctf for row in rows if row.ctf is not None])}
    if all(row.spectrum for row in rows):
        columns["rlnCtfImage"] = [row.spectrum for row in rows]
    write_star(path, {"optics": optics, "micrographs": columns})


def write_autopick(path: Path, rows: Sequence[MicrographRow]) -> None:
    """Write ``autopick.star``: which micrograph has which pick file."""
    picked = [row for row in rows if row.pick_star]
    columns = {
        "rlnMicrographName": [row.micrograph for row in picked],
        "rlnMicrographCoordinates": [row.pick_star for row in picked],
    }
    write_star(path, {"coordinate_files": columns})


def write_picks(
    path: Path, x_px: NDArray[np.float64], y_px: NDArray[np.float64], score: NDArray[np.float64]
) -> None:
    """Write the pick file of one micrograph: whole pixels, as RELION truncates what it reads.

    Shapes (n,), n > 0; pixels of the micrograph, 0-based, rounded to the nearest.
    """
    columns: dict[str, Any] = {
        "rlnCoordinateX": np.floor(x_px + 0.5),
        "rlnCoordinateY": np.floor(y_px + 0.5),
        "rlnAutopickFigureOfMerit": score,
        "rlnClassNumber": np.zeros(x_px.size, np.int64),
        "rlnAnglePsi": np.zeros(x_px.size),
    }
    write_star(path, {"": columns})


def _micrograph_columns(rows: Sequence[MicrographRow]) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    texts = {
        "rlnCtfPowerSpectrum": [row.spectrum for row in rows],
        "rlnMicrographName": [row.micrograph for row in rows],
        "rlnMicrographNameNoDW": [row.unweighted for row in rows],
        "rlnMicrographNameEven": [row.even for row in rows],
        "rlnMicrographNameOdd": [row.odd for row in rows],
        "rlnMicrographMetadata": [row.motion_star for row in rows],
    }
    columns.update({name: values for name, values in texts.items() if all(values)})
    columns["rlnOpticsGroup"] = [row.optics_group for row in rows]
    motion = [row.motion_px for row in rows if row.motion_px is not None]
    if len(motion) == len(rows):
        for place, name in enumerate(("Total", "Early", "Late")):
            columns[f"rlnAccumMotion{name}"] = [values[place] for values in motion]
    return columns


def _ctf_columns(fits: Sequence[CtfRow]) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "rlnDefocusU": [fit.defocus_u_a for fit in fits],
        "rlnDefocusV": [fit.defocus_v_a for fit in fits],
        "rlnCtfAstigmatism": [abs(fit.defocus_u_a - fit.defocus_v_a) for fit in fits],
        "rlnDefocusAngle": [fit.astigmatism_angle_deg for fit in fits],
        "rlnCtfFigureOfMerit": [ctf_score(fit.score) for fit in fits],
        "rlnCtfMaxResolution": [ctf_resolution_a(fit.fit_resolution_a) for fit in fits],
    }
    if any(fit.phase_shift_deg is not None for fit in fits):
        columns["rlnPhaseShift"] = [fit.phase_shift_deg or 0.0 for fit in fits]
    return columns


def ctf_score(score: float) -> float:
    """Figure of merit as RELION wants it: 0 where there is none."""
    return score if math.isfinite(score) else 0.0


def ctf_resolution_a(resolution_a: float) -> float:
    """Resolution of the fit as RELION wants it: never above 25 Å."""
    return min(resolution_a, WORST_RESOLUTION_A) if math.isfinite(resolution_a) else WORST_RESOLUTION_A
