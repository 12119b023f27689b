"""Copy or move a whole session to another folder: told beforehand, verified, gone on with after a crash."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from frazil.app.access import session_for
from frazil.app.errors import ConflictError
from frazil.app.relocation_jobs import give_up, submit, task_of
from frazil.app.session_paths import new_folder, refuse_outside
from frazil.app.sessions import show
from frazil.model.errors import FrazilError, InputError
from frazil.stages.export.lead import absolute_exports
from frazil.stages.relocate_rename import on_one_disk
from frazil.stages.relocation import JOURNAL, PROGRESS, session_files
from frazil.store.catalogue import audit, exports, relocations, revisions, sessions, tracks

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from frazil.app.access import Actor
    from frazil.app.hub import Hub
    from frazil.store.catalogue.sessions import SessionRow

Mode = Literal["copy", "move"]
_SPARE_BYTES = 1 << 30
"""Stays free on the target's disk."""


def preview_relocation(
    hub: Hub, actor: Actor, session_id: int, folder: str, mode: Mode = "copy"
) -> dict[str, Any]:
    """Tell what copying or moving a session to a folder would take.

    Returns
    -------
        target; files, links, bytes; free_bytes of the target's disk; renames: whether it is moved within one
        file system, where nothing is copied; problems: why it can't be done.
    """
    with hub.catalogue.read() as connection:
        session = session_for(connection, actor, session_id, "owner")
        problems = _busy(connection, session_id)
    target = Path(folder)
    try:
        target = _target(hub, session, folder)
    except FrazilError as error:
        problems.append(str(error))
    found: dict[str, Any] = {
        "target": str(target),
        "files": 0,
        "links": 0,
        "bytes": 0,
        "free_bytes": None,
        "renames": False,
    }
    try:
        entries = session_files(Path(session.folder))
    except FrazilError as error:
        return {**found, "problems": [*problems, str(error)]}
    found["links"] = sum(entry.link is not None for entry in entries)
    found["files"] = len(entries) - found["links"]
    found["bytes"] = sum(entry.form.size for entry in entries if entry.link is None)
    if not problems:
        found["free_bytes"] = _free_bytes(target)
        found["renames"] = mode == "move" and on_one_disk(Path(session.folder), target)
        room = found["free_bytes"] + _arrived_bytes(target)
        if not found["renames"] and found["bytes"] + _SPARE_BYTES > room:
            problems.append(
                f"{target}: {found['bytes'] / 1e9:.1f} GB are needed and {found['free_bytes'] / 1e9:.1f} GB "
                "are free there; make room, or give another folder"
            )
    return {**found, "problems": problems}


def start_relocation(
    hub: Hub, actor: Actor, session_id: int, folder: str, mode: Mode, *, archive: bool = False
) -> dict[str, Any]:
    """Copy or move a session to another folder; it is read-only meanwhile.

    The same again after a failure goes on with what has arrived.

    Parameters
    ----------
    folder
        Absolute path, new or empty, below the server's roots.
    mode
        ``copy``: the session stays where it is, and a whole second one lies there. ``move``: the server
        works with the new one, and the original is removed.
    archive
        The session stays read-only afterwards.

    Returns
    -------
        As of `show_relocation`.

    Raises
    ------
    ConflictError
        A track runs, an export is made, or it is on its way already.
    InputError
        What the preview says.
    """
    preview = preview_relocation(hub, actor, session_id, folder, mode)
    with hub.catalogue.write() as connection:
        session = session_for(connection, actor, session_id, "owner")
        if busy := _busy(connection, session_id):
            raise ConflictError("; ".join(busy))
        if preview["problems"]:
            raise InputError("; ".join(preview["problems"]))
        relocations.begin(
            connection,
            session_id,
            mode=mode,
            source=session.folder,
            target=preview["target"],
            life_before=session.life,
            life_after="archived" if archive else session.life,
            created_at=hub.now(),
            created_by=actor.login,
        )
        sessions.change(connection, session_id, life="archived")
        wish = {"folder": preview["target"], "mode": mode, "archive": archive}
        _note(hub, connection, actor, session_id, "session.relocate", {"folder": session.folder}, wish)
    hub.forget(session_id)
    hub.feed.publish(session_id, "session", {"life": "archived"})
    submit(hub, session_id)
    return show_relocation(hub, actor, session_id)


def show_relocation(hub: Hub, actor: Actor, session_id: int) -> dict[str, Any]:
    """Tell how far a session is on its way, or how it went last.

    Returns
    -------
        mode, state (none: never asked for; copying, removing, done, failed, cancelled), source, target,
        created_at, created_by, ended_at, reason, result; while it is copied files, bytes, of_files, of_bytes.
    """
    with hub.catalogue.read() as connection:
        session_for(connection, actor, session_id, "viewer")
        row = relocations.find(connection, session_id)
    if row is None:
        return {"state": "none"}
    progress = {}
    if row["state"] == "copying":
        try:
            progress = json.loads((task_of(row, "").staging / PROGRESS).read_bytes())
        except (OSError, ValueError):
            # Not begun to count yet.
            progress = {}
    return {**{name: value for name, value in row.items() if name != "session_id"}, **progress}


def cancel_relocation(hub: Hub, actor: Actor, session_id: int) -> dict[str, Any]:
    """Give it up while it is copied: the part is removed, the session is as before.

    `ConflictError` when the original is being removed: the session lies at its new place then.
    """
    with hub.catalogue.write() as connection:
        session_for(connection, actor, session_id, "owner")
        row = relocations.find(connection, session_id)
        if row is not None and row["state"] == "removing":
            raise ConflictError(
                f"S{session_id} lies in {row['target']} already; only the old folder is removed yet"
            )
        if row is not None and row["state"] == "copying":
            _note(
                hub, connection, actor, session_id, "session.relocate.cancel", None, {"folder": row["target"]}
            )
    give_up(hub, session_id)
    return show_relocation(hub, actor, session_id)


def archive(hub: Hub, actor: Actor, session_id: int) -> dict[str, Any]:
    """Make a session read-only; `ConflictError` while something works in it."""
    _change_life(hub, actor, session_id, "archived")
    hub.forget(session_id)
    return show(hub, actor, session_id)


def unarchive(hub: Hub, actor: Actor, session_id: int) -> dict[str, Any]:
    """Let an archived session be worked with again; its tracks are stopped."""
    _change_life(hub, actor, session_id, "active")
    return show(hub, actor, session_id)


def _change_life(hub: Hub, actor: Actor, session_id: int, life: str) -> None:
    with hub.catalogue.write() as connection:
        session = session_for(connection, actor, session_id, "owner")
        if session.life == "deleting":
            raise ConflictError(f"S{session_id} is being deleted")
        if busy := _busy(connection, session_id):
            raise ConflictError("; ".join(busy))
        if life == "active" and session.life != "archived":
            raise ConflictError(f"S{session_id} is not archived")
        sessions.change(connection, session_id, life=life)
        what = "session.archive" if life == "archived" else "session.unarchive"
        _note(hub, connection, actor, session_id, what, {"life": session.life}, None)
    hub.write_through(session_id)
    hub.feed.publish(session_id, "session", {"life": life})


def _busy(connection: Connection, session_id: int) -> list[str]:
    """Why a session can't be put to rest."""
    found = []
    running = [row.track for row in tracks.listed(connection, [session_id]) if row.state != "stopped"]
    if running:
        found.append(f"S{session_id} still works ({', '.join(running)}): stop all tracks first")
    made = [r["name"] for r in exports.listed(connection, session_id) if r["state"] in exports.UNFINISHED]
    if made:
        found.append(f"S{session_id}: export {made[0]} is being made; wait for it or cancel it first")
    row = relocations.find(connection, session_id)
    if row is not None and row["state"] in relocations.UNFINISHED:
        found.append(
            f"S{session_id} is being {'copied' if row['mode'] == 'copy' else 'moved'} to {row['target']}"
        )
    if sessions.get(connection, session_id).life == "deleting":
        found.append(f"S{session_id} is being deleted")
    return found


def _target(hub: Hub, session: SessionRow, folder: str) -> Path:
    source = Path(session.folder)
    given = Path(folder)
    # A move that was cut off after the copy got its name.
    again = given.is_absolute() and hub.config.allows(given) and (given / JOURNAL).exists()
    target = given.resolve() if again else new_folder(hub.config, session.name, folder)
    if target.is_relative_to(source) or source.is_relative_to(target):
        raise InputError(f"{target} and the session folder {source} lie in each other; give another folder")
    if not again and target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{target}: is not empty; give a new folder")
    with hub.catalogue.read() as connection:
        settings = revisions.newest(connection, session.id).settings()
        other = sessions.find(connection, folder=str(target))
    if other is not None and other.id != session.id:
        raise InputError(f"{target}: is the folder of another session; give another one")
    refuse_outside(hub.config, settings, target)
    named = absolute_exports(source) if len(str(target).split()) > 1 else []
    if named:
        raise InputError(
            f"{target}: the tables of export {named[0].name} name files by absolute paths, and can't name a "
            "path with blanks; give another folder, or delete that export and make it anew with links"
        )
    return target


def _free_bytes(target: Path) -> int:
    place = target
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def _arrived_bytes(target: Path) -> int:
    """Bytes that an earlier try has copied."""
    part = target.with_name(f".{target.name}.part")
    if not part.is_dir():
        return 0
    return sum(file.lstat().st_size for file in part.rglob("*") if file.is_file())


def _note(
    hub: Hub, connection: Connection, actor: Actor, session_id: int, what: str, before: Any, after: Any
) -> None:
    write = partial(audit.add, connection, at=hub.now(), who=actor.login, session_id=session_id)
    write(what=what, before=before, after=after)
