"""Buttons of scheduled classification."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.app.test_hub import wait_for
from tests.app.test_settings_changes import VALUES

from frazil.app import class_jobs, relocation, sessions, settings_changes
from frazil.app.access import SERVER, Actor
from frazil.app.errors import ConflictError, DeniedError
from frazil.model.errors import InputError
from frazil.model.track import ControlRefusedError
from frazil.store.catalogue import tracks

if TYPE_CHECKING:
    from pathlib import Path

    from frazil.app.hub import Hub


@pytest.fixture
def session(hub: Hub, tmp_path: Path) -> int:
    number: int = sessions.create(hub, SERVER, {"folder": str(tmp_path / "s"), **VALUES})["id"]
    return number


def remember(hub: Hub, session: int, state: str) -> None:
    with hub.catalogue.write() as connection:
        tracks.remember(connection, session, "classify2d", {"jobs": {"state": state, "cycle": 3}})


def test_start_job_sends_the_staged_settings_and_starts_the_track(hub: Hub, session: int) -> None:
    class_jobs.start_job(hub, SERVER, session, {"mode": "abinit", "class_count": 20}, 1)
    wait_for(hub, "running", session, "classify2d")
    assert settings_changes.show(hub, SERVER, session)["values"]["class_count"] == 20
    with hub.catalogue.read() as connection:
        assert tracks.get(connection, session, "classify2d").memory["wish"] == "job"


def test_settings_that_someone_else_sent_in_between_refuse_the_button(hub: Hub, session: int) -> None:
    settings_changes.save(hub, SERVER, session, {"class_count": 30}, 1)
    with pytest.raises(ConflictError) as refused:
        class_jobs.start_job(hub, SERVER, session, {"mode": "abinit", "class_count": 20}, 1)
    assert refused.value.details["both"] == ["class_count"]
    with hub.catalogue.read() as connection:
        assert not tracks.get(connection, session, "classify2d").wanted


def test_a_job_that_runs_refuses_another_one(hub: Hub, session: int) -> None:
    class_jobs.start_automatic(hub, SERVER, session, {"mode": "abinit"}, 1)
    wait_for(hub, "running", session, "classify2d")
    remember(hub, session, "running")
    with pytest.raises(ControlRefusedError, match="stop it first"):
        class_jobs.start_job(hub, SERVER, session, {}, 2)
    remember(hub, session, "listening")
    class_jobs.start_job(hub, SERVER, session, {}, 2)
    class_jobs.stop_jobs(hub, SERVER, session)
    wait_for(hub, "stopped", session, "classify2d")
    assert class_jobs.show_jobs(hub, SERVER, session)["state"] == "stopped"


def test_with_streaming_the_first_button_starts_the_stream_and_the_second_makes_no_sense(
    hub: Hub, session: int
) -> None:
    with pytest.raises(InputError, match="streaming needs no jobs"):
        class_jobs.start_automatic(hub, SERVER, session, {}, 1)
    assert class_jobs.start_job(hub, SERVER, session, {}, 1)["wanted"]


def test_keep_asks_a_stream_that_runs_and_nothing_else(hub: Hub, session: int) -> None:
    with pytest.raises(ControlRefusedError, match="start it first"):
        class_jobs.keep_update(hub, SERVER, session)
    class_jobs.start_job(hub, SERVER, session, {}, 1)
    wait_for(hub, "running", session, "classify2d")
    assert class_jobs.keep_update(hub, SERVER, session)["state"] == "running"
    settings_changes.save(hub, SERVER, session, {"mode": "abinit"}, 1)
    with pytest.raises(InputError, match="keep every cycle"):
        class_jobs.keep_update(hub, SERVER, session)


def test_viewers_see_jobs_and_start_none(hub: Hub, session: int) -> None:
    viewer = Actor(6, "vera", roles={1: "viewer"})
    assert class_jobs.show_jobs(hub, viewer, session)["mode"] == "streaming"
    for button in (class_jobs.start_job, class_jobs.start_automatic):
        with pytest.raises(DeniedError):
            button(hub, viewer, session, {}, 1)
    relocation.archive(hub, SERVER, session)
    with pytest.raises(ConflictError, match="archived"):
        class_jobs.start_job(hub, SERVER, session, {}, 1)
