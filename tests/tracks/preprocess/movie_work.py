"""Trivial work on a movie, in the shape of the real one: products, then the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frazil.model.errors import InputError, PassingError
from frazil.model.settings_stages import stage_fingerprints
from frazil.stages.plan import stages_to_do
from frazil.stages.record import MovieRecord, StageRecord
from frazil.stages.record_file import store_record, stored_record
from frazil.stages.source import input_signature

if TYPE_CHECKING:
    from frazil.model.settings import Stage
    from frazil.stages.movie_task import MovieTask

PRODUCT: dict[Stage, str] = {
    "align": "motion/{}.star",
    "sum": "micrographs/{}.mrc",
    "ctf": "ctf/{}.json",
    "pick": "picks/{}.parquet",
    "extract": "particles/{}.parquet",
}


def work(task: MovieTask) -> MovieRecord:
    """Do what is missing; what the movie's file says decides what goes wrong."""
    content = task.source.read_bytes().decode(errors="replace")
    if content == "passing":
        raise PassingError("the share is gone")
    if content == "memory":
        raise MemoryError("much too large" if task.threads is None else f"{task.threads} thread")
    if content == "worthless":
        raise InputError("not a movie")
    record = (stored_record(task.session, task.name) or task.record).model_copy(deep=True)
    manual = task.manual_picks.token
    todo = stages_to_do(record, task.settings, task.session, task.source, manual)
    record.manual_picks = manual
    record.source_signature = input_signature(task.source, task.settings)
    fingerprints = stage_fingerprints(task.settings, record.source_signature, manual)
    record.forget(todo)
    for stage in todo:
        done = StageRecord(
            state="done", fingerprint=fingerprints[stage], revision=task.revision, at=50.0, seconds=1.0
        )
        if content == f"bad {stage}":
            done.state, done.reason = "failed", f"{task.source}: no signal"
            record.stages[stage] = done
            break
        product = task.session / PRODUCT[stage].format(task.name)
        product.write_text(f"revision {task.revision}")
        done.products = [PRODUCT[stage].format(task.name)]
        if stage == "extract":
            record.numbers["particles"] = 10.0
            done.numbers = ["particles"]
        if stage == "ctf":
            record.numbers["ctf_resolution_a"] = 4.0
            done.numbers = ["ctf_resolution_a"]
        record.stages[stage] = done
    store_record(task.session, record)
    return record
