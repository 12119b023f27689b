"""A classifier without images, in the shape of the real one; and movies with particles for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from frazil.formats.mrc import write_mrc
from frazil.model.errors import InputError, PassingError
from frazil.stages.classify_stream_task import CycleResult, StreamResult
from frazil.store.catalogue import movies, particle_changes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.tracks.harness import Bench

    from frazil.stages.classify_stream_task import CycleTask, StreamTask


def add_particles(
    bench: Bench,
    name: str,
    count: int,
    *,
    token: str = "a",
    box: int = 16,
    pixel: float = 4.0,
    lineage: str = "",
    ids: Sequence[int] | None = None,
    **row: Any,
) -> None:
    """Write a movie's particles as extraction does, and say so in its row."""
    folder = bench.folder.path
    write_mrc(folder / "particles" / f"{name}.mrcs", np.zeros((count, box, box), np.float32), pixel)
    numbers = np.arange(count, dtype=np.float64)
    table = pa.table(
        {
            "stack_index": np.arange(count),
            "particle_id": np.arange(count) if ids is None else np.array(ids),
            "defocus_u_a": 10_000.0 + numbers,
            "defocus_v_a": 10_000.0 + numbers,
            "astigmatism_angle_deg": numbers,
            "phase_shift_deg": 0.0 * numbers,
        }
    )
    extra = {"pixel_size_a": repr(pixel), "micrograph_pixel_size_a": "1.0", "lineage": lineage}
    pq.write_table(table.replace_schema_metadata(extra), folder / "particles" / f"{name}.parquet")
    before = bench.row(name)
    values = {"state": "done", "particles": count, "particles_token": token, "ctf_resolution_a": 4.0}
    values["settings_revision"] = before["settings_revision"] or 1
    with bench.catalogue.write() as connection:
        movies.change(connection, bench.session_id, before["number"], **{**values, **row})
        particle_changes.mark(connection, bench.session_id, [before["number"]])


def change(bench: Bench, movie: str, /, **values: Any) -> None:
    """Change what decides about a movie's particles."""
    number = bench.row(movie)["number"]
    with bench.catalogue.write() as connection:
        movies.change(connection, bench.session_id, number, **values)
        particle_changes.mark(connection, bench.session_id, [number])


def known_keys(state: Path) -> set[int]:
    """Keys of the particles that a run has."""
    try:
        return set(json.loads((state / "keys.json").read_text()))
    except FileNotFoundError:
        return set()


def stream(task: StreamTask) -> StreamResult:
    """Take particles in, and write an entry if asked to."""
    keys, added, withdrawn = _take(task)
    if any("poison" in str(stack) for stack in (task.particles.stacks if task.particles else ())):
        raise InputError("a poisonous stack")
    if (task.state.parent.parent.parent / "passing").exists():
        raise PassingError("no memory on the GPU")
    waiting = len(keys) < task.settings.start_particles
    summary = None if waiting or task.publish is None else _publish(task, keys)
    return StreamResult(
        phase="waiting" if waiting else "following",
        particles=len(keys),
        added=added,
        withdrawn=withdrawn,
        visits=task.idle_visits,
        classes_in_use=2,
        limit_a=10.0,
        structure_changes=0,
        mean_log_evidence=1.0,
        moved_share=0.1,
        seconds=0.1,
        summary=summary,
    )


def cycle(task: CycleTask) -> CycleResult:
    """Do one cycle."""
    keys, _, _ = _take(task)
    if (task.state.parent.parent.parent / "failing").exists():
        raise InputError("the averages are empty")
    summary = _publish(task, keys)
    return CycleResult(
        particles=len(keys),
        visits=round(task.fraction * len(keys)),
        classes_in_use=2,
        mean_log_evidence=1.0,
        moved_share=0.1,
        seconds=0.1,
        summary=summary,
    )


def _take(task: StreamTask | CycleTask) -> tuple[set[int], int, int]:
    task.state.mkdir(parents=True, exist_ok=True)
    keys = known_keys(task.state)
    gone = set(task.withdrawn.tolist()) & keys
    keys -= gone
    new = set() if task.particles is None else set(task.particles.keys.tolist())
    added = len(new - keys)
    keys |= new
    (task.state / "keys.json").write_text(json.dumps(sorted(keys)))
    return keys, added, len(gone)


def _publish(task: StreamTask | CycleTask, keys: set[int]) -> dict[str, Any]:
    publish = task.publish
    if publish is None:
        raise InputError("nothing to publish")
    publish.folder.mkdir(parents=True)
    ordered = np.array(sorted(keys), dtype=np.int64)
    classes = (1 + ordered % 2).astype(np.int32)
    pq.write_table(pa.table({"key": ordered, "class_id": classes}), publish.folder / "assignments.parquet")
    # Every run names its classes anew.
    first = 1 if publish.folder.parent.name == "run001" else 5
    summary = {
        "particles": len(keys),
        "class_count": 2,
        "unassigned": 0,
        "notes": [],
        "limit_a": 10.0,
        "classes": [
            {
                "class_id": class_id,
                "stable_id": first + class_id,
                "particles": int((classes == class_id).sum()),
                "resolution_a": resolution_a,
            }
            for class_id, resolution_a in ((1, 10.0), (2, 30.0))
        ],
        **publish.extra,
    }
    (publish.folder / "summary.json").write_text(json.dumps(summary))
    return summary
