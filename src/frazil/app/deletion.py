"""Delete a session: said beforehand, done in the background, gone on with after a crash."""

from __future__ import annotations

import json
import logging
import os
import threading
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from frazil.app.access import session_for
from frazil.app.errors import ConflictError
from frazil.app.export_jobs import cancel_all
from frazil.app.relocation_jobs import give_up
from frazil.formats.atomic import atomic_path
from frazil.model.errors import InputError, PassingError
from frazil.model.track import TRACKS, Stop
from frazil.stages.products import FOLDERS
from frazil.store.catalogue import audit, sessions, tracks
from frazil.store.catalogue.schema import source_files
from frazil.store.session import SessionFolder
from frazil.store.session_file import FILE_NAME
from frazil.store.trash import TRASH, empty_trash, throw_away

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from frazil.app.access import Actor
    from frazil.app.hub import Hub
    from frazil.store.catalogue.sessions import SessionRow

server_log = logging.getLogger("frazil.server")

OWN_NAMES = frozenset((*FOLDERS, "classes", "exports", "relion", ".tests", TRASH, FILE_NAME, ".lock"))
"""What Frazil makes in a session folder; anything else there is somebody's and stays."""
_WISHES = ".deleting.json"
_STOPS_WITHIN_S = 30.0


@dataclass(frozen=True)
class Wishes:
    """What stays when a session is deleted."""

    keep_raw: bool = False
    keep_exports: bool = False

    def kept(self) -> set[str]:
        """Names in the session folder."""
        return {name for name, keep in (("raw", self.keep_raw), ("exports", self.keep_exports)) if keep}


def delete_preview(hub: Hub, actor: Actor, session_id: int) -> dict[str, Any]:
    """Tell what deleting a session would take away.

    Returns
    -------
        folder; ``entries`` (name, files, bytes, links); ``others``: what is somebody else's and stays;
        ``only_copies`` (files, bytes): movies that were moved, whose only copy lies in ``raw/``; ``running``:
        tracks that would be stopped; ``problem``: why the folder can't be looked at.
    """
    with hub.catalogue.read() as connection:
        row = session_for(connection, actor, session_id, "owner")
        only_copies = _only_copies(connection, session_id)
        running = [
            track.track for track in tracks.listed(connection, [session_id]) if track.state != "stopped"
        ]
    folder = Path(row.folder)
    problem, entries, others = "", [], []
    try:
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            if entry.name in OWN_NAMES:
                entries.append({"name": entry.name, **_measured(Path(entry.path))})
            elif entry.name != _WISHES:
                others.append(entry.name)
    except OSError as error:
        problem = f"{folder}: {error.strerror}"
    return {
        "folder": row.folder,
        "entries": entries,
        "others": others,
        "only_copies": only_copies,
        "running": running,
        "problem": problem,
    }


def delete(hub: Hub, actor: Actor, session_id: int, name: str, wishes: Wishes | None = None) -> None:
    """Delete a session.

    Its tracks are stopped at once; the rest is done in the background, also after a crash. Links are removed,
    never what they point to.

    Parameters
    ----------
    name
        The session's name, as a person typed it.
    wishes
        What stays.

    Raises
    ------
    InputError
        Another name than the session's.
    ConflictError
        A track could not be stopped in time.
    """
    wishes = wishes or Wishes()
    with hub.catalogue.read() as connection:
        row = session_for(connection, actor, session_id, "owner")
    if name != row.name:
        raise InputError(f"S{session_id} is called {row.name!r}, not {name!r}: type its name to delete it")
    if row.life != "deleting":
        _stop(hub, session_id)
        cancel_all(hub, session_id)
        give_up(hub, session_id)
        _write_wishes(Path(row.folder), wishes)
    with hub.catalogue.write() as connection:
        sessions.change(connection, session_id, life="deleting")
        audit.add(
            connection,
            at=hub.now(),
            who=actor.login,
            what="session.delete",
            session_id=session_id,
            before={"name": row.name, "folder": row.folder, "group": row.group},
            after=asdict(wishes),
        )
    hub.forget(session_id)
    hub.feed.publish(session_id, "session", {"life": "deleting"})
    hub.janitor.do(partial(finish, hub, session_id))


def resume_deletions(hub: Hub) -> None:
    """Go on with what an earlier server was deleting, or what could not be deleted yet."""
    with hub.catalogue.read() as connection:
        rows = [row for row in sessions.listed(connection) if row.life == "deleting"]
    for row in rows:
        hub.janitor.do(partial(finish, hub, row.id))


def finish(hub: Hub, session_id: int) -> None:
    """Remove a session's files, then its rows; where its disk is away, it is tried again later."""
    with hub.catalogue.read() as connection:
        row = next((row for row in sessions.listed(connection) if row.id == session_id), None)
    if row is None:
        return
    try:
        gone = _remove_files(Path(row.folder), row)
    except PassingError as error:
        server_log.warning("S%d can't be deleted now: %s", session_id, error)
        return
    except InputError as error:
        # Another server's now, or damaged beyond recognition: then the files are not ours to delete.
        server_log.warning("S%d: its files are left where they are: %s", session_id, error)
        gone = True
    if gone:
        with hub.catalogue.write() as connection:
            sessions.remove(connection, session_id)
        hub.feed.publish(session_id, "session", {"life": "deleted"})
        hub.feed.rights_changed()


def _stop(hub: Hub, session_id: int) -> None:
    changed = threading.Event()
    end = hub.feed.listen(changed.set)
    try:
        runners = [hub.runner(session_id, track) for track in TRACKS]
        for runner in runners:
            if runner.state != "stopped":
                runner.control(Stop(now=True)).result(_STOPS_WITHIN_S)
        while any(runner.state != "stopped" for runner in runners):
            if not changed.wait(_STOPS_WITHIN_S):
                raise ConflictError(f"S{session_id}: a track does not stop; nothing was deleted, try again")
            changed.clear()
    finally:
        end()


def _remove_files(folder: Path, row: SessionRow) -> bool:
    """Remove what Frazil made; returns whether all of it is gone."""
    if not folder.exists() and folder.parent.is_dir():
        return True
    if folder.is_symlink():
        raise InputError(f"{folder}: is a link now")
    # session.json goes last: while it is there, it is certain whose folder this is.
    if (folder / FILE_NAME).exists() and not _empty(folder, row.uuid):
        return False
    try:
        (folder / _WISHES).unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()
    except OSError as error:
        raise PassingError(f"{folder}: {error.strerror}") from error
    return True


def _empty(folder: Path, identity: str) -> bool:
    with SessionFolder(folder, identity=identity):
        stays = {FILE_NAME, ".lock", TRASH} | _read_wishes(folder).kept()
        try:
            throw_away(folder, [folder / name for name in sorted(OWN_NAMES - stays)])
            if not empty_trash(folder):
                return False
            for name in (".lock", FILE_NAME):
                (folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise PassingError(f"{folder}: {error.strerror}") from error
    return True


def _only_copies(connection: Connection, session_id: int) -> dict[str, int]:
    table = source_files
    query = select(func.count(), func.coalesce(func.sum(table.c.delivered_size_bytes), 0)).where(
        table.c.session_id == session_id, table.c.delivered_mode == "move", table.c.state != "forgotten"
    )
    files, size = connection.execute(query).one()
    return {"files": int(files), "bytes": int(size)}


def _measured(path: Path) -> dict[str, int]:
    """Files, bytes and links below a path; links are not followed."""
    files = size = links = 0
    todo = [path]
    while todo:
        current = todo.pop()
        try:
            status = current.lstat()
            if current.is_symlink():
                links += 1
            elif current.is_dir():
                todo.extend(Path(entry.path) for entry in os.scandir(current))
            else:
                files += 1
                size += status.st_size
        except OSError:
            # Removed meanwhile, or not to be looked at: then it is not counted.
            continue
    return {"files": files, "bytes": size, "links": links}


def _write_wishes(folder: Path, wishes: Wishes) -> None:
    if not (folder / FILE_NAME).is_file():
        return
    try:
        with atomic_path(folder / _WISHES) as part:
            part.write_text(json.dumps(asdict(wishes)), "utf-8")
    except OSError as error:
        raise PassingError(f"{folder}: can't write there: {error.strerror}") from error


def _read_wishes(folder: Path) -> Wishes:
    """Read what stays; where nobody said, everything that may be precious does."""
    try:
        return Wishes(**json.loads((folder / _WISHES).read_bytes()))
    except (OSError, ValueError, TypeError):
        return Wishes(keep_raw=True, keep_exports=True)
