"""How the server is, and what it tells without being asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from frazil.app import sessions
from frazil.app.access import Actor
from frazil.app.credentials import Credentials, identify, own_token
from frazil.app.errors import DeniedError
from frazil.app.health import Gpus, health, server_status
from frazil.store.catalogue import movies, tracks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from frazil.app.hub import Hub


def admin(hub: Hub) -> Actor:
    actor = identify(hub, Credentials(token=own_token(hub)))
    assert actor is not None
    return actor


def test_the_server_tells_what_it_works_with(hub: Hub) -> None:
    hub.watch.look_at_disks()
    status = server_status(hub, admin(hub))
    assert status["device"] == "cpu"
    assert status["memory"]["server_bytes"] > 10**6
    assert {worker["pool"] for worker in status["workers"]} == {"movies", "classes", "files"}
    assert status["disks"][0]["users"] == ("catalogue",)
    assert status["disks"][0]["free_bytes"] > 0
    assert health(hub)["status"] == "ok"
    with pytest.raises(DeniedError):
        server_status(hub, Actor(None, "link"))


def test_looking_at_a_server_starts_no_engine(
    make_hub: Callable[..., Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("an engine is made")

    monkeypatch.setattr("frazil.app.hub.make_executor", refuse)
    hub = make_hub(executor=None)
    assert server_status(hub, admin(hub))["workers"] == []
    assert hub.movie_workers() >= 1
    hub.watch.tell_strips()


def test_strips_are_told_when_they_change(hub: Hub) -> None:
    actor = admin(hub)
    session = sessions.create(hub, actor, {})["id"]
    with hub.catalogue.write() as connection:
        tracks.save_state(
            connection, session, "transfer", wanted=True, state="running", reason="", now=hub.now()
        )
    position = hub.feed.sequence

    def told() -> list[int]:
        hub.watch.tell_strips()
        changes = hub.feed.take(position, lambda change: change.kind == "strip").changes
        return [change.data["movies"] for change in changes]

    assert told() == [0]
    position = hub.feed.sequence
    assert told() == []
    with hub.catalogue.write() as connection:
        row = {"name": "a", "path": "a", "state": "queued", "found_at": hub.now(), "target_revision": 1}
        movies.add_many(connection, session, [row])
    # Nobody said so: the catalogue is not asked all the time.
    assert told() == []
    hub.feed.publish(session, "movies", {"names": ["a"]})
    assert told() == [1]


def test_gpus_are_read_as_nvidia_smi_tells_them(tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(
        "#!/bin/sh\necho '0, NVIDIA H100, 37, 1024, 81559, 41'\necho '1, Old, [N/A], 5, 10, 33'\n"
    )
    program.chmod(0o755)
    first, second = Gpus(str(program)).now()
    assert (first["index"], first["name"], first["used_percent"]) == ("0", "NVIDIA H100", 37.0)
    assert first["memory_used_bytes"] == 1024 * 1024**2
    assert second["used_percent"] is None
    assert Gpus(str(tmp_path / "missing")).now() == []
