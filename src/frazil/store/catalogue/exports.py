"""Rows of export jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from frazil.model.errors import InputError
from frazil.store.catalogue.schema import exports

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import Connection

UNFINISHED = ("queued", "running")


def add(
    connection: Connection,
    session_id: int,
    name: str,
    request: Mapping[str, Any],
    *,
    created_at: float,
    created_by: str,
) -> int:
    """Add a job that waits; returns its number."""
    number = next_number(connection, session_id)
    add_numbered(
        connection,
        session_id,
        number,
        name,
        state="queued",
        request=dict(request),
        created_at=created_at,
        created_by=created_by,
        reason="",
    )
    return number


def add_numbered(connection: Connection, session_id: int, number: int, name: str, **values: Any) -> None:
    """Add a row under a number: 0 is the live export's."""
    connection.execute(
        insert(exports).values(session_id=session_id, number=number, name=name, result={}, **values)
    )


def next_number(connection: Connection, session_id: int) -> int:
    """Return the number of the next job."""
    last = connection.scalar(select(func.max(exports.c.number)).where(exports.c.session_id == session_id))
    return int(last or 0) + 1


def get(connection: Connection, session_id: int, number: int) -> dict[str, Any]:
    """Return a job; `InputError` where there is none."""
    query = select(exports).where(exports.c.session_id == session_id, exports.c.number == number)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise InputError(f"S{session_id} has no export {number}")
    return dict(row)


def listed(connection: Connection, session_id: int | None = None) -> list[dict[str, Any]]:
    """All jobs of a session, or of all sessions; newest first."""
    query = select(exports).where(exports.c.number > 0)
    query = query.order_by(exports.c.created_at.desc(), exports.c.number.desc())
    if session_id is not None:
        query = query.where(exports.c.session_id == session_id)
    return [dict(row) for row in connection.execute(query).mappings()]


def listed_live(connection: Connection) -> list[dict[str, Any]]:
    """Rows of the live exports of all sessions."""
    query = select(exports).where(exports.c.number == 0)
    return [dict(row) for row in connection.execute(query).mappings()]


def change(
    connection: Connection, session_id: int, number: int, *, only_from: Collection[str] = (), **values: Any
) -> bool:
    """Change a job, where any states are given only one in these; whether there was one."""
    own = [exports.c.session_id == session_id, exports.c.number == number]
    if only_from:
        own.append(exports.c.state.in_(only_from))
    return bool(connection.execute(update(exports).where(*own).values(**values)).rowcount)


def remove(connection: Connection, session_id: int, number: int) -> bool:
    """Forget a job; whether there was one."""
    own = exports.c.session_id == session_id, exports.c.number == number
    return bool(connection.execute(delete(exports).where(*own)).rowcount)
