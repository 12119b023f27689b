"""Settings: nobody overwrites anybody, a change says what it redoes and redoes only that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.app.rows import add_done, row_of

from frazil.app import sessions, settings_changes
from frazil.app.access import SERVER, Actor
from frazil.app.errors import ConflictError, DeniedError, NotFoundError
from frazil.app.settings_schema import settings_schema
from frazil.model.errors import InputError
from frazil.model.movie_filter import MovieFilter
from frazil.model.settings import all_settings
from frazil.store.catalogue import audit, filters, movies
from frazil.store.session_file import read_session_file

if TYPE_CHECKING:
    from pathlib import Path

    from frazil.app.hub import Hub

VALUES: dict[str, Any] = {
    "pixel_size_a": 1.0,
    "voltage_kv": 300.0,
    "dose_per_movie_e_per_a2": 40.0,
    "particle_diameter_min_a": 150.0,
}


@pytest.fixture
def session(hub: Hub, tmp_path: Path) -> int:
    number: int = sessions.create(hub, SERVER, {"folder": str(tmp_path / "s"), **VALUES})["id"]
    return number


def save(hub: Hub, session: int, values: dict[str, Any], base: int, **options: Any) -> dict[str, Any]:
    return settings_changes.save(hub, SERVER, session, values, base, **options)


def states(hub: Hub, session: int, names: list[str]) -> list[str]:
    return [row_of(hub, session, name)["state"] for name in names]


def test_saving_makes_a_revision_that_everything_else_can_see(hub: Hub, session: int, tmp_path: Path) -> None:
    told = save(hub, session, {"ctf_low_a": 40.0}, 1)
    assert (told["revision"], told["saved_by"], told["values"]["ctf_low_a"]) == (2, "server", 40.0)
    assert settings_changes.show(hub, SERVER, session)["revision"] == 2
    newest, _ = settings_changes.list_revisions(hub, SERVER, session)
    assert newest["changes"] == [{"name": "ctf_low_a", "before": 30.0, "after": 40.0}]
    assert read_session_file(tmp_path / "s").settings[-1].values["ctf_low_a"] == 40.0
    with hub.catalogue.read() as connection:
        row = audit.listed(connection, session_id=session)[0]
    assert (row["what"], row["before"], row["after"]) == (
        "settings.save",
        {"ctf_low_a": 30.0},
        {"ctf_low_a": 40.0},
    )


def test_saving_what_is_there_already_makes_no_revision(hub: Hub, session: int) -> None:
    assert save(hub, session, {"ctf_low_a": 30.0}, 1)["revision"] == 1


def test_the_second_of_two_people_is_told_what_the_first_one_saved(hub: Hub, session: int) -> None:
    save(hub, session, {"ctf_low_a": 40.0, "class_count": 20}, 1)
    with pytest.raises(ConflictError) as refused:
        save(hub, session, {"ctf_low_a": 50.0}, 1)
    details = refused.value.details
    assert details["newest"]["revision"] == 2
    assert {change["name"] for change in details["newest"]["changes"]} == {"ctf_low_a", "class_count"}
    assert (details["yours"], details["both"]) == ({"ctf_low_a": 50.0}, ["ctf_low_a"])
    assert save(hub, session, {"ctf_low_a": 50.0}, 2)["revision"] == 3


def test_a_preview_counts_movies_time_and_bytes_and_changes_nothing(hub: Hub, session: int) -> None:
    names = add_done(hub, session, 10)
    told = settings_changes.preview_change(hub, SERVER, session, {"ctf_low_a": 40.0}, 1)
    assert told["movies"] == 10
    assert {stage: told["stages"][stage]["movies"] for stage in told["stages"]} == {
        "align": 0,
        "sum": 0,
        "ctf": 10,
        "pick": 10,
        "extract": 10,
    }
    assert told["classification"] == "go_on"
    # Three stages of one second for each of ten movies; the test's engine has one worker for movies.
    assert told["seconds"] == 30.0
    assert settings_changes.show(hub, SERVER, session)["revision"] == 1
    assert set(states(hub, session, names)) == {"done"}


def test_new_movies_only_leaves_results_as_they_are(hub: Hub, session: int) -> None:
    names = add_done(hub, session, 3)
    told = save(hub, session, {"ctf_low_a": 40.0}, 1, apply="new")
    assert told["redone"] == 0
    assert set(states(hub, session, names)) == {"done"}
    # The next change tells of them, too: they still have the first settings.
    assert settings_changes.preview_change(hub, SERVER, session, {"ctf_high_a": 4.0}, 2)["movies"] == 3


def test_redo_all_queues_what_the_change_touches_behind_new_movies(hub: Hub, session: int) -> None:
    names = add_done(hub, session, 3)
    (fresh,) = add_done(hub, session, 1, first=4, settings_revision=None, done_at=None, state="queued")
    told = save(hub, session, {"ctf_low_a": 40.0}, 1, apply="redo")
    assert told["redone"] == 3
    for name in names:
        row = row_of(hub, session, name)
        assert (row["state"], row["target_revision"], row["priority"]) == ("queued", 2, 3)
    assert row_of(hub, session, fresh)["priority"] == 2


def test_results_of_movies_whose_files_are_gone_are_not_redone(hub: Hub, session: int) -> None:
    first, second = add_done(hub, session, 2)
    with hub.catalogue.write() as connection:
        movies.change(connection, session, row_of(hub, session, first)["number"], raw_path=None)
    assert settings_changes.preview_change(hub, SERVER, session, {"ctf_low_a": 40.0}, 1)["movies"] == 1
    assert save(hub, session, {"ctf_low_a": 40.0}, 1, apply="redo")["redone"] == 1
    assert states(hub, session, [first, second]) == ["done", "queued"]


def test_a_change_that_touches_no_stage_redoes_nothing(hub: Hub, session: int) -> None:
    names = add_done(hub, session, 3)
    told = save(hub, session, {"class_count": 20}, 1, apply="redo")
    assert told["redone"] == 0
    assert set(states(hub, session, names)) == {"done"}


def test_redo_the_kept_ones_marks_the_others_outdated(hub: Hub, session: int) -> None:
    good = add_done(hub, session, 2, ctf_resolution_a=4.0)
    bad = add_done(hub, session, 1, first=3, ctf_resolution_a=9.0)
    keep = MovieFilter.model_validate({"ranges": {"ctf_resolution_a": {"high": 5.0}}})
    with hub.catalogue.write() as connection:
        filters.save(connection, session, "good", keep, saved_by="t", saved_at=1.0)
    change = {"ctf_low_a": 40.0}
    told = settings_changes.preview_change(hub, SERVER, session, change, 1, filter_name="good")
    assert (told["movies"], told["kept_movies"]) == (3, 2)
    assert save(hub, session, change, 1, apply="redo_kept", filter_name="good")["redone"] == 2
    assert states(hub, session, good + bad) == ["queued", "queued", "outdated"]


def test_failed_movies_are_tried_again_if_the_change_touches_where_they_failed(
    hub: Hub, session: int
) -> None:
    failed: dict[str, Any] = {"state": "failed", "settings_revision": None, "done_at": None}
    (ctf,) = add_done(hub, session, 1, failed_stage="ctf", **failed)
    (align,) = add_done(hub, session, 1, first=2, failed_stage="align", **failed)
    assert save(hub, session, {"ctf_low_a": 40.0}, 1, apply="redo")["redone"] == 1
    assert states(hub, session, [ctf, align]) == ["queued", "failed"]


def test_going_back_to_an_earlier_revision_saves_its_values_anew(hub: Hub, session: int) -> None:
    save(hub, session, {"ctf_low_a": 40.0, "gain_flip_x": True}, 1)
    told = settings_changes.revert(hub, SERVER, session, 1, 2, "redo")
    assert told["revision"] == 3
    first = settings_changes.show_revision(hub, SERVER, session, 1)["values"]
    assert told["values"] == first


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"ctf_low_a": 1000.0}, "ctf_low_a"),
        ({"ctf_low_a": 11.0, "ctf_high_a": 12.0}, "must not be larger"),
        ({"no_such": 1}, "no setting called"),
        ({"kind": "micrographs"}, "fixed when the session was made"),
        ({"name": "other"}, "belongs to the session itself"),
        ({"whiten": False}, "whiten has no effect"),
        ({"picking_method": "template"}, "not possible yet"),
    ],
)
def test_values_that_can_not_be_used_are_refused_with_the_reason(
    hub: Hub, session: int, values: dict[str, Any], message: str
) -> None:
    for change in (save, lambda *a: settings_changes.preview_change(a[0], SERVER, *a[1:])):
        with pytest.raises(InputError, match=message):
            change(hub, session, values, 1)


def test_paths_outside_the_roots_are_refused(hub: Hub, session: int) -> None:
    with pytest.raises(DeniedError, match="gain_path"):
        save(hub, session, {"gain_path": "/etc/passwd"}, 1)


def test_only_a_file_that_holds_an_mtf_is_taken_for_one(hub: Hub, session: int, tmp_path: Path) -> None:
    path = tmp_path / "mtf.star"
    wrong = {
        "no such file": None,
        "is no MTF": "data_\nloop_\n_rlnMtfValue\n1\n0.5\n",
        "must rise": "data_\nloop_\n_rlnResolutionInversePixel\n_rlnMtfValue\n0.5 1\n0 0.5\n",
        "must lie": "data_\nloop_\n_rlnResolutionInversePixel\n_rlnMtfValue\n0 nan\n0.5 0.5\n",
    }
    for message, text in wrong.items():
        if text is not None:
            path.write_text(text)
        with pytest.raises(InputError, match=message):
            save(hub, session, {"mtf_path": str(path)}, 1)
    path.write_text("data_\nloop_\n_rlnResolutionInversePixel\n_rlnMtfValue\n0 1\n0.5 0.5\n")
    assert save(hub, session, {"mtf_path": str(path)}, 1)["revision"] == 2
    path.unlink()
    # Other settings can be changed although it is gone.
    assert save(hub, session, {"ctf_low_a": 40.0}, 2)["revision"] == 3


def test_only_operators_change_settings(hub: Hub, session: int) -> None:
    viewer = Actor(7, "anna", roles={1: "viewer"})
    assert settings_changes.show(hub, viewer, session)["revision"] == 1
    with pytest.raises(DeniedError):
        settings_changes.save(hub, viewer, session, {"ctf_low_a": 40.0}, 1)
    with pytest.raises(NotFoundError):
        settings_changes.show(hub, Actor(8, "ben"), session)


def test_the_form_knows_every_setting_and_says_what_does_nothing() -> None:
    schema = {entry["name"]: entry for entry in settings_schema()}
    assert list(schema) == list(all_settings())
    assert schema["whiten"]["without_effect"]
    assert schema["ctf_low_a"] == {
        **schema["ctf_low_a"],
        "low": 10,
        "high": 100,
        "unit": "Å",
        "stage": "ctf",
        "without_effect": "",
    }


def test_settings_that_do_nothing_with_the_others_are_named(hub: Hub, session: int) -> None:
    shown = settings_changes.show(hub, SERVER, session)
    assert "start_particles" in shown["not_used"] and "stream_start_particles" not in shown["not_used"]
