"""Rows of class selections: classes of one entry of the history that a person chose, under a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select

from frazil.store.catalogue.schema import class_selections

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection


def listed(connection: Connection, session_id: int) -> list[dict[str, Any]]:
    """All selections by name: name, update_number, classes (ids), saved_at, saved_by."""
    columns = [column for column in class_selections.c if column.name != "session_id"]
    query = select(*columns).where(class_selections.c.session_id == session_id)
    return [dict(row) for row in connection.execute(query.order_by(class_selections.c.name)).mappings()]


def save(
    connection: Connection,
    session_id: int,
    name: str,
    update_number: int,
    classes: Iterable[int],
    *,
    saved_by: str,
    saved_at: float,
) -> None:
    """Store a selection under a name, in place of one that had it."""
    remove(connection, session_id, name)
    connection.execute(
        insert(class_selections).values(
            session_id=session_id,
            name=name,
            update_number=update_number,
            classes=sorted(set(classes)),
            saved_at=saved_at,
            saved_by=saved_by,
        )
    )


def remove(connection: Connection, session_id: int, name: str) -> bool:
    """Forget a selection; whether there was one."""
    own = class_selections.c.session_id == session_id, class_selections.c.name == name
    return bool(connection.execute(delete(class_selections).where(*own)).rowcount)


def remove_all(connection: Connection, session_id: int) -> int:
    """Forget all selections of a session; returns how many there were."""
    result = connection.execute(delete(class_selections).where(class_selections.c.session_id == session_id))
    return int(result.rowcount)


def remove_of(connection: Connection, session_id: int, updates: Iterable[int]) -> int:
    """Forget the selections made in some entries of the history; returns how many there were."""
    own = class_selections.c.session_id == session_id, class_selections.c.update_number.in_(list(updates))
    return int(connection.execute(delete(class_selections).where(*own)).rowcount)
