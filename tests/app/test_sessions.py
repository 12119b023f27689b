"""Sessions: made where they may be, listed to those who may see them, changed, copied, archived."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from frazil.app import relocation, sessions
from frazil.app.access import SERVER, Actor
from frazil.app.errors import ConflictError, DeniedError, NotFoundError
from frazil.model.errors import InputError
from frazil.store.catalogue import accounts, audit, movies, revisions

if TYPE_CHECKING:
    from pathlib import Path

    from frazil.app.hub import Hub


def group(hub: Hub, name: str) -> int:
    with hub.catalogue.write() as connection:
        return accounts.add_group(connection, name)


def test_a_new_session_has_a_folder_that_describes_it(hub: Hub, tmp_path: Path) -> None:
    view = sessions.create(hub, SERVER, {"name": "A grid", "cs_mm": 1.4, "tags": ["grid", "one"]})
    assert view["label"] == "S1"
    assert view["life"] == "new"
    assert view["folder"] == str(tmp_path / "data" / "sessions" / "A_grid")
    assert {track["state"] for track in view["tracks"].values()} == {"stopped"}
    content = json.loads((tmp_path / "data/sessions/A_grid/session.json").read_text())
    assert content["id"] == view["uuid"]
    assert content["name"] == "A grid"
    assert content["group"] == "default"
    assert content["settings"][0]["values"] == {"cs_mm": 1.4, "tags": ["grid", "one"]}
    assert content["settings"][0]["saved_by"] == "server"


def test_equal_names_get_folders_of_their_own(hub: Hub) -> None:
    first, second = (sessions.create(hub, SERVER, {"name": "grid"}) for _ in range(2))
    assert first["folder"] != second["folder"]


def test_a_folder_must_be_below_the_roots_and_empty(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(DeniedError, match="may only see"):
        sessions.create(hub, SERVER, {"folder": "/etc/frazil"})
    (tmp_path / "away").symlink_to("/var")
    with pytest.raises(DeniedError, match="may only see"):
        sessions.create(hub, SERVER, {"folder": str(tmp_path / "away" / "s")})
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    with pytest.raises(InputError, match="is not empty"):
        sessions.create(hub, SERVER, {"folder": str(tmp_path / "full")})
    with pytest.raises(InputError, match="absolute path"):
        sessions.create(hub, SERVER, {"folder": "somewhere"})
    assert sessions.listed(hub, SERVER) == []


def test_a_session_is_not_made_where_one_lies(hub: Hub, tmp_path: Path) -> None:
    sessions.create(hub, SERVER, {"folder": str(tmp_path / "s")})
    with pytest.raises(ConflictError, match="adopt"):
        sessions.create(hub, SERVER, {"folder": str(tmp_path / "s")})


def test_settings_may_only_point_below_the_roots(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(DeniedError, match="gain_path=/etc/passwd"):
        sessions.create(hub, SERVER, {"gain_path": "/etc/passwd"})
    with pytest.raises(DeniedError, match="source_path"):
        sessions.create(hub, SERVER, {"source_path": "/proc/*/maps"})
    with pytest.raises(InputError, match="lie in each other"):
        sessions.create(hub, SERVER, {"source_path": str(tmp_path), "folder": str(tmp_path / "s")})
    assert sessions.listed(hub, SERVER) == []


def test_nothing_is_left_where_making_fails(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> int:
        raise InputError("no")

    monkeypatch.setattr("frazil.app.sessions.revisions.add", fail)
    with pytest.raises(InputError, match="no"):
        sessions.create(hub, SERVER, {"folder": str(tmp_path / "s")})
    assert not (tmp_path / "s").exists()


def test_who_sees_what(hub: Hub) -> None:
    ours, theirs = group(hub, "ours"), group(hub, "theirs")
    sessions.create(hub, SERVER, {"name": "one", "group": "ours"})
    hidden = sessions.create(hub, SERVER, {"name": "two", "group": "theirs"})
    operator = Actor(7, "ann", roles={ours: "operator"})
    assert [view["name"] for view in sessions.listed(hub, operator)] == ["one"]
    assert sessions.listed(hub, operator)[0]["role"] == "operator"
    with pytest.raises(NotFoundError):
        sessions.show(hub, operator, hidden["id"])
    with pytest.raises(InputError, match="no such group"):
        sessions.create(hub, operator, {"group": "nobody"})
    with pytest.raises(NotFoundError):
        sessions.create(hub, operator, {"group": "theirs"})
    viewer = Actor(8, "bob", roles={theirs: "viewer"})
    with pytest.raises(DeniedError, match="needs an operator"):
        sessions.create(hub, viewer, {"group": "theirs"})
    with pytest.raises(DeniedError):
        sessions.change(hub, viewer, hidden["id"], {"name": "mine"})
    reader = Actor(None, "link", shared_sessions=frozenset({hidden["id"]}), scope="viewer")
    assert [view["name"] for view in sessions.listed(hub, reader)] == ["two"]


def test_the_only_group_need_not_be_named(hub: Hub) -> None:
    ours = group(hub, "ours")
    group(hub, "theirs")
    operator = Actor(None, "ann", roles={ours: "operator"})
    assert sessions.create(hub, operator, {})["group"] == "ours"
    with pytest.raises(InputError, match="ours, theirs"):
        sessions.create(hub, SERVER, {})


def test_search_looks_at_number_name_folder_and_tags(hub: Hub) -> None:
    sessions.create(hub, SERVER, {"name": "Apoferritin", "tags": ["friday"]})
    sessions.create(hub, SERVER, {"name": "Ribosome"})
    expected = {
        "apo": ["S1"],
        "FRIDAY": ["S1"],
        "s2": ["S2"],
        "ribo some": ["S2"],
        "session": ["S2", "S1"],
        "nothing": [],
    }
    for words, labels in expected.items():
        assert [view["label"] for view in sessions.listed(hub, SERVER, search=words)] == labels


def test_counts_are_of_the_session(hub: Hub) -> None:
    one, two = (sessions.create(hub, SERVER, {"name": name})["id"] for name in ("one", "two"))
    row = {"path": "p", "found_at": 1.0, "target_revision": 1}
    with hub.catalogue.write() as connection:
        movies.add_many(
            connection,
            one,
            [
                {**row, "name": "a", "state": "done", "particles": 30, "done_at": 5.0},
                {**row, "name": "b", "state": "done", "particles": 12, "done_at": 9.0},
                {**row, "name": "c", "state": "failed"},
            ],
        )
    views = {view["id"]: view for view in sessions.listed(hub, SERVER)}
    assert views[one]["counts"] == {"movies": 3, "particles": 42, "done": 2, "failed": 1}
    assert views[one]["last_movie"] == {"name": "b", "done_at": 9.0}
    assert views[two]["counts"] == {"movies": 0, "particles": 0}
    assert views[two]["last_movie"] is None


def test_name_tags_and_group_can_change(hub: Hub, tmp_path: Path) -> None:
    ours, _ = group(hub, "ours"), group(hub, "theirs")
    session = sessions.create(hub, SERVER, {"group": "ours", "folder": str(tmp_path / "s")})["id"]
    view = sessions.change(hub, SERVER, session, {"name": "Better", "tags": ["a"], "group": "theirs"})
    assert (view["name"], view["tags"], view["group"]) == ("Better", ["a"], "theirs")
    assert view["settings_revision"] == 2
    content = json.loads((tmp_path / "s" / "session.json").read_text())
    assert (content["name"], content["group"]) == ("Better", "theirs")
    assert len(content["settings"]) == 2
    with pytest.raises(InputError, match="only name, tags and group"):
        sessions.change(hub, SERVER, session, {"folder": "/x"})
    with pytest.raises(InputError, match="1 to 100"):
        sessions.change(hub, SERVER, session, {"name": " "})
    with pytest.raises(NotFoundError):
        sessions.change(hub, Actor(1, "ann", roles={ours: "owner"}), session, {"name": "x"})
    with hub.catalogue.read() as connection:
        told = [entry["what"] for entry in audit.listed(connection, session_id=session)]
    assert told == ["session.change", "session.create"]


def test_a_copy_has_the_settings_and_no_data(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "movies").mkdir()
    values = {"cs_mm": 1.4, "source_path": str(tmp_path / "movies"), "folder": str(tmp_path / "s")}
    first = sessions.create(hub, SERVER, values)
    assert first["warnings"] == []
    made = sessions.copy(hub, SERVER, first["id"], "Next grid")
    assert made["id"] != first["id"]
    assert made["folder"] != first["folder"]
    assert made["warnings"] == [f"S1 watches the same folder: {tmp_path / 'movies'}"]
    third = sessions.copy(hub, SERVER, first["id"], "Third grid")
    assert "watch the same folder" in third["warnings"][0]
    with hub.catalogue.read() as connection:
        newest = revisions.newest(connection, made["id"])
    assert newest.values == {"cs_mm": 1.4, "source_path": str(tmp_path / "movies")}


def test_an_archived_session_is_kept_out_of_the_list(hub: Hub) -> None:
    session = sessions.create(hub, SERVER, {})["id"]
    assert relocation.archive(hub, SERVER, session)["life"] == "archived"
    assert sessions.listed(hub, SERVER) == []
    assert [view["id"] for view in sessions.listed(hub, SERVER, life="archived")] == [session]


def test_a_folder_that_is_away_is_told_in_the_list(hub: Hub, tmp_path: Path) -> None:
    session = sessions.create(hub, SERVER, {"folder": str(tmp_path / "s")})["id"]
    hub.watch.look_at_disks()
    assert sessions.show(hub, SERVER, session)["folder_problem"] == ""
    hub.forget(session)
    (tmp_path / "s").rename(tmp_path / "away")
    hub.watch.look_at_disks()
    (told,) = sessions.listed(hub, SERVER)
    assert told["folder_problem"] == f"{tmp_path / 's'}: No such file or directory"
    (tmp_path / "away").rename(tmp_path / "s")
    hub.watch.look_at_disks()
    assert sessions.show(hub, SERVER, session)["folder_problem"] == ""
