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


def get(connection: Connection, alert_id: int) -> dict[str, Any] | None:
    """Return an alert; None where there is none."""
    row = connection.execute(select(alerts).where(alerts.c.id == alert_id)).mappings().first()
    return None if row is None else dict(row)


def ever(connection: Connection, session_id: int, rule: str) -> bool:
    """Whether a rule's alert was ever raised in a session."""
    query = select(alerts.c.id).where(alerts.c.session_id == session_id, alerts.c.rule == rule).limit(1)
    return connection.scalar(query) is not None


def due(connection: Connection, session_id: int, now: float) -> list[dict[str, Any]]:
    """Open alerts that are to be sent now: not sent yet, and their rule is not snoozed."""
    snoozed = select(alerts.c.rule).where(alerts.c.session_id == session_id, alerts.c.snoozed_until > now)
    query = select(alerts).where(
        alerts.c.session_id == session_id,
        alerts.c.cleared_at.is_(None),
        alerts.c.sent.is_(False),
        alerts.c.rule.not_in(snoozed),
    )
    return [dict(row) for row in connection.execute(query.order_by(alerts.c.id)).mappings()]
