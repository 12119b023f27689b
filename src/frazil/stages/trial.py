"""Try settings on one movie in a folder of its own; what the session holds is read and never changed."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

from frazil.formats.atomic import atomic_path
from frazil.stages.products import FOLDERS, Products
from frazil.stages.record_file import store_record, stored_record

if TYPE_CHECKING:
    from pathlib import Path

    from frazil.stages.movie_task import MovieTask

RESULT = "result.json"


def run_trial(task: MovieTask, session: Path) -> None:
    """Process one movie into ``task.session``, beginning with what the session has of it.

    Products that are there are linked, not copied: stages replace files, they never write into them. The
    outcome stands in ``result.json`` when all is done.
    """
    from frazil.stages.preprocess import describe, preprocess

    for name in FOLDERS:
        (task.session / name).mkdir(parents=True, exist_ok=True)
    before = stored_record(session, task.name)
    if before is not None:
        for stage in before.stages.values():
            for product in stage.products:
                _link(session / product, task.session / product)
        store_record(task.session, before)
    try:
        record = preprocess(task)
    except Exception as error:
        write_result(task.session, state="failed", reason=describe(error, task.source))
        raise
    known = {} if before is None else before.stages
    redone = [stage for stage, done in record.stages.items() if known.get(stage) != done]
    write_result(
        task.session,
        state="failed" if record.failed_stage else "done",
        reason=record.reason,
        stages=redone,
        before={} if before is None else before.numbers,
        after=record.numbers,
        notes=record.notes,
        pictures=_pictures(task),
    )


def _pictures(task: MovieTask) -> list[str]:
    """Kinds of pictures there are."""
    folder = Products(task.session, task.name).picture("preview").parent
    return sorted(path.name.split(".")[-2] for path in folder.glob(f"{task.name}.*.jpg"))


def write_result(folder: Path, **values: Any) -> None:
    """Store how a trial ended."""
    with atomic_path(folder / RESULT) as part:
        part.write_text(json.dumps(values), encoding="utf-8")


def _link(source: Path, target: Path) -> None:
    if not source.is_file():
        return
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
