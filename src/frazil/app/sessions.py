"""Sessions: make, list, show, change, copy."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frazil.app.access import allows, require_group, session_for
from frazil.app.changes import note
from frazil.app.foreign_sessions import refuse_foreign
from frazil.app.notify import check_targets
from frazil.app.session_paths import new_folder, refuse_outside
from frazil.app.session_view import shown, shown_many
from frazil.app.warp_preview import with_warp
from frazil.formats.relion_mtf import check_mtf
from frazil.model.errors import InputError
from frazil.model.settings import Settings, with_values
from frazil.model.settings_effect import FROM_WARP, refuse_without_effect
from frazil.stages.products import FOLDERS
from frazil.store.catalogue import accounts, revisions, sessions, tracks
from frazil.store.session import SessionFolder
from frazil.store.session_file import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from frazil.app.access import Actor
    from frazil.app.hub import Hub

OWN_VALUES = ("name", "group", "folder")
"""Settings that are kept with the session itself, not in its revisions."""
DEFAULT_GROUP = "default"


def create(hub: Hub, actor: Actor, values: Mapping[str, Any]) -> dict[str, Any]:
    """Make a session.

    Parameters
    ----------
    hub, actor
        The server; who asks.
    values
        Any settings by name, among them name, group, folder and kind.

    Returns
    -------
        The session as `show` gives it, and ``warnings``.

    Raises
    ------
    InputError
        A value can't be used; the folder is not empty.
    DeniedError
        Not an operator of the group; a path outside the server's roots.
    ConflictError
        There is a session in the folder.
    """
    settings = with_values(Settings(), values)
    name = settings.session.name.strip()
    if not 1 <= len(name) <= 100:
        raise InputError("name: must have 1 to 100 letters")
    folder = new_folder(hub.config, name, settings.session.folder)
    refuse_without_effect(Settings(), settings)
    refuse_outside(hub.config, settings, folder.resolve())
    check_targets(settings.notifications.notify_targets)
    settings, remark = with_warp(hub, settings)
    stored = {key: value for key, value in settings.changed().items() if key not in OWN_VALUES}
    with hub.catalogue.write() as connection:
        refuse_foreign(connection, actor, settings)
        if settings.microscope.mtf_path is not None:
            check_mtf(Path(settings.microscope.mtf_path))
        group_id = find_group(connection, actor, settings.session.group)
    session_id = _make(hub, actor, folder, name, group_id, settings.session.kind, stored)
    warnings = [*([remark] if remark else []), *_warnings(hub, actor, session_id, settings)]
    return {**show(hub, actor, session_id), "warnings": warnings}


def listed(
    hub: Hub, actor: Actor, *, search: str = "", group: str | None = None, life: str | None = None
) -> list[dict[str, Any]]:
    """Sessions that somebody may see, newest first, with their counts and states.

    ``search`` is looked for in number, name, folder and tags; without ``life``, all but archived ones come.
    """
    with hub.catalogue.read() as connection:
        rows = sessions.listed(connection, actor.visible_groups())
        if actor.shared_sessions:
            seen = {row.id for row in rows}
            rows += [row for row in sessions.listed(connection) if row.id in actor.shared_sessions - seen]
        rows = [row for row in rows if group is None or row.group == group]
        rows = [row for row in rows if (row.life != "archived" if life is None else row.life == life)]
        views = shown_many(connection, actor, rows, hub.watch.disks.problem_of)
    words = search.lower().split()
    return [view for view in views if all(word in _searched(view) for word in words)]


def show(hub: Hub, actor: Actor, session_id: int) -> dict[str, Any]:
    """One session."""
    with hub.catalogue.read() as connection:
        row = session_for(connection, actor, session_id, "viewer")
        return shown(connection, actor, row, hub.watch.disks.problem_of)


def change(hub: Hub, actor: Actor, session_id: int, values: Mapping[str, Any]) -> dict[str, Any]:
    """Change name, tags or group of a session.

    Raises
    ------
    DeniedError
        Not an operator; for the group: not an owner here and an operator there.
    InputError
        Another name than these, or a value that can't be used.
    """
    unknown = sorted(set(values) - {"name", "tags", "group"})
    if unknown:
        raise InputError(f"{unknown[0]}: can't be changed here; only name, tags and group can")
    wanted = with_values(Settings(), values).session
    with hub.catalogue.write() as connection:
        row = session_for(connection, actor, session_id, "owner" if "group" in values else "operator")
        new: dict[str, Any] = {}
        if "name" in values:
            new["name"] = wanted.name.strip()
            if not 1 <= len(new["name"]) <= 100:
                raise InputError("name: must have 1 to 100 letters")
        if "group" in values:
            new["group_id"] = find_group(connection, actor, wanted.group)
        if new:
            sessions.change(connection, session_id, **new)
        if "tags" in values:
            newest = revisions.newest(connection, session_id)
            settings = with_values(newest.settings(), {"tags": wanted.tags})
            if settings != newest.settings():
                revisions.add(
                    connection, session_id, settings.changed(), saved_by=actor.login, saved_at=hub.now()
                )
        before = {"name": row.name, "group": row.group}
        note(hub, connection, actor, session_id, "session.change", before, dict(values))
    hub.write_through(session_id)
    if "group" in values:
        hub.feed.rights_changed()
    view = show(hub, actor, session_id)
    hub.feed.publish(session_id, "session", {"name": view["name"], "group": view["group"]})
    return view


def copy(
    hub: Hub, actor: Actor, session_id: int, name: str, folder: str | None = None, group: str | None = None
) -> dict[str, Any]:
    """Make a new session with the newest settings and the filters of another, without its data.

    Errors as of `create`.
    """
    with hub.catalogue.read() as connection:
        row = session_for(connection, actor, session_id, "viewer")
        newest = revisions.newest(connection, session_id)
    kept = {
        name: value for name, value in newest.values.items() if row.kind != "warp" or name not in FROM_WARP
    }
    values = {**kept, "name": name, "group": group or row.group, "folder": folder}
    made = create(hub, actor, {key: value for key, value in values.items() if value is not None})
    with hub.catalogue.write() as connection:
        sessions.copy_filters(connection, session_id, made["id"], saved_by=actor.login, now=hub.now())
        note(hub, connection, actor, made["id"], "session.copy", None, {"from": session_id})
    hub.write_through(made["id"])
    return made


def _make(
    hub: Hub, actor: Actor, folder: Path, name: str, group_id: int, kind: str, values: Mapping[str, Any]
) -> int:
    """Make folder and rows; where the rows can't be made, no folder stays behind."""
    with SessionFolder(folder, name) as made:
        path, identity = made.path.resolve(), made.id
    now = hub.now()
    try:
        with hub.catalogue.write() as connection:
            session_id = sessions.add(
                connection,
                uuid=identity,
                name=name,
                group_id=group_id,
                owner_id=actor.user_id,
                folder=str(path),
                kind=kind,
                life="new",
                created_at=now,
            )
            revisions.add(connection, session_id, values, saved_by=actor.login, saved_at=now)
            tracks.add_all(connection, session_id, now)
            after = {"name": name, "folder": str(path)}
            note(hub, connection, actor, session_id, "session.create", None, after)
    except BaseException:
        _unmake(path)
        raise
    hub.write_through(session_id)
    hub.feed.publish(session_id, "session", {"name": name, "life": "new"})
    return session_id


def _unmake(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for name in FOLDERS:
            (folder / name).rmdir()
        for name in (FILE_NAME, ".lock"):
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()


def find_group(connection: Connection, actor: Actor, name: str | None) -> int:
    """Find the group that somebody named, or the only one they could mean.

    Raises `InputError` where it is not clear, `DeniedError` where they may not make sessions in it.
    """
    if name is not None:
        group_id = accounts.group(connection, name=name)
        if group_id is None:
            raise InputError(f"group={name}: there is no such group")
        require_group(actor, group_id, "operator")
        return group_id
    known = accounts.all_groups(connection)
    if not known and actor.is_admin:
        return accounts.add_group(connection, DEFAULT_GROUP)
    own = [group_id for group_id in known if allows(actor.role_in(group_id), "operator")]
    if len(own) == 1:
        return own[0]
    names = ", ".join(sorted(known[group_id] for group_id in own))
    raise InputError(f"group: say whose session it is: {names}" if own else "group: you are in none")


def _warnings(hub: Hub, actor: Actor, session_id: int, settings: Settings) -> list[str]:
    """Tell what a person should know about a new session."""
    source = settings.image_data.source_path or settings.image_data.warp_folder
    if source is None:
        return []
    others = [
        view["label"]
        for view in listed(hub, actor)
        if view["id"] != session_id and view["source_path"] == source
    ]
    verb = "watches" if len(others) == 1 else "watch"
    return [f"{', '.join(others)} {verb} the same folder: {source}"] if others else []


def _searched(view: Mapping[str, Any]) -> str:
    return " ".join((view["label"], view["name"], view["folder"], *view["tags"])).lower()
