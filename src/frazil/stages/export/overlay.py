"""Proof of the coordinates: what was exported, drawn on an exported micrograph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.formats.mrc import read_mrc
from frazil.formats.star import read_star
from frazil.stages.export.request import OVERLAYS
from frazil.stages.pictures import preview_image, save_picture, with_circles
from frazil.stages.products import Products

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.stages.export.gather import Gathered
    from frazil.stages.export.particles import ParticleSet


_PICTURES = 3
_UNKNOWN_DIAMETER_A = 150.0


def draw_overlays(
    folder: Path, session: Path, movies: Sequence[Gathered], particles: ParticleSet | None
) -> list[str]:
    """Draw the particles, or else the picks, of some micrographs; returns the pictures' names."""
    counts = (
        np.bincount(particles.movie, minlength=len(movies))
        if particles is not None
        else np.array([int(movie.has("picks_star")) for movie in movies])
    )
    # The fullest ones show best whether circles and particles agree.
    chosen = [int(place) for place in np.argsort(-counts, kind="stable")[:_PICTURES] if counts[place]]
    written = []
    for place in chosen:
        movie = movies[place]
        path = movie.files.micrograph
        if not movie.has("micrograph"):
            path = Products(session, movie.movie.name).micrograph
        if not path.is_file():
            continue
        x, y = _coordinates(place, movie, particles)
        pixel = movie.record.number("micrograph_pixel_size_a")
        picture, scale = preview_image(read_mrc(path).data.astype(np.float32), pixel)
        diameter = movie.record.numbers.get("particle_diameter_a") or _UNKNOWN_DIAMETER_A
        (folder / OVERLAYS).mkdir(exist_ok=True)
        name = f"{OVERLAYS}/{movie.movie.name}.jpg"
        save_picture(
            folder / name, with_circles(picture, x * scale, y * scale, 0.5 * diameter / pixel * scale)
        )
        written.append(name)
    return written


def _coordinates(
    place: int, movie: Gathered, particles: ParticleSet | None
) -> tuple[NDArray[Any], NDArray[Any]]:
    if particles is not None:
        rows = particles.movie == place
        return particles.columns["box_x_px"][rows], particles.columns["box_y_px"][rows]
    table = read_star(movie.files.picks_star)[""]
    return table.numbers("rlnCoordinateX"), table.numbers("rlnCoordinateY")
