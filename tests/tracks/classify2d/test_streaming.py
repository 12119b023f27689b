"""When streaming gives the classifier what, and when it publishes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from frazil.tracks.classify2d.streaming import Batch, StreamState, Wait, batch_size, next_action

QUIET = StreamState(
    eligible=4000,
    in_run=4000,
    pending=0,
    withdrawals=0,
    pending_for_s=0.0,
    start_particles=2000,
    class_count=50,
)
PUBLISHED = replace(QUIET, published_particles=4000, since_published_s=60.0)


def test_about_130_entries_lead_from_2000_particles_to_a_million() -> None:
    published, entries, in_run = 0, 0, 2000
    while in_run < 1_000_000:
        in_run += 100
        state = replace(PUBLISHED, eligible=in_run, in_run=in_run, published_particles=published)
        action = next_action(state)
        if isinstance(action, Batch) and action.publish:
            published, entries = in_run, entries + 1
    assert 115 < entries < 140


@pytest.mark.parametrize(
    ("changes", "publishes"),
    [
        ({}, False),
        ({"structure_changes": 5}, False),
        ({"structure_changes": 6}, True),
        ({"settings_changed": True}, True),
        ({"in_run": 4199}, False),
        ({"in_run": 4200}, True),
        ({"in_run": 3800}, True),
        ({"in_run": 4001, "since_published_s": 299.0}, False),
        ({"in_run": 4001, "since_published_s": 300.0}, True),
        ({"asked_for": True}, True),
        # Never more often than every publish_s, but when a person asks.
        ({"in_run": 9000, "since_published_s": 29.0}, False),
        ({"in_run": 9000, "since_published_s": 30.0}, True),
        ({"in_run": 9000, "since_published_s": 30.0, "publish_s": 60.0}, False),
        ({"asked_for": True, "since_published_s": 1.0}, True),
    ],
)
def test_an_entry_is_written_when_there_is_news_enough(changes: dict[str, float], publishes: bool) -> None:
    action = next_action(replace(PUBLISHED, **changes))  # type: ignore[arg-type]
    assert (isinstance(action, Batch) and action.publish) == publishes


def test_new_particles_wait_for_a_batch_but_not_long() -> None:
    assert (batch_size(5), batch_size(50), batch_size(1000)) == (200, 500, 1000)
    few = replace(PUBLISHED, eligible=4100, pending=100)
    assert isinstance(next_action(replace(few, pending_for_s=29.0)), Wait)
    assert isinstance(next_action(replace(few, pending_for_s=30.0)), Batch)
    assert isinstance(next_action(replace(few, pending=500)), Batch)
    # Excluded particles go as quickly.
    gone = replace(PUBLISHED, withdrawals=1, pending_for_s=30.0)
    assert isinstance(next_action(gone), Batch)


def test_it_begins_with_enough_particles_and_spends_idle_time_on_old_ones() -> None:
    waiting = replace(QUIET, eligible=1420, in_run=0, pending=1420)
    action = next_action(waiting)
    assert isinstance(action, Wait) and action.why == "1,420 of 2,000 particles"
    idle = next_action(replace(PUBLISHED, idle_visits_left=700))
    assert idle == Batch(0, 700, False, "idle")
    assert isinstance(next_action(PUBLISHED), Wait)
