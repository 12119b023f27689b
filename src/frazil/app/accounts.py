"""Users, and what they may do about themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from frazil.app.access import require_admin
from frazil.app.credentials import LOCAL_LOGIN, digest
from frazil.app.errors import ConflictError, DeniedError, NotFoundError
from frazil.app.passwords import check_password
from frazil.model.errors import InputError
from frazil.store.catalogue import accounts as rows
from frazil.store.catalogue import audit

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from frazil.app.access import Actor
    from frazil.app.hub import Hub
    from frazil.app.passwords import LoginGuard
    from frazil.store.catalogue.accounts import UserRow

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{0,99}")


def list_users(hub: Hub, actor: Actor) -> list[dict[str, Any]]:
    """All users with their groups; for admins."""
    require_admin(actor)
    with hub.catalogue.read() as connection:
        found = rows.all_users(connection)
        members = rows.members(connection)
    groups: dict[int, dict[int, str]] = {}
    for member in members:
        groups.setdefault(member["user_id"], {})[member["group_id"]] = member["role"]
    return [_shown(user, groups.get(user.id, {})) for user in found]


def show_user(hub: Hub, user_id: int) -> dict[str, Any]:
    """Return one user with groups."""
    with hub.catalogue.read() as connection:
        return _shown(_user(connection, user_id), rows.roles(connection, user_id))


def add_user(
    hub: Hub,
    actor: Actor,
    guard: LoginGuard,
    *,
    login: str,
    password: str,
    name: str = "",
    is_admin: bool = False,
) -> dict[str, Any]:
    """Add a user; for admins. `InputError` for a login that is taken or unusable, or a weak password."""
    require_admin(actor)
    login = login.strip().lower()
    if not _LOGIN.fullmatch(login):
        raise InputError(
            f"login {login!r}: take small letters, digits and . _ @ -, beginning with a letter or digit"
        )
    check_password(password, login)
    password_hash = guard.passwords.hash(password)
    with hub.catalogue.write() as connection:
        now = hub.now()
        user_id = rows.add_user(
            connection,
            login=login,
            name=name.strip() or login,
            password_hash=password_hash,
            is_admin=is_admin,
            disabled=False,
            created_at=now,
        )
        after = {"login": login, "name": name, "is_admin": is_admin}
        audit.add(connection, at=now, who=actor.login, what="user added", after=after)
    return show_user(hub, user_id)


def change_user(
    hub: Hub,
    actor: Actor,
    user_id: int,
    *,
    name: str | None = None,
    is_admin: bool | None = None,
    disabled: bool | None = None,
) -> dict[str, Any]:
    """Change a user; their own name is theirs, all else for admins. Disabling ends all logins.

    Raises `ConflictError` where no admin with a password would be left.
    """
    if user_id != actor.user_id or is_admin is not None or disabled is not None or actor.scope != "admin":
        require_admin(actor)
    given = {"name": name, "is_admin": is_admin, "disabled": disabled}
    values = {key: value for key, value in given.items() if value is not None}
    with hub.catalogue.write() as connection:
        user = _user(connection, user_id)
        if user.login == LOCAL_LOGIN and (is_admin is False or disabled):
            raise ConflictError("this account belongs to whoever runs the server and stays as it is")
        if is_admin is False or disabled:
            _keep_an_admin(connection, user)
        if values:
            rows.change_user(connection, user_id, **values)
            if disabled:
                rows.end_logins(connection, user_id=user_id)
            before = {key: getattr(user, key) for key in values}
            _audit(connection, hub, actor, "user changed", user, before, values)
    hub.feed.rights_changed()
    return show_user(hub, user_id)


def change_password(
    hub: Hub,
    actor: Actor,
    guard: LoginGuard,
    user_id: int,
    *,
    password: str,
    old_password: str = "",
    keep_login: str | None = None,
) -> None:
    """Give a user another password, which ends their other logins.

    Admins may do it for others; one's own needs the old one. Raises `DeniedError` where the
    old one is wrong, `TooOftenError` where it was wrong too often.
    """
    own = user_id == actor.user_id
    if not own:
        require_admin(actor)
    with hub.catalogue.read() as connection:
        user = _user(connection, user_id)
    if user.login == LOCAL_LOGIN:
        raise ConflictError("this account has no password; add a user for each person instead")
    if own:
        guard.check(user.login, f"user {user.id}", hub.now())
        if not guard.passwords.fits(user.password_hash, old_password):
            raise DeniedError("the old password is wrong")
        guard.succeeded(user.login, f"user {user.id}")
    check_password(password, user.login)
    password_hash = guard.passwords.hash(password)
    with hub.catalogue.write() as connection:
        rows.change_user(connection, user_id, password_hash=password_hash)
        rows.end_logins(connection, user_id=user_id, but=digest(keep_login) if keep_login and own else None)
        _audit(connection, hub, actor, "password changed", user, None, None)
    hub.feed.rights_changed()


def remove_user(hub: Hub, actor: Actor, user_id: int) -> None:
    """Remove a user with logins and tokens; for admins. `ConflictError` for the last admin."""
    require_admin(actor)
    with hub.catalogue.write() as connection:
        user = _user(connection, user_id)
        if user.login == LOCAL_LOGIN:
            raise ConflictError("this account belongs to whoever runs the server and stays")
        _keep_an_admin(connection, user)
        rows.remove_user(connection, user_id)
        _audit(connection, hub, actor, "user removed", user, None, None)
    hub.feed.rights_changed()


def _user(connection: Connection, user_id: int) -> UserRow:
    user = rows.user(connection, user_id=user_id)
    if user is None:
        raise NotFoundError(f"there is no user {user_id}")
    return user


def _keep_an_admin(connection: Connection, user: UserRow) -> None:
    """Make sure that somebody can still log in who may do everything."""
    is_one = user.is_admin and not user.disabled and user.password_hash is not None
    if is_one and not rows.with_password(connection, admins=True, besides=user.id):
        raise ConflictError(f"{user.login} is the last admin; make somebody else admin first")


def _shown(user: UserRow, groups: dict[int, str]) -> dict[str, Any]:
    return {
        "id": user.id,
        "login": user.login,
        "name": user.name,
        "is_admin": user.is_admin,
        "disabled": user.disabled,
        "created_at": user.created_at,
        "roles": groups,
    }


def _audit(
    connection: Connection,
    hub: Hub,
    actor: Actor,
    what: str,
    user: UserRow,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> None:
    of = {"login": user.login}
    audit.add(
        connection,
        at=hub.now(),
        who=actor.login,
        what=what,
        before={**of, **(before or {})},
        after=None if after is None else {**of, **after},
    )
