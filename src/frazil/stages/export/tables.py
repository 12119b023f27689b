"""CSV and Parquet of an export: micrographs, particles, classes, with the session's own column names."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv as arrow_csv

from frazil.formats.atomic import atomic_path
from frazil.model.movie_columns import MOVIE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from frazil.stages.export.gather import Gathered
    from frazil.stages.export.optics import ExportOptics
    from frazil.stages.export.particles import ParticleSet

SCHEMA = {"schema_version": "1"}
_TYPES = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "time": pa.timestamp("ms", "UTC"),
}


def write_micrograph_rows(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write ``micrographs.csv`` and ``.parquet``: all columns of the session's table."""
    with (
        atomic_path(folder / "micrographs.csv") as part,
        part.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([column.name for column in MOVIE_COLUMNS])
        for row in rows:
            writer.writerow([_csv_word(row.get(column.name), column.kind) for column in MOVIE_COLUMNS])
    arrays = {
        column.name: pa.array(
            [_typed(row.get(column.name), column.kind) for row in rows], _TYPES[column.kind]
        )
        for column in MOVIE_COLUMNS
    }
    _write_parquet(folder / "micrographs.parquet", pa.table(arrays))


def write_particle_rows(
    folder: Path,
    particles: ParticleSet,
    movies: Sequence[Gathered],
    optics: ExportOptics,
    good: Sequence[int],
) -> None:
    """Write ``particles.csv`` and ``.parquet``."""
    place = pa.array(particles.movie)
    own = particles.columns
    columns: dict[str, Any] = {
        "micrograph": pa.array([movie.movie.name for movie in movies], pa.string()).take(place),
        "x_px": own["x_px"],
        "y_px": own["y_px"],
        "score": own["score"],
        "stack": pa.array([f"particles/{movie.movie.name}.mrcs" for movie in movies], pa.string()).take(
            place
        ),
        "stack_index": own["stack_index"],
        **{
            name: own[name]
            for name in ("defocus_u_a", "defocus_v_a", "astigmatism_angle_deg", "phase_shift_deg")
        },
        "optics_group": np.array(optics.number_of, np.int32)[particles.movie],
    }
    if particles.classes is not None:
        class_id = particles.classes["class_id"]
        unset = class_id == 0
        columns["class_id"] = pa.array(class_id, mask=unset)
        for name in ("psi_deg", "shift_x_a", "shift_y_a", "posterior"):
            columns[name] = pa.array(particles.classes[name], mask=unset)
        state = np.where(unset, 0, np.where(np.isin(class_id, list(good)), 1, 2))
        columns["class_state"] = pa.array(["unset", "selected", "rejected"]).take(pa.array(state))
    table = pa.table(columns)
    with atomic_path(folder / "particles.csv") as part:
        arrow_csv.write_csv(table, part, arrow_csv.WriteOptions(quoting_style="needed"))
    _write_parquet(folder / "particles.parquet", table)


def write_class_rows(folder: Path, classes: Sequence[Mapping[str, Any]], good: Sequence[int]) -> None:
    """Write ``classes.csv`` and ``.parquet`` from the entries of a class summary."""
    table = pa.table(
        {
            "class_id": pa.array([item["class_id"] for item in classes], pa.int64()),
            "particles": pa.array([item["particles"] for item in classes], pa.int64()),
            "resolution_a": pa.array([item.get("resolution_a") for item in classes], pa.float64()),
            "quality": pa.array([item.get("quality") for item in classes], pa.float64()),
            "selected": pa.array([item["class_id"] in good for item in classes], pa.bool_()),
            "reason": pa.array(["; ".join(item.get("reasons", [])) for item in classes], pa.string()),
        }
    )
    with atomic_path(folder / "classes.csv") as part:
        arrow_csv.write_csv(table, part, arrow_csv.WriteOptions(quoting_style="needed"))
    _write_parquet(folder / "classes.parquet", table)


def _write_parquet(path: Path, table: pa.Table) -> None:
    with atomic_path(path) as part:
        pq.write_table(table.replace_schema_metadata(SCHEMA), part)


def _typed(value: Any, kind: str) -> Any:
    if value is None:
        return None
    return datetime.fromtimestamp(value, UTC) if kind == "time" else value


def _csv_word(value: Any, kind: str) -> str:
    if value is None:
        return ""
    if kind == "time":
        return datetime.fromtimestamp(value, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(value)
