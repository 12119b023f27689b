"""Export jobs: told beforehand, made by a worker, cancelled, gone on with after a crash, deleted."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frazil.app.access import session_for
from frazil.app.changes import changeable, note
from frazil.app.errors import ConflictError, NotFoundError
from frazil.app.export_jobs import FOLDER, Job, remove_part, submit
from frazil.app.export_resources import with_resources
from frazil.app.export_snapshot import choose, make_snapshot
from frazil.app.export_space import tell_space
from frazil.formats.atomic import atomic_path
from frazil.model.errors import InputError, PassingError
from frazil.stages.export.request import PROGRESS, SNAPSHOT, ExportTask, part_folder
from frazil.store.catalogue import exports, revisions
from frazil.store.trash import throw_away

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from frazil.app.access import Actor
    from frazil.app.export_snapshot import Choice
    from frazil.app.hub import Hub
    from frazil.model.settings import Settings
    from frazil.stages.export.request import ExportRequest
    from frazil.store.catalogue.sessions import SessionRow

MOST_EXPORTS = 200
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")


def preview_export(hub: Hub, actor: Actor, session_id: int, request: ExportRequest) -> dict[str, Any]:
    """Tell what an export would hold.

    Returns
    -------
        micrographs, particles (of these micrographs), class_update, classes (None: all), class_particles (of
        these classes, in all micrographs), problems (why it can't be made), notes.
    """
    with hub.catalogue.read() as connection:
        session = session_for(connection, actor, session_id, "viewer")
        choice = choose(connection, session, request)
        settings = revisions.newest(connection, session_id).settings()
    _look_for_room(session, request, settings, choice)
    return {
        "micrographs": len(choice.movies),
        "particles": choice.particles,
        "class_update": choice.classes.number if choice.classes else None,
        "classes": choice.classes.classes if choice.classes else None,
        "class_particles": choice.class_particles,
        "problems": choice.problems,
        "notes": choice.notes,
    }


def start_export(
    hub: Hub, actor: Actor, session_id: int, request: ExportRequest, name: str | None = None
) -> dict[str, Any]:
    """Make an export of the session as it is now; returns the job.

    Raises
    ------
    InputError
        There is nothing to export, as the preview says; the name is none, or taken.
    """
    with hub.catalogue.read() as connection:
        session = changeable(connection, actor, session_id)
        settings = revisions.newest(connection, session_id).settings()
        request = with_resources(request, settings)
        choice = choose(connection, session, request)
        _look_for_room(session, request, settings, choice)
        if choice.problems:
            raise InputError("; ".join(choice.problems))
        known = exports.listed(connection, session_id)
        if len(known) >= MOST_EXPORTS:
            raise InputError(f"a session has at most {MOST_EXPORTS} exports; delete one first")
        folder = hub.folder(session_id).path
        taken = {row["name"] for row in known}
        chosen = _name(name, request, folder, taken, exports.next_number(connection, session_id))
        now = hub.now()
        snapshot = make_snapshot(
            connection, session, request, choice, name=chosen, created_at=now, created_by=actor.login
        )
    wish = request.model_dump(mode="json", exclude_defaults=True)
    try:
        part = part_folder(folder, chosen)
        # What an export left behind of which nobody knows any more.
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        with atomic_path(part / SNAPSHOT) as file:
            file.write_text(snapshot.model_dump_json(), encoding="utf-8")
    except OSError as error:
        raise PassingError(f"{folder / FOLDER}: can't write there: {error.strerror}") from error
    with hub.catalogue.write() as connection:
        number = exports.add(connection, session_id, chosen, wish, created_at=now, created_by=actor.login)
        note(hub, connection, actor, session_id, "export.start", None, {"export": chosen, **wish})
    submit(hub, Job(session_id, number), ExportTask(session=folder, name=chosen), request.walltime_min)
    return show_export(hub, actor, session_id, number)


def list_exports(hub: Hub, actor: Actor, session_id: int) -> list[dict[str, Any]]:
    """All exports, newest first; see `show_export`."""
    with hub.catalogue.read() as connection:
        session = session_for(connection, actor, session_id, "viewer")
        rows = exports.listed(connection, session_id)
    return [_shown(session, row) for row in rows]


def show_export(hub: Hub, actor: Actor, session_id: int, number: int) -> dict[str, Any]:
    """Show an export.

    Returns
    -------
        number, name, state, request, created_at, created_by, started_at, ended_at, reason, result (counts,
        files, bytes, notes, overlays), path (where it is, or will be), fraction and doing (while it runs).
    """
    with hub.catalogue.read() as connection:
        session = session_for(connection, actor, session_id, "viewer")
        row = _row(connection, session_id, number)
    return _shown(session, row)


def cancel_export(hub: Hub, actor: Actor, session_id: int, number: int) -> None:
    """Give an export up; what it made so far is removed. One that has ended stays as it is."""
    with hub.catalogue.write() as connection:
        session = session_for(connection, actor, session_id, "operator")
        row = _row(connection, session_id, number)
        if row["state"] not in exports.UNFINISHED:
            return
        exports.change(connection, session_id, number, state="cancelled", ended_at=hub.now(), reason="")
        note(hub, connection, actor, session_id, "export.cancel", {"export": row["name"]}, None)
    job = Job(session_id, number)
    if not hub.executor.cancel(job.key):
        remove_part(Path(session.folder), row["name"])
    hub.feed.publish(session_id, FOLDER, {"number": number, "state": "cancelled"})


def retry_export(hub: Hub, actor: Actor, session_id: int, number: int) -> dict[str, Any]:
    """Make an export that failed again, of the same state of the session; `ConflictError` for others."""
    with hub.catalogue.write() as connection:
        session = changeable(connection, actor, session_id)
        row = _row(connection, session_id, number)
        if row["state"] != "failed":
            raise ConflictError(f"export {row['name']} is {row['state']}: only a failed one is tried again")
        if not (part_folder(Path(session.folder), row["name"]) / SNAPSHOT).exists():
            raise ConflictError(f"export {row['name']} left nothing to go on with: make a new one")
        exports.change(connection, session_id, number, state="queued", ended_at=None, reason="")
        note(hub, connection, actor, session_id, "export.retry", None, {"export": row["name"]})
    folder = hub.folder(session_id).path
    task = ExportTask(session=folder, name=row["name"])
    submit(hub, Job(session_id, number), task, row["request"].get("walltime_min"))
    return show_export(hub, actor, session_id, number)


def delete_export(hub: Hub, actor: Actor, session_id: int, number: int) -> None:
    """Delete an export with its folder, never what it links to; `ConflictError` while it is made."""
    with hub.catalogue.read() as connection:
        session = changeable(connection, actor, session_id)
        row = _row(connection, session_id, number)
    if row["state"] in exports.UNFINISHED:
        raise ConflictError(f"export {row['name']} is {row['state']}: cancel it first")
    folder = hub.folder(session_id).path
    try:
        throw_away(folder, [folder / FOLDER / row["name"], part_folder(folder, row["name"])])
    except OSError as error:
        raise PassingError(f"{error.filename or session.folder}: {error.strerror}") from error
    with hub.catalogue.write() as connection:
        exports.remove(connection, session_id, number)
        note(hub, connection, actor, session_id, "export.delete", {"export": row["name"]}, None)
    hub.janitor.empty(folder)
    hub.feed.publish(session_id, FOLDER, {"number": number, "state": "deleted"})


def _look_for_room(session: SessionRow, request: ExportRequest, settings: Settings, choice: Choice) -> None:
    reserve_gb = settings.transfer.min_free_gb
    problem, warning = tell_space(Path(session.folder), choice.movies, request, reserve_gb)
    choice.problems += [problem] if problem else []
    choice.notes += [warning] if warning else []


def _shown(session: SessionRow, row: dict[str, Any]) -> dict[str, Any]:
    progress: dict[str, Any] = {"fraction": None, "doing": ""}
    folder = Path(session.folder)
    if row["state"] == "running":
        try:
            progress |= json.loads((part_folder(folder, row["name"]) / PROGRESS).read_bytes())
        except (OSError, ValueError):
            # Not begun to count yet, or just done.
            progress["doing"] = "starting"
    shown = {name: value for name, value in row.items() if name != "session_id"}
    return {**shown, **progress, "path": str(folder / FOLDER / row["name"])}


def _name(name: str | None, request: ExportRequest, folder: Path, taken: set[str], number: int) -> str:
    if name is not None:
        if not _NAME.fullmatch(name):
            raise InputError(
                "an export's name has 1 to 80 letters, digits, _ and -, and begins with a letter or digit"
            )
        if name in taken or (folder / FOLDER / name).exists():
            raise InputError(f"there is an export called {name} already; choose another name")
        return name
    while (found := f"{request.format}-{number:03d}") in taken or (folder / FOLDER / found).exists():
        number += 1
    return found


def _row(connection: Connection, session_id: int, number: int) -> dict[str, Any]:
    try:
        return exports.get(connection, session_id, number)
    except InputError as error:
        raise NotFoundError(str(error)) from None
