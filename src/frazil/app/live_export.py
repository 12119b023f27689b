"""Live export: RELION's tables of a session, kept current while it goes on."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from frazil.app.access import SERVER, session_for
from frazil.app.changes import changeable, note
from frazil.app.export_snapshot import choose, make_snapshot
from frazil.engine.executor import Task
from frazil.model.errors import FrazilError, InputError
from frazil.model.movie_filter import MovieFilter
from frazil.stages.export.request import ExportRequest
from frazil.stages.tasks import write_live_tables
from frazil.store.catalogue import class_overrides, class_selections, exports, filters, revisions
from frazil.store.catalogue.schema import class_updates, movies

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from frazil.app.access import Actor
    from frazil.app.hub import Hub
    from frazil.engine.executor import Outcome
    from frazil.stages.export.request import Snapshot

server_log = logging.getLogger("frazil.server")

NUMBER, NAME = 0, "live"
"""Of its row among the exports, which lists leave out."""
LEAST_PAUSE_S = 60.0
_PAUSE_FOR_EACH_SECOND = 20.0
"""Writing everything anew must not become the main work of the server."""


def show_live_export(hub: Hub, actor: Actor, session_id: int) -> dict[str, Any]:
    """Show the live export.

    Returns
    -------
        enabled, request (filter and classes of the selected set), written_at, reason (why it failed last),
        result (counts by set, notes, seconds), folder.
    """
    with hub.catalogue.read() as connection:
        session = session_for(connection, actor, session_id, "viewer")
        row = _row(connection, session_id)
    return {
        "enabled": row is not None and row["state"] == "live",
        "request": ExportRequest.model_validate(row["request"] if row else {}),
        "written_at": row["ended_at"] if row else None,
        "reason": row["reason"] if row else "",
        "result": row["result"] if row else {},
        "folder": str(Path(session.folder) / "relion"),
    }


def set_live_export(
    hub: Hub, actor: Actor, session_id: int, *, enabled: bool, request: ExportRequest
) -> dict[str, Any]:
    """Switch it on or off, and say which micrographs and classes are selected.

    Tables that were written stay. Raises `NotFoundError` for a filter or selection that is not there.
    """
    with hub.catalogue.write() as connection:
        session = changeable(connection, actor, session_id)
        choose(connection, session, request)
        before = _row(connection, session_id)
        wish = request.model_dump(mode="json", exclude_defaults=True)
        values = {"state": "live" if enabled else "off", "request": wish, "reason": ""}
        if before is None:
            now = hub.now()
            exports.add_numbered(
                connection, session_id, NUMBER, NAME, created_at=now, created_by=actor.login, **values
            )
        else:
            # Everything is written anew: other micrographs may be selected now.
            exports.change(connection, session_id, NUMBER, started_at=None, **values)
        was = None if before is None else {"state": before["state"], **before["request"]}
        after = {"state": values["state"], **wish}
        note(hub, connection, actor, session_id, "export.live", was, after)
    return show_live_export(hub, actor, session_id)


def keep_current(hub: Hub) -> None:
    """Have the tables written of all sessions in which something happened; a duty of the server's watch."""
    with hub.catalogue.read() as connection:
        rows = [row for row in exports.listed_live(connection) if row["state"] == "live"]
    for row in rows:
        try:
            _look(hub, row)
        except FrazilError as error:
            if row["reason"] != str(error):
                server_log.warning("S%d: live export: %s", row["session_id"], error)
                with hub.catalogue.write() as connection:
                    exports.change(connection, row["session_id"], NUMBER, reason=str(error))


def _look(hub: Hub, row: dict[str, Any]) -> None:
    session_id = row["session_id"]
    pause = max(LEAST_PAUSE_S, _PAUSE_FOR_EACH_SECOND * row["result"].get("seconds", 0.0))
    is_new = row["started_at"] is None
    if not is_new and row["ended_at"] is not None and 0.0 <= hub.now() - row["ended_at"] < pause:
        return
    wanted = {
        "all": ExportRequest(files="none"),
        "selected": ExportRequest.model_validate({**row["request"], "files": "none"}),
    }
    with hub.catalogue.read() as connection:
        session = session_for(connection, SERVER, session_id, "operator")
        state = _state(connection, session_id, wanted["selected"])
        if session.life == "archived" or (not is_new and row["result"].get("state") == state):
            return
        sets: dict[str, Snapshot] = {}
        for name, request in wanted.items():
            choice = choose(connection, session, request)
            sets[name] = make_snapshot(
                connection, session, request, choice, name=NAME, created_at=hub.now(), created_by="server"
            )
    folder = hub.folder(session_id).path
    task = Task(
        f"live-export/{session_id}",
        write_live_tables,
        (folder, sets),
        pool="files",
        priority=(2.0,),
        done=lambda outcome: _written(hub, session_id, state, outcome),
    )
    try:
        hub.executor.submit(task)
    except ValueError:
        # The last one is still being written.
        return
    with hub.catalogue.write() as connection:
        exports.change(connection, session_id, NUMBER, started_at=hub.now())


def _written(hub: Hub, session_id: int, state: list[Any], outcome: Outcome) -> None:
    if outcome.cancelled:
        return
    # What failed is tried again after the pause.
    result = {**(outcome.value or {}), "state": None if outcome.error else state}
    with hub.catalogue.write() as connection:
        exports.change(
            connection, session_id, NUMBER, ended_at=hub.now(), reason=outcome.error, result=result
        )
    hub.feed.publish(session_id, "exports", {"number": NUMBER, "state": "live"})


def _state(connection: Connection, session_id: int, selected: ExportRequest) -> list[Any]:
    """Something that differs whenever the tables would."""
    own = movies.c.session_id == session_id
    columns = movies.c.done_at, movies.c.particles_change
    done = select(func.count(columns[0]), *(func.max(column) for column in columns))
    kept = [
        _kept(connection, session_id, each)
        for each in (MovieFilter(), _filter(connection, session_id, selected))
    ]
    newest = select(func.max(class_updates.c.number)).where(class_updates.c.session_id == session_id)
    by_hand = class_overrides.listed(connection, session_id)
    least = revisions.newest(connection, session_id).settings().classification.select_quality
    return [
        *connection.execute(done.where(own)).one(),
        *kept,
        connection.scalar(newest),
        least,
        [
            [row["update_number"], row["classes"]]
            for row in class_selections.listed(connection, session_id)
            if row["name"] == selected.selection
        ],
        [[run, sorted(map(list, choices.items()))] for run, choices in by_hand.items()],
    ]


def _kept(connection: Connection, session_id: int, content: MovieFilter) -> str:
    """Which micrographs a filter keeps, in short."""
    own = movies.c.session_id == session_id, movies.c.state != "processing", filters.kept(content)
    numbers = connection.scalars(select(movies.c.number).where(*own).order_by(movies.c.number))
    return hashlib.blake2b(json.dumps(list(numbers)).encode(), digest_size=8).hexdigest()


def _filter(connection: Connection, session_id: int, request: ExportRequest) -> MovieFilter:
    if request.filter_name is None:
        return request.where or MovieFilter()
    return filters.get(connection, session_id, request.filter_name)


def _row(connection: Connection, session_id: int) -> dict[str, Any] | None:
    try:
        return exports.get(connection, session_id, NUMBER)
    except InputError:
        return None
