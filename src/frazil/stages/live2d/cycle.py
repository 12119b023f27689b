"""What a Live2D folder holds of one cycle: averages, pictures, the particles' classes and poses."""

from __future__ import annotations

import contextlib
import json
import os
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from frazil.formats.cistem import append_cistem_rows, write_cistem_star
from frazil.formats.live2d import PICTURES_NAME, cycle_name
from frazil.formats.mrc import read_mrc, write_mrc
from frazil.stages.live2d.stack import fresh_rows
from frazil.stages.pictures import class_levels

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.stages.live2d.stack import Part
    from frazil.stages.live2d.task import Live2dEntry, Live2dTask

_POSES = {"AnglePsi": "psi_deg", "XShift": "shift_x_a", "YShift": "shift_y_a", "LogP": "log_evidence"}


def write_cycle(task: Live2dTask, entry: Live2dEntry, number: int, parts: Sequence[Part]) -> dict[str, Any]:
    """Write the files of a cycle; returns what ``latest_run.json`` says of it."""
    folder, name = task.folder, cycle_name(number)
    averages = np.asarray(read_mrc(entry.folder / "classes.mrcs").data, dtype=np.float32)
    averages = averages[None] if averages.ndim == 2 else averages
    write_mrc(folder / f"{name}.mrc", averages, task.pixel_size_a, depth="float32", volume=True)
    _write_pictures(folder / PICTURES_NAME / name, averages)
    rows = fresh_rows(task, parts)
    rows |= _classified(task, entry, parts)
    write_cistem_star(folder / f"{name}.star", rows)
    counts = np.bincount(rows["Best2DClass"].astype(np.int64), minlength=len(averages) + 1)
    return {
        "name": name,
        "number": number,
        "settings": {**entry.settings, "class_number": str(len(averages))},
        "high_res_limit": entry.limit_a,
        "block_type": entry.kind,
        "cycle_number_in_block": _place(entry),
        "time": datetime.fromtimestamp(entry.finished_at).strftime("%Y-%m-%d %H:%M:%S.%f"),
        "process_count": 1,
        "particle_count": int(counts.sum()),
        "particle_count_per_class": counts.tolist(),
        "fraction_used": round(entry.fraction, 6),
    }


def _place(entry: Live2dEntry) -> int:
    """Place of an entry in its block; of an update of a stream, in its run."""
    said = json.loads((entry.folder / "summary.json").read_bytes())["entry"]
    return int(said.get("cycle_in_block") or said["update_in_run"])


def append_rows(task: Live2dTask, name: str, rows: int, parts: Sequence[Part]) -> None:
    """Write the table of an earlier cycle once more, with fresh rows for the particles that came after it."""
    if sum(part.piece.rows for part in parts) > rows and (task.folder / f"{name}.star").exists():
        new = fresh_rows(task, parts, rows)
        append_cistem_rows(task.folder / f"{name}_appended.star", task.folder / f"{name}.star", new)


def _write_pictures(folder: Path, averages: NDArray[np.float32]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, levels in enumerate(class_levels(averages), 1):
        Image.fromarray(levels).save(folder / f"{number}.png")


def _classified(task: Live2dTask, entry: Live2dEntry, parts: Sequence[Part]) -> dict[str, NDArray[Any]]:
    """Classes and poses by row: zeros, as of a fresh particle, where the entry does not have it."""
    columns = ["stack", "stack_index", "class_id", "posterior", *_POSES.values()]
    table = pq.read_table(entry.folder / "assignments.parquet", columns=columns)
    rows = sum(part.piece.rows for part in parts)
    place = _rows_of(task, table.column("stack").combine_chunks().dictionary_encode(), table, parts)
    known = place >= 0
    at = place[known]
    found: dict[str, NDArray[Any]] = {}
    for name, column, fresh in (
        ("Best2DClass", "class_id", 0),
        ("Occupancy", "posterior", 1.0),
        *((name, column, -500.0 if name == "LogP" else 0.0) for name, column in _POSES.items()),
    ):
        values: NDArray[Any] = np.full(rows, fresh, dtype=np.int64 if column == "class_id" else np.float64)
        values[at] = table.column(column).to_numpy()[known]
        found[name] = values
    found["Occupancy"] = 100.0 * found["Occupancy"]
    found["LogP"] = np.nan_to_num(found["LogP"], nan=-500.0)
    return found


def _rows_of(task: Live2dTask, stacks: Any, table: Any, parts: Sequence[Part]) -> NDArray[np.int64]:
    """Row in the combined stack of each assignment; -1 where its image is not there."""
    first, place_of = 0, {}
    for part in parts:
        if not part.piece.blank:
            place_of[part.piece.stack] = (first, part.block.index)
        first += part.piece.rows
    code, index = np.asarray(stacks.indices), table.column("stack_index").to_numpy()
    place = np.full(len(index), -1, dtype=np.int64)
    for number, name in enumerate(stacks.dictionary.to_pylist()):
        with contextlib.suppress(OSError, ValueError):
            target = os.path.relpath(os.readlink(task.session / name), task.warp)  # noqa: PTH115 - as text
            if target in place_of:
                begin, order = place_of[target]
                row_of = np.full(max(int(order.max()), int(index.max())) + 1, -1, dtype=np.int64)
                row_of[order] = begin + np.arange(len(order))
                of_stack = code == number
                place[of_stack] = row_of[index[of_stack]]
    return place
