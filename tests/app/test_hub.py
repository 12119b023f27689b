"""The hub: what should run runs again, and a folder that is away costs only its session."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from frazil.app import sessions
from frazil.app.access import SERVER
from frazil.model.errors import InputError, PassingError
from frazil.model.track import Clear, Start, Stop
from frazil.store.catalogue import tracks
from frazil.store.session import SessionFolder
from frazil.store.trash import throw_away

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from frazil.app.hub import Hub
    from frazil.model.track import TrackName
    from frazil.tracks.context import TrackContext


def wait_for(hub: Hub, state: str, session: int, track: TrackName = "transfer") -> str:
    """Wait until the catalogue says that a track is in a state; returns the reason."""
    changed = threading.Event()
    end = hub.feed.listen(changed.set)
    try:
        while True:
            with hub.catalogue.read() as connection:
                row = tracks.get(connection, session, track)
            if row.state == state:
                return row.reason
            assert changed.wait(20), f"still {row.state}: {row.reason}"
            changed.clear()
    finally:
        end()


def new_session(hub: Hub, folder: Path, **values: Any) -> int:
    number: int = sessions.create(hub, SERVER, {"folder": str(folder), **values})["id"]
    return number


def test_what_ran_before_runs_again(make_hub: Callable[..., Hub], tmp_path: Path) -> None:
    first = make_hub()
    session = new_session(first, tmp_path / "s")
    assert sessions.show(first, SERVER, session)["life"] == "new"
    first.runner(session, "transfer").control(Start()).result(20)
    first.runner(session, "preprocess").control(Start()).result(20)
    first.runner(session, "preprocess").control(Stop()).result(20)
    wait_for(first, "running", session)
    wait_for(first, "stopped", session, "preprocess")
    assert sessions.show(first, SERVER, session)["life"] == "active"
    first.close()
    second = make_hub()
    second.start()
    wait_for(second, "running", session)
    wait_for(second, "stopped", session, "preprocess")


def test_nothing_runs_again_where_that_is_not_wished(make_hub: Callable[..., Hub], tmp_path: Path) -> None:
    first = make_hub()
    session = new_session(first, tmp_path / "s", resume_on_start=False)
    first.runner(session, "transfer").control(Start()).result(20)
    first.close()
    second = make_hub()
    second.start()
    assert "resume_on_start" in wait_for(second, "stopped", session)


def test_a_state_that_a_crash_left_is_mended(make_hub: Callable[..., Hub], tmp_path: Path) -> None:
    first = make_hub()
    session = new_session(first, tmp_path / "s")
    with first.catalogue.write() as connection:
        tracks.save_state(
            connection, session, "transfer", wanted=False, state="clearing", reason="", now=first.now()
        )
    first.close()
    second = make_hub()
    second.start()
    wait_for(second, "stopped", session)


def test_a_folder_that_is_away_pauses_its_session_only(make_hub: Callable[..., Hub], tmp_path: Path) -> None:
    first = make_hub()
    away, there = new_session(first, tmp_path / "away"), new_session(first, tmp_path / "there")
    for session in (away, there):
        first.runner(session, "transfer").control(Start()).result(20)
    first.close()
    (tmp_path / "away").rename(tmp_path / "unmounted")
    second = make_hub()
    second.start()
    wait_for(second, "running", there)
    assert "the session folder is not there" in wait_for(second, "paused", away)
    assert not (tmp_path / "away").exists()
    with pytest.raises(PassingError, match="mounted"):
        second.folder(away)
    # It is back; a person need not wait for the next look.
    (tmp_path / "unmounted").rename(tmp_path / "away")
    second.runner(away, "transfer").control(Start()).result(20)
    wait_for(second, "running", away)


def test_a_track_without_folder_can_be_stopped(hub: Hub, tmp_path: Path) -> None:
    session = new_session(hub, tmp_path / "s")
    hub.forget(session)
    (tmp_path / "s").rename(tmp_path / "unmounted")
    hub.runner(session, "transfer").control(Start()).result(20)
    wait_for(hub, "paused", session)
    hub.runner(session, "transfer").control(Stop()).result(20)
    wait_for(hub, "stopped", session)


def test_a_folder_that_another_server_holds_is_left_alone(hub: Hub, tmp_path: Path) -> None:
    session = new_session(hub, tmp_path / "s")
    hub.forget(session)
    with SessionFolder(tmp_path / "s"), pytest.raises(InputError, match="another Frazil"):
        hub.folder(session)
    assert hub.folder(session).path == tmp_path / "s"


def test_another_session_in_the_same_place_is_not_taken_for_ours(hub: Hub, tmp_path: Path) -> None:
    session = new_session(hub, tmp_path / "s")
    hub.forget(session)
    (tmp_path / "s").rename(tmp_path / "elsewhere")
    SessionFolder(tmp_path / "s", "Somebody else's").close()
    with pytest.raises(InputError, match="another session lies there now"):
        hub.folder(session)


def test_a_catalogue_has_one_server(hub: Hub, make_hub: Callable[..., Hub]) -> None:
    assert hub.catalogue.path is not None
    with pytest.raises(InputError, match="another Frazil server"):
        make_hub()


def test_session_json_is_mended_after_a_crash(make_hub: Callable[..., Hub], tmp_path: Path) -> None:
    first = make_hub()
    session = new_session(first, tmp_path / "s", name="old")
    file = tmp_path / "s" / "session.json"
    before = file.read_bytes()
    sessions.change(first, SERVER, session, {"name": "new"})
    first.close()
    file.write_bytes(before)
    make_hub().folder(session)
    assert json.loads(file.read_bytes())["name"] == "new"


def test_a_change_is_written_when_the_folder_is_back(hub: Hub, tmp_path: Path) -> None:
    session = new_session(hub, tmp_path / "s", name="old")
    hub.forget(session)
    (tmp_path / "s").rename(tmp_path / "unmounted")
    assert sessions.change(hub, SERVER, session, {"name": "new"})["name"] == "new"
    (tmp_path / "unmounted").rename(tmp_path / "s")
    hub.folder(session)
    assert json.loads((tmp_path / "s" / "session.json").read_bytes())["name"] == "new"


class Clearing:
    """A track that throws a file away."""

    in_flight, grace_s = 0, 0.0

    def __init__(self, _: TrackName, context: TrackContext) -> None:
        self.folder = context.folder

    def begin(self, *, anew: bool) -> None:
        """Nothing to read."""

    def step(self) -> float:
        return 60.0

    def receive(self, message: Any) -> None:
        """Waits for nothing."""

    def drain(self) -> None:
        """Nothing in flight."""

    def kill(self) -> None:
        """Nothing in flight."""

    def blocked(self) -> str:
        return ""

    def clear(self, _runs: Collection[int] = (), /) -> None:
        throw_away(self.folder, [self.folder / "micrographs"])


def test_what_clear_throws_away_is_deleted_in_the_background(
    make_hub: Callable[..., Hub], tmp_path: Path
) -> None:
    hub = make_hub(body=Clearing)
    session = new_session(hub, tmp_path / "s")
    (tmp_path / "s" / "micrographs" / "a.mrc").write_bytes(b"average")
    hub.runner(session, "preprocess").control(Clear()).result(20)
    wait_for(hub, "stopped", session, "preprocess")
    hub.close()
    assert not (tmp_path / "s" / "micrographs").exists()
    assert not (tmp_path / "s" / ".trash").exists()


def test_trash_that_a_crash_left_is_deleted_at_the_next_start(
    make_hub: Callable[..., Hub], tmp_path: Path
) -> None:
    first = make_hub()
    session = new_session(first, tmp_path / "s")
    first.close()
    throw_away(tmp_path / "s", [tmp_path / "s" / "micrographs"])
    second = make_hub()
    second.folder(session)
    second.close()
    assert not (tmp_path / "s" / ".trash").exists()


def test_the_server_never_imports_torch() -> None:
    program = (
        "import sys\nimport frazil.app.hub, frazil.app.sessions\n"
        "heavy = {'torch', 'numba', 'scipy'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
