"""Deleting a session takes what Frazil made there, and nothing else, whatever happens meanwhile."""

from __future__ import annotations

import pathlib
import shutil
import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest

from frazil.app import deletion, sessions
from frazil.app.access import SERVER, Actor
from frazil.app.deletion import Wishes, delete, delete_preview
from frazil.app.errors import DeniedError, NotFoundError
from frazil.model.errors import InputError
from frazil.model.track import Start
from frazil.store.catalogue import source_files
from frazil.store.session import SessionFolder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from frazil.app.hub import Hub


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The microscope's folder, to which a link in raw/ leads."""
    folder = tmp_path / "microscope"
    folder.mkdir()
    (folder / "movie.tif").write_bytes(b"precious")
    return folder


def new_session(hub: Hub, folder: Path, source: Path) -> int:
    number: int = sessions.create(hub, SERVER, {"folder": str(folder), "name": "grid"})["id"]
    (folder / "raw" / "movie.tif").symlink_to(source / "movie.tif")
    (folder / "raw" / "square").symlink_to(source)
    (folder / "micrographs" / "movie.mrc").write_bytes(b"12345")
    (folder / "exports").mkdir()
    (folder / "exports" / "particles.star").write_bytes(b"data_")
    return number


def test_it_is_said_beforehand_what_goes(hub: Hub, tmp_path: Path, source: Path) -> None:
    session = new_session(hub, tmp_path / "s", source)
    (tmp_path / "s" / "notes.txt").touch()
    with hub.catalogue.write() as connection:
        row = {
            "path": "a.tif",
            "kind": "movie",
            "size_bytes": 7,
            "mtime_ns": 1,
            "found_at": 1.0,
            "state": "done",
        }
        source_files.add_many(
            connection, session, [{**row, "delivered_mode": "move", "delivered_size_bytes": 7}]
        )
    hub.runner(session, "transfer").control(Start()).result(20)
    preview = delete_preview(hub, SERVER, session)
    entries = {entry["name"]: entry for entry in preview["entries"]}
    assert entries["micrographs"] == {"name": "micrographs", "files": 1, "bytes": 5, "links": 0}
    assert entries["raw"] == {"name": "raw", "files": 0, "bytes": 0, "links": 2}
    assert preview["others"] == ["notes.txt"]
    assert preview["only_copies"] == {"files": 1, "bytes": 7}
    assert preview["running"] == ["transfer"]


def test_what_frazil_made_goes_and_the_source_stays(hub: Hub, tmp_path: Path, source: Path) -> None:
    session = new_session(hub, tmp_path / "s", source)
    hub.runner(session, "transfer").control(Start()).result(20)
    delete(hub, SERVER, session, "grid")
    hub.janitor.close(20)
    assert not (tmp_path / "s").exists()
    assert (source / "movie.tif").read_bytes() == b"precious"
    with pytest.raises(NotFoundError):
        sessions.show(hub, SERVER, session)


def test_raw_exports_and_other_peoples_files_can_stay(hub: Hub, tmp_path: Path, source: Path) -> None:
    session = new_session(hub, tmp_path / "s", source)
    (tmp_path / "s" / "notes.txt").touch()
    delete(hub, SERVER, session, "grid", Wishes(keep_raw=True, keep_exports=True))
    hub.janitor.close(20)
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == ["exports", "notes.txt", "raw"]
    assert (tmp_path / "s" / "raw" / "movie.tif").read_bytes() == b"precious"


def test_it_is_gone_on_with_after_a_crash(
    make_hub: Callable[..., Hub], tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_hub()
    session = new_session(first, tmp_path / "s", source)
    with monkeypatch.context() as patched:
        patched.setattr(first.janitor, "do", lambda _: None)
        delete(first, SERVER, session, "grid", Wishes(keep_exports=True))
    first.close()
    assert (tmp_path / "s" / "micrographs" / "movie.mrc").exists()
    second = make_hub()
    changed = threading.Event()
    second.feed.listen(changed.set)
    second.start()
    while sessions.listed(second, SERVER):
        assert changed.wait(20)
        changed.clear()
    assert [path.name for path in (tmp_path / "s").iterdir()] == ["exports"]
    assert sessions.listed(second, SERVER) == []


class Crash(BaseException):
    """The server is killed."""


def test_a_crash_at_any_step_leaves_nothing_for_a_hand(
    make_hub: Callable[..., Hub], tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub()
    monkeypatch.setattr(hub.janitor, "do", lambda _: None)
    for step in range(1, 30):
        session = new_session(hub, tmp_path / "s", source)
        delete(hub, SERVER, session, "grid", Wishes(keep_raw=True))
        crashed = _crash_at(step, partial(deletion.finish, hub, session), monkeypatch)
        if crashed:
            deletion.finish(hub, session)
        assert [path.name for path in (tmp_path / "s").iterdir()] == ["raw"]
        assert (source / "movie.tif").read_bytes() == b"precious"
        assert sessions.listed(hub, SERVER) == []
        shutil.rmtree(tmp_path / "s")
        if not crashed:
            break
    assert step > 5
    assert not crashed


def _crash_at(step: int, work: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Do something and crash before its n-th removal; whether it came so far."""
    calls = 0

    def counted(function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls == step:
                raise Crash
            return function(*arguments, **options)

        return call

    with monkeypatch.context() as patched:
        for name in ("rename", "unlink", "rmdir"):
            patched.setattr(pathlib.Path, name, counted(getattr(pathlib.Path, name)))
        patched.setattr(shutil, "rmtree", counted(shutil.rmtree))
        try:
            work()
        except Crash:
            return True
    return False


def test_a_folder_that_is_away_is_deleted_when_it_is_back(
    make_hub: Callable[..., Hub], tmp_path: Path, source: Path
) -> None:
    first = make_hub()
    (tmp_path / "disk").mkdir()
    session = new_session(first, tmp_path / "disk" / "s", source)
    first.forget(session)
    (tmp_path / "disk").rename(tmp_path / "unmounted")
    delete(first, SERVER, session, "grid")
    first.close()
    assert (tmp_path / "unmounted" / "s" / "session.json").exists()
    (tmp_path / "unmounted").rename(tmp_path / "disk")
    second = make_hub()
    deletion.resume_deletions(second)
    second.janitor.close(20)
    assert sessions.listed(second, SERVER) == []
    # Nobody could write down there what was to stay: what may be precious does.
    assert sorted(path.name for path in (tmp_path / "disk" / "s").iterdir()) == ["exports", "raw"]


def test_a_folder_that_another_server_holds_now_is_left_alone(hub: Hub, tmp_path: Path, source: Path) -> None:
    session = new_session(hub, tmp_path / "s", source)
    hub.forget(session)
    with SessionFolder(tmp_path / "s"):
        delete(hub, SERVER, session, "grid")
        hub.janitor.close(20)
    assert (tmp_path / "s" / "micrographs" / "movie.mrc").exists()
    assert sessions.listed(hub, SERVER) == []


def test_only_owners_who_type_the_name_delete(hub: Hub, tmp_path: Path, source: Path) -> None:
    session = new_session(hub, tmp_path / "s", source)
    group = sessions.show(hub, SERVER, session)["group_id"]
    with pytest.raises(DeniedError):
        delete(hub, Actor(1, "ann", roles={group: "operator"}), session, "grid")
    with pytest.raises(InputError, match="is called 'grid'"):
        delete(hub, SERVER, session, "Grid")
    assert sessions.show(hub, SERVER, session)["life"] == "new"
