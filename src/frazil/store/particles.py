"""The particle tables of a session, all micrographs together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from frazil.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.stages.products import Products


def load_libraries() -> None:
    """Let Arrow load what it loads at its first conversion (pandas), where nobody waits for it."""
    pa.array(np.zeros(1)).to_numpy()


@dataclass(frozen=True)
class ParticleTable:
    """Particles in the order of their micrographs.

    Attributes
    ----------
    table
        Columns as `frazil.stages.extraction` writes them.
    pixel_size_a, micrograph_pixel_size_a
        Pixels of the images and of the micrographs, Å.
    """

    table: pa.Table
    pixel_size_a: float
    micrograph_pixel_size_a: float

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column as float64."""
        return np.asarray(self.table.column(name).to_numpy(), dtype=np.float64)

    def texts(self, name: str) -> list[str]:
        """Return a column of words."""
        return [str(value) for value in self.table.column(name).to_pylist()]


def read_particle_tables(movies: Sequence[Products]) -> ParticleTable | None:
    """Read the tables of these movies; None where there is no particle.

    Raises `InputError` where particles differ in pixel size.
    """
    tables, pixels, micrograph_pixels = [], set(), set()
    for movie in movies:
        if movie.particle_table.exists():
            table = _read(movie.particle_table)
            extra = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
            pixels.add(float(extra["pixel_size_a"]))
            micrograph_pixels.add(float(extra["micrograph_pixel_size_a"]))
            tables.append(table.replace_schema_metadata(None))
    if not tables:
        return None
    if max(pixels) - min(pixels) > 1e-4 * min(pixels):
        raise InputError(
            f"particles of different pixel sizes ({min(pixels):g} to {max(pixels):g} Å) in one session: "
            "run all movies with the same settings"
        )
    return ParticleTable(pa.concat_tables(tables).combine_chunks(), pixels.pop(), micrograph_pixels.pop())


def _read(path: Path) -> pa.Table:
    try:
        # Unlike `pyarrow.parquet.read_table`, this loads no library for whole datasets.
        with pq.ParquetFile(path) as file:
            return file.read()
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: damaged particle table ({error}); remove it and run again") from error
