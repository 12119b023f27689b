"""``frazil classify``: particles from any STAR file into 2D classes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow.parquet as pq

from frazil.compute.device import choose_device
from frazil.formats.relion_particles import read_particles
from frazil.formats.star import StarTable, write_star
from frazil.model.errors import InputError
from frazil.stages.classify import run_classification
from frazil.stages.classify_task import ClassifyTask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from frazil.formats.relion_particles import RelionParticles

_RESULTS = ("particles.star", "classes.mrcs", "classes.jpg", "summary.json", "assignments.parquet")
_MASK_SHARE_OF_BOX = 0.9


@dataclass(frozen=True)
class ClassifyRequest:
    """Particles, where the result goes, and how to classify."""

    particles: Path
    out: Path
    classes: int
    mask_diameter_a: float | None
    initial_resolution_a: float
    final_resolution_a: float
    seed: int
    depth: Literal["float16", "float32"]
    device: str


def classify_star(request: ClassifyRequest) -> Iterator[str]:
    """Classify; yields lines about how it goes.

    Raises `InputError` where the particles or the folder can't be used.
    """
    particles = read_particles(request.particles)
    earlier = [name for name in _RESULTS if (request.out / name).exists()]
    if earlier:
        raise InputError(
            f"{request.out}: holds {earlier[0]} already; results are not overwritten, give a new folder"
        )
    box_a = particles.size_px * particles.pixel_size_a
    mask_a = request.mask_diameter_a or _MASK_SHARE_OF_BOX * box_a
    if mask_a > box_a:
        raise InputError(
            f"{request.particles}: a mask of {mask_a:g} Å does not fit into the box of {box_a:.0f} Å "
            f"({particles.size_px} px of {particles.pixel_size_a:g} Å)"
        )
    finest = max(request.final_resolution_a, 2.0 * particles.pixel_size_a)
    yield (
        f"{len(particles)} particles of {particles.size_px} px, {particles.pixel_size_a:g} Å/px; "
        f"{request.classes} classes, mask {mask_a:.0f} Å, to {finest:.1f} Å"
    )
    result_folder = request.out / "result"
    if request.initial_resolution_a < finest:
        raise InputError(f"initial resolution {request.initial_resolution_a:g} Å is finer than the final one")
    task = ClassifyTask(
        stacks=particles.stacks,
        index=particles.index,
        names=tuple(str(stack) for stack in particles.stacks),
        ctf=particles.ctf,
        pixel_size_a=particles.pixel_size_a,
        classes=request.classes,
        mask_radius_a=0.5 * mask_a,
        initial_resolution_a=request.initial_resolution_a,
        final_resolution_a=finest,
        seed=request.seed,
        folder=result_folder,
        device=str(choose_device(request.device)),
        depth=request.depth,
    )
    try:
        request.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{request.out}: can't make this folder: {error.strerror}") from error
    summary = run_classification(task)
    _write_star(request, particles, result_folder)
    for file in sorted(result_folder.iterdir()):
        file.rename(request.out / file.name)
    result_folder.rmdir()
    yield from (f"note: {note}" for note in summary["notes"])
    filled = [item for item in summary["classes"] if item["particles"]]
    yield f"{len(filled)} classes with members, {summary['unassigned']} particles in none: {request.out}"


def _write_star(request: ClassifyRequest, particles: RelionParticles, folder: Path) -> None:
    """Write the table as it was read, with class, angle and shifts, and paths that hold from the folder."""
    columns = {
        name: values
        for name, values in particles.table.columns.items()
        if name not in ("rlnOriginX", "rlnOriginY")
    }
    base = request.out.resolve()
    paths = {stack: os.path.relpath(stack, base) for stack in set(particles.stacks)}
    if any(path.startswith("..") for path in paths.values()):
        # RELION runs in one project folder: absolute paths hold wherever that is.
        paths = {stack: str(stack.resolve()) for stack in paths}
    columns["rlnImageName"] = [
        f"{place + 1:06d}@{paths[stack]}"
        for stack, place in zip(particles.stacks, particles.index.tolist(), strict=True)
    ]
    columns |= _class_columns(folder / "assignments.parquet")
    blocks: dict[str, StarTable] = {}
    if particles.optics_table is not None:
        blocks["optics"] = particles.optics_table
        blocks["particles"] = StarTable(columns)
    else:
        blocks[""] = StarTable(columns)
    write_star(folder / "particles.star", blocks)


def _class_columns(assignments: Path) -> dict[str, Any]:
    table = pq.read_table(assignments)
    columns: dict[str, Any] = {
        relion: np.asarray(table.column(ours).to_numpy(), np.float64)
        for relion, ours in (
            ("rlnAnglePsi", "psi_deg"),
            ("rlnOriginXAngst", "shift_x_a"),
            ("rlnOriginYAngst", "shift_y_a"),
            ("rlnMaxValueProbDistribution", "posterior"),
            ("rlnLogLikeliContribution", "log_evidence"),
        )
    }
    columns["rlnClassNumber"] = np.asarray(table.column("class_id").to_numpy(), np.int64)
    columns["rlnAngleRot"] = columns["rlnAngleTilt"] = np.zeros(table.num_rows)
    return columns
