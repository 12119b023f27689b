"""An export for cisTEM: one stack of all particles and its table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from frazil.formats.cistem import write_cistem_star
from frazil.formats.mrc import MrcStack, MrcStackWriter
from frazil.model.errors import InputError
from frazil.stages.export.relion import per_movie

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from frazil.stages.export.gather import Gathered
    from frazil.stages.export.particles import ParticleSet
    from frazil.stages.export.progress import Progress

STACK, TABLE = "particles.mrcs", "particles.star"


def write_stack(
    folder: Path,
    particles: ParticleSet,
    movies: Sequence[Gathered],
    progress: Progress,
) -> None:
    """Write all particle images into one stack, float32, in the order of the table."""
    used = [movies[int(place)] for place in np.unique(particles.movie)]
    sizes = {(movie.image_size_px, movie.image_pixel_size_a) for movie in used}
    if len(sizes) > 1:
        raise InputError(
            "particles of different boxes or pixel sizes, and cisTEM takes one: choose micrographs that were "
            "processed with the same settings, or process all of them again"
        )
    ((_, pixel),) = sizes
    places, first = np.unique(particles.movie, return_index=True)
    last = [*first[1:].tolist(), len(particles)]
    with MrcStackWriter(folder / STACK, pixel, depth="float32") as writer:
        chunks = list(zip(places.tolist(), first.tolist(), last, strict=True))
        for place, begin, end in progress.each("writing the stack", chunks, chunks):
            path = movies[place].stack
            with MrcStack(path) as stack:
                for index in particles.columns["stack_index"][begin:end]:
                    writer.append(stack.read_section(int(index)))
            if path.is_relative_to(folder):
                # Cut out for this stack only.
                path.unlink()


def write_table(folder: Path, particles: ParticleSet, movies: Sequence[Gathered]) -> None:
    """Write the table: shifts are to be applied to the particle, as RELION's are in two dimensions."""
    own, place = particles.columns, particles.movie
    pixel = per_movie(movies, lambda movie: movie.record.number("micrograph_pixel_size_a"))[place]
    microscope = {
        name: per_movie(movies, lambda movie, name=name: getattr(movie.settings.microscope, name))[place]
        for name in ("voltage_kv", "cs_mm", "amplitude_contrast")
    }
    values = {
        "PositionInStack": np.arange(1, len(particles) + 1),
        "XShift": (own["box_x_px"] - own["x_px"]) * pixel,
        "YShift": (own["box_y_px"] - own["y_px"]) * pixel,
        "Defocus1": own["defocus_u_a"],
        "Defocus2": own["defocus_v_a"],
        "DefocusAngle": own["astigmatism_angle_deg"],
        "PhaseShift": np.radians(own["phase_shift_deg"]),
        "PixelSize": per_movie(movies, lambda movie: movie.image_pixel_size_a)[place],
        "MicroscopeVoltagekV": microscope["voltage_kv"],
        "MicroscopeCsMM": microscope["cs_mm"],
        "AmplitudeContrast": microscope["amplitude_contrast"],
    }
    if particles.classes is not None:
        classes = particles.classes
        known = classes["class_id"] > 0
        values |= {
            "AnglePsi": classes["psi_deg"],
            "XShift": np.where(known, classes["shift_x_a"], values["XShift"]),
            "YShift": np.where(known, classes["shift_y_a"], values["YShift"]),
            "Occupancy": np.where(known, 100.0 * classes["posterior"], 100.0),
            "Best2DClass": classes["class_id"],
        }
    write_cistem_star(folder / TABLE, values)
