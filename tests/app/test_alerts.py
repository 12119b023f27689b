"""Alerts are kept, sent once, snoozed, and raised again when their cause comes back."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from frazil.app import alerts, sessions
from frazil.app.access import SERVER, Actor
from frazil.app.disks import DiskState
from frazil.app.errors import DeniedError, NotFoundError
from frazil.app.notify import Message, Notifier, check_targets, send
from frazil.model.errors import InputError
from frazil.store.catalogue import sessions as session_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from frazil.app.hub import Hub

# One of apprise's many plug-ins uses it.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")
FULL = DiskState("/d", ("S1",), 100, 10, 10.0, 1.0)
HALF = DiskState("/d", ("S1",), 100, 50, 10.0, 7.0)
EMPTY = DiskState("/d", ("S1",), 100, 90, 1.0, 90.0)


class Outbox:
    """A notifier that keeps what it should send."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def post(self, message: Message) -> None:
        self.messages.append(message)

    def close(self) -> None:
        """Nothing to end."""


@pytest.fixture
def outbox(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Outbox:
    box = Outbox()
    hub.notifier.close()
    monkeypatch.setattr(hub, "notifier", box)
    return box


def active(hub: Hub, **values: Any) -> int:
    number: int = sessions.create(hub, SERVER, {"notify_targets": ["json://example.org/x"], **values})["id"]
    with hub.catalogue.write() as connection:
        session_rows.begin(connection, number)
    return number


def texts(hub: Hub, *, only_open: bool = True) -> list[str]:
    return [alert["message"] for alert in alerts.listed(hub, SERVER, only_open=only_open)]


def test_an_alert_is_raised_sent_cleared_and_raised_again(hub: Hub, outbox: Outbox) -> None:
    session = active(hub, name="grid")
    for _ in range(3):
        alerts.watch_alerts(hub, [FULL])
    assert texts(hub) == ["the disk is full in 1.0 h at the present speed"]
    assert [message.text for message in outbox.messages] == texts(hub)
    assert outbox.messages[0].title == f"Frazil S{session} grid"
    assert outbox.messages[0].targets == ("json://example.org/x",)
    alerts.watch_alerts(hub, [HALF])
    assert len(texts(hub)) == 1
    alerts.watch_alerts(hub, [EMPTY])
    assert texts(hub) == []
    alerts.watch_alerts(hub, [FULL])
    assert len(outbox.messages) == 2
    assert len(texts(hub, only_open=False)) == 2


def test_a_snoozed_rule_is_silent_until_its_time_is_over(
    hub: Hub, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    active(hub)
    alerts.watch_alerts(hub, [FULL])
    (alert,) = alerts.listed(hub, SERVER)
    until = alerts.snooze(hub, SERVER, alert["id"], 30)["snoozed_until"]
    alerts.watch_alerts(hub, [EMPTY])
    alerts.watch_alerts(hub, [FULL])
    assert len(texts(hub)) == 1
    assert len(outbox.messages) == 1
    monkeypatch.setattr(hub, "now", lambda: until + 1.0)
    alerts.watch_alerts(hub, [FULL])
    assert len(outbox.messages) == 2


def test_messages_that_can_t_be_sent_are_told(hub: Hub, outbox: Outbox) -> None:
    active(hub)
    alerts.watch_alerts(hub, [FULL])
    outbox.messages[0].done("no message could be sent to json://…")
    assert "no message could be sent to json://…" in texts(hub)
    alerts.watch_alerts(hub, [FULL])
    assert len(outbox.messages) == 1
    outbox.messages[0].done("")
    assert len(texts(hub)) == 1


def test_without_targets_an_alert_is_on_the_page_only(hub: Hub, outbox: Outbox) -> None:
    active(hub, notify_targets=[])
    alerts.watch_alerts(hub, [FULL])
    assert len(texts(hub)) == 1
    assert outbox.messages == []


def test_only_sessions_that_are_active_are_judged(hub: Hub, outbox: Outbox) -> None:
    sessions.create(hub, SERVER, {})
    alerts.watch_alerts(hub, [FULL])
    assert texts(hub) == []
    assert outbox.messages == []


def test_who_sees_and_snoozes(hub: Hub, outbox: Outbox) -> None:
    session = active(hub)
    alerts.watch_alerts(hub, [FULL])
    assert outbox.messages
    group = sessions.show(hub, SERVER, session)["group_id"]
    (alert,) = alerts.listed(hub, Actor(1, "ann", roles={group: "viewer"}))
    assert alerts.listed(hub, Actor(2, "bob")) == []
    with pytest.raises(DeniedError):
        alerts.snooze(hub, Actor(1, "ann", roles={group: "viewer"}), alert["id"], 5)
    with pytest.raises(NotFoundError):
        alerts.snooze(hub, SERVER, 99, 5)
    with pytest.raises(InputError, match="minutes"):
        alerts.snooze(hub, SERVER, alert["id"], -1)


def test_a_message_is_tried_again_and_delays_no_other() -> None:
    tries: list[tuple[str, ...]] = []
    told: dict[str, str] = {}
    all_told = threading.Event()

    def send(_: Sequence[str], title: str, text: str) -> str:
        tries.append((title, text))
        return "broken" if title == "bad" else ""

    def done(name: str, problem: str) -> None:
        told[name] = problem
        if len(told) == 2:
            all_told.set()

    notifier = Notifier(send, retries_s=(0.01, 0.01))
    notifier.post(Message(("x",), "bad", "1", lambda problem: done("bad", problem)))
    notifier.post(Message(("x",), "good", "2", lambda problem: done("good", problem)))
    assert all_told.wait(20)
    notifier.close()
    assert told == {"bad": "broken", "good": ""}
    assert tries.count(("bad", "1")) == 3
    assert tries.count(("good", "2")) == 1
    assert tries.index(("good", "2")) < 3


def test_targets_are_checked_and_their_secrets_not_repeated() -> None:
    check_targets(["json://example.org/x"])
    for wrong in ("nothing", "syslog://", "nosuch://user:hunter2@example.org"):
        with pytest.raises(InputError, match="no address that apprise") as told:
            check_targets([wrong])
        assert "hunter2" not in str(told.value)


class Hook(BaseHTTPRequestHandler):
    """A webhook that keeps what it is sent."""

    received: ClassVar[list[dict[str, Any]]] = []
    status = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append(json.loads(body))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing on the screen."""


def test_a_webhook_gets_the_message_and_its_refusal_is_told() -> None:
    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            target = f"json://127.0.0.1:{server.server_port}/x"
            assert send([target], "Frazil S1", "the disk is full in 1 h") == ""
            Hook.status = 500
            assert send([target], "Frazil S1", "again") == "no message could be sent to json://…"
        finally:
            Hook.status = 200
            server.shutdown()
            thread.join()
    assert Hook.received[0]["title"] == "Frazil S1"
    assert Hook.received[0]["message"] == "the disk is full in 1 h"
