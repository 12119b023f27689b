"""When a file is taken: rules one by one, then whatever may happen in whatever order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from frazil.tracks.transfer.events import (
    Deliver,
    Finished,
    FirstLookDone,
    GivenBack,
    Incomplete,
    KeepOld,
    Lost,
    Note,
    Refused,
    RemoveSource,
    Replace,
    Saw,
    Tick,
    TryAgain,
    Vanished,
    WrittenTo,
)
from frazil.tracks.transfer.files import File, FileForm, FrameCounts
from frazil.tracks.transfer.settle import RETRY_DELAYS_S, Rules, TransferMachine

if TYPE_CHECKING:
    from frazil.tracks.transfer.files import ProcessingOrder

RULES = Rules(min_age_s=10, settle_s=5)
FORM = FileForm(100, 1_000)


class Clocked:
    """A machine with a clock and looks every three seconds."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.machine = TransferMachine(rules)
        self.now = 1000.0
        self.there: dict[str, Saw] = {}
        self.removed: list[str] = []

    def see(self, path: str, form: FileForm = FORM, movie: str = "") -> None:
        self.there[path] = Saw(path, "extra" if movie else "movie", form, movie)
        self.machine.handle(self.there[path], self.now)

    def wait(self, seconds: float, free: int = 100) -> list[str]:
        """Let time pass; returns what is to be delivered."""
        delivered = []
        end = self.now + seconds
        while self.now < end:
            self.now += 3.0
            for saw in self.there.values():
                self.removed += [
                    step.path for step in self.machine.handle(saw, self.now) if isinstance(step, RemoveSource)
                ]
            steps = self.machine.handle(Tick(free), self.now)
            delivered += [step.path for step in steps if isinstance(step, Deliver)]
        return delivered

    def finish(self, path: str, form: FileForm = FORM, frames: int | None = None) -> None:
        self.machine.handle(Finished(path, form, frames), self.now)

    def state(self, path: str) -> str:
        return self.machine.files[path].state

    def reason(self, path: str) -> str:
        return self.machine.files[path].reason


def test_a_file_that_is_still_is_delivered_once() -> None:
    clock = Clocked()
    clock.see("a.tif")
    assert clock.wait(6) == [], "it is not old enough"
    assert clock.wait(9) == ["a.tif"]
    assert clock.state("a.tif") == "transferring"
    clock.finish("a.tif")
    assert clock.wait(1000) == []
    assert clock.state("a.tif") == "done"


def test_two_looks_are_needed_whatever_the_age() -> None:
    machine = TransferMachine(Rules(min_age_s=0, settle_s=5))
    machine.handle(Saw("a.tif", "movie", FORM), 0.0)
    assert machine.handle(Tick(1), 100.0) == [], "nobody has looked a second time"
    machine.handle(Saw("a.tif", "movie", FORM), 100.0)
    assert Deliver("a.tif") in machine.handle(Tick(1), 100.0)


def test_a_growing_file_waits_and_never_gives_up() -> None:
    clock = Clocked()
    for size in range(500):
        clock.see("a.tif", FileForm(size, size))
        assert clock.wait(3) == []
    assert clock.state("a.tif") == "settling"
    assert clock.wait(15) == ["a.tif"]


def test_time_of_the_microscope_decides_nothing_but_the_order() -> None:
    clock = Clocked()
    for mtime_ns in (10**20, 0, -(10**18)):
        clock.see(f"{mtime_ns}.tif", FileForm(100, mtime_ns))
    assert sorted(clock.wait(12)) == sorted(
        ["100000000000000000000.tif", "0.tif", "-1000000000000000000.tif"]
    )


@pytest.mark.parametrize(
    ("order", "expected"),
    [("newest", "54321"), ("oldest", "12345"), ("alternate", "51423")],
)
def test_order(order: ProcessingOrder, expected: str) -> None:
    clock = Clocked(Rules(min_age_s=10, settle_s=5, order=order))
    for number in (3, 1, 5, 2, 4):
        clock.see(str(number), FileForm(100, number))
    taken = clock.wait(12, free=1)
    while len(taken) < 5:
        taken += clock.wait(3, free=1)
    assert "".join(taken) == expected


def test_no_more_than_the_free_streams_are_taken() -> None:
    clock = Clocked()
    for number in range(10):
        clock.see(str(number))
    clock.wait(9, free=0)
    assert len(clock.wait(3, free=3)) == 3


def test_incomplete_file_is_looked_at_again_and_then_given_up() -> None:
    clock = Clocked(Rules(min_age_s=10, settle_s=5, give_up_s=60))
    clock.see("a.tif")
    tries = 0
    while clock.state("a.tif") != "failed":
        if clock.wait(3):
            tries += 1
            clock.machine.handle(Incomplete("a.tif", "a.tif: truncated: 31 of 40 frames", 31), clock.now)
    assert tries > 5
    assert clock.now - 1000 >= 60
    assert clock.reason("a.tif") == "a.tif: truncated: 31 of 40 frames"
    clock.see("a.tif", FileForm(200, 2_000))
    assert clock.wait(15) == ["a.tif"], "it was written again, so it is tried again"


def test_side_file_is_waited_for_but_not_for_ever() -> None:
    clock = Clocked(Rules(min_age_s=10, settle_s=5, side_file_suffix=".xml", side_file_grace_s=60))
    clock.see("a.tif")
    clock.see("b.tif")
    assert clock.wait(15) == []
    clock.see("a.xml", movie="a.tif")
    assert clock.wait(3) == ["a.tif"]
    assert clock.wait(60) == ["b.tif"], "late by more than the grace: it goes on without"


def test_extra_file_follows_its_movie_within_a_day() -> None:
    clock = Clocked()
    clock.see("a.xml", movie="a.tif")
    assert clock.wait(30) == [], "its movie is not there"
    clock.see("a.tif")
    assert clock.wait(15) == ["a.tif"]
    clock.finish("a.tif")
    assert clock.wait(3) == ["a.xml"]
    clock.finish("a.xml")
    clock.now += 23 * 3600
    clock.see("a.mdoc", movie="a.tif")
    assert clock.wait(15) == ["a.mdoc"]
    clock.now += 2 * 3600
    clock.see("a.tif.mdoc", movie="a.tif")
    assert clock.wait(15) == []
    assert clock.state("a.tif.mdoc") == "forgotten"


def test_failing_extra_file_never_fails_its_movie() -> None:
    clock = Clocked()
    clock.see("a.tif")
    clock.wait(15)
    clock.finish("a.tif")
    clock.see("a.xml", movie="a.tif")
    clock.wait(15)
    clock.machine.handle(Refused("a.xml", "may not be read", passing=False), clock.now)
    assert (clock.state("a.xml"), clock.state("a.tif")) == ("failed", "done")


def test_passing_failures_are_tried_again_later_and_later_and_then_failed() -> None:
    clock = Clocked()
    clock.see("a.tif")
    assert clock.wait(15) == ["a.tif"]
    for delay in RETRY_DELAYS_S:
        clock.machine.handle(Refused("a.tif", "I/O error", passing=True), clock.now)
        assert clock.wait(delay - 4) == []
        assert clock.wait(6) == ["a.tif"]
    clock.machine.handle(Refused("a.tif", "I/O error", passing=True), clock.now)
    assert clock.state("a.tif") == "failed"
    assert clock.reason("a.tif") == "I/O error (tried 5 times)"
    assert clock.wait(5000) == []
    clock.machine.handle(TryAgain(passing_only=True), clock.now)
    assert clock.wait(15) == ["a.tif"]


def test_lasting_failure_is_only_tried_when_somebody_asks() -> None:
    clock = Clocked()
    clock.see("a.tif")
    clock.wait(15)
    clock.machine.handle(Refused("a.tif", "may not be read", passing=False), clock.now)
    clock.machine.handle(TryAgain(passing_only=True), clock.now)
    assert clock.wait(5000) == []
    clock.machine.handle(TryAgain(), clock.now)
    assert clock.wait(15) == ["a.tif"]


def test_given_back_costs_no_try() -> None:
    clock = Clocked()
    clock.see("a.tif")
    clock.wait(15)
    for _ in range(20):
        clock.machine.handle(GivenBack("a.tif"), clock.now)
        assert clock.wait(3) == ["a.tif"]


def test_changed_after_delivery_is_for_the_user_to_decide() -> None:
    clock = Clocked()
    clock.see("a.tif")
    clock.wait(15)
    clock.finish("a.tif")
    new = FileForm(200, 2_000)
    clock.see("a.tif", new)
    assert clock.state("a.tif") == "changed"
    assert clock.wait(100) == []
    clock.machine.handle(KeepOld("a.tif"), clock.now)
    assert clock.state("a.tif") == "done"
    clock.see("a.tif", FileForm(300, 3_000))
    clock.machine.handle(Replace("a.tif"), clock.now)
    assert clock.wait(15) == ["a.tif"]
    assert clock.machine.files["a.tif"].replaces
    clock.finish("a.tif", FileForm(300, 3_000))
    assert clock.state("a.tif") == "done"


def test_written_to_during_delivery_settles_anew() -> None:
    clock = Clocked()
    clock.see("a.tif")
    clock.wait(15)
    clock.see("a.tif", FileForm(200, 2_000))
    clock.machine.handle(WrittenTo("a.tif"), clock.now)
    assert clock.wait(9) == []
    assert clock.wait(6) == ["a.tif"]


def test_written_to_right_after_it_was_read_is_noticed() -> None:
    clock = Clocked()
    clock.see("a.tif")
    clock.wait(15)
    clock.see("a.tif", FileForm(200, 2_000))
    clock.finish("a.tif", FORM)
    assert clock.state("a.tif") == "changed"


def test_vanished_and_back() -> None:
    clock = Clocked()
    clock.see("a.tif")
    del clock.there["a.tif"]
    clock.machine.handle(Vanished("a.tif"), clock.now)
    assert clock.state("a.tif") == "failed"
    clock.machine.handle(TryAgain(), clock.now)
    assert clock.wait(100) == [], "there is nothing to be delivered"
    clock.see("a.tif")
    assert clock.wait(15) == ["a.tif"]


def test_after_a_restart_nothing_is_delivered_twice_and_nothing_forgotten() -> None:
    clock = Clocked()
    clock.machine.restore(
        [
            File("done.tif", "movie", FORM, state="done", delivered=FORM),
            File("rewritten.tif", "movie", FORM, state="done", delivered=FORM),
            File("moved.tif", "movie", FORM, state="done", delivered=FORM, to_be_removed=True),
            File("interrupted.tif", "movie", FORM, state="transferring"),
            File("waiting.tif", "movie", FORM, state="waiting"),
            File("gone.tif", "movie", FORM, state="settling"),
        ]
    )
    for name in ("done.tif", "moved.tif", "interrupted.tif", "waiting.tif"):
        clock.see(name)
    clock.see("rewritten.tif", FileForm(1, 1))
    clock.machine.handle(FirstLookDone(), clock.now)
    assert sorted(clock.wait(15)) == ["interrupted.tif", "waiting.tif"]
    assert clock.state("rewritten.tif") == "changed"
    assert clock.state("gone.tif") == "failed"
    assert set(clock.removed) == {"moved.tif"}, "a move that was cut off is finished"


def test_what_was_lost_from_the_session_is_delivered_again() -> None:
    clock = Clocked()
    clock.see("a.tif")
    clock.wait(15)
    clock.finish("a.tif")
    clock.machine.handle(Lost("a.tif"), clock.now)
    assert clock.wait(15) == ["a.tif"]


def test_fewer_frames_than_usual_are_held_until_three_movies_have_them() -> None:
    frames = FrameCounts()
    assert frames.usual == 0
    for count in (31, *[40] * 10):
        frames.delivered(count)
    assert frames.usual == 40
    frames.short("a.tif", 31)
    frames.short("a.tif", 31)
    frames.short("b.tif", 31)
    assert frames.accepted == frozenset()
    frames.short("c.tif", 31)
    assert frames.accepted == {31}


class Chaos(RuleBasedStateMachine):
    """Files appear, grow, vanish, fail; the server restarts; clocks of the microscope jump."""

    paths = st.sampled_from(["a.tif", "b.tif", "c.tif", "a.xml"])

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.machine = TransferMachine(RULES)
        self.there: dict[str, FileForm] = {}
        self.flying: dict[str, FileForm] = {}
        self.delivered: dict[str, FileForm] = {}
        self.ledger: dict[str, File] = {}
        self.allowed_again: set[str] = set()

    def do(self, event: object) -> None:
        for step in self.machine.handle(event, self.now):  # type: ignore[arg-type]
            file = self.machine.files[step.path]
            if isinstance(step, Note):
                self.ledger[step.path] = File(
                    file.path, file.kind, file.form, file.movie, file.state, file.reason, file.attempts
                )
                self.ledger[step.path].delivered = file.delivered
            elif isinstance(step, Deliver):
                assert step.path not in self.flying, "taken while it is in flight"
                assert len(self.flying) < 2, "more than there are streams"
                if file.kind == "movie" and step.path in self.delivered:
                    assert step.path in self.allowed_again, "delivered twice"
                self.flying[step.path] = file.form

    def saw(self, path: str) -> Saw:
        return Saw(
            path, "extra" if path == "a.xml" else "movie", self.there[path], "a.tif" * (path == "a.xml")
        )

    @rule(path=paths, size=st.integers(0, 3), mtime_ns=st.integers(-(10**19), 10**19))
    def write(self, path: str, size: int, mtime_ns: int) -> None:
        self.there[path] = FileForm(size, mtime_ns)

    @rule(path=paths)
    def remove(self, path: str) -> None:
        self.there.pop(path, None)

    @rule(seconds=st.sampled_from([0.5, 3.0, 6.0, 700.0]), looks=st.integers(1, 4))
    def look(self, seconds: float, looks: int) -> None:
        for _ in range(looks):
            self.now += seconds
            for path in list(self.machine.files):
                if path not in self.there and self.machine.files[path].is_there:
                    self.do(Vanished(path))
            for path in sorted(self.there):
                self.do(self.saw(path))
            self.do(FirstLookDone())
            self.do(Tick(2 - len(self.flying)))

    @precondition(lambda self: self.flying)
    @rule(
        data=st.data(), how=st.sampled_from(["done", "incomplete", "passing", "lasting", "changed", "back"])
    )
    def outcome(self, data: st.DataObject, how: str) -> None:
        path = data.draw(st.sampled_from(sorted(self.flying)))
        form = self.flying.pop(path)
        if how == "done":
            self.delivered[path] = form
            self.allowed_again.discard(path)
            self.do(Finished(path, form, 40))
        elif how == "incomplete":
            self.do(Incomplete(path, "short"))
        elif how == "changed":
            self.do(WrittenTo(path))
        elif how == "back":
            self.do(GivenBack(path))
        else:
            self.do(Refused(path, how, passing=how == "passing"))

    @rule(path=paths, event=st.sampled_from([Replace, KeepOld, Lost]))
    def decide(self, path: str, event: type[Replace | KeepOld | Lost]) -> None:
        state = self.machine.files[path].state if path in self.machine.files else ""
        if (event is Replace and state == "changed") or (event is Lost and state == "done"):
            self.allowed_again.add(path)
        self.do(event(path))

    @rule(passing_only=st.booleans())
    def try_again(self, passing_only: bool) -> None:
        self.do(TryAgain(passing_only=passing_only))

    @rule()
    def crash(self) -> None:
        """All that survives is what was noted; what was in flight was not finished."""
        self.machine = TransferMachine(RULES)
        self.flying.clear()
        self.machine.restore(
            File(f.path, f.kind, f.form, f.movie, f.state, f.reason, f.attempts, delivered=f.delivered)
            for f in self.ledger.values()
        )

    @invariant()
    def in_flight_is_what_the_machine_says(self) -> None:
        flying = {path for path, file in self.machine.files.items() if file.state == "transferring"}
        assert flying == self.flying.keys()

    @invariant()
    def the_ledger_knows_every_state(self) -> None:
        for path, file in self.machine.files.items():
            noted = self.ledger[path].state
            assert (
                noted == file.state
                or (noted == "waiting" and file.state == "settling")
                or (file.state == "settling" and noted == "transferring")
            )

    def teardown(self) -> None:
        """When all is quiet, every file that is there was delivered, or waits for a person with a reason."""
        self.there.setdefault("a.tif", FORM)
        for _ in range(40):
            self.look(400.0, 1)
            while self.flying:
                path = next(iter(self.flying))
                form = self.flying.pop(path)
                self.delivered[path] = form
                self.allowed_again.discard(path)
                self.do(Finished(path, form, 40))
        for path, form in self.there.items():
            file = self.machine.files[path]
            assert file.form == form
            if file.state == "done":
                assert path in self.delivered
            elif file.state == "settling":
                assert path == "a.xml", "waits for its movie"
                assert self.machine.files["a.tif"].delivered is None
            else:
                assert file.state in ("failed", "changed", "forgotten")
                assert file.reason


TestChaos = Chaos.TestCase
TestChaos.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
