"""Disks: fill-up time by the last hour; one that does not answer stops nobody."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from frazil.app import disks
from frazil.app.disks import Disks, Space

GB = 10**9


def test_a_disk_that_fills_evenly_tells_when_it_is_full() -> None:
    free = 100 * GB
    watched = Disks(lambda _: Space(1, 500 * GB, free))
    for minute in range(31):
        free = 100 * GB - minute * GB // 2
        (state,) = watched.look({Path("/a"): "S1", Path("/a/b"): "S2"}, 60.0 * minute)
        if minute < 5:
            assert state.hours_left is None
    assert state.users == ("S1", "S2")
    assert state.fill_bytes_per_h == pytest.approx(30 * GB)
    assert state.hours_left == pytest.approx(85 / 30)


def test_only_the_last_hour_counts() -> None:
    free = 0
    watched = Disks(lambda _: Space(1, 500 * GB, free))
    for minute in range(180):
        free = 300 * GB - min(minute, 60) * GB
        (state,) = watched.look({Path("/a"): "S1"}, 60.0 * minute)
    assert state.fill_bytes_per_h == pytest.approx(0.0, abs=1.0)
    assert state.hours_left is None


def test_disks_are_told_apart_and_trouble_is_named(tmp_path: Path) -> None:
    def measure(path: Path) -> Space:
        return disks.measure(path) if path == tmp_path else Space(-1, 10, 5)

    watched = Disks(measure)
    states = watched.look({tmp_path: "S1", Path("/other"): "S2"}, 0.0)
    assert [state.users for state in states] == [("S1",), ("S2",)]
    gone = Disks().look({tmp_path / "gone": "S1"}, 0.0)
    assert "No such file" in gone[0].problem


def test_a_share_that_hangs_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disks, "_ANSWERS_WITHIN_S", 0.01)
    answers, asked = threading.Event(), []

    def hang(path: Path) -> Space:
        asked.append(path)
        answers.wait(20)
        return Space(1, 2, 1)

    watched = Disks(hang)
    for _ in range(3):
        assert "does not answer" in watched.look({Path("/share"): "S1"}, 0.0)[0].problem
    assert len(asked) == 1
    answers.set()
