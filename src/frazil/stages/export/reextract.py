"""Particles of an export that are cut out anew: with another box or pixel, or around their true centres."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.compute.extraction import BACKGROUND_DIAMETERS, extract_particles
from frazil.formats.mrc import read_mrc, write_mrc
from frazil.model.errors import InputError, PassingError
from frazil.model.words import plural
from frazil.stages.products import Products
from frazil.stages.record_file import stored_record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.stages.export.gather import Gathered
    from frazil.stages.export.particles import ParticleSet
    from frazil.stages.export.progress import Progress
    from frazil.stages.export.request import ExportRequest


def reextract(
    session: Path,
    target: Path,
    request: ExportRequest,
    particles: ParticleSet,
    movies: Sequence[Gathered],
    progress: Progress,
) -> ParticleSet:
    """Write a new stack for each micrograph into ``target``, and return the particles that are in them.

    Particles of which the new box holds too little of the micrograph are left out. The movies learn box,
    pixel and place of their new images.

    Raises
    ------
    InputError
        A micrograph is gone, or the box leaves no background around the particle.
    PassingError
        A micrograph was made anew after its particles were read.
    """
    if request.recenter and particles.classes is None:
        progress.note("there are no classes whose shifts could recentre particles: picks are the centres")
    (target / "particles").mkdir(parents=True, exist_ok=True)
    # Particles are in the order of their micrographs.
    places, first = np.unique(particles.movie, return_index=True)
    last = [*first[1:].tolist(), len(particles)]
    chunks = list(zip(places.tolist(), first.tolist(), last, strict=True))
    parts = []
    for place, begin, end in progress.each("extracting particles again", chunks, chunks):
        some = particles[np.arange(begin, end)]
        parts.append(_of_micrograph(session, target, request, some, movies[place]))
    made = _joined(parts)
    if lost := len(particles) - len(made):
        progress.note(
            f"{plural(lost, 'particle is', 'particles are')} left out: the new box reaches too far over the "
            "edge of the micrograph"
        )
    return made


def box_of(request: ExportRequest | None, movie: Gathered) -> int:
    """Return the box to cut, in pixels of the micrograph: the one asked for, or as large as it is."""
    if request is not None and request.box_px is not None:
        return request.box_px
    pixel = movie.record.number("micrograph_pixel_size_a")
    return 2 * round(0.5 * movie.image_size_px * movie.image_pixel_size_a / pixel)


def background_radius_a(movie: Gathered) -> float | None:
    """Return where the background of its particles begins, Å; None where their diameter is not known."""
    diameter = movie.record.numbers.get("particle_diameter_a")
    return movie.settings.detection.normalise_radius_a or (
        BACKGROUND_DIAMETERS * diameter if diameter else None
    )


def _of_micrograph(
    session: Path, target: Path, request: ExportRequest, some: ParticleSet, movie: Gathered
) -> ParticleSet:
    pixel = movie.record.number("micrograph_pixel_size_a")
    true_x, true_y = true_centres(some, pixel)
    own = some.columns
    moves = request.recenter and some.classes is not None
    path = Products(session, movie.movie.name).micrograph
    if not path.is_file():
        message = f"{path}: is gone; process {movie.movie.name} again, or exclude it"
        raise InputError(message)
    micrograph = read_mrc(path).data.astype(np.float32)
    if stored_record(session, movie.movie.name) != movie.record:
        message = f"{movie.movie.name}: is being processed again right now; export it a little later"
        raise PassingError(message)
    extracted = extract_particles(
        micrograph,
        true_x if moves else own["box_x_px"],
        true_y if moves else own["box_y_px"],
        pixel_size_a=pixel,
        box_px=box_of(request, movie),
        output_pixel_size_a=_wanted_pixel(request, movie),
        background_radius_a=background_radius_a(movie),
    )
    kept = extracted.kept
    depth = movie.settings.alignment.output_depth if request.image_depth == "stored" else request.image_depth
    files = Products(target, movie.movie.name)
    if kept.size:
        write_mrc(files.particles, extracted.images, extracted.pixel_size_a, depth=depth)
    movie.stack = files.particles
    movie.image_pixel_size_a = extracted.pixel_size_a if kept.size else 0.0
    movie.image_size_px = extracted.images.shape[-1] if kept.size else 0
    return _moved(some[kept], extracted.x_int_px, extracted.y_int_px, pixel, true_x[kept], true_y[kept])


def _wanted_pixel(request: ExportRequest, movie: Gathered) -> float | None:
    """None: that of the micrograph."""
    return movie.image_pixel_size_a if request.pixel_size_a is None else request.pixel_size_a or None


def true_centres(
    particles: ParticleSet, pixel_size_a: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where particles are, pixels of the micrograph: box centre - shift of the class, or else the pick."""
    own, classes = particles.columns, particles.classes
    x, y = own["x_px"], own["y_px"]
    if classes is not None:
        known = classes["class_id"] > 0
        x = np.where(known, own["box_x_px"] - classes["shift_x_a"] / pixel_size_a, x)
        y = np.where(known, own["box_y_px"] - classes["shift_y_a"] / pixel_size_a, y)
    return x, y


def _moved(
    particles: ParticleSet,
    box_x_px: NDArray[np.int64],
    box_y_px: NDArray[np.int64],
    pixel_size_a: float,
    true_x_px: NDArray[np.float64],
    true_y_px: NDArray[np.float64],
) -> ParticleSet:
    """Particles around new box centres: shifts become what is left of the way to the true centre."""
    columns = particles.columns | {
        "box_x_px": box_x_px.astype(np.float64),
        "box_y_px": box_y_px.astype(np.float64),
        "stack_index": np.arange(len(particles), dtype=np.int32),
    }
    classes = particles.classes
    if classes is not None:
        known = classes["class_id"] > 0
        left_x, left_y = (box_x_px - true_x_px) * pixel_size_a, (box_y_px - true_y_px) * pixel_size_a
        classes = classes | {
            "shift_x_a": np.where(known, left_x, 0.0).astype(np.float32),
            "shift_y_a": np.where(known, left_y, 0.0).astype(np.float32),
        }
    return replace(particles, columns=columns, classes=classes)


def _joined(parts: Sequence[ParticleSet]) -> ParticleSet:
    def together(tables: Sequence[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
        return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}

    classes = [part.classes for part in parts if part.classes is not None]
    return replace(
        parts[0],
        movie=np.concatenate([part.movie for part in parts]),
        columns=together([part.columns for part in parts]),
        classes=together(classes) if classes else None,
    )
