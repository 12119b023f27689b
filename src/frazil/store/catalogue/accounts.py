"""Rows of people: users, groups, memberships, logins, tokens and share links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from frazil.model.errors import InputError
from frazil.store.catalogue.schema import (
    api_tokens,
    groups,
    logins,
    memberships,
    sessions,
    share_links,
    users,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True)
class UserRow:
    """An account; ``password_hash`` is None where nobody can log in with a password."""

    id: int
    login: str
    name: str
    password_hash: str | None
    is_admin: bool
    disabled: bool
    created_at: float


def add_user(connection: Connection, **values: Any) -> int:
    """Add a user; returns its number. `InputError` where the login is taken."""
    try:
        result = connection.execute(insert(users).values(values))
    except IntegrityError:
        raise InputError(f"there is already a user called {values.get('login')}") from None
    return _key(result.inserted_primary_key)


def user(connection: Connection, *, user_id: int | None = None, login: str | None = None) -> UserRow | None:
    """Return a user by number or login."""
    condition = users.c.id == user_id if user_id is not None else users.c.login == login
    row = connection.execute(select(users).where(condition)).mappings().first()
    return None if row is None else UserRow(**row)


def all_users(connection: Connection) -> list[UserRow]:
    """All users by login."""
    return [UserRow(**row) for row in connection.execute(select(users).order_by(users.c.login)).mappings()]


def change_user(connection: Connection, user_id: int, **values: Any) -> None:
    """Change a user's row."""
    connection.execute(update(users).where(users.c.id == user_id).values(values))


def remove_user(connection: Connection, user_id: int) -> None:
    """Forget a user, with logins, tokens and memberships; sessions and share links stay."""
    connection.execute(delete(users).where(users.c.id == user_id))


def with_password(connection: Connection, *, admins: bool = False, besides: int | None = None) -> int:
    """Count the users (admins) who can log in with a password, one of them left out."""
    query = select(func.count()).where(users.c.password_hash.is_not(None), users.c.disabled.is_(False))
    if admins:
        query = query.where(users.c.is_admin.is_(True))
    if besides is not None:
        query = query.where(users.c.id != besides)
    return int(connection.scalar(query) or 0)


def add_group(connection: Connection, name: str) -> int:
    """Add a group; returns its number. `InputError` where the name is taken."""
    try:
        result = connection.execute(insert(groups).values(name=name))
    except IntegrityError:
        raise InputError(f"there is already a group called {name}") from None
    return _key(result.inserted_primary_key)


def group(connection: Connection, *, group_id: int | None = None, name: str | None = None) -> int | None:
    """Return the number of a group if it exists."""
    condition = groups.c.id == group_id if group_id is not None else groups.c.name == name
    number = connection.scalar(select(groups.c.id).where(condition))
    return None if number is None else int(number)


def all_groups(connection: Connection) -> dict[int, str]:
    """Return the name of every group, in the order of names."""
    return {row.id: row.name for row in connection.execute(select(groups).order_by(groups.c.name))}


def sessions_in(connection: Connection, group_id: int) -> int:
    """Return the number of sessions of a group."""
    query = select(func.count()).select_from(sessions).where(sessions.c.group_id == group_id)
    return int(connection.scalar(query) or 0)


def remove_group(connection: Connection, group_id: int) -> None:
    """Forget a group that has no sessions, with memberships and tokens that are only for it."""
    connection.execute(delete(groups).where(groups.c.id == group_id))


def members(connection: Connection, group_id: int | None = None) -> list[dict[str, Any]]:
    """Memberships (of a group): group_id, user_id, login, name, role."""
    query = (
        select(memberships.c.group_id, memberships.c.user_id, users.c.login, users.c.name, memberships.c.role)
        .join(users, users.c.id == memberships.c.user_id)
        .order_by(users.c.login)
    )
    if group_id is not None:
        query = query.where(memberships.c.group_id == group_id)
    return [dict(row) for row in connection.execute(query).mappings()]


def roles(connection: Connection, user_id: int) -> dict[int, str]:
    """Return a user's role by number of group."""
    query = select(memberships.c.group_id, memberships.c.role).where(memberships.c.user_id == user_id)
    return {row.group_id: row.role for row in connection.execute(query)}


def set_member(connection: Connection, group_id: int, user_id: int, role: str | None) -> None:
    """Give a user a role in a group, or none."""
    connection.execute(
        delete(memberships).where(memberships.c.group_id == group_id, memberships.c.user_id == user_id)
    )
    if role is not None:
        connection.execute(insert(memberships).values(group_id=group_id, user_id=user_id, role=role))


def add_login(
    connection: Connection, token_hash: str, user_id: int, *, created_at: float, expires_at: float
) -> None:
    """Remember that a user is logged in."""
    connection.execute(
        insert(logins).values(
            token_hash=token_hash, user_id=user_id, created_at=created_at, expires_at=expires_at
        )
    )


def login(connection: Connection, token_hash: str, now: float) -> tuple[UserRow, float] | None:
    """Return who is logged in, and until when; None for a login that is unknown or over."""
    query = (
        select(users, logins.c.expires_at)
        .join(logins, logins.c.user_id == users.c.id)
        .where(logins.c.token_hash == token_hash, logins.c.expires_at > now, users.c.disabled.is_(False))
    )
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    values = dict(row)
    expires_at = float(values.pop("expires_at"))
    return UserRow(**values), expires_at


def prolong_login(connection: Connection, token_hash: str, expires_at: float) -> None:
    """Let a login end later."""
    connection.execute(update(logins).where(logins.c.token_hash == token_hash).values(expires_at=expires_at))


def end_logins(
    connection: Connection,
    *,
    token_hash: str | None = None,
    user_id: int | None = None,
    but: str | None = None,
    over_at: float | None = None,
) -> None:
    """End a login, all of a user (but one), or those that are over."""
    query = delete(logins)
    if token_hash is not None:
        query = query.where(logins.c.token_hash == token_hash)
    if user_id is not None:
        query = query.where(logins.c.user_id == user_id)
    if but is not None:
        query = query.where(logins.c.token_hash != but)
    if over_at is not None:
        query = query.where(logins.c.expires_at <= over_at)
    connection.execute(query)


def add_token(connection: Connection, **values: Any) -> int:
    """Add an API token; returns its number."""
    return _key(connection.execute(insert(api_tokens).values(values)).inserted_primary_key)


def token(connection: Connection, token_hash: str, now: float) -> dict[str, Any] | None:
    """Return the row of a token that still counts."""
    query = (
        select(api_tokens)
        .join(users, users.c.id == api_tokens.c.user_id)
        .where(api_tokens.c.token_hash == token_hash, users.c.disabled.is_(False))
        .where(or_(api_tokens.c.expires_at.is_(None), api_tokens.c.expires_at > now))
    )
    row = connection.execute(query).mappings().first()
    return None if row is None else dict(row)


def tokens(connection: Connection, user_id: int | None = None) -> list[dict[str, Any]]:
    """All tokens (of a user), with the login of their user, without what would let one use them."""
    columns = [column for column in api_tokens.c if column.name != "token_hash"]
    query = (
        select(*columns, users.c.login)
        .join(users, users.c.id == api_tokens.c.user_id)
        .order_by(api_tokens.c.id)
    )
    if user_id is not None:
        query = query.where(api_tokens.c.user_id == user_id)
    return [dict(row) for row in connection.execute(query).mappings()]


def token_used(connection: Connection, token_id: int, now: float) -> None:
    """Note when a token was used."""
    connection.execute(update(api_tokens).where(api_tokens.c.id == token_id).values(last_used_at=now))


def remove_token(connection: Connection, token_id: int) -> None:
    """Forget a token."""
    connection.execute(delete(api_tokens).where(api_tokens.c.id == token_id))


def remove_tokens_called(connection: Connection, user_id: int, name: str) -> None:
    """Forget a user's tokens of this name."""
    connection.execute(
        delete(api_tokens).where(and_(api_tokens.c.user_id == user_id, api_tokens.c.name == name))
    )


def add_share_link(connection: Connection, **values: Any) -> int:
    """Add a share link; returns its number."""
    return _key(connection.execute(insert(share_links).values(values)).inserted_primary_key)


def share_link(connection: Connection, token_hash: str, now: float) -> dict[str, Any] | None:
    """Return the row of a share link that still counts."""
    query = select(share_links).where(share_links.c.token_hash == token_hash, share_links.c.expires_at > now)
    row = connection.execute(query).mappings().first()
    return None if row is None else dict(row)


def share_links_of(connection: Connection, session_id: int) -> list[dict[str, Any]]:
    """Share links of a session, with who made them, without what would let one use them."""
    columns = [column for column in share_links.c if column.name != "token_hash"]
    query = (
        select(*columns, users.c.login.label("created_by_login"))
        .join(users, users.c.id == share_links.c.created_by, isouter=True)
        .where(share_links.c.session_id == session_id)
        .order_by(share_links.c.id)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def remove_share_link(connection: Connection, session_id: int, link_id: int) -> bool:
    """Forget a share link; whether there was one."""
    result = connection.execute(
        delete(share_links).where(share_links.c.session_id == session_id, share_links.c.id == link_id)
    )
    return bool(result.rowcount)


def _key(key: Any) -> int:
    if key is None:
        raise InputError("the catalogue took no new row")
    return int(key[0])
