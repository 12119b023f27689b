"""What cryoSPARC needs besides the STAR files: coordinates for micrographs that it aligns itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from frazil.formats.relion_optics import groups_table
from frazil.formats.star import write_star
from frazil.stages.export.relion import particle_columns, per_movie

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from frazil.stages.export.gather import Gathered
    from frazil.stages.export.optics import ExportOptics
    from frazil.stages.export.particles import ParticleSet
    from frazil.stages.export.relion import Names

FLIPPED = "particles_flipped_y.star"
_TIFF = (".tif", ".tiff")
_ABOUT_IMAGES = ("rlnImageName", "rlnAnglePsi", "rlnAngleRot", "rlnAngleTilt")


def is_tiff(movie: Gathered) -> bool:
    """Whether the movie is TIFF: we turn its rows over on reading, cryoSPARC doesn't."""
    return (movie.movie.raw_path or "").lower().endswith(_TIFF)


def write_flipped(
    folder: Path,
    particles: ParticleSet,
    movies: Sequence[Gathered],
    optics: ExportOptics,
    names: Names,
) -> None:
    """Write `FLIPPED`: where the particles are on micrographs that cryoSPARC made of TIFF movies.

    Only locations and CTF: our particle images are not turned over, so nothing in it speaks of them.
    """
    columns = particle_columns(particles, movies, optics, names)
    for name in _ABOUT_IMAGES:
        columns.pop(name, None)
    turned = np.array([is_tiff(movie) for movie in movies])[particles.movie]
    height = per_movie(movies, lambda movie: movie.record.number("height_px"))[particles.movie]
    sign = np.where(turned, -1.0, 1.0)
    y = columns["rlnCoordinateY"]
    columns["rlnCoordinateY"] = np.where(turned, height - 1.0 - y, y)
    columns["rlnOriginYAngst"] = sign * columns["rlnOriginYAngst"]
    columns["rlnDefocusAngle"] = sign * columns["rlnDefocusAngle"]
    table = groups_table(optics.groups[: optics.with_images], images=True)
    write_star(folder / FLIPPED, {"optics": table, "particles": columns})
