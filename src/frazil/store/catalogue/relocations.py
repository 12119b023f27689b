"""Rows of sessions that are, or were last, copied or moved to another folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, literal, select, update

from frazil.store.catalogue.schema import movies, relocations, sessions

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

UNFINISHED = ("copying", "removing")


def begin(connection: Connection, session_id: int, **values: Any) -> None:
    """Note that a session is being copied; what was noted of it before is forgotten."""
    connection.execute(delete(relocations).where(relocations.c.session_id == session_id))
    row = {"state": "copying", "ended_at": None, "reason": "", "result": {}, **values}
    connection.execute(insert(relocations).values(session_id=session_id, **row))


def find(connection: Connection, session_id: int) -> dict[str, Any] | None:
    """Return the row of a session."""
    query = select(relocations).where(relocations.c.session_id == session_id)
    row = connection.execute(query).mappings().first()
    return None if row is None else dict(row)


def unfinished(connection: Connection) -> list[dict[str, Any]]:
    """Rows that are not at their end, of all sessions."""
    query = select(relocations).where(relocations.c.state.in_(UNFINISHED))
    return [dict(row) for row in connection.execute(query).mappings()]


def change(connection: Connection, session_id: int, only_from: Collection[str], **values: Any) -> bool:
    """Change a row that is in one of these states; whether it was."""
    own = relocations.c.session_id == session_id, relocations.c.state.in_(only_from)
    return bool(connection.execute(update(relocations).where(*own).values(**values)).rowcount)


def change_folder(connection: Connection, session_id: int, old: str, new: str) -> None:
    """Note that a session folder lies elsewhere now, with the movies that lie in it."""
    raw = movies.c.raw_path
    connection.execute(update(sessions).where(sessions.c.id == session_id).values(folder=new))
    connection.execute(
        update(movies)
        .where(movies.c.session_id == session_id, raw.startswith(f"{old}/", autoescape=True))
        .values(raw_path=literal(new).concat(func.substr(raw, len(old) + 1)))
    )
