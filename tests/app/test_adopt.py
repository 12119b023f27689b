"""A session folder goes from server to server with everything that was decided and found."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from frazil.app import sessions
from frazil.app.access import SERVER, Actor
from frazil.app.adopt import adopt
from frazil.app.errors import ConflictError, DeniedError
from frazil.model.errors import InputError
from frazil.model.movie_filter import MovieFilter
from frazil.model.settings import STAGES, Settings, with_values
from frazil.model.settings_stages import stage_fingerprints
from frazil.stages.record import MovieRecord, StageRecord
from frazil.store import manifest
from frazil.store.catalogue import (
    accounts,
    class_selections,
    class_updates,
    filters,
    movies,
    revisions,
    source_files,
)
from frazil.store.session import SessionFolder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from frazil.app.hub import Hub


def record(name: str, settings: Settings, **changes: Any) -> MovieRecord:
    prints = stage_fingerprints(settings, "signature")
    made = MovieRecord(name=name, source=f"raw/{name}.tif", source_signature="signature", **changes)
    for stage in STAGES:
        made.stages[stage] = StageRecord(state="done", fingerprint=prints[stage], at=50.0)
    made.put_numbers({"defocus_u_a": 12_000.0, "particles": 80})
    return made


def delivered(name: str, number: int) -> manifest.Delivered:
    return manifest.Delivered(
        path=f"raw/{name}.tif",
        source=f"/scope/{name}.tif",
        size_bytes=4,
        mtime_ns=5,
        xxh128="ab" * 16,
        mode="copy",
        movie=name,
        movie_number=number,
        at=40.0 + number,
    )


@pytest.fixture
def folder(make_hub: Callable[..., Hub], tmp_path: Path) -> Path:
    """A session with two settings revisions, five movies and class averages, let go of by its server."""
    hub = make_hub("first")
    folder = tmp_path / "s"
    session = sessions.create(hub, SERVER, {"folder": str(folder), "name": "grid", "cs_mm": 1.4})["id"]
    old, new = (with_values(Settings(), {"cs_mm": cs}) for cs in (1.4, 2.0))
    with hub.catalogue.write() as connection:
        revisions.add(connection, session, new.changed(), saved_by="ann", saved_at=30.0)
        row = {"path": "p", "found_at": 1.0, "target_revision": 1, "state": "done"}
        movies.add_many(connection, session, [{**row, "name": "new", "override": "exclude"}])
        wanted = MovieFilter.model_validate({"text": "grid"})
        filters.save(connection, session, "mine", wanted, saved_by="ann", saved_at=1.0)
        class_selections.save(connection, session, "good", 9, [3, 1], saved_by="ann", saved_at=1.0)
    hub.write_through(session)
    opened = hub.folder(session)
    for name in ("new", "old", "failed", "queued"):
        (folder / "raw" / f"{name}.tif").write_bytes(b"data")
    for stored in (record("new", new), record("old", old), record("gone", new)):
        opened.save_record(stored)
    failed = record("failed", new)
    failed.stages["ctf"] = StageRecord(state="failed", reason="no signal")
    opened.save_record(failed)
    names = ("queued", "new", "old", "failed", "gone")
    manifest.append(folder, [delivered(name, number) for number, name in enumerate(names, start=3)])
    update = folder / "classes" / "run002" / "update004"
    update.mkdir(parents=True)
    (update / "summary.json").write_text(json.dumps({"particles": 160, "class_count": 5, "number": 9}))
    hub.close()
    return folder


def test_everything_is_there_again(make_hub: Callable[..., Hub], folder: Path) -> None:
    hub = make_hub("second")
    view = adopt(hub, SERVER, str(folder))
    session = view["id"]
    assert (view["name"], view["settings_revision"], view["life"]) == ("grid", 2, "active")
    assert {track["state"] for track in view["tracks"].values()} == {"stopped"}
    assert view["warnings"] == ["the files of 1 of 5 movies are gone; their results are kept"]
    assert view["last_classes"]["number"] == 9
    with hub.catalogue.read() as connection:
        rows = {row["name"]: row for row in movies.in_states(connection, session, movies.MOVIE_STATES)}
        saved = revisions.listed(connection, session)
        files = {file["path"]: file for file in source_files.every(connection, session)}
        update = class_updates.get(connection, session)
        kept = filters.get(connection, session, "mine")
        (chosen,) = class_selections.listed(connection, session)
    assert {name: row["state"] for name, row in rows.items()} == {
        "new": "done", "old": "outdated", "failed": "failed", "gone": "done", "queued": "queued"
    }  # fmt: skip
    assert {name: row["number"] for name, row in rows.items()} == {
        "queued": 3, "new": 4, "old": 5, "failed": 6, "gone": 7
    }  # fmt: skip
    assert rows["old"]["settings_revision"] == rows["old"]["target_revision"] == 1
    assert rows["failed"]["reason"] == "no signal"
    assert rows["gone"]["raw_path"] is None
    assert "gone" in rows["gone"]["reason"]
    assert rows["new"]["override"] == "exclude"
    assert (rows["new"]["defocus_u_a"], rows["new"]["particles"]) == (12_000.0, 80)
    assert rows["new"]["path"] == "new.tif"
    assert rows["new"]["raw_path"] == str(folder / "raw" / "new.tif")
    assert rows["new"]["transferred_at"] == 44.0
    assert [(row.revision, row.saved_by) for row in saved] == [(1, "server"), (2, "ann")]
    assert files["new.tif"]["movie_number"] == 4
    assert files["new.tif"]["xxh128"] == "ab" * 16
    assert (update["run"], update["update_in_run"], update["particles"]) == (2, 4, 160)
    assert kept.text == "grid"
    assert (chosen["name"], chosen["update_number"], chosen["classes"]) == ("good", 9, [1, 3])


def test_nothing_of_it_is_changed_by_adopting(make_hub: Callable[..., Hub], folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    adopt(make_hub("third"), SERVER, str(folder))
    after = {path: path.stat().st_mtime_ns for path in before}
    changed = {path.name for path in before if before[path] != after[path]}
    assert changed <= {"session.json", ".lock"}


def test_a_session_of_frazil_process_can_be_adopted(hub: Hub, tmp_path: Path) -> None:
    settings = with_values(Settings(), {"kind": "micrographs", "pixel_size_a": 1.5})
    with SessionFolder(tmp_path / "p", "by hand") as made:
        made.save_settings(settings)
        (tmp_path / "a.mrc").write_bytes(b"x")
        done = record("a", settings)
        made.save_record(done.model_copy(update={"source": str(tmp_path / "a.mrc")}))
    view = adopt(hub, SERVER, str(tmp_path / "p"))
    assert (view["kind"], view["counts"]["done"]) == ("micrographs", 1)
    with hub.catalogue.read() as connection:
        row = movies.get(connection, view["id"], "a")
    assert row["raw_path"] == str(tmp_path / "a.mrc")
    # Nobody wrote down when it came; it was there when something was done with it first.
    assert (row["found_at"], row["transferred_at"]) == (50.0, None)


def test_a_folder_in_use_or_of_a_newer_frazil_is_refused(
    make_hub: Callable[..., Hub], folder: Path, tmp_path: Path
) -> None:
    hub = make_hub("second")
    with SessionFolder(folder), pytest.raises(InputError, match="another Frazil"):
        adopt(hub, SERVER, str(folder))
    content = json.loads((folder / "session.json").read_bytes())
    (folder / "session.json").write_text(json.dumps({**content, "schema_version": 99}))
    with pytest.raises(InputError, match="newer Frazil"):
        adopt(hub, SERVER, str(folder))
    content["settings"][0]["values"] = {"warp_drive": 9}
    (folder / "session.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"settings 1: .*warp_drive"):
        adopt(hub, SERVER, str(folder))
    with pytest.raises(InputError, match="no session here"):
        adopt(hub, SERVER, str(tmp_path))
    with pytest.raises(DeniedError):
        adopt(hub, SERVER, "/etc")
    assert sessions.listed(hub, SERVER) == []


def test_a_moved_session_gets_its_new_place_and_a_copy_is_refused(
    make_hub: Callable[..., Hub], folder: Path, tmp_path: Path
) -> None:
    hub = make_hub("first")
    with pytest.raises(ConflictError, match="S1 of this server already"):
        adopt(hub, SERVER, str(folder))
    shutil.copytree(folder, tmp_path / "copy")
    with pytest.raises(ConflictError, match="is a copy of session S1"):
        adopt(hub, SERVER, str(tmp_path / "copy"))
    folder.rename(tmp_path / "moved")
    assert adopt(hub, SERVER, str(tmp_path / "moved"))["folder"] == str(tmp_path / "moved")
    assert hub.folder(1).path == tmp_path / "moved"


def test_who_may_adopt(make_hub: Callable[..., Hub], folder: Path) -> None:
    hub = make_hub("second")
    with hub.catalogue.write() as connection:
        ours = accounts.add_group(connection, "ours")
    with pytest.raises(DeniedError):
        adopt(hub, Actor(None, "bob", roles={ours: "viewer"}), str(folder), "ours")
    assert adopt(hub, Actor(None, "ann", roles={ours: "operator"}), str(folder))["group"] == "ours"
