"""The strip counts as its definitions say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from frazil.app import sessions
from frazil.app.access import SERVER
from frazil.app.strip import strip, strip_of
from frazil.store.catalogue import class_updates, movies
from frazil.store.catalogue.progress import Progress, progress

if TYPE_CHECKING:
    from frazil.app.hub import Hub

NOW = 1_000_000.0


def found(**changes: Any) -> Progress:
    values: dict[str, Any] = {
        "by_state": {},
        "particles": 0,
        "settled_last_hour": 0,
        "done_last_hour": 0,
        "oldest_unfinished_at": None,
        "newest_found_at": None,
        "newest_done_at": None,
        "mean_seconds": None,
        "resolution_median_a": None,
    }
    return Progress(**{**values, **changes})


def test_counts_are_of_settled_movies() -> None:
    states = {"done": 5, "outdated": 2, "failed": 3, "settling": 4, "ignored": 7}
    states |= {"waiting": 1, "queued": 2, "processing": 1}
    shown = strip_of(found(by_state=states), None, workers=1, now=NOW)
    assert {name: shown[name] for name in ("movies", "done", "failed", "settling", "waiting")} == {
        "movies": 18, "done": 7, "failed": 3, "settling": 4, "waiting": 4
    }  # fmt: skip


def test_when_the_backlog_is_gone() -> None:
    # Two workers of 6 s each make 1200 an hour; 600 come in: 300 that wait are gone in half an hour.
    slow = found(
        by_state={"queued": 300}, mean_seconds=6.0, settled_last_hour=600, oldest_unfinished_at=NOW - 60
    )
    shown = strip_of(slow, None, workers=2, now=NOW)
    assert shown["capacity_per_h"] == pytest.approx(1200)
    assert shown["eta_s"] == pytest.approx(1800)
    assert shown["behind_s"] == pytest.approx(60)
    assert shown["catching_up"]
    # One worker can't keep up.
    shown = strip_of(slow, None, workers=1, now=NOW)
    assert shown["eta_s"] is None
    assert not shown["catching_up"]


def test_a_session_that_waits_for_nothing_is_not_behind() -> None:
    shown = strip_of(found(by_state={"done": 3}, resolution_median_a=4.0), None, workers=1, now=NOW)
    assert (shown["behind_s"], shown["eta_s"], shown["catching_up"]) == (0.0, 0.0, True)
    assert shown["resolution_median_a"] == 4.0
    assert shown["classes"] is None


def test_rates_are_of_the_last_hour(hub: Hub) -> None:
    session = sessions.create(hub, SERVER, {})["id"]
    row = {"path": "p", "target_revision": 1, "particles": 10, "seconds_total": 4.0}
    with hub.catalogue.write() as connection:
        movies.add_many(
            connection,
            session,
            [
                {**row, "name": "old", "state": "done", "found_at": NOW - 9000, "done_at": NOW - 8000},
                {**row, "name": "late", "state": "done", "found_at": NOW - 9000, "done_at": NOW - 10},
                {**row, "name": "quick", "state": "done", "found_at": NOW - 50, "done_at": NOW - 40},
                {"name": "q", "path": "p", "target_revision": 1, "state": "queued", "found_at": NOW - 30},
                {"name": "s", "path": "p", "target_revision": 1, "state": "settling", "found_at": NOW - 70},
            ],
        )
        seen = progress(connection, session, NOW)
    assert (seen.settled_last_hour, seen.done_last_hour) == (2, 2)
    assert (seen.oldest_unfinished_at, seen.newest_found_at) == (NOW - 30, NOW - 30)
    assert (seen.mean_seconds, seen.particles) == (4.0, 30)


def test_half_of_the_movies_resolve_better_than_the_median(hub: Hub) -> None:
    session = sessions.create(hub, SERVER, {})["id"]
    row = {"path": "p", "target_revision": 1, "state": "done", "found_at": NOW}
    expected = {1: 3.0, 2: 6.0, 3: 4.0, 4: 4.5}
    for count, value in enumerate((3.0, 9.0, 4.0, 5.0), start=1):
        with hub.catalogue.write() as connection:
            movies.add_many(connection, session, [{**row, "name": f"m{count}", "ctf_resolution_a": value}])
            movies.add_many(connection, session, [{**row, "name": f"none{count}"}])
            assert progress(connection, session, NOW).resolution_median_a == expected[count]


def test_the_newest_classes_are_shown(hub: Hub) -> None:
    session = sessions.create(hub, SERVER, {})["id"]
    row = {
        "run": 1, "update_in_run": 1, "kind": "batch", "finished_at": 1.0, "seconds": 1.0, "particles": 900,
        "class_count": 10, "settings_revision": 1, "folder": "classes/run001/update001", "summary": {},
    }  # fmt: skip
    with hub.catalogue.write() as connection:
        class_updates.add(connection, session, 1, row)
        class_updates.add(connection, session, 2, {**row, "particles": 1800, "finished_at": 2.0})
    shown = strip(hub, SERVER, session)
    assert shown["classes"]["number"] == 2
    assert shown["classes"]["particles"] == 1800
