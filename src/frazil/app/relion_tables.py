"""The session as RELION sees it: ``relion/*.star``, all paths relative to the session folder."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.formats.atomic import atomic_path
from frazil.formats.relion_micrographs import (
    CtfRow,
    MicrographRow,
    ctf_resolution_a,
    ctf_score,
    write_autopick,
    write_corrected_micrographs,
    write_micrographs_ctf,
)
from frazil.formats.relion_optics import optics_table
from frazil.formats.relion_particles import write_particles
from frazil.model.optics import Optics

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.app.session_classes import ClassUpdate
    from frazil.model.settings import Settings
    from frazil.stages.products import Products
    from frazil.stages.record import MovieRecord
    from frazil.store.particles import ParticleTable


def write_micrograph_tables(
    session: Path, movies: Sequence[tuple[MovieRecord, Products]], settings: Settings
) -> None:
    """Write corrected_micrographs.star, micrographs_ctf.star and autopick.star; empty ones are removed."""
    folder = session / "relion"
    folder.mkdir(exist_ok=True)
    microscope = settings.microscope
    fits_phase = settings.ctf.fit_phase_shift
    summed = [(record, files) for record, files in movies if record.stage("sum").state == "done"]
    rows = [_row(record, files, fits_phase=fits_phase) for record, files in summed]
    optics = optics_table(
        _optics(settings),
        movie_pixel_size_a=microscope.pixel_size_a or 1.0,
        micrograph_pixel_size_a=summed[0][0].number("micrograph_pixel_size_a") if summed else 1.0,
    )
    tables = (
        (
            "corrected_micrographs.star",
            rows,
            lambda path, few: write_corrected_micrographs(path, few, optics),
        ),
        (
            "micrographs_ctf.star",
            [row for row in rows if row.ctf is not None],
            lambda path, few: write_micrographs_ctf(path, few, optics),
        ),
        ("autopick.star", [row for row in rows if row.pick_star], write_autopick),
    )
    for name, few, write in tables:
        if few:
            write(folder / name, few)
        else:
            (folder / name).unlink(missing_ok=True)


def _optics(settings: Settings) -> Optics:
    microscope = settings.microscope
    return Optics(microscope.voltage_kv or 300.0, microscope.cs_mm, microscope.amplitude_contrast)


def _row(record: MovieRecord, files: Products, *, fits_phase: bool) -> MicrographRow:
    def name(path: Path) -> str:
        return files.relative(path) if path.exists() else ""

    has_motion = record.stage("align").state == "done"
    motion = (
        record.number("motion_total_px"),
        record.number("motion_early_px"),
        record.number("motion_late_px"),
    )
    ctf = None
    if record.stage("ctf").state == "done" and record.number("ctf_has_rings") == 1.0:
        ctf = CtfRow(
            record.number("defocus_u_a"),
            record.number("defocus_v_a"),
            record.number("astigmatism_angle_deg"),
            record.number("ctf_score"),
            record.number("ctf_resolution_a"),
            record.number("phase_shift_deg") if fits_phase else None,
        )
    return MicrographRow(
        micrograph=files.relative(files.micrograph),
        spectrum=name(files.spectrum),
        motion_star=name(files.motion_star),
        unweighted=name(files.unweighted),
        even=name(files.even),
        odd=name(files.odd),
        pick_star=name(files.picks_star) if record.stage("pick").state == "done" else "",
        motion_px=motion if has_motion else None,
        ctf=ctf,
    )


def write_particle_table(
    session: Path,
    particles: ParticleTable | None,
    records: Sequence[MovieRecord],
    settings: Settings,
    update: ClassUpdate | None,
) -> None:
    """Write particles.star and classes.mrcs; without particles or classes the old ones are removed."""
    star, stack = session / "relion" / "particles.star", session / "relion" / "classes.mrcs"
    if particles is None:
        star.unlink(missing_ok=True)
        stack.unlink(missing_ok=True)
        return
    columns = _particle_columns(particles, {f"micrographs/{record.name}.mrc": record for record in records})
    if update is None:
        stack.unlink(missing_ok=True)
    else:
        columns |= _class_columns(particles, update, columns)
        with atomic_path(stack) as part:
            shutil.copyfile(session / update.folder / "classes.mrcs", part)
    record = next(record for record in records if record.number("particles") > 0)
    write_particles(
        star,
        columns,
        _optics(settings),
        movie_pixel_size_a=settings.microscope.pixel_size_a or 1.0,
        image_pixel_size_a=particles.pixel_size_a,
        image_size_px=int(record.number("particle_box_px")),
    )


def _particle_columns(particles: ParticleTable, by_micrograph: dict[str, MovieRecord]) -> dict[str, Any]:
    micrographs = particles.texts("micrograph")
    stacks, index = particles.texts("stack"), particles.numbers("stack_index").astype(np.int64)
    box_x, box_y = particles.numbers("box_x_px"), particles.numbers("box_y_px")
    pixel = particles.micrograph_pixel_size_a
    resolution = {name: ctf_resolution_a(r.number("ctf_resolution_a")) for name, r in by_micrograph.items()}
    score = {name: ctf_score(r.number("ctf_score")) for name, r in by_micrograph.items()}
    count = len(particles)
    return {
        "rlnCoordinateX": box_x,
        "rlnCoordinateY": box_y,
        "rlnAutopickFigureOfMerit": particles.numbers("score"),
        "rlnImageName": [f"{i + 1:06d}@{stack}" for i, stack in zip(index.tolist(), stacks, strict=True)],
        "rlnMicrographName": micrographs,
        "rlnCtfMaxResolution": [resolution[name] for name in micrographs],
        "rlnCtfFigureOfMerit": [score[name] for name in micrographs],
        "rlnDefocusU": particles.numbers("defocus_u_a"),
        "rlnDefocusV": particles.numbers("defocus_v_a"),
        "rlnDefocusAngle": particles.numbers("astigmatism_angle_deg"),
        "rlnCtfBfactor": np.zeros(count),
        "rlnCtfScalefactor": np.ones(count),
        "rlnPhaseShift": particles.numbers("phase_shift_deg"),
        # True position = coordinate - origin / pixel: the sub-pixel rest of the pick.
        "rlnOriginXAngst": (box_x - particles.numbers("x_px")) * pixel,
        "rlnOriginYAngst": (box_y - particles.numbers("y_px")) * pixel,
    }


def _class_columns(
    particles: ParticleTable, update: ClassUpdate, columns: dict[str, Any]
) -> dict[str, NDArray[Any]]:
    """Columns of the classification; those left out have class 0 and keep their origin."""
    place = {key: row for row, key in enumerate(zip(update.stacks, update.stack_index.tolist(), strict=True))}
    keys = zip(particles.texts("stack"), particles.numbers("stack_index").astype(int).tolist(), strict=True)
    rows = np.array([place.get(key, -1) for key in keys])
    known = rows >= 0

    def spread(values: NDArray[Any], default: NDArray[Any] | float) -> NDArray[Any]:
        return np.where(known, values[np.maximum(rows, 0)], default)

    count = len(rows)
    return {
        "rlnClassNumber": spread(update.class_id, 0).astype(np.int64),
        "rlnAngleRot": np.zeros(count),
        "rlnAngleTilt": np.zeros(count),
        "rlnAnglePsi": spread(update.psi_deg, 0.0),
        "rlnOriginXAngst": spread(update.shift_x_a, columns["rlnOriginXAngst"]),
        "rlnOriginYAngst": spread(update.shift_y_a, columns["rlnOriginYAngst"]),
        "rlnMaxValueProbDistribution": spread(update.posterior, 0.0),
        "rlnLogLikeliContribution": spread(update.log_evidence, 0.0),
    }
