"""Groups: a session belongs to one, and its members see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frazil.app.access import require_admin
from frazil.app.errors import ConflictError, NotFoundError
from frazil.model.errors import InputError
from frazil.model.words import plural
from frazil.store.catalogue import accounts as rows
from frazil.store.catalogue import audit

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from frazil.app.access import Actor, Role
    from frazil.app.hub import Hub


def list_groups(hub: Hub, actor: Actor) -> list[dict[str, Any]]:
    """Return the groups that somebody is in, for admins all, with members and one's own role."""
    with hub.catalogue.read() as connection:
        names = rows.all_groups(connection)
        members = rows.members(connection)
    return [
        {
            "id": group_id,
            "name": name,
            "role": actor.role_in(group_id),
            "members": [
                {key: member[key] for key in ("user_id", "login", "name", "role")}
                for member in members
                if member["group_id"] == group_id
            ],
        }
        for group_id, name in names.items()
        if actor.role_in(group_id) is not None
    ]


def add_group(hub: Hub, actor: Actor, name: str) -> dict[str, Any]:
    """Add a group; for admins. `InputError` for a name that is taken or empty."""
    require_admin(actor)
    name = name.strip()
    if not name or not name.isprintable():
        raise InputError("the group needs a name of printable characters")
    with hub.catalogue.write() as connection:
        group_id = rows.add_group(connection, name)
        audit.add(connection, at=hub.now(), who=actor.login, what="group added", after={"name": name})
    return next(group for group in list_groups(hub, actor) if group["id"] == group_id)


def remove_group(hub: Hub, actor: Actor, group_id: int) -> None:
    """Remove a group; for admins. `ConflictError` while it has sessions."""
    require_admin(actor)
    with hub.catalogue.write() as connection:
        name = _name(connection, group_id)
        count = rows.sessions_in(connection, group_id)
        if count:
            raise ConflictError(f"group {name} has {plural(count, 'session')}; move or delete first")
        rows.remove_group(connection, group_id)
        audit.add(connection, at=hub.now(), who=actor.login, what="group removed", before={"name": name})
    hub.feed.rights_changed()


def set_member(hub: Hub, actor: Actor, group_id: int, user_id: int, role: Role | None) -> None:
    """Give a user a role in a group, or none; for admins."""
    require_admin(actor)
    with hub.catalogue.write() as connection:
        name = _name(connection, group_id)
        user = rows.user(connection, user_id=user_id)
        if user is None:
            raise NotFoundError(f"there is no user {user_id}")
        before = rows.roles(connection, user_id).get(group_id)
        rows.set_member(connection, group_id, user_id, role)
        audit.add(
            connection,
            at=hub.now(),
            who=actor.login,
            what="role changed",
            before={"group": name, "login": user.login, "role": before},
            after={"group": name, "login": user.login, "role": role},
        )
    hub.feed.rights_changed()


def _name(connection: Connection, group_id: int) -> str:
    name = rows.all_groups(connection).get(group_id)
    if name is None:
        raise NotFoundError(f"there is no group {group_id}")
    return name
