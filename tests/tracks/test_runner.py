"""A track alive in its thread: controls, pauses, errors, and what is stored."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from frazil.model.errors import PassingError
from frazil.model.track import Clear, ControlRefusedError, Restart, Start, Stop
from frazil.tracks.runner import BlockedError, TrackRunner

if TYPE_CHECKING:
    from collections.abc import Collection

WAIT_S = 10.0


class Script:
    """A body whose steps the test decides."""

    def __init__(self) -> None:
        self.begun: list[bool] = []
        self.received: list[Any] = []
        self.flying = 0
        self.error: Exception | None = None
        self.reason = ""
        self.calls: list[str] = []
        self.stepped = threading.Event()
        self.grace_s = 60.0

    def begin(self, *, anew: bool) -> None:
        self.begun.append(anew)

    def step(self) -> float:
        self.stepped.set()
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        return 60.0

    def receive(self, message: Any) -> None:
        self.received.append(message)
        if message == "landed":
            self.flying -= 1

    @property
    def in_flight(self) -> int:
        return self.flying

    def drain(self) -> None:
        self.calls.append("drain")

    def kill(self) -> None:
        self.calls.append("kill")
        self.flying = 0

    def blocked(self) -> str:
        return self.reason

    def clear(self, _runs: Collection[int] = (), /) -> None:
        self.calls.append("clear")


class Saved:
    """States as they were stored; lets a test wait for one."""

    def __init__(self) -> None:
        self.rows: list[tuple[bool, str, str]] = []
        self.refuse = 0
        self._changed = threading.Condition()

    def __call__(self, wanted: bool, state: str, reason: str) -> None:
        with self._changed:
            if self.refuse:
                self.refuse -= 1
                raise PassingError("the disk is full")
            self.rows.append((wanted, state, reason))
            self._changed.notify_all()

    def wait(self, state: str) -> tuple[bool, str, str]:
        with self._changed:
            assert self._changed.wait_for(lambda: bool(self.rows) and self.rows[-1][1] == state, WAIT_S), (
                self.rows
            )
            return self.rows[-1]


@pytest.fixture
def parts() -> Any:
    body, saved = Script(), Saved()
    logged: list[tuple[str, str]] = []
    runner = TrackRunner("test", body, saved, lambda message, trace: logged.append((message, trace)))
    yield runner, body, saved, logged
    runner.close()


def test_it_starts_steps_and_stops(parts: Any) -> None:
    runner, body, saved, _ = parts
    runner.control(Start()).result(WAIT_S)
    assert saved.wait("running") == (True, "running", "")
    assert body.stepped.wait(WAIT_S)
    runner.control(Stop()).result(WAIT_S)
    assert saved.wait("stopped") == (False, "stopped", "")
    assert body.begun == [False]


def test_stop_waits_for_what_is_in_flight(parts: Any) -> None:
    runner, body, saved, _ = parts
    runner.control(Start()).result(WAIT_S)
    saved.wait("running")
    body.flying = 1
    runner.control(Stop()).result(WAIT_S)
    saved.wait("stopping")
    runner.post("landed")
    saved.wait("stopped")
    assert body.received == ["landed"]
    assert "kill" not in body.calls


def test_what_is_in_flight_is_killed_after_the_grace(parts: Any) -> None:
    runner, body, saved, _ = parts
    runner.control(Start()).result(WAIT_S)
    saved.wait("running")
    body.flying, body.grace_s = 1, 0.05
    runner.control(Stop()).result(WAIT_S)
    saved.wait("stopped")
    assert body.calls == ["drain", "kill"]


def test_stop_now_does_not_wait(parts: Any) -> None:
    runner, body, saved, _ = parts
    runner.control(Start()).result(WAIT_S)
    saved.wait("running")
    body.flying = 1
    runner.control(Stop(now=True)).result(WAIT_S)
    saved.wait("stopped")
    assert body.calls == ["kill"]


def test_restart_begins_anew(parts: Any) -> None:
    runner, body, saved, _ = parts
    runner.control(Start()).result(WAIT_S)
    saved.wait("running")
    runner.control(Restart()).result(WAIT_S)
    saved.wait("running")
    runner.control(Stop()).result(WAIT_S)
    saved.wait("stopped")
    assert body.begun == [False, True]


def test_a_restarted_track_that_was_idle_steps_at_once(parts: Any) -> None:
    runner, body, saved, _ = parts
    runner.control(Start()).result(WAIT_S)
    assert saved.wait("running") and body.stepped.wait(WAIT_S)
    body.stepped.clear()
    runner.control(Restart()).result(WAIT_S)
    assert body.stepped.wait(WAIT_S)
    assert body.begun == [False, True]


def test_clear_removes_and_is_refused_while_it_runs(parts: Any) -> None:
    runner, body, saved, _ = parts
    runner.control(Start()).result(WAIT_S)
    with pytest.raises(ControlRefusedError):
        runner.control(Clear()).result(WAIT_S)
    runner.control(Stop()).result(WAIT_S)
    saved.wait("stopped")
    runner.control(Clear()).result(WAIT_S)
    saved.wait("stopped")
    assert "clear" in body.calls


def test_a_reason_outside_pauses_and_a_person_can_ask_again(parts: Any) -> None:
    runner, body, saved, _ = parts
    body.error, body.reason = BlockedError("the share is gone"), "the share is gone"
    runner.control(Start()).result(WAIT_S)
    assert saved.wait("paused") == (True, "paused", "the share is gone")
    body.reason = ""
    runner.control(Start()).result(WAIT_S)
    saved.wait("running")


def test_an_unexpected_error_is_logged_and_the_loop_begun_again(parts: Any) -> None:
    runner, body, saved, logged = parts
    body.error = RuntimeError("oops")
    runner.control(Start()).result(WAIT_S)
    saved.wait("paused")
    saved.wait("running")
    assert "oops" in logged[0][0]
    assert "Traceback" in logged[0][1]
    assert len(body.begun) == 2


def test_a_state_that_could_not_be_stored_is_stored_later(parts: Any) -> None:
    runner, _, saved, logged = parts
    saved.refuse = 2
    runner.control(Start()).result(WAIT_S)
    saved.wait("running")
    assert "disk is full" in logged[0][0]


def test_closing_keeps_what_is_wanted(parts: Any) -> None:
    runner, body, saved, _ = parts
    runner.control(Start()).result(WAIT_S)
    saved.wait("running")
    runner.close()
    assert saved.rows[-1] == (True, "running", "")
    assert body.calls == ["kill"]
