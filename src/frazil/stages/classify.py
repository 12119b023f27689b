"""Classify the particles of a session: class averages, assignments, a sheet for people."""

from __future__ import annotations

import json
import math
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from frazil.compute.classify2d import classify
from frazil.formats.mrc import MrcStack, write_mrc
from frazil.stages.machine import worker_threads
from frazil.stages.pictures import class_sheet, save_picture

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.model.classes import Classification
    from frazil.stages.classify_task import ClassifyTask

OPEN_STACKS = 16


class ParticleImages:
    """Images of many stacks as one: ``images[i:j]`` reads them from disk."""

    def __init__(self, stacks: Sequence[Path], index: NDArray[np.int64]) -> None:
        self._stacks, self._index = stacks, index
        self._open: dict[Path, MrcStack] = {}
        rows, columns = self._stack(stacks[0]).shape[1:]
        self.shape = (len(stacks), rows, columns)

    def __getitem__(self, key: slice) -> NDArray[np.float32]:
        rows = range(*key.indices(len(self._stacks)))
        images = np.empty((len(rows), *self.shape[1:]), np.float32)
        for place, row in enumerate(rows):
            images[place] = self._stack(self._stacks[row]).read_section(int(self._index[row]))
        return images

    def _stack(self, path: Path) -> MrcStack:
        if path not in self._open:
            while len(self._open) >= OPEN_STACKS:
                self._open.pop(next(iter(self._open))).close()
            self._open[path] = MrcStack(path)
        return self._open[path]

    def close(self) -> None:
        """Close all files."""
        for stack in self._open.values():
            stack.close()
        self._open.clear()


def run_classification(task: ClassifyTask) -> dict[str, Any]:
    """Classify and store the result; returns its summary."""
    images = ParticleImages(task.stacks, task.index)
    try:
        result = classify(
            images,
            task.ctf,
            pixel_size_a=task.pixel_size_a,
            classes=task.classes,
            mask_diameter_a=2.0 * task.mask_radius_a,
            initial_resolution_a=task.initial_resolution_a,
            final_resolution_a=task.final_resolution_a,
            seed=task.seed,
            device=task.device,
            threads=worker_threads(),
            automask=task.automask,
            autocentre=task.autocentre,
        )
    finally:
        images.close()
    summary = summarise(task, result)
    part = task.folder.with_name(f".{task.folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        write_mrc(part / "classes.mrcs", result.averages, result.pixel_size_a, depth=task.depth)
        save_picture(part / "classes.jpg", class_picture(result), quality=90)
        pq.write_table(_assignments(task, result), part / "assignments.parquet")
        (part / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
        part.rename(task.folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return summary


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


def summarise(task: ClassifyTask, result: Classification) -> dict[str, Any]:
    """Numbers of a classification, ready for JSON."""

    def finite(value: float) -> float | None:
        return round(value, 3) if math.isfinite(value) else None

    return {
        "schema_version": 1,
        "fingerprint": task.fingerprint,
        "particles": int(result.class_id.size),
        "unassigned": int((result.class_id == 0).sum()),
        "class_count": int(result.population.size),
        "pixel_size_a": result.pixel_size_a,
        "mask_radius_a": task.mask_radius_a,
        "final_resolution_a": task.final_resolution_a,
        "seed": task.seed,
        "device": task.device,
        "notes": list(result.notes),
        "classes": [
            {
                "class_id": k + 1,
                "particles": int(result.population[k]),
                "resolution_a": finite(float(result.resolution_a[k])),
                "resolution_143_a": finite(float(result.resolution_143_a[k])),
            }
            for k in range(result.population.size)
        ],
    }


def _assignments(task: ClassifyTask, result: Classification) -> pa.Table:
    table = pa.table(
        {
            "stack": pa.array(list(task.names)).dictionary_encode(),
            "stack_index": task.index,
            "class_id": result.class_id,
            "psi_deg": result.psi_deg,
            "shift_x_a": result.shift_x_a,
            "shift_y_a": result.shift_y_a,
            "posterior": result.posterior,
            "log_evidence": result.log_evidence,
        }
    )
    return table.replace_schema_metadata({"schema_version": "1"})
