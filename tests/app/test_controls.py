"""Controls of tracks, and decisions on movies, as people use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.app.rows import add_done, row_of
from tests.app.test_hub import wait_for
from tests.app.test_settings_changes import VALUES

from frazil.app import controls, movie_actions, relocation, sessions
from frazil.app.access import SERVER, Actor
from frazil.app.errors import ConflictError, DeniedError, NotFoundError
from frazil.model.errors import InputError
from frazil.model.track import ControlRefusedError
from frazil.store.catalogue import audit, particle_changes, source_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from frazil.app.hub import Hub

OPERATOR = Actor(5, "olga", roles={1: "operator"})
VIEWER = Actor(6, "vera", roles={1: "viewer"})


@pytest.fixture
def session(hub: Hub, tmp_path: Path) -> int:
    source = tmp_path / "source"
    source.mkdir()
    values = {"folder": str(tmp_path / "s"), "source_path": str(source), **VALUES}
    number: int = sessions.create(hub, SERVER, values)["id"]
    return number


def test_start_stop_and_who_did_it(hub: Hub, session: int) -> None:
    assert controls.start(hub, OPERATOR, session, "preprocess")["wanted"]
    wait_for(hub, "running", session, "preprocess")
    controls.stop(hub, OPERATOR, session, "preprocess")
    wait_for(hub, "stopped", session, "preprocess")
    with hub.catalogue.read() as connection:
        rows = [(row["who"], row["what"]) for row in audit.listed(connection, session_id=session)]
    assert rows[:2] == [("olga", "track.stop"), ("olga", "track.start")]
    assert [track["track"] for track in controls.list_tracks(hub, VIEWER, session)] == [
        "transfer",
        "preprocess",
        "classify2d",
    ]


def test_clear_of_a_running_track_is_refused_with_its_state(hub: Hub, session: int) -> None:
    controls.start(hub, SERVER, session, "preprocess")
    wait_for(hub, "running", session, "preprocess")
    with pytest.raises(ControlRefusedError, match="stop it first") as refused:
        controls.clear(hub, SERVER, session, "preprocess")
    assert refused.value.state == "running"


@pytest.mark.parametrize(
    ("values", "track", "message"),
    [
        ({"pixel_size_a": None}, "preprocess", "pixel_size_a"),
        ({"dose_per_movie_e_per_a2": None}, "preprocess", "dose"),
        ({"particle_diameter_min_a": None}, "preprocess", "diameter"),
        ({"source_path": None}, "transfer", "source_path"),
        ({"voltage_kv": None}, "classify2d", "voltage"),
    ],
)
def test_a_missing_setting_is_told_before_a_track_starts(
    hub: Hub, tmp_path: Path, values: dict[str, Any], track: Any, message: str
) -> None:
    source = tmp_path / "other"
    source.mkdir()
    given = {"folder": str(tmp_path / "t"), "source_path": str(source), **VALUES, **values}
    number = sessions.create(hub, SERVER, {k: v for k, v in given.items() if v is not None})["id"]
    with pytest.raises(InputError, match=message):
        controls.start(hub, SERVER, number, track)
    told = controls.start_all(hub, SERVER, number)
    assert message in told[track]["error"]
    assert all(
        "error" not in told[other] for other in told if other != track and values.keys() != {"voltage_kv"}
    )


def test_an_archived_session_starts_nothing(hub: Hub, session: int) -> None:
    relocation.archive(hub, SERVER, session)
    with pytest.raises(ConflictError, match="archived"):
        controls.start(hub, SERVER, session, "preprocess")


def test_viewers_control_nothing_and_only_owners_clear_file_transfer(hub: Hub, session: int) -> None:
    for control in (controls.start, controls.stop, controls.restart, controls.clear):
        with pytest.raises(DeniedError):
            control(hub, VIEWER, session, "preprocess")
    controls.clear(hub, OPERATOR, session, "preprocess")
    with pytest.raises(DeniedError):
        controls.clear(hub, OPERATOR, session, "transfer")


def test_a_track_tells_what_it_is_doing(make_hub: Callable[..., Hub], tmp_path: Path) -> None:
    from frazil.app.hub import make_body

    hub = make_hub(body=make_body)
    number = sessions.create(hub, SERVER, {"folder": str(tmp_path / "real"), **VALUES, "min_free_gb": 1.0})[
        "id"
    ]
    controls.start(hub, SERVER, number, "preprocess")
    wait_for(hub, "running", number, "preprocess")
    details = {track["track"]: track["details"] for track in controls.list_tracks(hub, VIEWER, number)}
    assert details["preprocess"]["working"] == 0 and details["preprocess"]["waits_for"] == "movies"
    assert details["transfer"] == {}


def test_stop_all_stops_all(hub: Hub, session: int) -> None:
    told = controls.start_all(hub, SERVER, session)
    assert all("error" not in track for track in told.values()), told
    for track in told:
        wait_for(hub, "running", session, track)  # type: ignore[arg-type]
    controls.stop_all(hub, SERVER, session)
    for track in told:
        wait_for(hub, "stopped", session, track)  # type: ignore[arg-type]


def test_restart_says_what_it_redoes(hub: Hub, session: int) -> None:
    add_done(hub, session, 4)
    from frazil.app import settings_changes

    assert controls.restart_preview(hub, VIEWER, session, "preprocess")["movies"] == 0
    settings_changes.save(hub, SERVER, session, {"box_size_px": 64}, 1)
    told = controls.restart_preview(hub, VIEWER, session, "preprocess")
    assert told["movies"] == 4 and told["stages"]["extract"]["movies"] == 4
    assert told["stages"]["pick"]["movies"] == 0
    assert "listed anew" in controls.restart_preview(hub, VIEWER, session, "transfer")["text"]


def test_only_a_stream_that_runs_has_a_final_pass(hub: Hub, session: int) -> None:
    with pytest.raises(ControlRefusedError, match="while the track is stopped"):
        controls.stop(hub, SERVER, session, "classify2d", final_pass=True)
    controls.start(hub, SERVER, session, "classify2d")
    wait_for(hub, "running", session, "classify2d")
    with pytest.raises(InputError, match="only streaming"):
        controls.stop(hub, SERVER, session, "classify2d", now=True, final_pass=True)
    with pytest.raises(InputError, match="only streaming"):
        controls.stop(hub, SERVER, session, "preprocess", final_pass=True)
    controls.stop(hub, SERVER, session, "classify2d", final_pass=True)
    wait_for(hub, "stopped", session, "classify2d")


def test_clear_says_what_goes_and_what_stays(hub: Hub, session: int, tmp_path: Path) -> None:
    (tmp_path / "s" / "particles" / "a.mrcs").write_bytes(b"x" * 1000)
    (tmp_path / "s" / "particles" / "far").symlink_to(tmp_path / "source")
    told = controls.clear_preview(hub, VIEWER, session, "preprocess")
    assert told["removes"] == [{"what": "particles", "count": 2, "bytes": told["bytes"]}]
    assert 1000 < told["bytes"] < 1300
    assert "raw files" in told["keeps"]
    file = {"kind": "movie", "size_bytes": 70, "mtime_ns": 1, "found_at": 1.0, "state": "done"}
    rows = [
        {**file, "path": mode, "delivered_mode": mode, "delivered_size_bytes": 70}
        for mode in ("link", "copy", "move", "in_place")
    ]
    with hub.catalogue.write() as connection:
        source_files.add_many(connection, session, rows)
    told = controls.clear_preview(hub, VIEWER, session, "transfer")
    assert (told["count"], told["bytes"]) == (2, 70)


def test_a_failed_movie_is_tried_again_before_all_others(hub: Hub, session: int) -> None:
    (name,) = add_done(hub, session, 1, state="failed", attempts=3)
    assert movie_actions.retry(hub, OPERATOR, session, name)["state"] == "queued"
    row = row_of(hub, session, name)
    assert (row["state"], row["priority"], row["attempts"]) == ("queued", 1, 0)
    with pytest.raises(ConflictError, match="queued"):
        movie_actions.retry(hub, OPERATOR, session, name)
    with pytest.raises(NotFoundError):
        movie_actions.retry(hub, OPERATOR, session, "nobody")


def test_all_failed_movies_are_tried_again_but_none_that_never_came(hub: Hub, session: int) -> None:
    add_done(hub, session, 3, state="failed")
    (lost,) = add_done(hub, session, 1, first=4, state="failed", raw_path=None)
    add_done(hub, session, 1, first=5)
    assert movie_actions.retry_failed(hub, OPERATOR, session) == {"movies": 3}
    with pytest.raises(ConflictError, match="not transferred"):
        movie_actions.retry(hub, OPERATOR, session, lost)


def test_ignored_movies_are_no_failures_any_more(hub: Hub, session: int) -> None:
    (name,) = add_done(hub, session, 1, state="failed")
    movie_actions.ignore(hub, OPERATOR, session, name)
    assert row_of(hub, session, name)["state"] == "ignored"
    movie_actions.retry(hub, OPERATOR, session, name)
    assert row_of(hub, session, name)["state"] == "queued"


def test_what_a_person_decides_reaches_2d_and_the_session_folder(
    hub: Hub, session: int, tmp_path: Path
) -> None:
    from frazil.store.session_file import read_session_file

    (name,) = add_done(hub, session, 1)
    movie_actions.set_override(hub, OPERATOR, session, name, "exclude")
    with hub.catalogue.read() as connection:
        (movie,) = particle_changes.since(connection, session, 0)
    assert (movie.name, movie.override) == (name, "exclude")
    assert read_session_file(tmp_path / "s").overrides == {name: "exclude"}
    with pytest.raises(InputError, match="must be auto"):
        movie_actions.set_override(hub, OPERATOR, session, name, "perhaps")  # type: ignore[arg-type]


def test_nothing_is_decided_in_an_archived_session_or_by_a_viewer(hub: Hub, session: int) -> None:
    (name,) = add_done(hub, session, 1, state="failed")
    actions: list[Callable[[Actor], object]] = [
        lambda actor: movie_actions.retry(hub, actor, session, name),
        lambda actor: movie_actions.ignore(hub, actor, session, name),
        lambda actor: movie_actions.retry_failed(hub, actor, session),
        lambda actor: movie_actions.set_override(hub, actor, session, name, "include"),
    ]
    for action in actions:
        with pytest.raises(DeniedError):
            action(VIEWER)
    relocation.archive(hub, SERVER, session)
    for action in actions:
        with pytest.raises(ConflictError):
            action(OPERATOR)
