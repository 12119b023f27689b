"""From movies to particles: their tables are read once, when the particles are handed to the classifier."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from frazil.formats.mrc import MrcStack
from frazil.model.classes import ParticleCtf
from frazil.model.errors import InputError
from frazil.model.optics import Optics
from frazil.stages.classify_stream_task import StreamParticles
from frazil.stages.products import Products
from frazil.tracks.classify2d.pool import MOST_PARTICLES, Fed, particle_keys

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.model.settings import Settings
    from frazil.tracks.classify2d.pool import ParticlePool

_CTF_COLUMNS = ("defocus_u_a", "defocus_v_a", "astigmatism_angle_deg", "phase_shift_deg")


@dataclass(frozen=True)
class Geometry:
    """What all particles of a run share: size of the images, and of their pixels in Å."""

    box_px: int
    pixel_size_a: float

    def same_as(self, other: Geometry) -> bool:
        """Whether particles of both can be in one run."""
        near = abs(self.pixel_size_a - other.pixel_size_a) < 1e-4 * self.pixel_size_a
        return self.box_px == other.box_px and near


@dataclass(frozen=True)
class MovieTable:
    """Particles of one movie: where their images are, their CTF, and which of its lineage they are."""

    number: int
    stack: Path
    name: str
    geometry: Geometry
    index: NDArray[np.int64]
    ctf: dict[str, NDArray[np.float64]]
    lineage: str
    ids: NDArray[np.int64]
    amplitude_contrast: float


def read_movie(folder: Path, number: int, name: str, amplitude_contrast: float) -> MovieTable:
    """Read the particle table of a movie and make sure that its images are there.

    ``amplitude_contrast`` is that which its CTF was fitted with, unless the table says so itself.

    Raises `InputError` where one of them is missing, damaged or does not fit the other.
    """
    products = Products(folder, name)
    try:
        table = pq.read_table(products.particle_table)
        extra = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
        with MrcStack(products.particles) as stack:
            sections, rows, _ = stack.shape
        pixel = float(extra["pixel_size_a"])
        index = table.column("stack_index").to_numpy().astype(np.int64)
        numbered = "particle_id" in table.column_names
        ids = table.column("particle_id" if numbered else "stack_index").to_numpy().astype(np.int64)
        ctf = {column: table.column(column).to_numpy().astype(np.float64) for column in _CTF_COLUMNS}
        amplitude_contrast = float(extra.get("amplitude_contrast", amplitude_contrast))
        status = products.particles.stat()
    except (OSError, pa.ArrowInvalid, KeyError, ValueError) as error:
        raise InputError(f"{products.particle_table}: can't be used: {error}") from error
    if index.size == 0 or index.min() < 0 or index.max() >= sections:
        raise InputError(
            f"{products.particles}: holds {sections} images, its table speaks of others; redo the movie"
        )
    if extra.get("stack_signature", "") not in ("", f"{status.st_size}-{status.st_mtime_ns}"):
        raise InputError(f"{products.particles}: is being replaced by Warp; its new particles follow")
    stack_name = products.relative(products.particles)
    if np.unique(ids).size != ids.size or ids.min() < 0 or ids.max() >= MOST_PARTICLES:
        raise InputError(f"{products.particle_table}: its particles are not numbered as they must be")
    lineage = extra.get("lineage", "")
    return MovieTable(
        number,
        products.particles,
        stack_name,
        Geometry(rows, pixel),
        index,
        ctf,
        lineage,
        ids,
        amplitude_contrast,
    )


def join(tables: list[MovieTable], pool: ParticlePool, settings: Settings) -> StreamParticles | None:
    """Put the particles of some movies together; None where there are none."""
    if not tables:
        return None
    microscope = settings.microscope
    counts = [table.index.size for table in tables]
    ctf = {column: np.concatenate([table.ctf[column] for table in tables]) for column in _CTF_COLUMNS}
    # A batch has one amplitude contrast: that of the others is a phase shift, which is what it is to a CTF.
    own = np.repeat([math.asin(table.amplitude_contrast) for table in tables], counts)
    ctf["phase_shift_deg"] = ctf["phase_shift_deg"] + np.degrees(
        own - math.asin(microscope.amplitude_contrast)
    )
    keys = [_keys(pool, table) for table in tables]
    return StreamParticles(
        keys=np.concatenate(keys),
        stacks=tuple(table.stack for table in tables),
        names=tuple(table.name for table in tables),
        stack_of=np.repeat(np.arange(len(tables)), counts),
        index=np.concatenate([table.index for table in tables]),
        ctf=ParticleCtf(
            Optics(microscope.voltage_kv or 300.0, microscope.cs_mm, microscope.amplitude_contrast), **ctf
        ),
    )


def keys_of(pool: ParticlePool, numbers: list[int]) -> NDArray[np.int64]:
    """Keys of the particles that the run has of these movies."""
    parts = [fed.keys(number) for number in numbers if (fed := pool.fed(number)) is not None]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def keys_to_withdraw(pool: ParticlePool, added: list[MovieTable], withdrawn: list[int]) -> NDArray[np.int64]:
    """Keys of the particles that go; those of a replaced movie that are still there stay."""
    stay = [_keys(pool, table) for table in added]
    gone = keys_of(pool, withdrawn)
    return np.setdiff1d(gone, np.concatenate(stay)) if stay else gone


def _keys(pool: ParticlePool, table: MovieTable) -> NDArray[np.int64]:
    generation = pool.generation_for(table.number, table.lineage)
    return particle_keys(table.number, generation, table.index.size, table.ids.tolist())


def after_feeding(
    pool: ParticlePool, added: list[MovieTable], withdrawn: list[int], tokens: dict[int, str | None]
) -> dict[int, Fed]:
    """Say what the run has of the movies of a batch that was taken in."""
    result: dict[int, Fed] = {}
    for number in withdrawn:
        if (fed := pool.fed(number)) is not None:
            result[number] = Fed(None, fed.generation, 0)
    for table in added:
        generation, count = pool.generation_for(table.number, table.lineage), int(table.index.size)
        in_turn = np.array_equal(table.ids, np.arange(count))
        ids = None if in_turn else tuple(table.ids.tolist())
        result[table.number] = Fed(tokens[table.number], generation, count, table.lineage, ids)
    return result
