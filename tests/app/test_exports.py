"""Export jobs of a session: told before, made, cancelled, gone on with, deleted."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from tests.app.exported import add_update, fill_session
from tests.stages.export.world import SETTINGS

from frazil.app import adopt, deletion, exports, sessions, settings_changes
from frazil.app.access import SERVER
from frazil.app.errors import ConflictError, NotFoundError
from frazil.engine.inline import InlineExecutor
from frazil.model.errors import InputError
from frazil.model.movie_filter import MovieFilter
from frazil.stages.export.request import CONTENTS, ExportRequest
from frazil.stages.export.run import read_snapshot
from frazil.store.catalogue import class_selections

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.stages.export.world import World

    from frazil.app.hub import Hub
    from frazil.engine.executor import Task

ALL = ExportRequest(contents=CONTENTS)


@pytest.fixture
def executor() -> InlineExecutor:
    return InlineExecutor()


@pytest.fixture
def hub(make_hub: Callable[..., Hub], executor: InlineExecutor) -> Hub:
    return make_hub(executor=executor)


@pytest.fixture
def session(hub: Hub, tmp_path: Path) -> int:
    number: int = sessions.create(hub, SERVER, {"folder": str(tmp_path / "s"), "name": "Grid 7", **SETTINGS})[
        "id"
    ]
    return number


@pytest.fixture
def world(hub: Hub, session: int) -> World:
    return fill_session(hub, session)


pytestmark = pytest.mark.usefixtures("world")


def test_it_is_made_and_told_how_far_it_is(hub: Hub, session: int, executor: InlineExecutor) -> None:
    job = exports.start_export(hub, SERVER, session, ALL)
    assert (job["state"], job["name"], job["number"]) == ("queued", "relion-001", 1)
    executor.begin_next()
    assert exports.show_export(hub, SERVER, session, 1)["state"] == "running"
    executor.run_all()
    (done,) = exports.list_exports(hub, SERVER, session)
    assert done["state"] == "done" and done["reason"] == ""
    assert done["result"]["counts"] == {
        "micrographs": 2,
        "particles": 10,
        "movies": 2,
        "micrographs_with_picks": 2,
    }
    assert (Path(done["path"]) / "particles.star").is_file()
    second = exports.start_export(hub, SERVER, session, ALL)
    assert second["name"] == "relion-002"


def test_what_a_filter_keeps_goes_in(hub: Hub, session: int, executor: InlineExecutor) -> None:
    where = MovieFilter.model_validate({"ranges": {"ctf_resolution_a": {"high": 5.0}}})
    request = ExportRequest(where=where)
    told = exports.preview_export(hub, SERVER, session, request)
    assert (told["micrographs"], told["particles"], told["problems"]) == (1, 5, [])
    exports.start_export(hub, SERVER, session, request, "good")
    executor.run_all()
    done = exports.show_export(hub, SERVER, session, 1)
    assert done["result"]["counts"]["micrographs"] == 1


def test_what_is_empty_is_told_before_and_refused(hub: Hub, session: int) -> None:
    where = MovieFilter.model_validate({"ranges": {"ctf_resolution_a": {"high": 1.0}}})
    empty = ExportRequest(where=where)
    (problem,) = exports.preview_export(hub, SERVER, session, empty)["problems"]
    assert "no micrograph is kept" in problem
    with pytest.raises(InputError, match="no micrograph is kept"):
        exports.start_export(hub, SERVER, session, empty)
    good = ExportRequest(classes="good")
    assert "no class averages" in exports.preview_export(hub, SERVER, session, good)["problems"][0]
    with pytest.raises(NotFoundError, match="no filter"):
        exports.preview_export(hub, SERVER, session, ExportRequest(filter_name="nonsense"))
    assert exports.list_exports(hub, SERVER, session) == []


def test_a_selection_of_classes_chooses_particles(
    hub: Hub, session: int, world: World, executor: InlineExecutor
) -> None:
    add_update(hub, session, world)
    with hub.catalogue.write() as connection:
        class_selections.save(connection, session, "nice", 1, [3], saved_by="ann", saved_at=1.0)
    request = ExportRequest(classes="selection", selection="nice")
    told = exports.preview_export(hub, SERVER, session, request)
    assert (told["classes"], told["class_particles"]) == ([3], 3)
    exports.start_export(hub, SERVER, session, request)
    executor.run_all()
    assert exports.show_export(hub, SERVER, session, 1)["result"]["counts"]["particles"] == 2


def test_new_boxes_need_images_and_room(hub: Hub, session: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def problems(**values: Any) -> str:
        request = ExportRequest(box_px=64, **values)
        return "; ".join(exports.preview_export(hub, SERVER, session, request)["problems"])

    assert problems() == ""
    assert "CSV" in problems(format="csv")
    assert "particle images" in problems(contents=("micrographs",))
    assert "link or copy" in problems(files="none")
    told = exports.preview_export(hub, SERVER, session, ExportRequest(recenter=True))
    assert any("around the picks" in note for note in told["notes"])
    usage = SimpleNamespace(free=1 << 30)
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage)
    # Links alone take no room, the new stacks do.
    assert exports.preview_export(hub, SERVER, session, ExportRequest())["problems"] == []
    assert "up to 1 MB are needed and 1.1 GB are free" in problems()
    usage.free = 20 << 30
    told = exports.preview_export(hub, SERVER, session, ExportRequest(box_px=64))
    assert told["problems"] == []
    assert any("less than the reserve of 50 GB (min_free_gb)" in note for note in told["notes"])
    notes = exports.preview_export(hub, SERVER, session, ExportRequest())["notes"]
    assert not any("min_free_gb" in note for note in notes)


def test_cancel_removes_what_there_is(hub: Hub, session: int, executor: InlineExecutor, world: World) -> None:
    exports.start_export(hub, SERVER, session, ALL)
    executor.begin_next()
    exports.cancel_export(hub, SERVER, session, 1)
    assert exports.show_export(hub, SERVER, session, 1)["state"] == "cancelled"
    assert list((world.folder / "exports").iterdir()) == []
    with pytest.raises(ConflictError, match="only a failed one"):
        exports.retry_export(hub, SERVER, session, 1)


def test_what_was_cancelled_stays_cancelled_though_a_worker_had_just_begun(
    hub: Hub, session: int, executor: InlineExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    exports.start_export(hub, SERVER, session, ALL)
    told = {}

    def cancel(key: str) -> bool:
        # The worker says that it begins only now.
        executor.begin_next()
        told["state"] = exports.show_export(hub, SERVER, session, 1)["state"]
        return InlineExecutor.cancel(executor, key)

    monkeypatch.setattr(executor, "cancel", cancel)
    exports.cancel_export(hub, SERVER, session, 1)
    assert told["state"] == exports.show_export(hub, SERVER, session, 1)["state"] == "cancelled"
    assert not (hub.folder(session).path / "exports" / ".relion-001.part").exists()


def test_deleting_a_session_ends_its_exports(
    hub: Hub, session: int, executor: InlineExecutor, world: World
) -> None:
    exports.start_export(hub, SERVER, session, ALL)
    executor.begin_next()
    deletion.delete(hub, SERVER, session, "Grid 7")
    assert executor.unfinished() == 0
    hub.janitor.close(20.0)
    assert not world.folder.exists()


def test_a_failure_is_told_and_tried_again(
    hub: Hub, session: int, executor: InlineExecutor, world: World
) -> None:
    micrograph = world.products(1).micrograph
    aside = micrograph.rename(micrograph.with_suffix(".away"))
    exports.start_export(hub, SERVER, session, ALL)
    executor.run_all()
    failed = exports.show_export(hub, SERVER, session, 1)
    assert failed["state"] == "failed" and "movie_0001" in failed["reason"]
    assert not Path(failed["path"]).exists()
    aside.rename(micrograph)
    exports.retry_export(hub, SERVER, session, 1)
    executor.run_all()
    assert exports.show_export(hub, SERVER, session, 1)["state"] == "done"


def test_a_server_goes_on_with_what_the_last_one_made(
    make_hub: Callable[..., Hub], hub: Hub, session: int, executor: InlineExecutor
) -> None:
    exports.start_export(hub, SERVER, session, ALL)
    executor.begin_next()
    executor.close()
    hub.close()
    second = InlineExecutor()
    again = make_hub(executor=second)
    again.start()
    assert exports.show_export(again, SERVER, session, 1)["state"] == "queued"
    second.run_all()
    assert exports.show_export(again, SERVER, session, 1)["state"] == "done"


def test_deleting_leaves_the_session_alone(
    hub: Hub, session: int, executor: InlineExecutor, world: World
) -> None:
    exports.start_export(hub, SERVER, session, ALL)
    executor.run_all()
    exports.delete_export(hub, SERVER, session, 1)
    assert list((world.folder / "exports").iterdir()) == []
    assert world.products(1).particles.is_file() and Path(world.folder / "raw" / "movie_0001.tif").is_file()
    with pytest.raises(NotFoundError):
        exports.show_export(hub, SERVER, session, 1)


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_exports_tell_no_secrets(hub: Hub, session: int, executor: InlineExecutor, world: World) -> None:
    settings_changes.save(hub, SERVER, session, {"notify_targets": ["json://user:secret@host"]}, 1)
    exports.start_export(hub, SERVER, session, ALL)
    executor.run_all()
    folder = world.folder / "exports" / "relion-001"
    assert all(b"secret" not in path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", ["", "../x", ".hidden", "a b", "x" * 81])
def test_names_are_names_of_folders(hub: Hub, session: int, name: str) -> None:
    with pytest.raises(InputError, match="name"):
        exports.start_export(hub, SERVER, session, ALL, name)


def test_a_name_is_taken_once(hub: Hub, session: int) -> None:
    exports.start_export(hub, SERVER, session, ALL, "mine")
    with pytest.raises(InputError, match="mine already"):
        exports.start_export(hub, SERVER, session, ALL, "mine")


def test_exports_of_an_adopted_folder_are_listed(
    make_hub: Callable[..., Hub], hub: Hub, session: int, executor: InlineExecutor
) -> None:
    for name in ("first", "broken"):
        exports.start_export(hub, SERVER, session, ALL, name)
        executor.run_all()
    made = exports.show_export(hub, SERVER, session, 1)
    folder = Path(made["path"]).parents[1]
    (folder / "exports" / "broken" / "settings.json").write_text("{")
    (folder / "exports" / "somebodys").mkdir()
    hub.close()
    other = make_hub("other", executor=InlineExecutor(eager=True))
    number = adopt.adopt(other, SERVER, str(folder))["id"]
    listed = exports.list_exports(other, SERVER, number)
    assert [job["name"] for job in listed] == ["first"]
    for what in ("state", "request", "created_at", "created_by", "path", "result"):
        assert listed[0][what] == made[what], what
    second = exports.start_export(other, SERVER, number, ALL)
    assert exports.show_export(other, SERVER, number, second["number"])["state"] == "done"


def test_no_room_for_copies_is_said_before(hub: Hub, session: int, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=(1 << 30) + 100))
    copies = ExportRequest(contents=CONTENTS, files="copy")
    problems = exports.preview_export(hub, SERVER, session, copies)["problems"]
    assert len(problems) == 1 and "make room" in problems[0]
    with pytest.raises(InputError, match="make room"):
        exports.start_export(hub, SERVER, session, copies)
    assert exports.preview_export(hub, SERVER, session, ALL)["problems"] == []


def test_what_takes_too_long_is_given_up(
    hub: Hub, session: int, executor: InlineExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Task] = []
    monkeypatch.setattr(executor, "submit", given.append)
    exports.start_export(hub, SERVER, session, ExportRequest(contents=CONTENTS, walltime_min=3))
    exports.start_export(hub, SERVER, session, ALL)
    assert [(task.timeout_s, task.attempts) for task in given] == [(180.0, 1), (None, 2)]


def test_resources_are_those_of_the_settings_where_nothing_is_asked(
    hub: Hub, session: int, executor: InlineExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {"export_walltime": "1-00:01:30", "export_threads": 3, "export_memory_gb": 2.0}
    settings_changes.save(hub, SERVER, session, own, 1)
    given: list[Task] = []
    monkeypatch.setattr(executor, "submit", given.append)
    exports.start_export(hub, SERVER, session, ALL)
    exports.start_export(hub, SERVER, session, ALL.model_copy(update={"walltime_min": 3, "threads": 1}))
    assert [task.timeout_s for task in given] == [60.0 * (24 * 60 + 2), 180.0]
    asked = [read_snapshot(task.arguments[0].part).request for task in given]
    assert [(one.threads, one.memory_gb) for one in asked] == [(3, 2.0), (1, 2.0)]
    with pytest.raises(InputError, match="d-hh:mm:ss"):
        settings_changes.save(hub, SERVER, session, {"export_walltime": "2 days"}, 2)
