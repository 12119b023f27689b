"""Classes are kept by a threshold and by hand; what is decided by hand holds as long as the class lives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.app.rows import add_done, row_of

from frazil.app import adopt, class_choices, class_history, sessions, settings_changes
from frazil.app.access import SERVER, Actor
from frazil.app.errors import DeniedError, NotFoundError
from frazil.app.exports import preview_export
from frazil.model.errors import InputError
from frazil.stages.export.request import ExportRequest
from frazil.store.catalogue import audit, class_updates
from frazil.tracks.classify2d.pool import particle_keys

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from frazil.app.hub import Hub

MOVIE = "movie_0001"
# Number, members, quality, who it is: class 3 was given up and its place seeded anew before update 2.
UPDATES = {
    1: [(1, 60, 0.9, 11), (2, 30, 0.4, 12), (3, 10, 0.2, 13)],
    2: [(1, 60, 0.6, 11), (2, 20, 0.3, 12), (3, 20, 0.7, 14)],
}


def write_update(hub: Hub, session: int, folder: Path, number: int) -> None:
    classes = [
        {"class_id": k, "particles": n, "quality": q, "selected": q >= 0.5, "stable_id": who, "parents": []}
        for k, n, q, who in UPDATES[number]
    ]
    place = f"classes/run001/update{number:03d}"
    (folder / place).mkdir(parents=True)
    members = [k for k, n, _, _ in UPDATES[number] for _ in range(n)]
    table = pa.table({"key": particle_keys(1, 0, len(members)), "class_id": pa.array(members, pa.int32())})
    pq.write_table(table, folder / place / "assignments.parquet")
    summary = {
        "classes": classes,
        "unassigned": 0,
        "particles": 100,
        "class_count": 3,
        "entry": {"number": number},
    }
    (folder / place / "summary.json").write_text(json.dumps(summary))
    row: dict[str, Any] = {
        "run": 1,
        "update_in_run": number,
        "kind": "streaming",
        "finished_at": 5.0,
        "seconds": 2.0,
        "particles": 100,
        "class_count": 3,
        "settings_revision": 1,
        "folder": place,
        "summary": summary,
    }
    with hub.catalogue.write() as connection:
        class_updates.add(connection, session, number, row)


@pytest.fixture
def session(hub: Hub, tmp_path: Path) -> int:
    number: int = sessions.create(hub, SERVER, {"folder": str(tmp_path / "s")})["id"]
    add_done(hub, number, 1)
    write_update(hub, number, tmp_path / "s", 1)
    return number


def kept(hub: Hub, session: int, update: int) -> list[int]:
    shown = class_history.show_update(hub, SERVER, session, update)
    return [item["class_id"] for item in shown["summary"]["classes"] if item["kept"]]


def test_the_threshold_is_a_setting_and_moves_what_is_kept(hub: Hub, session: int) -> None:
    assert kept(hub, session, 1) == [1]
    settings_changes.save(hub, SERVER, session, {"select_quality": 0.4}, 1)
    assert kept(hub, session, 1) == [1, 2]
    # The movies' share in kept classes follows at once.
    assert row_of(hub, session, MOVIE)["class_yield"] == pytest.approx(0.9)
    settings_changes.save(hub, SERVER, session, {"select_quality": 0.95}, 2)
    assert kept(hub, session, 1) == []
    assert row_of(hub, session, MOVIE)["class_yield"] == 0.0


def test_what_is_decided_by_hand_sticks_to_the_class_and_not_to_its_place(
    hub: Hub, session: int, tmp_path: Path
) -> None:
    told = class_choices.choose(hub, SERVER, session, 1, {1: "reject", 2: "keep", 3: "keep"})
    assert [item["choice"] for item in told["summary"]["classes"]] == ["reject", "keep", "keep"]
    assert kept(hub, session, 1) == [2, 3]
    assert row_of(hub, session, MOVIE)["class_yield"] == pytest.approx(0.4)
    write_update(hub, session, tmp_path / "s", 2)
    # Class 2 stays kept though it got worse, class 1 rejected; in place 3 stands another one now.
    assert kept(hub, session, 2) == [2, 3]
    settings_changes.save(hub, SERVER, session, {"select_quality": 0.75}, 1)
    assert kept(hub, session, 2) == [2]
    class_choices.choose(hub, SERVER, session, 2, {1: "auto", 2: "reject"})
    assert kept(hub, session, 2) == [] and kept(hub, session, 1) == [1, 3]
    with hub.catalogue.read() as connection:
        row = audit.listed(connection, session_id=session)[0]
    assert row["what"] == "classes.choose" and row["before"]["classes"] == {"1": "reject", "2": "keep"}


def test_exports_and_another_server_know_of_it(
    hub: Hub, make_hub: Callable[..., Hub], session: int, tmp_path: Path
) -> None:
    class_choices.choose(hub, SERVER, session, 1, {1: "reject", 2: "keep"})
    request = ExportRequest.model_validate({"format": "relion", "classes": "good"})
    assert preview_export(hub, SERVER, session, request)["class_particles"] == 30
    hub.forget(session)
    other = make_hub("other")
    number = adopt.adopt(other, SERVER, str(tmp_path / "s"))["id"]
    assert kept(other, number, 1) == [2]


def test_nobody_decides_about_what_is_not_there(hub: Hub, session: int) -> None:
    with pytest.raises(InputError, match="no class 4"):
        class_choices.choose(hub, SERVER, session, 1, {4: "keep"})
    with pytest.raises(NotFoundError):
        class_choices.choose(hub, SERVER, session, 7, {1: "keep"})
    with pytest.raises(DeniedError):
        class_choices.choose(hub, Actor(6, "vera", roles={1: "viewer"}), session, 1, {1: "keep"})
