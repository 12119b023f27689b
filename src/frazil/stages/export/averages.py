"""Class averages of an export: of the exported particles at their exported angles and shifts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from frazil.compute.posed_averages import PosedImages, PosedSums
from frazil.formats.mrc import MrcStack, read_mrc
from frazil.model.errors import InputError
from frazil.model.optics import Optics
from frazil.stages.export.particles import read_summary

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.stages.export.gather import Gathered
    from frazil.stages.export.particles import ParticleSet
    from frazil.stages.export.progress import Progress
    from frazil.stages.export.request import ChosenClasses

_SUMS_BYTES, _IMAGES_BYTES = 1 << 28, 1 << 25
_ENOUGH, _AT_PX, _FEWEST = 50_000, 64, 1000
"""So many images of 64² pixels go into all averages together, fewer larger ones; but at least so many of each
class. More would make them finer than anybody sees, and the export wait."""


def session_averages(session: Path, chosen: ChosenClasses) -> tuple[NDArray[np.float32], float]:
    """Read the session's averages, shape (K, n, n), and their pixel (Å); `InputError` where they are gone."""
    path = session / chosen.folder / "classes.mrcs"
    image = read_mrc(path)
    data = image.data if image.data.ndim == 3 else image.data[None]
    if image.pixel_size_a is None:
        raise InputError(f"{path}: does not say its pixel size; choose another update")
    return data.astype(np.float32), image.pixel_size_a


def exported_averages(
    session: Path,
    chosen: ChosenClasses,
    particles: ParticleSet,
    movies: Sequence[Gathered],
    progress: Progress,
    threads: int = 1,
) -> tuple[NDArray[np.float32], float]:
    """Average the exported particles: shape (K, n, n), float32, and the pixel, Å, of most of their images.

    Every class has its slice; one without exported particles is empty. They are what other programs make of
    the table of particles. The session's own averages weight each particle with its probabilities of all
    classes and poses, and hold particles that were not chosen.
    """
    count = len(session_averages(session, chosen)[0])
    size, pixel_a = commonest_images(particles, movies)
    radius_a = read_summary(session, chosen).get("mask_radius_a") or 0.25 * size * pixel_a
    rows, told = _some_of_each(particles, count, size)
    progress.log(told)
    result = np.zeros((count, size, size), np.float32)
    at_once = max(1, _SUMS_BYTES // PosedSums.bytes_of(size))
    classes = _classes(particles)[rows]
    passes = range(0, count, at_once)
    for first in passes:
        mine = rows[(classes > first) & (classes <= first + at_once)]
        sums = PosedSums(min(at_once, count - first), size, pixel_a)
        chunks = _in_pieces(particles, mine, max(movie.image_size_px for movie in movies))
        sums.add(
            (
                _posed(particles[some], movies[int(particles.movie[some[0]])], first)
                for some in progress.each("averaging the exported particles", chunks, chunks)
            ),
            threads,
        )
        result[first : first + at_once] = sums.averages(float(radius_a))
    return result, pixel_a


def commonest_images(particles: ParticleSet, movies: Sequence[Gathered]) -> tuple[int, float]:
    """Box (px) and pixel (Å) of most of the exported images: of those in classes, where there are any."""
    classes = _classes(particles)
    with_class = particles.movie[classes > 0]
    count = np.bincount(with_class if with_class.size else particles.movie, minlength=len(movies))
    images: dict[tuple[int, float], int] = {}
    for movie, number in zip(movies, count.tolist(), strict=True):
        shape = (movie.image_size_px, movie.image_pixel_size_a)
        images[shape] = images.get(shape, 0) + number
    return max(images, key=images.__getitem__)


def _classes(particles: ParticleSet) -> NDArray[np.int32]:
    none = np.zeros(len(particles), np.int32)
    found: NDArray[np.int32] = none if particles.classes is None else particles.classes["class_id"]
    return found


def _some_of_each(particles: ParticleSet, count: int, size: int) -> tuple[NDArray[np.int64], str]:
    """Particles that are averaged, in their order, and what the log says about it."""
    classes = _classes(particles)
    members = np.bincount(classes[classes > 0], minlength=count + 1)[1:]
    used = max(1, int(np.count_nonzero(members)))
    most = max(_FEWEST, int(_ENOUGH * (_AT_PX / size) ** 2) // used)
    # From whole micrographs anywhere in the session, because each costs a file to be opened.
    movies = int(particles.movie.max(initial=0)) + 1
    rank = np.random.default_rng(0).permutation(movies)[particles.movie]
    order = np.lexsort((rank, classes))
    order = order[classes[order] > 0]
    chosen = [own[:most] for own in np.split(order, np.cumsum(members)[:-1])]
    rows = np.sort(np.concatenate(chosen)).astype(np.int64)
    told = f"class averages of {len(rows):,} particles at their exported angles and shifts"
    return rows, told + (f": {most:,} of each larger class" if len(rows) < len(order) else "")


def _in_pieces(particles: ParticleSet, rows: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    """Rows in pieces of one micrograph each, whose images take little memory."""
    most = max(1, _IMAGES_BYTES // (4 * size**2))
    borders = np.flatnonzero(np.diff(particles.movie[rows])) + 1
    return [
        piece[begin : begin + most]
        for piece in np.split(rows, borders)
        for begin in range(0, len(piece), most)
    ]


def _posed(some: ParticleSet, movie: Gathered, first: int) -> PosedImages:
    """Read the images of some particles of one micrograph."""
    own, classes, microscope = some.columns, some.classes or {}, movie.settings.microscope
    with MrcStack(movie.stack) as stack:
        images = stack[own["stack_index"]].astype(np.float32)
    return PosedImages(
        images=images,
        pixel_size_a=movie.image_pixel_size_a,
        optics=Optics(microscope.voltage_kv or 0.0, microscope.cs_mm, microscope.amplitude_contrast),
        **{
            name: own[name].astype(np.float64)
            for name in ("defocus_u_a", "defocus_v_a", "astigmatism_angle_deg", "phase_shift_deg")
        },
        place=classes["class_id"].astype(np.int64) - 1 - first,
        **{name: classes[name].astype(np.float64) for name in ("psi_deg", "shift_x_a", "shift_y_a")},
    )
