"""Archive, copy and move a session of a server: read-only meanwhile, in one place at every moment."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from frazil.app import adopt, controls, deletion, relocation, sessions
from frazil.app.access import SERVER
from frazil.app.errors import ConflictError, DeniedError
from frazil.app.relocation_jobs import task_of
from frazil.engine.inline import InlineExecutor
from frazil.model.errors import InputError
from frazil.model.track import Start
from frazil.stages.relocate import copy_session
from frazil.stages.relocation import RelocationTask
from frazil.store.catalogue import movies, relocations
from frazil.store.catalogue import sessions as sessions_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from frazil.app.hub import Hub


@pytest.fixture
def executor() -> InlineExecutor:
    return InlineExecutor()


@pytest.fixture
def hub(make_hub: Callable[..., Hub], executor: InlineExecutor) -> Hub:
    return make_hub(executor=executor)


@pytest.fixture
def session(hub: Hub, tmp_path: Path) -> int:
    number: int = sessions.create(hub, SERVER, {"folder": str(tmp_path / "s"), "name": "grid"})["id"]
    (tmp_path / "s" / "micrographs" / "a.mrc").write_bytes(b"12345")
    (tmp_path / "s" / "raw" / "a.tif").write_bytes(b"a")
    add_movies(hub, number, {"a": str(tmp_path / "s/raw/a.tif"), "b": "/share/b.tif", "c": None})
    return number


def add_movies(hub: Hub, session: int, raw_paths: dict[str, str | None]) -> None:
    """Add movies that lie at these places."""
    common = {"state": "done", "found_at": 1.0, "target_revision": 1}
    rows = [{"name": n, "path": f"{n}.tif", "raw_path": raw, **common} for n, raw in raw_paths.items()]
    with hub.catalogue.write() as connection:
        movies.add_many(connection, session, rows)


def identity_of(hub: Hub, session: int) -> str:
    """Identity of a session."""
    with hub.catalogue.read() as connection:
        return sessions_table.get(connection, session).uuid


def raw_paths(hub: Hub, session: int) -> list[str | None]:
    """Where the movies lie."""
    with hub.catalogue.read() as connection:
        return [movies.get(connection, session, name)["raw_path"] for name in "abc"]


def test_it_is_told_beforehand(hub: Hub, session: int, tmp_path: Path) -> None:
    preview = relocation.preview_relocation(hub, SERVER, session, str(tmp_path / "t"))
    assert preview["problems"] == []
    assert preview["files"] == 3
    assert preview["free_bytes"] > preview["bytes"] > 5
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "theirs.txt").touch()
    other = sessions.create(hub, SERVER, {"folder": str(tmp_path / "other")})["folder"]
    for folder in (tmp_path / "s" / "t", tmp_path / "full", tmp_path, other, "/elsewhere", "relative"):
        with pytest.raises((InputError, DeniedError, ConflictError)):
            relocation.start_relocation(hub, SERVER, session, str(folder), "move")
    assert sessions.show(hub, SERVER, session)["life"] == "new"


def test_absolute_names_are_kept_from_blanks_and_follow_a_folder_that_a_person_moved(
    hub: Hub, session: int, tmp_path: Path
) -> None:
    old, new = tmp_path / "s", tmp_path / "moved"
    export = old / "exports" / "named"
    export.mkdir(parents=True)
    (export / "settings.json").write_text('{"request": {"files": "none"}}')
    (export / "manifest.tsv").write_text("path\tbytes\txxh3_128\nparticles.star\t1\tx\n")
    (export / "particles.star").write_text(f"data_\nloop_\n_rlnImageName #1\n1@{old}/particles/a.mrcs\n")
    preview = relocation.preview_relocation(hub, SERVER, session, str(tmp_path / "my disk"))
    assert "blanks" in preview["problems"][0]
    hub.forget(session)
    old.rename(new)
    adopt.adopt(hub, SERVER, str(new))
    text = (new / "exports" / "named" / "particles.star").read_text()
    assert text.endswith(f"1@{new}/particles/a.mrcs\n")


def test_no_room_is_said_beforehand(
    hub: Hub, session: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(InputError, match="make room"):
        relocation.start_relocation(hub, SERVER, session, str(tmp_path / "t"), "copy")


def test_a_moved_session_works_at_its_new_place(
    hub: Hub, executor: InlineExecutor, session: int, tmp_path: Path
) -> None:
    state = relocation.start_relocation(hub, SERVER, session, str(tmp_path / "t"), "move")
    assert state["state"] == "copying"
    assert sessions.show(hub, SERVER, session)["life"] == "archived"
    with pytest.raises(ConflictError):
        controls.start(hub, SERVER, session, "transfer")
    with pytest.raises(ConflictError, match="being moved"):
        relocation.unarchive(hub, SERVER, session)
    executor.run_all()
    ended = relocation.show_relocation(hub, SERVER, session)
    assert (ended["state"], ended["reason"], ended["result"]["left"]) == ("done", "", 0)
    assert not (tmp_path / "s").exists()
    shown = sessions.show(hub, SERVER, session)
    assert (shown["folder"], shown["life"]) == (str(tmp_path / "t"), "new")
    assert hub.folder(session).path == tmp_path / "t"
    assert (tmp_path / "t" / "micrographs" / "a.mrc").read_bytes() == b"12345"
    assert raw_paths(hub, session) == [str(tmp_path / "t/raw/a.tif"), "/share/b.tif", None]


def test_a_folder_that_a_person_moved_takes_its_movies_along(hub: Hub, session: int, tmp_path: Path) -> None:
    hub.forget(session)
    (tmp_path / "s").rename(tmp_path / "moved")
    adopt.adopt(hub, SERVER, str(tmp_path / "moved"))
    assert raw_paths(hub, session) == [str(tmp_path / "moved/raw/a.tif"), "/share/b.tif", None]


def test_a_copy_stays_beside_and_can_be_adopted_elsewhere(
    hub: Hub,
    make_hub: Callable[..., Hub],
    executor: InlineExecutor,
    session: int,
    tmp_path: Path,
) -> None:
    relocation.start_relocation(hub, SERVER, session, str(tmp_path / "t"), "copy", archive=True)
    executor.run_all()
    shown = sessions.show(hub, SERVER, session)
    assert (shown["folder"], shown["life"]) == (str(tmp_path / "s"), "archived")
    assert relocation.unarchive(hub, SERVER, session)["life"] == "active"
    made = adopt.adopt(make_hub("other"), SERVER, str(tmp_path / "t"))
    assert (made["name"], made["warnings"]) == ("grid", [])


def test_a_failed_one_leaves_the_session_as_it_was(
    hub: Hub, executor: InlineExecutor, session: int, tmp_path: Path
) -> None:
    relocation.start_relocation(hub, SERVER, session, str(tmp_path / "t"), "move")
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "theirs.txt").touch()
    executor.run_all()
    assert relocation.show_relocation(hub, SERVER, session)["state"] == "failed"
    assert sessions.show(hub, SERVER, session)["life"] == "new"
    assert hub.folder(session).path == tmp_path / "s"
    shutil.rmtree(tmp_path / "t")
    relocation.start_relocation(hub, SERVER, session, str(tmp_path / "t"), "move")
    executor.run_all()
    assert relocation.show_relocation(hub, SERVER, session)["result"]["copied"] == 0


@pytest.mark.parametrize("steps", [0, 1])
def test_the_next_server_goes_on(make_hub: Callable[..., Hub], tmp_path: Path, steps: int) -> None:
    executor = InlineExecutor()
    first = make_hub(executor=executor)
    session = sessions.create(first, SERVER, {"folder": str(tmp_path / "s")})["id"]
    relocation.start_relocation(first, SERVER, session, str(tmp_path / "t"), "move")
    for _ in range(steps):
        executor.run_next()
    first.close()
    second = make_hub(executor=InlineExecutor(eager=True))
    second.start()
    assert relocation.show_relocation(second, SERVER, session)["state"] == "done"
    assert second.folder(session).path == tmp_path / "t"
    assert not (tmp_path / "s").exists()


def test_cancelling_takes_the_part_away(hub: Hub, session: int, tmp_path: Path) -> None:
    relocation.start_relocation(hub, SERVER, session, str(tmp_path / "t"), "move")
    part = RelocationTask(tmp_path / "s", tmp_path / "t", "", move=True).staging
    part.mkdir()
    assert relocation.cancel_relocation(hub, SERVER, session)["state"] == "cancelled"
    hub.janitor.close(20)
    assert not part.exists()
    assert sessions.show(hub, SERVER, session)["life"] == "new"


def test_what_was_renamed_when_it_was_given_up_gets_its_old_name(
    hub: Hub, session: int, tmp_path: Path
) -> None:
    relocation.start_relocation(hub, SERVER, session, str(tmp_path / "t"), "move")
    with hub.catalogue.read() as connection:
        row = relocations.find(connection, session)
    task = task_of(row or {}, identity_of(hub, session))
    copy_session(task)
    assert not (tmp_path / "s").exists()
    relocation.cancel_relocation(hub, SERVER, session)
    assert hub.folder(session).path == tmp_path / "s"
    assert (tmp_path / "s" / "micrographs" / "a.mrc").read_bytes() == b"12345"
    assert not (tmp_path / "t").exists()


def test_deleting_ends_it(hub: Hub, executor: InlineExecutor, session: int, tmp_path: Path) -> None:
    relocation.start_relocation(hub, SERVER, session, str(tmp_path / "t"), "move")
    deletion.delete(hub, SERVER, session, "grid")
    executor.run_all()
    hub.janitor.close(20)
    assert not (tmp_path / "s").exists()
    assert not (tmp_path / "t").exists()


def test_a_working_session_is_not_put_to_rest(hub: Hub, session: int, tmp_path: Path) -> None:
    hub.runner(session, "transfer").control(Start()).result(20)
    for mode in ("copy", "move"):
        with pytest.raises(ConflictError, match="stop all tracks"):
            relocation.start_relocation(hub, SERVER, session, str(tmp_path / "t"), mode)
    with pytest.raises(ConflictError, match="stop all tracks"):
        relocation.archive(hub, SERVER, session)
