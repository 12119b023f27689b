"""Test on one movie: tried beside the session, compared with it, and the session stays as it is."""

from __future__ import annotations

import io
import os
import time
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from tests.app.rows import add_done, row_of

from frazil.app import sessions, settings_trial
from frazil.app.access import SERVER
from frazil.app.errors import NotFoundError
from frazil.engine.inline import InlineExecutor
from frazil.model.errors import InputError
from frazil.model.settings import Settings, with_values
from frazil.stages.movie_task import MovieTask
from frazil.stages.preprocess import preprocess
from frazil.stages.record import MovieRecord
from frazil.store.catalogue import movies

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from frazil.app.hub import Hub

VALUES = {
    "kind": "micrographs",
    "pixel_size_a": 2.0,
    "voltage_kv": 300.0,
    "particle_diameter_min_a": 128.0,
}


@pytest.fixture
def engine() -> InlineExecutor:
    return InlineExecutor()


@pytest.fixture
def hub(make_hub: Callable[..., Hub], engine: InlineExecutor) -> Hub:
    return make_hub(executor=engine)


@pytest.fixture
def session(hub: Hub, tmp_path: Path, virtual_micrographs: Path) -> int:
    """A session with one processed micrograph, ``movie_0001``."""
    number: int = sessions.create(hub, SERVER, {"folder": str(tmp_path / "s"), **VALUES})["id"]
    source = sorted(virtual_micrographs.glob("*.mrc"))[0]
    (name,) = add_done(hub, number, 1, raw_path=str(source))
    settings = with_values(Settings(), VALUES)
    empty = MovieRecord(name=name, source=str(source))
    record = preprocess(MovieTask(tmp_path / "s", name, source, settings, empty))
    with hub.catalogue.write() as connection:
        movies.change(connection, number, 1, **movies.record_columns(record))
    return number


def test_a_test_redoes_only_what_it_changes_and_leaves_the_session_alone(
    hub: Hub, engine: InlineExecutor, session: int, tmp_path: Path
) -> None:
    before = row_of(hub, session, "movie_0001")
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "s").rglob("*.mrc*")}
    test = settings_trial.start_test(hub, SERVER, session, "movie_0001", {"pick_threshold": 50.0})["test"]
    assert settings_trial.show_test(hub, SERVER, session, test)["state"] == "running"
    engine.run_all()
    told = settings_trial.show_test(hub, SERVER, session, test)
    assert (told["state"], told["reason"]) == ("done", "")
    assert told["stages"] == ["pick", "extract"]
    assert told["before"]["picks"] > 0 and told["after"]["picks"] == 0
    assert told["before"]["ctf_resolution_a"] == told["after"]["ctf_resolution_a"]
    picture = settings_trial.picture_of_test(hub, SERVER, session, test, "picks")
    assert picture is not None
    assert Image.open(io.BytesIO(picture.content)).format == "JPEG"
    assert row_of(hub, session, "movie_0001") == before
    own = [path for path in stamps if ".tests" not in path.parts]
    assert {path: path.stat().st_mtime_ns for path in own} == {path: stamps[path] for path in own}


def test_a_test_that_fails_says_why(hub: Hub, engine: InlineExecutor, session: int) -> None:
    with hub.catalogue.write() as connection:
        movies.change(connection, session, 1, raw_path="/gone.mrc")
    test = settings_trial.start_test(hub, SERVER, session, "movie_0001", {"pick_threshold": 3.0})["test"]
    engine.run_all()
    told = settings_trial.show_test(hub, SERVER, session, test)
    assert told["state"] == "failed" and "/gone.mrc" in told["reason"]
    test = settings_trial.start_test(hub, SERVER, session, "movie_0001", {})["test"]
    engine.lose_next()
    assert "died" in settings_trial.show_test(hub, SERVER, session, test)["reason"]


def test_what_can_not_be_tried_is_refused(hub: Hub, session: int) -> None:
    for movie, values, message in (
        ("nobody", {}, "no movie called"),
        ("movie_0001", {"ctf_low_a": 1000.0}, "ctf_low_a"),
        ("movie_0001", {"whiten": False}, "no effect"),
        ("movie_0001", {"pixel_size_a": None}, "pixel_size_a"),
    ):
        with pytest.raises(InputError, match=message):
            settings_trial.start_test(hub, SERVER, session, movie, values)
    for test in ("nonsense", "../../s", "0123456789ab"):
        with pytest.raises(NotFoundError):
            settings_trial.show_test(hub, SERVER, session, test)


def test_tests_are_forgotten_after_a_day(
    hub: Hub, engine: InlineExecutor, session: int, tmp_path: Path
) -> None:
    test = settings_trial.start_test(hub, SERVER, session, "movie_0001", {})["test"]
    engine.run_all()
    scratch = tmp_path / "s" / ".tests" / test
    yesterday = time.time() - 90_000.0
    os.utime(scratch, (yesterday, yesterday))
    settings_trial.start_test(hub, SERVER, session, "movie_0001", {})
    assert not scratch.exists()
