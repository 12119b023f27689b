"""Export jobs on the engine: submitted, followed, ended; gone on with by the next server."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from frazil.engine.executor import Task
from frazil.model.errors import FrazilError
from frazil.stages.export.request import ExportTask, part_folder
from frazil.stages.tasks import make_export
from frazil.store.catalogue import exports

if TYPE_CHECKING:
    from pathlib import Path

    from frazil.app.hub import Hub
    from frazil.engine.executor import Outcome

FOLDER = "exports"
"""In a session folder."""
_PRIORITY = (1.0,)


@dataclass(frozen=True)
class Job:
    """Which export of which session."""

    session_id: int
    number: int

    @property
    def key(self) -> str:
        """Of its task."""
        return f"export/{self.session_id}/{self.number}"


def submit(hub: Hub, job: Job, task: ExportTask, walltime_min: int | None = None) -> None:
    """Have a worker make an export, within so many minutes; its row follows what happens."""
    hub.feed.publish(job.session_id, FOLDER, {"number": job.number, "state": "queued"})
    hub.executor.submit(
        Task(
            job.key,
            make_export,
            (task,),
            pool="files",
            priority=_PRIORITY,
            timeout_s=None if walltime_min is None else 60.0 * walltime_min,
            # What took too long once takes too long again.
            attempts=2 if walltime_min is None else 1,
            done=lambda outcome: _ended(hub, job, task, outcome),
            started=lambda _key, _worker: _started(hub, job),
        )
    )


def resume_exports(hub: Hub) -> None:
    """Go on with what an earlier server was making; where the folder is away it fails, to be tried again."""
    with hub.catalogue.read() as connection:
        rows = [row for row in exports.listed(connection) if row["state"] in exports.UNFINISHED]
    for row in rows:
        job = Job(row["session_id"], row["number"])
        try:
            folder = hub.folder(job.session_id).path
        except FrazilError as error:
            _end(hub, job, state="failed", reason=str(error))
            continue
        if (folder / FOLDER / row["name"] / "manifest.tsv").exists():
            # It got its name, and the server died before it could note so.
            _end(hub, job, state="done", reason="")
        else:
            with hub.catalogue.write() as connection:
                exports.change(connection, job.session_id, job.number, state="queued", started_at=None)
            task = ExportTask(session=folder, name=row["name"])
            submit(hub, job, task, row["request"].get("walltime_min"))


def cancel_all(hub: Hub, session_id: int) -> None:
    """Give up everything that is being made of a session, because it is deleted."""
    with hub.catalogue.write() as connection:
        numbers = [
            row["number"]
            for row in exports.listed(connection, session_id)
            if row["state"] in exports.UNFINISHED
        ]
        for number in numbers:
            exports.change(connection, session_id, number, state="cancelled", ended_at=hub.now())
    for number in numbers:
        hub.executor.cancel(Job(session_id, number).key)


def remove_part(folder: Path, name: str) -> None:
    """Remove what an export made so far."""
    shutil.rmtree(part_folder(folder, name), ignore_errors=True)


def _started(hub: Hub, job: Job) -> None:
    with hub.catalogue.write() as connection:
        values = {"state": "running", "started_at": hub.now()}
        # It may have been cancelled in this very moment.
        exports.change(connection, job.session_id, job.number, only_from=("queued",), **values)
    hub.feed.publish(job.session_id, FOLDER, {"number": job.number, "state": "running"})


def _ended(hub: Hub, job: Job, task: ExportTask, outcome: Outcome) -> None:
    if outcome.cancelled:
        with hub.catalogue.read() as connection:
            row = next(
                (r for r in exports.listed(connection, job.session_id) if r["number"] == job.number), None
            )
        # The server stops: the next one goes on. Or a person gave it up.
        if row is not None and row["state"] == "cancelled":
            remove_part(task.session, task.name)
        return
    if outcome.error:
        _end(hub, job, state="failed", reason=outcome.error)
    else:
        _end(hub, job, state="done", reason="", result=outcome.value)


def _end(hub: Hub, job: Job, **values: Any) -> None:
    with hub.catalogue.write() as connection:
        exports.change(
            connection,
            job.session_id,
            job.number,
            only_from=exports.UNFINISHED,
            ended_at=hub.now(),
            **values,
        )
    hub.feed.publish(job.session_id, FOLDER, {"number": job.number, "state": values["state"]})
