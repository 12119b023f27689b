"""Classify the particles of a session in one go: class averages, assignments, a sheet for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.compute.classify2d import classify
from frazil.formats.mrc import MrcStack
from frazil.stages.classify_publish import assignment_table, class_entries, curve_values, write_entry
from frazil.stages.machine import reuse_memory, worker_threads

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
        first = 0
        while first < len(rows):
            path, index = self._stacks[rows[first]], int(self._index[rows[first]])
            # What lies side by side in one file is read together.
            end = first + 1
            while (
                end < len(rows)
                and self._stacks[rows[end]] == path
                and self._index[rows[end]] == index + end - first
            ):
                end += 1
            images[first:end] = self._stack(path)[index : index + end - first]
            first = end
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
    reuse_memory()
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
    write_entry(
        task.folder, result, assignment_table(result, list(task.names), task.index), summary, task.depth
    )
    return summary


def summarise(task: ClassifyTask, result: Classification) -> dict[str, Any]:
    """Numbers of a classification, ready for JSON."""
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
        "contrast": result.contrast,
        **curve_values(result),
        "classes": class_entries(result),
    }
