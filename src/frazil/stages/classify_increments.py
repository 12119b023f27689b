"""The stream's interface on top of the batch classifier: every entry of the history is a classification anew.

It keeps the particles of a run in its state folder, visits none of them in between, and classifies at most
6,000 of them when an entry is to be published: the newest ones, and others drawn by the seed.
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from frazil.compute.classify2d import classify
from frazil.formats.atomic import atomic_path
from frazil.formats.mrc import write_mrc
from frazil.model.classes import ParticleCtf
from frazil.model.errors import InputError
from frazil.model.optics import Optics
from frazil.stages.classify import ParticleImages, class_picture, summarise
from frazil.stages.classify_stream_task import StreamResult
from frazil.stages.classify_task import ClassifyTask
from frazil.stages.machine import worker_threads
from frazil.stages.pictures import save_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.stages.classify_stream_task import Publication, StreamParticles, StreamTask

MOST_PARTICLES = 6000
_NEWEST = 2000
_FEWEST_PER_CLASS = 10
_CTF = ("defocus_u_a", "defocus_v_a", "astigmatism_angle_deg", "phase_shift_deg")


@dataclass(frozen=True)
class _Store:
    """All particles of a run, in the order in which they came."""

    columns: dict[str, NDArray[Any]]
    optics: tuple[float, float, float]

    @property
    def keys(self) -> NDArray[np.int64]:
        return self.columns["key"]

    def take(self, rows: NDArray[Any]) -> _Store:
        return _Store({name: column[rows] for name, column in self.columns.items()}, self.optics)


def stream_batch(task: StreamTask) -> StreamResult:
    """Take a batch in, and classify if an entry is to be published; see `classify_stream_task`."""
    began = time.monotonic()
    task.state.mkdir(parents=True, exist_ok=True)
    file = task.state / "particles.npz"
    before = _read(file)
    after, added, withdrawn = _changed(before, task)
    if after is not None and (added or withdrawn):
        _write(file, after)
    count = 0 if after is None else after.keys.size
    waiting = after is None or count < task.settings.start_particles
    summary = None
    visits = 0
    if after is not None and not waiting and task.publish is not None:
        summary, visits = _publish(task, after, task.publish)
    used = 0 if summary is None else sum(item["particles"] > 0 for item in summary["classes"])
    return StreamResult(
        phase="waiting" if waiting else "following",
        particles=count,
        added=added,
        withdrawn=withdrawn,
        visits=visits,
        classes_in_use=used,
        limit_a=np.inf if waiting else task.settings.final_resolution_a,
        structure_changes=0,
        mean_log_evidence=0.0,
        moved_share=0.0,
        seconds=time.monotonic() - began,
        summary=summary,
        notes=tuple(summary["notes"]) if summary is not None else (),
    )


def _changed(before: _Store | None, task: StreamTask) -> tuple[_Store | None, int, int]:
    """Store with the new particles in and the withdrawn ones out, and how many of both."""
    withdrawn = 0
    new = None if task.particles is None else _store_of(task.particles)
    if before is not None:
        gone = np.isin(before.keys, task.withdrawn)
        withdrawn = int(gone.sum())
        if new is not None:
            gone |= np.isin(before.keys, new.keys)
        before = before.take(np.flatnonzero(~gone))
    if new is None:
        return before, 0, withdrawn
    if before is None:
        return new, new.keys.size, withdrawn
    columns = {name: np.concatenate([before.columns[name], new.columns[name]]) for name in new.columns}
    return _Store(columns, new.optics), new.keys.size, withdrawn


def _store_of(particles: StreamParticles) -> _Store:
    optics = particles.ctf.optics
    columns: dict[str, NDArray[Any]] = {
        "key": particles.keys,
        "stack": np.array([str(path) for path in particles.stacks])[particles.stack_of],
        "name": np.array(particles.names)[particles.stack_of],
        "index": particles.index,
    }
    columns |= {name: getattr(particles.ctf, name) for name in _CTF}
    return _Store(columns, (optics.voltage_kv, optics.cs_mm, optics.amplitude_contrast))


def _read(file: Path) -> _Store | None:
    try:
        with np.load(file, allow_pickle=False) as arrays:
            columns = {name: arrays[name] for name in arrays.files if name != "optics"}
            voltage, cs, contrast = (float(value) for value in arrays["optics"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError) as error:
        raise InputError(f"{file}: damaged ({error}); restart 2D classification") from error
    return _Store(columns, (voltage, cs, contrast))


def _write(file: Path, store: _Store) -> None:
    with atomic_path(file) as part, part.open("wb") as handle:
        np.savez(handle, allow_pickle=False, optics=np.array(store.optics), **store.columns)


def _publish(task: StreamTask, store: _Store, publish: Publication) -> tuple[dict[str, Any], int]:
    """Classify, and write the entry whole or not at all."""
    chosen = store.take(_draw(store.keys.size, task.settings.seed))
    work = _classify_task(task, chosen, publish)
    images = ParticleImages(work.stacks, work.index)
    try:
        result = classify(
            images,
            work.ctf,
            pixel_size_a=work.pixel_size_a,
            classes=work.classes,
            mask_diameter_a=2.0 * work.mask_radius_a,
            initial_resolution_a=work.initial_resolution_a,
            final_resolution_a=work.final_resolution_a,
            seed=work.seed,
            device=work.device,
            threads=worker_threads(),
            automask=work.automask,
            autocentre=work.autocentre,
        )
    finally:
        images.close()
    summary = summarise(work, result) | publish.extra
    part = publish.folder.with_name(f".{publish.folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        write_mrc(part / "classes.mrcs", result.averages, result.pixel_size_a, depth=publish.depth)
        save_picture(part / "classes.jpg", class_picture(result), quality=90)
        pq.write_table(_assignments(chosen, result), part / "assignments.parquet")
        (part / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
        part.rename(publish.folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return summary, chosen.keys.size


def _draw(count: int, seed: int) -> NDArray[np.int64]:
    """Rows to classify, in order: the newest, and a draw of the others."""
    if count <= MOST_PARTICLES:
        return np.arange(count)
    random = np.random.default_rng((seed, count))
    older = random.choice(count - _NEWEST, MOST_PARTICLES - _NEWEST, replace=False)
    return np.concatenate([np.sort(older), np.arange(count - _NEWEST, count)])


def _classify_task(task: StreamTask, chosen: _Store, publish: Publication) -> ClassifyTask:
    settings, columns = task.settings, chosen.columns
    return ClassifyTask(
        stacks=tuple(Path(path) for path in columns["stack"].tolist()),
        index=columns["index"],
        names=tuple(columns["name"].tolist()),
        ctf=ParticleCtf(Optics(*chosen.optics), *(columns[name] for name in _CTF)),
        pixel_size_a=settings.pixel_size_a,
        classes=min(settings.class_count, max(1, chosen.keys.size // _FEWEST_PER_CLASS)),
        mask_radius_a=settings.mask_radius_a,
        initial_resolution_a=settings.initial_resolution_a,
        final_resolution_a=settings.final_resolution_a,
        seed=settings.seed,
        folder=publish.folder,
        fingerprint=publish.fingerprint,
        automask=settings.automask,
        autocentre=settings.autocentre,
        device=task.device,
        depth=publish.depth,
    )


def _assignments(chosen: _Store, result: Any) -> pa.Table:
    table = pa.table(
        {
            "key": chosen.keys,
            "stack": pa.array(chosen.columns["name"].tolist()).dictionary_encode(),
            "stack_index": chosen.columns["index"],
            "class_id": result.class_id,
            "psi_deg": result.psi_deg,
            "shift_x_a": result.shift_x_a,
            "shift_y_a": result.shift_y_a,
            "posterior": result.posterior,
            "log_evidence": result.log_evidence,
        }
    )
    return table.replace_schema_metadata({"schema_version": "1"})
