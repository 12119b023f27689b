"""The WebSocket: who may watch what, and what happens to those who don't read."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from frazil.app import sessions
from frazil.app.access import SERVER
from frazil.web import socket as web_socket

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from .conftest import Lab


@contextmanager
def watching(
    lab: Lab, browser: httpx.Client | None = None, query: str = "", **headers: str
) -> Iterator[ClientConnection]:
    """Open a WebSocket as a browser does."""
    if browser is not None:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    headers.setdefault("Origin", lab.url)
    url = lab.url.replace("http", "ws") + "/api/ws" + query
    with connect(url, additional_headers=headers, open_timeout=10, close_timeout=1) as connection:
        yield connection


def read(connection: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(connection.recv(timeout=10))
    return message


def closed(connection: ClientConnection) -> tuple[int, str]:
    """Return how the server closed it."""
    with pytest.raises(ConnectionClosed) as caught:
        while True:
            connection.recv(timeout=10)
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code, caught.value.rcvd.reason


def test_a_watcher_is_told_what_changes(lab: Lab) -> None:
    with watching(lab, lab.browser("vera"), f"?session={lab.mine}") as connection:
        hello = read(connection)
        assert (hello["type"], hello["epoch"]) == ("hello", lab.hub.feed.epoch)
        lab.hub.feed.publish(lab.mine, "classes", {"number": 4})
        delta = read(connection)
    assert delta["type"] == "delta" and delta["sequence"] == lab.hub.feed.sequence
    (change,) = delta["changes"]
    assert (change["session_id"], change["kind"], change["data"]) == (lab.mine, "classes", {"number": 4})


def test_it_comes_back_and_has_missed_nothing(lab: Lab) -> None:
    browser = lab.browser("vera")
    with watching(lab, browser, f"?session={lab.mine}") as connection:
        hello = read(connection)
    lab.hub.feed.publish(lab.mine, "classes", {"number": 5})
    since = f"&since={hello['epoch']}:{hello['sequence']}"
    with watching(lab, browser, f"?session={lab.mine}{since}") as connection:
        assert read(connection)["type"] == "hello"
        assert read(connection)["changes"][0]["data"] == {"number": 5}
    with watching(lab, browser, f"?session={lab.mine}&since=another:3") as connection:
        assert [read(connection)["type"] for _ in range(2)] == ["hello", "resync"]


def test_much_at_once_becomes_few_messages(lab: Lab) -> None:
    with watching(lab, lab.browser("vera"), f"?session={lab.mine}") as connection:
        read(connection)
        for number in range(3000):
            lab.hub.feed.publish(lab.mine, "strip", {"movies": number})
        messages = [read(connection)]
        while messages[-1]["changes"][-1]["data"] != {"movies": 2999}:
            messages.append(read(connection))
    assert len(messages) <= 3


def test_who_lags_behind_reads_everything_anew(lab: Lab) -> None:
    browser = lab.browser("vera")
    hello_since = f"{lab.hub.feed.epoch}:{lab.hub.feed.sequence}"
    for number in range(5000):
        lab.hub.feed.publish(lab.foreign, "classes", {"number": number})
    with watching(lab, browser, f"?session={lab.mine}&since={hello_since}") as connection:
        assert read(connection)["type"] == "hello"
        assert read(connection)["type"] == "resync"


def test_a_watcher_of_all_sessions_sees_only_its_own(lab: Lab) -> None:
    with watching(lab, lab.browser("vera")) as connection:
        read(connection)
        lab.hub.feed.publish(lab.foreign, "track", {"track": "transfer", "state": "running"})
        lab.hub.feed.publish(lab.mine, "movies", {"names": ["a"]})
        lab.hub.feed.publish(lab.mine, "track", {"track": "transfer", "state": "running"})
        assert [(c["session_id"], c["kind"]) for c in read(connection)["changes"]] == [(lab.mine, "track")]


def test_new_sessions_are_told_to_those_who_may_see_them(lab: Lab) -> None:
    with watching(lab, lab.browser("vera")) as vera, watching(lab, lab.browser("bob")) as bob:
        read(vera)
        read(bob)
        made = sessions.create(lab.hub, SERVER, {"name": "New", "group": "cryo"})["id"]
        assert made in {change["session_id"] for change in read(vera)["changes"]}
        lab.hub.feed.publish(lab.foreign, "session", {"name": "x"})
        assert {change["session_id"] for change in read(bob)["changes"]} == {lab.foreign}


@pytest.mark.parametrize("query", ["", "?session=1", "?session=2"])
def test_strangers_are_shown_the_door(lab: Lab, query: str) -> None:
    with watching(lab, None, query) as connection:
        assert closed(connection)[0] == web_socket.NOT_LOGGED_IN


def test_sessions_of_other_groups_can_not_be_watched(lab: Lab) -> None:
    for session in (lab.foreign, 999, "x", "%00", "-1"):
        with watching(lab, lab.browser("vera"), f"?session={session}") as connection:
            assert closed(connection)[0] == web_socket.NOT_YOURS


def test_a_foreign_page_can_not_watch(lab: Lab) -> None:
    for origin in ("http://evil.example", "null"):
        with (
            pytest.raises(InvalidStatus) as caught,
            watching(lab, lab.browser("vera"), f"?session={lab.mine}", Origin=origin),
        ):
            pass
        assert caught.value.response.status_code == 403


def test_programs_watch_with_a_token(lab: Lab) -> None:
    token = lab.token("ann", "viewer", group_id=lab.groups["cryo"])
    authorization = {"Authorization": f"Bearer {token}"}
    with watching(lab, None, f"?session={lab.mine}", **authorization) as connection:
        assert read(connection)["type"] == "hello"
    with watching(lab, None, f"?session={lab.foreign}", **authorization) as connection:
        assert closed(connection)[0] == web_socket.NOT_YOURS
    with watching(lab, None, "", Authorization="Bearer frz_nonsense") as connection:
        assert closed(connection)[0] == web_socket.NOT_LOGGED_IN


def test_a_share_link_watches_its_session_and_nothing_of_the_server(lab: Lab) -> None:
    made = lab.browser("ann").post(f"/api/sessions/{lab.mine}/share-links", json={}).json()
    guest = lab.browser()
    guest.get(made["path"], follow_redirects=False)
    with watching(lab, guest, f"?session={lab.foreign}") as connection:
        assert closed(connection)[0] == web_socket.NOT_YOURS
    with watching(lab, guest, f"?session={lab.mine}") as connection:
        read(connection)
        lab.hub.feed.publish(None, "server", {"disks": []})
        lab.hub.feed.publish(lab.mine, "classes", {"number": 1})
        assert [change["kind"] for change in read(connection)["changes"]] == ["classes"]
        lab.browser("ann").delete(f"/api/sessions/{lab.mine}/share-links/{made['id']}")
        assert closed(connection)[0] == web_socket.NOT_LOGGED_IN


def test_rights_that_are_taken_end_the_watching(lab: Lab) -> None:
    admin, vera = lab.browser("admin"), lab.browser("vera")
    with watching(lab, vera, f"?session={lab.mine}") as one, watching(lab, vera) as other:
        read(one)
        read(other)
        admin.delete(f"/api/groups/{lab.groups['cryo']}/members/{lab.users['vera']}")
        assert closed(one)[0] == web_socket.NOT_YOURS
        vera.post("/api/logout")
        assert closed(other)[0] == web_socket.NOT_LOGGED_IN


def test_there_is_a_sign_of_life(lab: Lab) -> None:
    lab.hub.config = lab.hub.config.model_copy(update={"websocket_ping_s": 1})
    with watching(lab, lab.browser("vera"), f"?session={lab.mine}") as connection:
        assert [read(connection)["type"] for _ in range(2)] == ["hello", "ping"]


def test_big_messages_from_outside_end_it(lab: Lab) -> None:
    with watching(lab, lab.browser("vera")) as connection:
        read(connection)
        connection.send("x" * 100_000)
        assert closed(connection)[0] == 1009


def test_there_are_not_endlessly_many_watchers(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_socket, "MOST_WATCHERS", 1)
    browser = lab.browser("vera")
    with watching(lab, browser) as first:
        read(first)
        with watching(lab, browser) as second:
            assert closed(second)[0] == web_socket.TOO_MANY


def test_who_never_reads_is_dropped_and_slows_nobody(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_socket, "SEND_WITHIN_S", 0.5)
    monkeypatch.setattr(web_socket, "LEAST_PAUSE_S", 0.01)
    browser = lab.browser("vera")
    deaf = [deaf_watcher(lab, browser) for _ in range(5)]
    ended = threading.Event()
    try:
        with watching(lab, browser, f"?session={lab.mine}") as connection:
            read(connection)

            def flood() -> None:
                # More than the system keeps for somebody who does not read.
                while not ended.is_set():
                    lab.hub.feed.publish(lab.mine, "strip", {"words": "x" * 200_000})
                    ended.wait(0.01)

            flooding = threading.Thread(target=flood)
            flooding.start()
            try:
                deadline = time.monotonic() + 60
                while any(not is_gone(one) for one in deaf):
                    assert read(connection)["type"] == "delta"
                    assert time.monotonic() < deadline
            finally:
                ended.set()
                flooding.join()
    finally:
        for one in deaf:
            one.close()


def deaf_watcher(lab: Lab, browser: httpx.Client) -> socket.socket:
    """Open a WebSocket and never read from it."""
    host, port = lab.url.removeprefix("http://").split(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((host, int(port)))
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    connection.sendall(
        f"GET /api/ws?session={lab.mine} HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: {lab.url}\r\n"
        f"Cookie: {cookies}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n".encode()
    )
    return connection


def is_gone(connection: socket.socket) -> bool:
    """Whether the server has hung up on somebody who does not read."""
    try:
        connection.send(b"\x8a\x80\x00\x00\x00\x00", socket.MSG_DONTWAIT)
    except (BrokenPipeError, ConnectionResetError):
        return True
    except BlockingIOError:
        return False
    return False
