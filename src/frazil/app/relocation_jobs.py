"""Sessions on their way to another folder: on the engine, followed, gone on with by the next server."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frazil.engine.executor import Task
from frazil.model.errors import FrazilError
from frazil.model.words import plural
from frazil.stages.relocate_rename import take_back, was_renamed
from frazil.stages.relocation import RelocationTask
from frazil.stages.tasks import copy_session, remove_original
from frazil.store.catalogue import relocations, sessions
from frazil.store.session import SessionFolder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from frazil.app.hub import Hub
    from frazil.engine.executor import Outcome

_PRIORITY = (2.0,)


def task_of(row: Mapping[str, Any], identity: str) -> RelocationTask:
    """Say what has to be done for a row."""
    return RelocationTask(Path(row["source"]), Path(row["target"]), identity, row["mode"] == "move")


def submit(hub: Hub, session_id: int) -> None:
    """Have a worker do what is next: copy, or remove the original."""
    with hub.catalogue.read() as connection:
        row = relocations.find(connection, session_id)
        identity = sessions.get(connection, session_id).uuid
    if row is None or row["state"] not in relocations.UNFINISHED:
        return
    task = task_of(row, identity)
    hub.feed.publish(session_id, "session", {"relocation": row["state"]})
    copying = row["state"] == "copying"
    hub.executor.submit(
        Task(
            _key(session_id, row["state"]),
            copy_session if copying else remove_original,
            (task,),
            pool="files",
            priority=_PRIORITY,
            done=partial(_copied if copying else _removed, hub, session_id, task),
        )
    )


def resume_relocations(hub: Hub) -> None:
    """Go on with what an earlier server was copying or removing."""
    with hub.catalogue.read() as connection:
        rows = relocations.unfinished(connection)
    for row in rows:
        submit(hub, row["session_id"])


def give_up(hub: Hub, session_id: int) -> None:
    """End a copy that is being made, and remove it; the session is as before."""
    with hub.catalogue.write() as connection:
        row = relocations.find(connection, session_id)
        ended = {"state": "cancelled", "ended_at": hub.now()}
        if row is None or not relocations.change(connection, session_id, ("copying",), **ended):
            return
        session = sessions.get(connection, session_id)
        if session.life != "deleting":
            sessions.change(connection, session_id, life=row["life_before"])
        task = task_of(row, session.uuid)
    if not hub.executor.cancel(_key(session_id, "copying")):
        _undo(hub, task)
    _tell(hub, session_id)


def _undo(hub: Hub, task: RelocationTask) -> None:
    """Take back what was done of a relocation that was given up."""
    take_back(task)
    hub.janitor.do(partial(shutil.rmtree, task.staging, ignore_errors=True))


def _copied(hub: Hub, session_id: int, task: RelocationTask, outcome: Outcome) -> None:
    with hub.catalogue.read() as connection:
        row = relocations.find(connection, session_id)
    if outcome.cancelled or row is None or row["state"] != "copying":
        # The server stops: the next one goes on. Or a person gave it up.
        if row is None or row["state"] == "cancelled":
            _undo(hub, task)
        return
    # What failed after the folder got its new name changes nothing: the session lies there.
    reason = "" if was_renamed(task) and not task.source.exists() else outcome.error
    # The folder is let go before anybody can ask for the new one.
    hub.forget(session_id)
    if not reason and task.move:
        try:
            SessionFolder(task.target, identity=task.identity).close()
        except FrazilError as error:
            reason = str(error)
    if reason:
        _end(hub, session_id, "failed", life=row["life_before"], reason=reason)
    elif not task.move:
        _end(hub, session_id, "done", life=row["life_after"], result=outcome.value)
    else:
        with hub.catalogue.write() as connection:
            result = outcome.value or {}
            going = relocations.change(connection, session_id, ("copying",), state="removing", result=result)
            if going:
                relocations.change_folder(connection, session_id, str(task.source), str(task.target))
                sessions.change(connection, session_id, life=row["life_after"])
        if not going:
            # Given up in this very moment.
            _undo(hub, task)
            return
        hub.forget(session_id)
        _tell(hub, session_id)
        submit(hub, session_id)


def _removed(hub: Hub, session_id: int, task: RelocationTask, outcome: Outcome) -> None:
    if outcome.cancelled:
        return
    with hub.catalogue.read() as connection:
        row = relocations.find(connection, session_id)
    result = dict(row["result"]) if row is not None else {}
    left, reason = (outcome.value or {}).get("left", 0), ""
    if outcome.error:
        reason = f"the session lies in {task.target}, but the old folder is not removed: {outcome.error}"
    elif left:
        reason = f"{plural(left, 'file')} in {task.source}: came or changed meanwhile, left there"
    _end(hub, session_id, "done", result={**result, "left": left}, reason=reason)


def _end(hub: Hub, session_id: int, state: str, *, life: str | None = None, **values: Any) -> None:
    with hub.catalogue.write() as connection:
        changed = relocations.change(
            connection, session_id, relocations.UNFINISHED, state=state, ended_at=hub.now(), **values
        )
        if changed and life is not None:
            sessions.change(connection, session_id, life=life)
    _tell(hub, session_id)


def _tell(hub: Hub, session_id: int) -> None:
    with hub.catalogue.read() as connection:
        row = relocations.find(connection, session_id)
        session = sessions.get(connection, session_id)
    state = row["state"] if row is not None else "none"
    hub.feed.publish(session_id, "session", {"life": session.life, "relocation": state})


def _key(session_id: int, state: str) -> str:
    return f"relocation/{session_id}/{state}"
