"""A movie that never came is fetched again by file transfer, not processed again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.app.conftest import IdleBody
from tests.app.rows import add_done, row_of

from frazil.app import controls, movie_actions, sessions
from frazil.app.access import SERVER
from frazil.app.errors import ConflictError
from frazil.store.catalogue import source_files
from frazil.tracks.transfer.messages import RetryFiles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from frazil.app.hub import Hub

FILE = {"kind": "movie", "size_bytes": 70, "mtime_ns": 1, "found_at": 1.0, "state": "failed"}


class Listening(IdleBody):
    """A track that notes what it is told."""

    told: list[Any] = []  # noqa: RUF012 - one for all, emptied by the fixture

    def receive(self, message: Any) -> None:
        self.told.append(message)


def retried() -> set[str]:
    return {path for message in Listening.told if isinstance(message, RetryFiles) for path in message.paths}


@pytest.fixture
def hub(make_hub: Callable[..., Hub]) -> Hub:
    Listening.told.clear()
    return make_hub(body=Listening)


@pytest.fixture
def session(hub: Hub, tmp_path: Path) -> int:
    """A session with a movie that failed, and two that were not delivered."""
    (tmp_path / "source").mkdir()
    values = {"folder": str(tmp_path / "s"), "source_path": str(tmp_path / "source")}
    number: int = sessions.create(hub, SERVER, values)["id"]
    add_done(hub, number, 1, state="failed")
    add_done(hub, number, 2, first=2, state="failed", raw_path=None, reason="truncated")
    with hub.catalogue.write() as connection:
        files = [{**FILE, "path": f"grid/{movie}.tif", "movie_number": movie} for movie in (2, 3)]
        source_files.add_many(connection, number, files)
    return number


def start_transfer(hub: Hub, session: int) -> None:
    controls.start(hub, SERVER, session, "transfer")
    end = time.monotonic() + 10.0
    while hub.runner(session, "transfer").state != "running":
        assert time.monotonic() < end
        time.sleep(0.01)


def test_it_is_fetched_again(hub: Hub, session: int) -> None:
    with pytest.raises(ConflictError, match=r"truncated; file transfer has to run"):
        movie_actions.retry(hub, SERVER, session, "movie_0002")
    start_transfer(hub, session)
    movie_actions.retry(hub, SERVER, session, "movie_0002")
    assert wait_for({"grid/2.tif"})
    assert row_of(hub, session, "movie_0002")["state"] == "failed"


def test_one_that_was_taken_off_the_list_too(hub: Hub, session: int) -> None:
    start_transfer(hub, session)
    movie_actions.ignore(hub, SERVER, session, "movie_0003")
    assert movie_actions.retry_failed(hub, SERVER, session) == {"movies": 2}
    assert wait_for({"grid/2.tif"})
    movie_actions.retry(hub, SERVER, session, "movie_0003")
    # Only what is not ignored is told by file transfer.
    assert row_of(hub, session, "movie_0003")["state"] == "failed"
    assert wait_for({"grid/2.tif", "grid/3.tif"})


def test_without_file_transfer_only_what_is_there_is_tried(hub: Hub, session: int) -> None:
    assert movie_actions.retry_failed(hub, SERVER, session) == {"movies": 1}
    assert row_of(hub, session, "movie_0002")["state"] == "failed"


def wait_for(paths: set[str]) -> bool:
    end = time.monotonic() + 10.0
    while retried() != paths and time.monotonic() < end:
        time.sleep(0.01)
    return retried() == paths
