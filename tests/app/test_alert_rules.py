"""Alerts: raised when they should be, not flapping at the limit, told once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil.app.alert_rules import Seen, judge
from frazil.model.errors import InputError
from frazil.model.range_rule import parse_rule
from frazil.model.settings import Settings, with_values
from frazil.store.catalogue.progress import Progress
from frazil.store.catalogue.tracks import TrackRow

NOW = 1_000_000.0


def track(name: Any, state: str, reason: str = "", since: float = NOW - 9000) -> TrackRow:
    return TrackRow(1, name, True, state, reason, since, {})


def seen(transfer: str = "running", found_at: float | None = NOW - 60, **changes: Any) -> Seen:
    progress = Progress({}, 0, 0, 0, None, found_at, found_at, None, None)
    rows = {"transfer": track("transfer", transfer)}
    values: dict[str, Any] = {"now": NOW, "tracks": rows, "progress": progress, "behind_s": 0.0}
    return Seen(**{**values, "disk_hours_left": None, **changes})


def verdicts(what: Seen, **settings: Any) -> dict[str, tuple[str, str]]:
    chosen = with_values(Settings(), settings).notifications
    return {verdict.rule: (verdict.what, verdict.message) for verdict in judge(chosen, what)}


def test_all_is_well() -> None:
    assert {what for what, _ in verdicts(seen()).values()} <= {"clear", "keep"}


def test_no_new_movie() -> None:
    assert verdicts(seen(found_at=NOW - 16 * 60))["no_new_movie"] == ("raise", "no new movie for 15 min")
    assert verdicts(seen(found_at=NOW - 14 * 60))["no_new_movie"][0] == "clear"
    # Nobody expects movies of a track that is stopped, or was just started.
    assert verdicts(seen("stopped", found_at=NOW - 16 * 60))["no_new_movie"][0] == "clear"
    started = {"transfer": track("transfer", "running", since=NOW - 60)}
    assert verdicts(seen(found_at=None, tracks=started))["no_new_movie"][0] == "clear"


def test_behind_and_disk_have_two_limits() -> None:
    for minutes, what in ((31, "raise"), (20, "keep"), (14, "clear")):
        assert verdicts(seen(behind_s=60.0 * minutes))["behind"][0] == what
    for hours, what in ((5.0, "raise"), (7.0, "keep"), (10.0, "clear"), (None, "clear")):
        assert verdicts(seen(disk_hours_left=hours))["disk"][0] == what


def test_a_pause_is_told_after_a_minute_and_at_once_if_it_needs_a_person() -> None:
    def told(row: TrackRow) -> tuple[str, str]:
        return verdicts(seen(tracks={"preprocess": row}))["track_preprocess"]

    assert told(track("preprocess", "paused", "disk full", NOW - 90)) == (
        "raise",
        "pre-processing is paused: disk full",
    )
    assert told(track("preprocess", "paused", "disk full", NOW - 5))[0] == "keep"
    assert told(track("preprocess", "paused", "needs attention: x", NOW - 5))[0] == "raise"
    assert told(track("preprocess", "running"))[0] == "clear"


def test_idle_is_when_nothing_comes_and_nothing_waits() -> None:
    assert verdicts(seen(found_at=NOW - 4000))["idle"][0] == "raise"
    assert verdicts(seen(found_at=NOW - 4000, behind_s=5.0))["idle"][0] == "clear"
    assert verdicts(seen(found_at=NOW - 4000), alert_idle=False)["idle"][0] == "clear"
    assert verdicts(seen("stopped", found_at=NOW - 4000))["idle"][0] == "clear"


def test_first_good_classes_are_told() -> None:
    summary = {"classes": [{"particles": 200, "resolution_a": 9.0}, {"particles": 9, "resolution_a": 8.0}]}
    what, message = verdicts(seen(classes=summary))["first_classes"]
    assert what == "raise"
    assert message.startswith("the first good class averages: 1 ")
    poor = {"classes": [{"particles": 200, "resolution_a": 19.0}, {"particles": 200, "resolution_a": None}]}
    assert verdicts(seen(classes=poor))["first_classes"][0] == "keep"


def test_inverted_contrast_is_told_until_it_is_right() -> None:
    assert verdicts(seen())["contrast"][0] == "clear"
    for found, what in (("inverted", "raise"), ("mixed", "raise"), ("right", "clear")):
        assert verdicts(seen(classes={"classes": [], "contrast": found}))["contrast"][0] == what
    assert "in part" in verdicts(seen(classes={"classes": [], "contrast": "mixed"}))["contrast"][1]


def test_range_of_a_column() -> None:
    rule = "ctf_resolution_a>6:3/5"

    def told(*values: float | None) -> tuple[str, str]:
        return verdicts(seen(values={rule: values}), range_rules=[rule])[f"range {rule}"]

    assert told(7, 8, 9, 3, 3, 9, 9) == ("raise", "ctf_resolution_a is above 6 in 3 of the last 5")
    assert told(7, 8, 3, 3, 3, 9, 9)[0] == "keep"
    assert told(7, 3, 3, 3, 3)[0] == "clear"
    assert told(None, None, None, 7, 7)[0] == "keep"
    assert told()[0] == "clear"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("ctf_resolution_a", "is no rule"),
        ("ctf_resolution_a=6", "is no rule"),
        ("name>6", "no column of numbers"),
        ("nothing>6", "no column of numbers"),
        ("particles<50:11/10", "at least 1"),
        ("particles<50:0/10", "at least 1"),
    ],
)
def test_a_rule_that_makes_no_sense_can_t_be_saved(text: str, wrong: str) -> None:
    with pytest.raises(InputError, match=wrong):
        with_values(Settings(), {"range_rules": [text]})


@given(st.lists(st.one_of(st.none(), st.floats(0, 20)), max_size=30), st.integers(1, 10), st.integers(0, 10))
def test_a_range_rule_counts_what_lies_beyond(values: list[float | None], hits: int, more: int) -> None:
    rule = parse_rule(f"particles<10:{hits}/{hits + more}")
    expected = len([value for value in values[: hits + more] if value is not None and value < 10])
    assert rule.count(values) == expected
