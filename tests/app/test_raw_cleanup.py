"""Raw files of rejected movies go by a rule, exactly as listed, and the only copies only if that is said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from frazil.app import raw_cleanup, relocation, sessions
from frazil.app.access import SERVER
from frazil.app.errors import ConflictError, NotFoundError
from frazil.app.raw_cleanup import REMOVED, Rule
from frazil.model.errors import InputError
from frazil.model.movie_filter import MovieFilter
from frazil.model.track import Start
from frazil.store import manifest
from frazil.store.catalogue import filters, movies, source_files, tracks
from frazil.store.manifest import Delivered

if TYPE_CHECKING:
    from pathlib import Path

    from frazil.app.hub import Hub

FAILED = Rule("failed")
# name: state, override, how it was delivered, resolution in Å
MOVIES = {
    "good": ("done", "auto", "copy", 3.0),
    "bad copy": ("failed", "auto", "copy", None),
    "bad link": ("failed", "auto", "link", None),
    "bad move": ("failed", "auto", "move", None),
    "wanted": ("failed", "include", "copy", None),
    "blurred": ("done", "auto", "copy", 9.0),
    "excluded": ("done", "exclude", "copy", 3.0),
    "not judged": ("queued", "auto", "copy", None),
}


@pytest.fixture
def session(hub: Hub, tmp_path: Path) -> int:
    """Make a session with delivered movies of 100 bytes each."""
    number: int = sessions.create(hub, SERVER, {"folder": str(tmp_path / "s")})["id"]
    share = tmp_path / "share"
    share.mkdir()
    rows: list[dict[str, Any]] = []
    files: list[dict[str, Any]] = []
    delivered = []
    for name, (state, override, mode, resolution) in MOVIES.items():
        source, raw = share / f"{name}.tif", tmp_path / "s" / "raw" / f"{name}.tif"
        source.write_bytes(b"x" * 100)
        status = source.stat()
        if mode == "link":
            raw.symlink_to(source)
        else:
            raw.write_bytes(b"x" * 100)
        if mode == "move":
            source.unlink()
        rows.append(
            {"name": name, "path": source.name, "raw_path": str(raw), "state": state, "override": override}
        )
        rows[-1] |= {"found_at": 1.0, "target_revision": 1, "ctf_resolution_a": resolution}
        form = {"size_bytes": 100, "mtime_ns": status.st_mtime_ns}
        place = f"raw/{raw.name}"
        files.append({"path": source.name, "kind": "movie", **form, "found_at": 1.0, "state": "done"})
        files[-1] |= {
            "delivered_path": place,
            "delivered_mode": mode,
            "delivered_size_bytes": 100,
            "delivered_mtime_ns": status.st_mtime_ns,
        }
        delivered.append(Delivered(path=place, source=str(source), mode=mode, at=1.0, **form))  # type: ignore[arg-type]
    manifest.append(tmp_path / "s", delivered)
    with hub.catalogue.write() as connection:
        numbers = movies.add_many(connection, number, rows)
        for file, movie in zip(files, numbers, strict=True):
            file["movie_number"] = movie
        source_files.add_many(connection, number, files)
        sharp = MovieFilter.model_validate({"ranges": {"ctf_resolution_a": {"high": 5.0}}})
        filters.save(connection, number, "sharp", sharp, saved_by="me", saved_at=1.0)
    return number


def listed(hub: Hub, session: int, rule: Rule) -> list[str]:
    found = raw_cleanup.preview_raw_cleanup(hub, SERVER, session, rule)["listed"]
    return sorted(file["path"].removeprefix("raw/").removesuffix(".tif") for file in found)


def test_each_rule_takes_its_movies_but_no_only_copy(hub: Hub, session: int, tmp_path: Path) -> None:
    assert listed(hub, session, FAILED) == ["bad copy", "bad link"]
    assert listed(hub, session, Rule("failed", only_copies=True)) == ["bad copy", "bad link", "bad move"]
    assert listed(hub, session, Rule("excluded")) == ["excluded"]
    assert listed(hub, session, Rule("filter", "sharp")) == ["blurred", "excluded"]
    preview = raw_cleanup.preview_raw_cleanup(hub, SERVER, session, FAILED)
    assert (preview["movies"], preview["files"], preview["bytes"]) == (2, 2, 100)
    assert preview["kept_only_copies"] == {"files": 1, "bytes": 100}
    (tmp_path / "share" / "bad copy.tif").write_bytes(b"another one")
    assert listed(hub, session, FAILED) == ["bad link"]
    with pytest.raises(NotFoundError):
        listed(hub, session, Rule("filter", "none"))
    with pytest.raises(InputError):
        listed(hub, session, Rule("filter"))


def test_exactly_what_was_listed_goes(hub: Hub, session: int, tmp_path: Path) -> None:
    token = raw_cleanup.preview_raw_cleanup(hub, SERVER, session, FAILED)["token"]
    assert raw_cleanup.clean_raw(hub, SERVER, session, FAILED, token) == {
        "movies": 2,
        "files": 2,
        "bytes": 100,
    }
    hub.janitor.close(20)
    left = {path.stem for path in (tmp_path / "s" / "raw").glob("*.tif")}
    assert left == set(MOVIES) - {"bad copy", "bad link"}
    assert not (tmp_path / "s" / ".trash").exists()
    assert (tmp_path / "share" / "bad link.tif").read_bytes() == b"x" * 100
    with hub.catalogue.read() as connection:
        row = movies.get(connection, session, "bad copy")
        states = {file["path"]: file["state"] for file in source_files.every(connection, session)}
    assert (row["raw_path"], row["reason"]) == (None, "raw file removed: failed")
    assert states["bad link.tif"] == "forgotten"
    assert states["good.tif"] == "done"
    lines = [json.loads(line) for line in (tmp_path / "s" / REMOVED).read_text().splitlines()]
    assert sorted(line["path"] for line in lines) == ["raw/bad copy.tif", "raw/bad link.tif"]
    assert listed(hub, session, FAILED) == []


def test_a_list_that_has_changed_is_refused(hub: Hub, session: int, tmp_path: Path) -> None:
    token = raw_cleanup.preview_raw_cleanup(hub, SERVER, session, FAILED)["token"]
    with pytest.raises(ConflictError, match="list it again"):
        raw_cleanup.clean_raw(hub, SERVER, session, Rule("excluded"), token)
    with hub.catalogue.write() as connection:
        number = movies.get(connection, session, "blurred")["number"]
        movies.change(connection, session, number, state="failed")
    with pytest.raises(ConflictError, match="list it again"):
        raw_cleanup.clean_raw(hub, SERVER, session, FAILED, token)
    assert (tmp_path / "s" / "raw" / "bad copy.tif").exists()


def test_nothing_is_removed_through_a_link_to_a_folder(hub: Hub, session: int, tmp_path: Path) -> None:
    (tmp_path / "s" / "raw" / "square").symlink_to(tmp_path / "share")
    with hub.catalogue.write() as connection:
        number = movies.get(connection, session, "bad copy")["number"]
        row = {
            "path": "q.tif",
            "kind": "movie",
            "size_bytes": 1,
            "mtime_ns": 1,
            "found_at": 1.0,
            "state": "done",
        }
        row |= {"movie_number": number, "delivered_path": "raw/square/good.tif", "delivered_mode": "copy"}
        source_files.add_many(connection, session, [row])
    rule = Rule("failed", only_copies=True)
    assert "square/good" not in listed(hub, session, rule)


def test_not_while_it_works_or_is_archived(hub: Hub, session: int) -> None:
    token = raw_cleanup.preview_raw_cleanup(hub, SERVER, session, FAILED)["token"]
    runner = hub.runner(session, "transfer")
    runner.control(Start()).result(20)
    with pytest.raises(ConflictError, match="stop all tracks"):
        raw_cleanup.clean_raw(hub, SERVER, session, FAILED, token)
    hub.forget(session)
    with hub.catalogue.write() as connection:
        tracks.save_state(connection, session, "transfer", wanted=False, state="stopped", reason="", now=1.0)
    relocation.archive(hub, SERVER, session)
    with pytest.raises(ConflictError, match="archived"):
        raw_cleanup.clean_raw(hub, SERVER, session, FAILED, token)
