"""Cycles that Live2D left behind become entries of a session's class history."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from frazil.formats.cistem import read_cistem_star
from frazil.formats.live2d import cycles_of, read_live2d_run
from frazil.formats.mrc import read_mrc, write_mrc
from frazil.formats.warp_particles import read_warp_particles
from frazil.model.errors import InputError
from frazil.stages.pictures import class_sheet, save_picture

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.formats.live2d import Live2dCycle
    from frazil.stages.live2d.task import HistoryTask

_TIMES = ("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S")
_NOT_THERE = "its particles are not known: Live2D's table has {} rows and says {}"


@dataclass(frozen=True)
class _Origin:
    """Of every row of Warp's table: name of the stack in the session, place in it, key."""

    stack: NDArray[np.int64]
    names: list[str]
    index: NDArray[np.int64]
    key: NDArray[np.int64]


def take_over(task: HistoryTask) -> dict[str, Any]:
    """Write an entry for every cycle whose averages are there; those that are written already stay.

    Returns
    -------
        entries: how many there are; class_count, particles, mode, mask_radius_a (None where unknown) and
        cycle of the last one; left_out: names of cycles without averages.
    """
    document = read_live2d_run(task.folder) or {}
    origin = _origin(task)
    last: dict[str, Any] = {"entries": 0, "left_out": []}
    for cycle in cycles_of(document):
        try:
            averages = np.asarray(read_mrc(task.folder / f"{cycle.name}.mrc").data, dtype=np.float32)
        except (InputError, FileNotFoundError):
            last["left_out"].append(cycle.name)
            continue
        averages = averages[None] if averages.ndim == 2 else averages
        place = last["entries"] + 1
        _write_entry(task, cycle, place, averages, origin)
        last |= {
            "entries": place,
            "class_count": len(averages),
            "particles": cycle.particles,
            "mode": str(cycle.settings.get("classification_type", "")),
            "mask_radius_a": _number(cycle.settings.get("mask_radius")),
            "box_px": int(averages.shape[-1]),
            "cycle": cycle.number,
        }
    return last


def _write_entry(
    task: HistoryTask, cycle: Live2dCycle, place: int, averages: NDArray[np.float32], origin: _Origin
) -> None:
    folder = task.session / f"classes/run{task.run:03d}/update{place:03d}"
    if folder.exists():
        return
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    assignments, note = _assignments(task, cycle, origin)
    count = len(averages)
    members = np.zeros(count + 1, dtype=np.int64)
    counts = cycle.per_class[: count + 1]
    members[: len(counts)] = counts
    if not counts and len(assignments):
        members = np.bincount(assignments.column("class_id").to_numpy(), minlength=count + 1)[: count + 1]
    order = [int(k) for k in np.argsort(-members[1:], kind="stable") if members[k + 1] > 0]
    write_mrc(part / "classes.mrcs", averages, task.pixel_size_a, depth="float32")
    captions = [f"{k + 1}: {members[k + 1]}" for k in range(count)]
    save_picture(part / "classes.jpg", class_sheet(averages, captions, order), quality=90)
    pq.write_table(assignments, part / "assignments.parquet")
    finished = _finished(task.folder / f"{cycle.name}.mrc", cycle.finished)
    summary: dict[str, Any] = {
        "schema_version": 1,
        "particles": cycle.particles,
        "unassigned": int(members[0]),
        "class_count": count,
        "pixel_size_a": task.pixel_size_a,
        "limit_a": cycle.limit_a,
        "notes": ["taken over from Live2D", *([note] if note else [])],
        "classes_in_use": int((members[1:] > 0).sum()),
        "finished_at": finished,
        "seconds": 0.0,
        "classes": [
            {
                "class_id": k + 1,
                "particles": int(members[k + 1]),
                "resolution_a": None,
                "stable_id": k + 1,
                "parents": [],
            }
            for k in range(count)
        ],
        "entry": {
            "number": task.first_number + place - 1,
            "run": task.run,
            "update_in_run": place,
            "kind": cycle.kind,
            "settings_revision": task.revision,
            "begun_at": finished,
            "mode": str(cycle.settings.get("classification_type", "")),
            "engine": "cistem",
            "limit_a": cycle.limit_a,
            "fraction": cycle.fraction,
            "cycle": cycle.number,
            "cycle_in_block": cycle.place,
            "live2d_settings": cycle.settings,
        },
    }
    (part / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    part.rename(folder)


def _assignments(task: HistoryTask, cycle: Live2dCycle, origin: _Origin) -> tuple[pa.Table, str]:
    """Classes and poses of a cycle's particles; none, and why, where nobody knows which they are."""
    note, rows = "", 0
    values: dict[str, NDArray[Any]] = {}
    try:
        values = read_cistem_star(task.folder / f"{cycle.name}.star")
        rows = len(values["Best2DClass"])
        if rows != cycle.particles or rows > len(origin.key):
            note, rows = _NOT_THERE.format(rows, cycle.particles), 0
    except (InputError, FileNotFoundError) as error:
        note = f"its particles are not known: {error}"
    known = np.flatnonzero(origin.key[:rows] >= 0)

    def column(name: str) -> NDArray[np.float64]:
        return values[name][known] if rows else np.zeros(0)

    stacks = pa.DictionaryArray.from_arrays(
        pa.array(origin.stack[known], pa.int32()), pa.array(origin.names, pa.string())
    )
    table = pa.table(
        {
            "stack": stacks,
            "stack_index": origin.index[known],
            # Negative: not visited in this cycle, in that class before.
            "class_id": np.abs(column("Best2DClass")).astype(np.int32),
            "psi_deg": column("AnglePsi"),
            "shift_x_a": column("XShift"),
            "shift_y_a": column("YShift"),
            "posterior": np.clip(column("Occupancy") / 100.0, 0.0, 1.0),
            "log_evidence": column("LogP"),
            "key": origin.key[known],
        }
    )
    return table.replace_schema_metadata({"schema_version": "1"}), note


def _origin(task: HistoryTask) -> _Origin:
    """Where the rows of Warp's table come from; a key of -1 for movies that the session does not have."""
    blocks = [] if task.table is None else read_warp_particles(task.table, task.networks)
    names = [f"particles/{task.names.get(block.movie, '')}.mrcs" for block in blocks]
    counts = [len(block) for block in blocks]
    index = np.concatenate([np.zeros(0, np.int64), *(block.index for block in blocks)])
    first = np.repeat(
        np.array([task.numbers.get(block.movie, -1) for block in blocks], dtype=np.int64), counts
    )
    key = np.where(first < 0, -1, (first << 20) + index)
    return _Origin(np.repeat(np.arange(len(blocks)), counts), names, index, key)


def _finished(averages: Path, text: str) -> float:
    for pattern in _TIMES:
        try:
            return datetime.strptime(text, pattern).timestamp()
        except ValueError:
            continue
    return averages.stat().st_mtime


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) and number > 0 else None
