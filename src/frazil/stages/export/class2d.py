"""Class averages of an export: the stack, and RELION's files around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from frazil.formats.mrc import MrcStack, write_mrc
from frazil.formats.relion_classes import ClassModel, group_name, ring_power, write_class_model
from frazil.formats.relion_optics import groups_table
from frazil.formats.star import write_star
from frazil.stages.export.particles import read_summary
from frazil.stages.export.relion import particle_columns

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.stages.export.gather import Gathered
    from frazil.stages.export.optics import ExportOptics
    from frazil.stages.export.particles import ParticleSet
    from frazil.stages.export.relion import Names
    from frazil.stages.export.request import ChosenClasses

FOLDER = "class2d"
_IMAGES_FOR_NOISE = 100
_SAME_PIXEL = 1e-4
_DIAMETERS = 2.0
"""The particle's diameter is twice the mask's radius."""


def tell_other_boxes(
    optics: ExportOptics, classified: Collection[int], averages: NDArray[np.float32], pixel: float
) -> str:
    """Say which optics groups have images of another box or pixel than the averages; empty where none has.

    ``classified``: numbers of the groups that have images in classes.
    """
    size = averages.shape[-1]
    others = [
        str(number)
        for number, group in enumerate(optics.groups[: optics.with_images], 1)
        if number in classified
        and (
            group.image_size_px != size
            or abs((group.image_pixel_size_a or pixel) - pixel) >= _SAME_PIXEL * pixel
        )
    ]
    if not others:
        return ""
    one = len(others) == 1
    return (
        "the class averages hold images of several kinds, and have box and pixel of most, "
        f"{size} px of {pixel:.4g} A; those of optics {'group' if one else 'groups'} {', '.join(others)} "
        "are others. RELION fits the averages to each group; for programs that don't, have all particles "
        "cut out anew with one box and pixel"
    )


def write_averages(folder: Path, averages: NDArray[np.float32], pixel_size_a: float) -> None:
    """Write ``classes.mrcs``: one slice per class, empty ones as zeros; always float32, which all read."""
    write_mrc(folder / "classes.mrcs", averages, pixel_size_a, depth="float32")


def write_class2d(
    folder: Path,
    session: Path,
    chosen: ChosenClasses,
    particles: ParticleSet,
    movies: Sequence[Gathered],
    optics: ExportOptics,
    names: Names,
    averages: NDArray[np.float32],
    pixel: float,
) -> str:
    """Write the folder that looks like a Class2D job of RELION; returns what a person should know of it."""
    summary = read_summary(session, chosen)
    target = folder / FOLDER
    target.mkdir(exist_ok=True)
    write_mrc(target / "run_it000_classes.mrcs", averages, pixel, depth="float32")
    class_id = (particles.classes or {"class_id": np.zeros(len(particles), np.int32)})["class_id"]
    population = np.bincount(class_id, minlength=len(averages) + 1)[1 : len(averages) + 1]
    group_of = np.array(optics.number_of)[particles.movie]
    counts = np.bincount(group_of, minlength=optics.with_images + 1)
    model = ClassModel(
        stack=f"{FOLDER}/run_it000_classes.mrcs",
        averages=averages,
        pixel_size_a=pixel,
        particles=population.astype(np.int64),
        resolution_a=np.maximum(_resolutions(summary, len(averages)), 2.0 * pixel),
        noise_power=_noise(particles, movies, optics, averages.shape[-1]),
        group_particles=counts[1:].tolist(),
        particle_diameter_a=float(summary.get("mask_radius_a") or 0.25 * averages.shape[-1] * pixel)
        * _DIAMETERS,
    )
    write_class_model(target, f"{FOLDER}/", model, chosen.good)
    columns = particle_columns(particles, movies, optics, names)
    # Named groups, or else RELION 3.1 counts one for each micrograph, and the model has others.
    groups = pa.array([group_name(group) for group in range(optics.with_images + 1)])
    columns["rlnGroupName"] = groups.take(pa.array(columns["rlnOpticsGroup"]))
    columns["rlnNormCorrection"] = np.ones(len(particles))
    table = groups_table(optics.groups[: optics.with_images], images=True)
    write_star(target / "run_it000_data.star", {"optics": table, "particles": columns})
    return tell_other_boxes(optics, set(group_of[class_id > 0].tolist()), averages, pixel)


def _resolutions(summary: Mapping[str, Any], count: int) -> NDArray[np.float64]:
    values = np.full(count, np.nan)
    for item in summary["classes"]:
        if item.get("resolution_a") is not None and 1 <= item["class_id"] <= count:
            values[item["class_id"] - 1] = item["resolution_a"]
    return values


def _noise(
    particles: ParticleSet,
    movies: Sequence[Gathered],
    optics: ExportOptics,
    size: int,
) -> list[NDArray[np.float64]]:
    """Power of some particle images of each optics group; cryo-EM particles are nearly all noise."""
    group_of = np.array(optics.number_of)[particles.movie]
    result: list[NDArray[np.float64]] = []
    for group in range(1, optics.with_images + 1):
        rows = np.flatnonzero(group_of == group)
        rows = rows[:: max(1, len(rows) // _IMAGES_FOR_NOISE)][:_IMAGES_FOR_NOISE]
        images = [
            _image(movies[int(particles.movie[row])], int(particles.columns["stack_index"][row]))
            for row in rows
        ]
        fitting = [image for image in images if image.shape[-1] == size]
        result.append(ring_power(np.stack(fitting)) if fitting else np.full(size // 2 + 1, 0.5 / size**2))
    return result


def _image(movie: Gathered, index: int) -> NDArray[np.float32]:
    with MrcStack(movie.stack) as stack:
        return stack.read_section(index).astype(np.float32)
