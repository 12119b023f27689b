"""An entry of the class history on disk: averages, a sheet for people, assignments, numbers."""

from __future__ import annotations

import json
import math
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from frazil.compute.classify2d.quality import SELECTED
from frazil.formats.mrc import write_mrc
from frazil.stages.pictures import class_sheet, save_picture

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Literal

    from numpy.typing import NDArray

    from frazil.model.classes import Classification


def write_entry(
    folder: Path,
    result: Classification,
    assignments: pa.Table,
    summary: dict[str, Any],
    depth: Literal["float16", "float32"],
) -> None:
    """Write ``classes.mrcs``, ``classes.jpg``, ``assignments.parquet``, ``summary.json``: all or nothing.

    Raises `FileExistsError` where the folder is there already.
    """
    if folder.exists():
        raise FileExistsError(
            17, "there already: an entry of the class history is never replaced", str(folder)
        )
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        write_mrc(part / "classes.mrcs", result.averages, result.pixel_size_a, depth=depth)
        save_picture(part / "classes.jpg", class_picture(result), quality=90)
        pq.write_table(assignments, part / "assignments.parquet")
        (part / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def class_picture(result: Classification) -> Any:
    """Sheet of all classes that have members, largest first, with count and resolution."""
    order = [int(k) for k in np.argsort(-result.population, kind="stable") if result.population[k] > 0]
    captions = [
        f"{k + 1}: {int(count)}" + (f", {resolution:.0f} A" if math.isfinite(resolution) else "")
        for k, (count, resolution) in enumerate(
            zip(result.population.tolist(), result.resolution_a.tolist(), strict=True)
        )
    ]
    return class_sheet(result.averages, captions, order)


def class_entries(result: Classification) -> list[dict[str, Any]]:
    """Numbers of each class, ready for JSON."""

    def finite(value: float) -> float | None:
        return round(value, 3) if math.isfinite(value) else None

    return [
        {
            "class_id": k + 1,
            "particles": int(result.population[k]),
            "resolution_a": finite(float(result.resolution_a[k])),
            "resolution_143_a": finite(float(result.resolution_143_a[k])),
            "quality": round(float(result.quality[k]), 3),
            "selected": bool(result.quality[k] >= SELECTED),
            "reasons": list(result.reasons[k]),
        }
        for k in range(result.population.size)
    ]


def curve_values(result: Classification) -> dict[str, Any]:
    """Points of this entry on the curves of the history.

    Returns
    -------
        classes_in_use, median_resolution_a (FRC 0.5 of the classes with members; None where the halves of
        most don't agree) and good_share (particles in classes that are kept automatically).
    """
    filled = result.population > 0
    median = float(np.median(result.resolution_a[filled])) if filled.any() else math.inf
    good = int(result.population[result.quality >= SELECTED].sum())
    return {
        "classes_in_use": int(filled.sum()),
        "median_resolution_a": round(median, 3) if math.isfinite(median) else None,
        "good_share": round(good / max(1, result.class_id.size), 4),
    }


def moved_share(now: pa.Table, stable_id: NDArray[np.int64], previous: Path | None) -> float | None:
    """Share of the particles of an earlier entry that are in another class now, or in none.

    Parameters
    ----------
    now
        Assignments with ``key`` and ``class_id``.
    stable_id
        Who the classes are now, (K,): a class seeded anew in its old place is another one.
    previous
        Folder of the earlier entry.

    Returns
    -------
        None where there is none, or where it shares no particle.
    """
    if previous is None:
        return None
    try:
        summary = json.loads((previous / "summary.json").read_bytes())
        before = pq.read_table(previous / "assignments.parquet", columns=["key", "class_id"])
        known = {int(entry["class_id"]): int(entry["stable_id"]) for entry in summary["classes"]}
    except (OSError, ValueError, KeyError):
        # Cleared or damaged: then nobody knows.
        return None
    old = np.zeros(1 + max(known, default=0), dtype=np.int64)
    old[list(known)] = list(known.values())
    keys, here, there = np.intersect1d(
        now.column("key").to_numpy(), before.column("key").to_numpy(), return_indices=True
    )
    if not len(keys):
        return None
    is_in = np.append(0, stable_id)[now.column("class_id").to_numpy()[here]]
    was_in = old[before.column("class_id").to_numpy()[there]]
    return round(float((is_in != was_in).mean()), 4)


def assignment_table(
    result: Classification,
    names: Sequence[str],
    index: NDArray[np.integer[Any]],
    rows: NDArray[np.int64] | None = None,
    **more: NDArray[Any],
) -> pa.Table:
    """Class and pose of each particle; ``rows`` of the result, all by default."""
    some: Any = slice(None) if rows is None else rows
    table = pa.table(
        {
            "stack": pa.array(names).dictionary_encode(),
            "stack_index": np.asarray(index, dtype=np.int64),
            "class_id": result.class_id[some],
            "psi_deg": result.psi_deg[some],
            "shift_x_a": result.shift_x_a[some],
            "shift_y_a": result.shift_y_a[some],
            "posterior": result.posterior[some],
            "log_evidence": result.log_evidence[some],
            **more,
        }
    )
    return table.replace_schema_metadata({"schema_version": "1"})
