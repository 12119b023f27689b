"""Rows of alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from frazil.store.catalogue.schema import alerts

if TYPE_CHECKING:
    from sqlalchemy import Connection


def raise_alert(connection: Connection, session_id: int, rule: str, message: str, now: float) -> int | None:
    """Raise an alert unless the same rule's is open; returns its number if it is new."""
    query = select(alerts.c.id).where(
        alerts.c.session_id == session_id, alerts.c.rule == rule, alerts.c.cleared_at.is_(None)
    )
    if connection.scalar(query) is not None:
        return None
    row = {"session_id": session_id, "rule": rule, "message": message, "raised_at": now, "sent": False}
    key = connection.execute(insert(alerts).values(row)).inserted_primary_key
    return None if key is None else int(key[0])


def clear_alert(connection: Connection, session_id: int, rule: str, now: float) -> bool:
    """Clear a rule's open alert; whether there was one."""
    result = connection.execute(
        update(alerts)
        .where(alerts.c.session_id == session_id, alerts.c.rule == rule, alerts.c.cleared_at.is_(None))
        .values(cleared_at=now)
    )
    return bool(result.rowcount)


def change(connection: Connection, alert_id: int, **values: Any) -> None:
    """Change an alert (snoozed, sent)."""
    connection.execute(update(alerts).where(alerts.c.id == alert_id).values(values))


def listed(
    connection: Connection, session_id: int | None = None, *, only_open: bool = False, limit: int = 200
) -> list[dict[str, Any]]:
    """Alerts, newest first."""
    query = select(alerts).order_by(alerts.c.id.desc()).limit(limit)
    if session_id is not None:
        query = query.where(alerts.c.session_id == session_id)
    if only_open:
        query = query.where(alerts.c.cleared_at.is_(None))
    return [dict(row) for row in connection.execute(query).mappings()]
