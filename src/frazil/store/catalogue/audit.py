"""Who changed what, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from frazil.store.catalogue.schema import audit

if TYPE_CHECKING:
    from sqlalchemy import Connection


def add(
    connection: Connection,
    *,
    at: float,
    who: str,
    what: str,
    session_id: int | None = None,
    before: Any = None,
    after: Any = None,
) -> None:
    """Note a change."""
    connection.execute(
        insert(audit).values(at=at, who=who, what=what, session_id=session_id, before=before, after=after)
    )


def listed(
    connection: Connection, *, session_id: int | None = None, before_id: int | None = None, limit: int = 200
) -> list[dict[str, Any]]:
    """Newest changes first (of a session; older than the one called ``before_id``)."""
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if session_id is not None:
        query = query.where(audit.c.session_id == session_id)
    if before_id is not None:
        query = query.where(audit.c.id < before_id)
    return [dict(row) for row in connection.execute(query).mappings()]
