"""The tables of an export as RELION 3.1 and later take them; cryoSPARC's importer takes them, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from frazil.formats.relion_micrographs import (
    CtfRow,
    MicrographRow,
    ctf_resolution_a,
    ctf_score,
    write_autopick,
    write_corrected_micrographs,
    write_micrographs_ctf,
)
from frazil.formats.relion_optics import groups_table
from frazil.formats.star import write_star

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.stages.export.gather import Gathered
    from frazil.stages.export.optics import ExportOptics
    from frazil.stages.export.particles import ParticleSet

_NAMES_AT_ONCE = 1 << 16


class Names:
    """What files are called in tables: relative to the export, or absolute where nothing is brought.

    Parameters
    ----------
    folder
        Of the export; None: absolute paths.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def __call__(self, path: Path) -> str:
        """Return a file's name in tables."""
        return str(path) if self._folder is None else path.relative_to(self._folder).as_posix()


def write_movies(folder: Path, movies: Sequence[Gathered], optics: ExportOptics) -> bool:
    """Write ``movies.star``; False where no movie is there."""
    rows = [(movie, group) for movie, group in zip(movies, optics.number_of, strict=True) if movie.raw]
    if not rows:
        return False
    columns: dict[str, Any] = {
        "rlnMicrographMovieName": [movie.raw for movie, _ in rows],
        "rlnOpticsGroup": [group for _, group in rows],
    }
    before = [movie.settings.microscope.pre_exposure_e_per_a2 for movie, _ in rows]
    if len(set(before)) > 1:
        columns["rlnMicrographPreExposure"] = before
    write_star(
        folder / "movies.star",
        {"optics": groups_table(optics.groups, images=False), "movies": columns},
    )
    return True


def write_micrographs(
    folder: Path, movies: Sequence[Gathered], optics: ExportOptics, names: Names
) -> list[str]:
    """Write the tables of micrographs and picks that there is something for; returns their names."""
    rows = [
        micrograph_row(movie, group, names) for movie, group in zip(movies, optics.number_of, strict=True)
    ]
    table = groups_table(optics.groups, images=False)
    written = []
    if all(movie.has("micrograph") for movie in movies):
        write_corrected_micrographs(folder / "corrected_micrographs.star", rows, table)
        written.append("corrected_micrographs.star")
        if any(row.ctf is not None for row in rows):
            write_micrographs_ctf(folder / "micrographs_ctf.star", rows, table)
            written.append("micrographs_ctf.star")
    if any(row.pick_star for row in rows):
        write_autopick(folder / "autopick.star", rows)
        written.append("autopick.star")
    return written


def micrograph_row(found: Gathered, group: int, names: Names) -> MicrographRow:
    """One micrograph as RELION's tables hold it."""
    record, files = found.record, found.files

    def name(what: str) -> str:
        return names(getattr(files, what)) if found.has(what) else ""

    has_motion = record.stage("align").state == "done"
    motion = tuple(record.number(f"motion_{part}_px") for part in ("total", "early", "late"))
    ctf = None
    if record.stage("ctf").state == "done" and record.number("ctf_has_rings") == 1.0:
        ctf = CtfRow(
            record.number("defocus_u_a"),
            record.number("defocus_v_a"),
            record.number("astigmatism_angle_deg"),
            record.number("ctf_score"),
            record.number("ctf_resolution_a"),
            record.number("phase_shift_deg") if found.settings.ctf.fit_phase_shift else None,
        )
    return MicrographRow(
        micrograph=names(files.micrograph),
        spectrum=name("spectrum"),
        motion_star=names(found.motion_star) if found.has("motion_star") else "",
        unweighted=name("unweighted"),
        even=name("even"),
        odd=name("odd"),
        pick_star=name("picks_star"),
        motion_px=(motion[0], motion[1], motion[2]) if has_motion else None,
        ctf=ctf,
        optics_group=group,
    )


def write_particles(
    path: Path,
    particles: ParticleSet,
    movies: Sequence[Gathered],
    optics: ExportOptics,
    names: Names,
) -> None:
    """Write the table of particles, with classes, angles and shifts where there are any."""
    columns = particle_columns(particles, movies, optics, names)
    table = groups_table(optics.groups[: optics.with_images], images=True)
    write_star(path, {"optics": table, "particles": columns})


def particle_columns(
    particles: ParticleSet, movies: Sequence[Gathered], optics: ExportOptics, names: Names
) -> dict[str, Any]:
    """Columns of ``data_particles``."""
    own, place = particles.columns, particles.movie
    pixel = per_movie(movies, lambda movie: movie.record.number("micrograph_pixel_size_a"))[place]
    count = len(particles)
    columns: dict[str, Any] = {
        "rlnCoordinateX": own["box_x_px"],
        "rlnCoordinateY": own["box_y_px"],
        "rlnAutopickFigureOfMerit": own["score"],
        "rlnImageName": _image_names(particles, [names(movie.stack) for movie in movies]),
        "rlnMicrographName": _spread([names(movie.files.micrograph) for movie in movies], place),
        "rlnOpticsGroup": np.array(optics.number_of, np.int64)[place],
        "rlnCtfMaxResolution": per_movie(
            movies, lambda movie: ctf_resolution_a(movie.record.number("ctf_resolution_a"))
        )[place],
        "rlnCtfFigureOfMerit": per_movie(movies, lambda movie: ctf_score(movie.record.number("ctf_score")))[
            place
        ],
        "rlnDefocusU": own["defocus_u_a"],
        "rlnDefocusV": own["defocus_v_a"],
        "rlnDefocusAngle": own["astigmatism_angle_deg"],
        "rlnCtfBfactor": np.zeros(count),
        "rlnCtfScalefactor": np.ones(count),
        "rlnPhaseShift": own["phase_shift_deg"],
        # True position = coordinate - origin / pixel: the sub-pixel rest of the pick.
        "rlnOriginXAngst": (own["box_x_px"] - own["x_px"]) * pixel,
        "rlnOriginYAngst": (own["box_y_px"] - own["y_px"]) * pixel,
    }
    classes = particles.classes
    if classes is not None:
        known = classes["class_id"] > 0
        columns |= {
            "rlnClassNumber": classes["class_id"].astype(np.int64),
            "rlnAngleRot": np.zeros(count),
            "rlnAngleTilt": np.zeros(count),
            "rlnAnglePsi": classes["psi_deg"],
            # Without a class the rest of the pick stays.
            "rlnOriginXAngst": np.where(known, classes["shift_x_a"], columns["rlnOriginXAngst"]),
            "rlnOriginYAngst": np.where(known, classes["shift_y_a"], columns["rlnOriginYAngst"]),
            "rlnMaxValueProbDistribution": classes["posterior"],
            "rlnLogLikeliContribution": classes["log_evidence"],
        }
    return columns


def per_movie(movies: Sequence[Gathered], value: Any) -> NDArray[np.float64]:
    """One number of each movie."""
    return np.array([value(movie) for movie in movies], np.float64)


def _spread(words: list[str], place: NDArray[np.int32]) -> pa.DictionaryArray:
    """Each particle's word; a million of them as such would take much memory."""
    return pa.DictionaryArray.from_arrays(pa.array(place), pa.array(words, pa.string()))


def _image_names(particles: ParticleSet, stacks: list[str]) -> pa.ChunkedArray:
    words = pa.array(stacks, pa.string())
    parts = []
    for begin in range(0, len(particles), _NAMES_AT_ONCE):
        rows = slice(begin, begin + _NAMES_AT_ONCE)
        numbers = pc.cast(pa.array(particles.columns["stack_index"][rows].astype(np.int64) + 1), pa.string())
        stack = words.take(pa.array(particles.movie[rows]))
        parts.append(pc.binary_join_element_wise(pc.utf8_lpad(numbers, 6, "0"), stack, "@"))
    return pa.chunked_array(parts, pa.string())
