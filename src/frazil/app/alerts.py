"""Alerts of sessions: judged every half minute, kept in the catalogue, sent, snoozed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frazil.app.access import session_for
from frazil.app.alert_rules import Seen, Verdict, judge
from frazil.app.errors import NotFoundError
from frazil.app.notify import Message, check_targets, is_installed, send
from frazil.app.strip import strip_of
from frazil.model.errors import InputError
from frazil.model.range_rule import parse_rule
from frazil.store.catalogue import alerts, audit, revisions, sessions, tracks
from frazil.store.catalogue.progress import last_update, last_values, progress

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from frazil.app.access import Actor
    from frazil.app.disks import DiskState
    from frazil.app.hub import Hub
    from frazil.model.settings_classes import NotificationSettings
    from frazil.store.catalogue.sessions import SessionRow

LONGEST_SNOOZE_MIN = 7 * 24 * 60
TOLD_ONCE = frozenset({"first_classes"})
"""Rules whose alert comes once in a session."""
SENDING = "sending"


def listed(
    hub: Hub, actor: Actor, session_id: int | None = None, *, only_open: bool = False
) -> list[dict[str, Any]]:
    """Alerts of a session, or of all that somebody may see; newest first."""
    with hub.catalogue.read() as connection:
        if session_id is not None:
            session_for(connection, actor, session_id, "viewer")
            return alerts.listed(connection, session_id, only_open=only_open)
        seen = {row.id for row in sessions.listed(connection, actor.visible_groups())}
        found = alerts.listed(connection, None, only_open=only_open, limit=1000)
    return [alert for alert in found if alert["session_id"] in seen | actor.shared_sessions][:200]


def snooze(hub: Hub, actor: Actor, alert_id: int, minutes: int) -> dict[str, Any]:
    """Send nothing about an alert's rule for some minutes; 0: from now on again."""
    if not 0 <= minutes <= LONGEST_SNOOZE_MIN:
        raise InputError(f"minutes={minutes}: must be 0 to {LONGEST_SNOOZE_MIN}")
    with hub.catalogue.write() as connection:
        alert = alerts.get(connection, alert_id)
        if alert is None:
            raise NotFoundError(f"there is no alert {alert_id}")
        session_for(connection, actor, alert["session_id"], "operator")
        until = hub.now() + 60.0 * minutes if minutes else None
        alerts.change(connection, alert_id, snoozed_until=until)
        audit.add(
            connection,
            at=hub.now(),
            who=actor.login,
            what="alert.snooze",
            session_id=alert["session_id"],
            after={"rule": alert["rule"], "minutes": minutes},
        )
    hub.feed.publish(alert["session_id"], "alerts", {"id": alert_id})
    return {**alert, "snoozed_until": until}


def send_test(hub: Hub, actor: Actor, session_id: int, targets: list[str] | None = None) -> str:
    """Send a message to some targets, or to those of the session; returns what went wrong.

    Raises `InputError` for a target that can't be used.
    """
    with hub.catalogue.read() as connection:
        row = session_for(connection, actor, session_id, "operator")
        if targets is None:
            targets = list(revisions.newest(connection, session_id).settings().notifications.notify_targets)
    check_targets(targets)
    if not targets:
        raise InputError("notify_targets: there is nobody to send to")
    return send(targets, _title(row), "A test: messages of this session arrive here.")


def watch_alerts(hub: Hub, disks: Iterable[DiskState]) -> None:
    """Judge all active sessions, once; raise, clear and send what is due."""
    by_user = {user: disk for disk in disks for user in disk.users}
    with hub.catalogue.read() as connection:
        rows = [row for row in sessions.listed(connection) if row.life == "active"]
    for row in rows:
        settings, verdicts = _look(hub, row, by_user.get(f"S{row.id}"))
        _keep(hub, row, verdicts)
        _send_due(hub, row, settings)


def _look(hub: Hub, row: SessionRow, disk: DiskState | None) -> tuple[NotificationSettings, list[Verdict]]:
    now = hub.now()
    with hub.catalogue.read() as connection:
        settings = revisions.newest(connection, row.id).settings().notifications
        found = progress(connection, row.id, now)
        update = last_update(connection, row.id)
        seen = Seen(
            now=now,
            tracks={track.track: track for track in tracks.listed(connection, [row.id])},
            progress=found,
            behind_s=strip_of(found, None, workers=1, now=now)["behind_s"],
            disk_hours_left=None if disk is None else disk.hours_left,
            values={text: _values(connection, row.id, text) for text in settings.range_rules},
            classes=None if update is None else update["summary"],
        )
    return settings, judge(settings, seen)


def _values(connection: Connection, session_id: int, text: str) -> list[float | None]:
    rule = parse_rule(text)
    return last_values(connection, session_id, rule.column, rule.of)


def _keep(hub: Hub, row: SessionRow, verdicts: Iterable[Verdict]) -> None:
    """Store what has changed, in one transaction if anything has."""
    now = hub.now()
    with hub.catalogue.read() as connection:
        open_rules = {alert["rule"] for alert in alerts.listed(connection, row.id, only_open=True)}
    changes = [
        verdict
        for verdict in verdicts
        if (verdict.what == "raise" and verdict.rule not in open_rules)
        or (verdict.what == "clear" and verdict.rule in open_rules)
    ]
    if not changes:
        return
    changed = False
    with hub.catalogue.write() as connection:
        for verdict in changes:
            if verdict.what == "clear":
                changed |= alerts.clear_alert(connection, row.id, verdict.rule, now)
            elif verdict.rule not in TOLD_ONCE or not alerts.ever(connection, row.id, verdict.rule):
                changed |= (
                    alerts.raise_alert(connection, row.id, verdict.rule, verdict.message, now) is not None
                )
    if changed:
        hub.feed.publish(row.id, "alerts", {})


def _send_due(hub: Hub, row: SessionRow, settings: NotificationSettings) -> None:
    """Send open alerts that were not sent and are not snoozed; with nobody to send to they count as sent."""
    with hub.catalogue.read() as connection:
        due = alerts.due(connection, row.id, hub.now())
    if not due:
        return
    with hub.catalogue.write() as connection:
        for alert in due:
            # Before it is sent: a message twice is worse than an alert that is only on the page.
            alerts.change(connection, alert["id"], sent=True)
    targets = settings.notify_targets
    if not targets or not is_installed():
        return
    for alert in due:
        if alert["rule"] != SENDING:
            hub.notifier.post(
                Message(targets, _title(row), alert["message"], lambda problem: _sent(hub, row.id, problem))
            )


def _sent(hub: Hub, session_id: int, problem: str) -> None:
    """Keep an alert as long as messages can't be sent."""
    with hub.catalogue.write() as connection:
        if problem:
            changed = alerts.raise_alert(connection, session_id, SENDING, problem, hub.now()) is not None
        else:
            changed = alerts.clear_alert(connection, session_id, SENDING, hub.now())
    if changed:
        hub.feed.publish(session_id, "alerts", {})


def _title(row: SessionRow) -> str:
    return f"Frazil S{row.id} {row.name}"
