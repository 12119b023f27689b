"""Control of a track: in whatever order things happen, a wish is kept and the loop is never doubled."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from hypothesis.strategies import booleans, floats

from frazil.model.track import (
    MOST_DEATHS,
    Began,
    Begin,
    Blocked,
    Check,
    Clear,
    Cleared,
    ControlRefusedError,
    Died,
    Drain,
    Drained,
    Instruction,
    Kill,
    Remove,
    Restart,
    Save,
    Start,
    Stop,
    Tick,
    TrackMachine,
    Unblocked,
)


def running() -> TrackMachine:
    machine = TrackMachine()
    machine.handle(Start(), 0.0)
    machine.handle(Began(), 0.0)
    return machine


def test_start_begins_once_and_is_kept() -> None:
    machine = TrackMachine()
    assert machine.handle(Start(), 0.0) == [Save(), Begin(anew=False)]
    assert machine.wanted
    assert machine.handle(Start(), 0.0) == []
    machine.handle(Began(), 0.0)
    assert machine.state == "running"
    assert machine.handle(Start(), 0.0) == []


def test_stop_waits_and_pressed_again_kills() -> None:
    machine = running()
    assert machine.handle(Stop(), 1.0) == [Save(), Drain()]
    assert not machine.wanted
    assert Kill() in machine.handle(Stop(), 2.0)
    assert machine.handle(Drained(), 3.0) == [Save()]
    assert machine.state == "stopped"


def test_stop_now_kills() -> None:
    assert running().handle(Stop(now=True), 1.0) == [Save(), Kill()]


def test_restart_of_a_running_track_drains_then_begins_anew() -> None:
    machine = running()
    assert machine.handle(Restart(), 1.0) == [Save(), Drain()]
    assert machine.handle(Drained(), 2.0) == [Save(), Begin(anew=True)]
    assert machine.wanted


def test_restart_of_a_stopped_track_begins_anew() -> None:
    assert TrackMachine().handle(Restart(), 0.0) == [Save(), Begin(anew=True)]


def test_stop_during_restart_wins() -> None:
    machine = running()
    machine.handle(Restart(), 1.0)
    machine.handle(Stop(), 2.0)
    machine.handle(Drained(), 3.0)
    assert machine.state == "stopped"
    assert not machine.wanted


def test_clear_needs_a_stopped_track() -> None:
    machine = running()
    with pytest.raises(ControlRefusedError, match="stop it first"):
        machine.handle(Clear(), 0.0)
    assert machine.state == "running"
    machine = TrackMachine()
    assert machine.handle(Clear(), 0.0) == [Save(), Remove()]
    with pytest.raises(ControlRefusedError):
        machine.handle(Start(), 0.0)
    machine.handle(Cleared(), 0.0)
    assert machine.state == "stopped"


def test_a_pause_ends_by_itself_when_its_reason_is_gone() -> None:
    machine = running()
    machine.handle(Blocked("the disk is full"), 0.0)
    assert (machine.state, machine.reason, machine.wanted) == ("paused", "the disk is full", True)
    assert machine.handle(Tick(), 29.0) == []
    assert machine.handle(Tick(), 30.0) == [Check()]
    machine.handle(Blocked("the disk is full"), 30.0)
    assert machine.handle(Tick(), 60.0) == [Check()]
    machine.handle(Unblocked(), 60.0)
    assert machine.state == "running"


def test_a_loop_that_could_not_begin_begins_when_the_reason_is_gone() -> None:
    machine = TrackMachine()
    machine.handle(Restart(), 0.0)
    machine.handle(Blocked("the share is gone"), 0.0)
    assert machine.handle(Unblocked(), 30.0) == [Save(), Begin(anew=True)]


def test_a_loop_that_dies_is_begun_again_later_and_later_then_waits_for_a_person() -> None:
    machine, now = running(), 0.0
    for delay in (1.0, 5.0, 30.0, 300.0):
        machine.handle(Died("internal error"), now)
        assert machine.state == "paused"
        assert machine.handle(Tick(), now + 0.99 * delay) == []
        now += delay
        assert machine.handle(Tick(), now) == [Check()]
        assert Begin() in machine.handle(Unblocked(), now)
        machine.handle(Began(), now)
    machine.handle(Died("internal error"), now)
    assert "needs attention" in machine.reason
    assert machine.handle(Tick(), now + 1e6) == []
    assert Begin(anew=False) in machine.handle(Start(), now)


def test_deaths_long_ago_do_not_count() -> None:
    machine, now = running(), 0.0
    for _ in range(3 * MOST_DEATHS):
        machine.handle(Died("x"), now)
        machine.handle(Tick(), now + 1.0)
        machine.handle(Unblocked(), now + 1.0)
        machine.handle(Began(), now + 1.0)
        assert machine.state == "running"
        now += 200.0


class Controls(RuleBasedStateMachine):
    """A loop that does as it is told, and people who press anything at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.machine = TrackMachine()
        self.now = 0.0
        self.alive = False
        self.told_to_drain = False
        self.removing = False
        self.wish = False
        self.saved: tuple[bool, str] = (False, "stopped")

    def send(self, event: object) -> bool:
        try:
            instructions = self.machine.handle(event, self.now)  # type: ignore[arg-type]
        except ControlRefusedError:
            return False
        for instruction in instructions:
            self.obey(instruction)
        return True

    def obey(self, instruction: Instruction) -> None:
        match instruction:
            case Begin():
                assert not self.alive, "begun twice"
                assert not self.removing, "begun while products are removed"
                self.alive = True
            case Drain() | Kill():
                self.told_to_drain = True
            case Remove():
                assert not self.alive, "products removed under a living loop"
                self.removing = True
            case Save():
                self.saved = (self.machine.wanted, self.machine.state)

    @rule()
    def start(self) -> None:
        if self.send(Start()):
            self.wish = True

    @rule(now=booleans())
    def stop(self, now: bool) -> None:
        if self.send(Stop(now)):
            self.wish = False

    @rule()
    def restart(self) -> None:
        if self.send(Restart()):
            self.wish = True

    @rule()
    def clear(self) -> None:
        self.send(Clear())

    @rule()
    def began(self) -> None:
        if self.alive and self.machine.state == "starting":
            self.send(Began())

    @rule()
    def could_not_begin(self) -> None:
        if self.alive and self.machine.state == "starting":
            self.alive = False
            self.send(Blocked("not now"))

    @rule()
    def blocked(self) -> None:
        if self.alive and self.machine.state == "running":
            self.send(Blocked("disk full"))

    @rule()
    def drained(self) -> None:
        if self.told_to_drain:
            self.told_to_drain = self.alive = False
            self.send(Drained())

    @rule()
    def died(self) -> None:
        if self.alive:
            self.alive = self.told_to_drain = False
            self.send(Died("oops"))

    @rule()
    def cleared(self) -> None:
        if self.removing:
            self.removing = False
            self.send(Cleared())

    @rule()
    def unblocked(self) -> None:
        self.send(Unblocked())

    @rule(seconds=floats(0.0, 400.0))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.send(Tick())

    @invariant()
    def the_wish_is_kept(self) -> None:
        if self.machine.state not in ("stopped", "clearing"):
            assert self.machine.wanted == self.wish
        assert self.saved == (self.machine.wanted, self.machine.state)

    @invariant()
    def stopped_means_stopped(self) -> None:
        if self.machine.state in ("stopped", "clearing"):
            assert not self.alive


TestControls = Controls.TestCase
TestControls.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
