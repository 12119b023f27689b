"""``frazil classify``: particles from any STAR file into 2D classes."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow.parquet as pq

from frazil.compute.classify2d.classify import some_ctf
from frazil.compute.device import choose_device
from frazil.formats.relion_particles import read_particles
from frazil.formats.star import StarTable, write_star
from frazil.model.errors import InputError
from frazil.model.words import plural
from frazil.stages.classify import run_classification
from frazil.stages.classify_stream import stream_batch
from frazil.stages.classify_stream_task import Publication, StreamParticles, StreamSettings, StreamTask
from frazil.stages.classify_task import ClassifyTask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from frazil.formats.relion_particles import RelionParticles

_RESULTS = ("particles.star", "classes.mrcs", "classes.jpg", "summary.json", "assignments.parquet")
_MASK_SHARE_OF_BOX = 0.9
# A stream waits until it has so many.
_STREAM_START = 2000


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
    stream: int | None = None


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
        raise InputError(
            f"initial resolution {request.initial_resolution_a:g} Å is finer than the final one, "
            f"{finest:g} Å; pixels of {particles.pixel_size_a:g} Å reach {2 * particles.pixel_size_a:g} Å"
        )
    if request.stream is not None:
        yield from _streamed(request, particles, 0.5 * mask_a, finest, result_folder)
        yield from _finished(request, particles, result_folder)
        return
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
    _make_folder(request.out)
    summary = run_classification(task)
    if not any(item["particles"] for item in summary["classes"]):
        shutil.rmtree(result_folder)
        raise InputError(
            f"{request.particles}: no class came out of {plural(len(particles), 'particle')}: "
            + (" ".join(summary["notes"]) or "they are too few")
        )
    yield from _finished(request, particles, result_folder)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: can't make this folder: {error.strerror}") from error


def _streamed(
    request: ClassifyRequest,
    particles: RelionParticles,
    mask_radius_a: float,
    final_resolution_a: float,
    result_folder: Path,
) -> Iterator[str]:
    """Take the particles in batch by batch; yields a line for each."""
    state = request.out / ".stream"
    _make_folder(state)
    shutil.rmtree(result_folder, ignore_errors=True)
    size = request.stream or len(particles)
    settings = StreamSettings(
        pixel_size_a=particles.pixel_size_a,
        mask_radius_a=mask_radius_a,
        class_count=request.classes,
        initial_resolution_a=request.initial_resolution_a,
        final_resolution_a=final_resolution_a,
        start_particles=min(_STREAM_START, len(particles)),
        seed=request.seed,
    )
    device = str(choose_device(request.device))
    stacks = tuple(dict.fromkeys(particles.stacks))
    number = {stack: i for i, stack in enumerate(stacks)}
    stack_of = np.array([number[stack] for stack in particles.stacks], dtype=np.int64)
    for start in range(0, len(particles), size):
        some = np.arange(start, min(start + size, len(particles)))
        batch = StreamParticles(
            keys=some,
            stacks=stacks,
            names=tuple(str(stack) for stack in stacks),
            stack_of=stack_of[some],
            index=np.asarray(particles.index, dtype=np.int64)[some],
            ctf=some_ctf(particles.ctf, some),
        )
        result = stream_batch(StreamTask(state, settings, batch, device=device))
        if result.added:
            yield (
                f"{result.particles} particles, {result.phase}: {result.classes_in_use} classes"
                + (f" to {result.limit_a:.1f} Å" if np.isfinite(result.limit_a) else "")
                + f" ({result.seconds:.1f} s)"
            )
    publication = Publication(result_folder, depth=request.depth)
    last = stream_batch(StreamTask(state, settings, final_pass=True, publish=publication, device=device))
    if last.summary is None:
        raise InputError(
            f"{request.particles}: too few usable images among {plural(last.particles, 'particle')}"
        )
    shutil.rmtree(state)


def _finished(request: ClassifyRequest, particles: RelionParticles, result_folder: Path) -> Iterator[str]:
    """Write the table, and bring the result to its place."""
    summary = json.loads((result_folder / "summary.json").read_bytes())
    unassigned = _write_star(request, particles, result_folder)
    for file in sorted(result_folder.iterdir()):
        file.rename(request.out / file.name)
    result_folder.rmdir()
    yield from (f"note: {note}" for note in summary["notes"])
    filled = [item for item in summary["classes"] if item["particles"]]
    good = sum(1 for item in filled if item["selected"])
    yield (
        f"{len(filled)} classes with members, {good} of them good; "
        f"{plural(unassigned, 'particle')} in none: {request.out}"
    )


def _write_star(request: ClassifyRequest, particles: RelionParticles, folder: Path) -> int:
    """Write the table as it was read, with class, angle and shifts, and paths that hold from the folder.

    Returns how many particles are in no class.
    """
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
    columns |= _class_columns(folder / "assignments.parquet", len(particles))
    blocks: dict[str, StarTable] = {}
    if particles.optics_table is not None:
        blocks["optics"] = particles.optics_table
        blocks["particles"] = StarTable(columns)
    else:
        blocks[""] = StarTable(columns)
    write_star(folder / "particles.star", blocks)
    return int(np.count_nonzero(columns["rlnClassNumber"] == 0))


def _class_columns(assignments: Path, count: int) -> dict[str, Any]:
    table = pq.read_table(assignments)
    # A stream names its particles, and leaves out images that can't be used.
    rows = table.column("key").to_numpy() if "key" in table.column_names else np.arange(count)

    def column(name: str) -> Any:
        values = np.zeros(count)
        values[rows] = table.column(name).to_numpy()
        return values

    columns: dict[str, Any] = {
        relion: column(ours)
        for relion, ours in (
            ("rlnAnglePsi", "psi_deg"),
            ("rlnOriginXAngst", "shift_x_a"),
            ("rlnOriginYAngst", "shift_y_a"),
            ("rlnMaxValueProbDistribution", "posterior"),
            ("rlnLogLikeliContribution", "log_evidence"),
        )
    }
    columns["rlnClassNumber"] = column("class_id").astype(np.int64)
    columns["rlnAngleRot"] = columns["rlnAngleTilt"] = np.zeros(count)
    return columns
