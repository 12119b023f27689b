"""Rows of sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from frazil.model.errors import InputError
from frazil.store.catalogue.schema import filters, groups, movies, sessions, users

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection


@dataclass(frozen=True)
class SessionRow:
    """One session."""

    id: int
    uuid: str
    name: str
    group_id: int
    group: str
    owner_id: int | None
    owner: str | None
    folder: str
    kind: str
    life: str
    created_at: float


_SELECT = (
    select(sessions, groups.c.name.label("group"), users.c.login.label("owner"))
    .join(groups, groups.c.id == sessions.c.group_id)
    .join(users, users.c.id == sessions.c.owner_id, isouter=True)
)


def add(connection: Connection, **values: Any) -> int:
    """Add a session; returns its number."""
    result = connection.execute(insert(sessions).values(values))
    key = result.inserted_primary_key
    if key is None:
        raise InputError("the session could not be added")
    return int(key[0])


def get(connection: Connection, session_id: int) -> SessionRow:
    """Return a session; `InputError` where there is none."""
    row = connection.execute(_SELECT.where(sessions.c.id == session_id)).mappings().first()
    if row is None:
        raise InputError(f"there is no session S{session_id}")
    return SessionRow(**row)


def find(connection: Connection, *, uuid: str | None = None, folder: str | None = None) -> SessionRow | None:
    """Return the session with this identity or folder."""
    query = _SELECT
    if uuid is not None:
        query = query.where(sessions.c.uuid == uuid)
    if folder is not None:
        query = query.where(sessions.c.folder == folder)
    row = connection.execute(query).mappings().first()
    return None if row is None else SessionRow(**row)


def listed(connection: Connection, group_ids: Sequence[int] | None = None) -> list[SessionRow]:
    """All sessions (of these groups), newest first."""
    query = _SELECT.order_by(sessions.c.id.desc())
    if group_ids is not None:
        query = query.where(sessions.c.group_id.in_(group_ids))
    return [SessionRow(**row) for row in connection.execute(query).mappings()]


def change(connection: Connection, session_id: int, **values: Any) -> None:
    """Change a session's row."""
    connection.execute(update(sessions).where(sessions.c.id == session_id).values(values))


def begin(connection: Connection, session_id: int) -> None:
    """Make a new session an active one."""
    connection.execute(
        update(sessions).where(sessions.c.id == session_id, sessions.c.life == "new").values(life="active")
    )


def remove(connection: Connection, session_id: int) -> None:
    """Forget a session and everything that hangs on it."""
    connection.execute(sessions.delete().where(sessions.c.id == session_id))


def copy_filters(
    connection: Connection, session_id: int, target_id: int, *, saved_by: str, now: float
) -> None:
    """Give a session the named filters of another, without what was decided for single movies."""
    for row in connection.execute(select(filters).where(filters.c.session_id == session_id)):
        definition = {key: value for key, value in row.definition.items() if key != "overrides"}
        values = {"name": row.name, "definition": definition, "saved_at": now, "saved_by": saved_by}
        connection.execute(insert(filters).values(session_id=target_id, **values))


def counts(connection: Connection, session_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Movies by state and particles, of many sessions in one query."""
    query = (
        select(
            movies.c.session_id,
            movies.c.state,
            func.count().label("movies"),
            func.coalesce(func.sum(movies.c.particles), 0).label("particles"),
        )
        .where(movies.c.session_id.in_(session_ids))
        .group_by(movies.c.session_id, movies.c.state)
    )
    result: dict[int, dict[str, int]] = {number: {"movies": 0, "particles": 0} for number in session_ids}
    for session_id, state, count, particles in connection.execute(query):
        of_session = result[session_id]
        of_session[state] = int(count)
        of_session["movies"] += int(count)
        of_session["particles"] += int(particles)
    return result
