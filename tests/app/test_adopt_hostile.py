"""A session folder that somebody wrote to get at what is not theirs: adopted without harm, or refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from frazil.app import sessions
from frazil.app.access import SERVER, Actor
from frazil.app.adopt import adopt
from frazil.app.errors import DeniedError
from frazil.stages.record import MovieRecord, StageRecord
from frazil.store.catalogue import accounts, movies, source_files
from frazil.store.trash import throw_away

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from frazil.app.hub import Hub


@pytest.fixture
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file outside all roots."""
    file = tmp_path_factory.mktemp("outside") / "secret.tif"
    file.write_bytes(b"secret")
    return file


@pytest.fixture
def folder(make_hub: Callable[..., Hub], tmp_path: Path) -> Path:
    """A session that no server has."""
    hub = make_hub("first")
    sessions.create(hub, SERVER, {"folder": str(tmp_path / "s"), "name": "grid"})
    hub.close()
    return tmp_path / "s"


def delivered(folder: Path, **values: Any) -> None:
    line = {"size_bytes": 6, "mtime_ns": 1, "mode": "copy", "movie": "a", "movie_number": 1, "at": 1.0}
    with (folder / "raw" / "manifest.jsonl").open("a") as lines:
        lines.write(json.dumps({**line, **values}) + "\n")


def rows_of(hub: Hub, session: int) -> tuple[dict[str, dict[str, Any]], list[str]]:
    with hub.catalogue.read() as connection:
        found = {row["name"]: row for row in movies.in_states(connection, session, movies.MOVIE_STATES)}
        return found, [file["path"] for file in source_files.every(connection, session)]


def test_no_movie_outside_is_read_or_removed(
    make_hub: Callable[..., Hub], folder: Path, secret: Path
) -> None:
    up = "../" * len(folder.parts)
    delivered(folder, path=f"{up}{secret}", source=str(secret), movie="up", movie_number=1)
    delivered(folder, path=str(secret), source=str(secret), movie="absolute", movie_number=2)
    delivered(folder, path="a", source=str(secret), mode="in_place", movie="in_place", movie_number=3)
    (folder / "raw" / "link.tif").symlink_to(secret)
    delivered(folder, path="raw/link.tif", source="/x", mode="link", movie="link", movie_number=4)
    record = MovieRecord(name="record", source=str(secret))
    (folder / "records" / "record.json").write_text(record.model_dump_json())
    hub = make_hub("second")
    found, files = rows_of(hub, adopt(hub, SERVER, str(folder))["id"])
    assert set(found) == {"in_place", "link", "record"}
    assert {row["raw_path"] for row in found.values()} == {None}
    assert "may not look" in found["record"]["reason"]
    assert not any(str(secret) in file for file in files if file != str(secret))


def test_no_product_lies_outside(folder: Path) -> None:
    for product in ("/etc/passwd", "../other/ctf/a.mrc", "ctf/../../x", "", "ctf/\0"):
        with pytest.raises(ValueError, match="session folder"):
            StageRecord(products=[product])
    for place in (folder / ".." / "other", folder / "raw" / ".." / ".." / "other"):
        with pytest.raises(ValueError, match="leads out"):
            throw_away(folder, [place])
    (folder.parent / "other").mkdir()
    (folder.parent / "other" / "file").touch()
    (folder / "raw" / "sub").symlink_to(folder.parent / "other")
    with pytest.raises(ValueError, match="leads out"):
        throw_away(folder, [folder / "raw" / "sub" / "file"])
    assert (folder.parent / "other" / "file").exists()


def test_settings_lead_to_no_session_of_others(
    make_hub: Callable[..., Hub], folder: Path, tmp_path: Path
) -> None:
    hub = make_hub("second")
    with hub.catalogue.write() as connection:
        ours, theirs = (accounts.add_group(connection, name) for name in ("ours", "theirs"))
    foreign = sessions.create(hub, SERVER, {"group": "theirs", "folder": str(tmp_path / "theirs")})
    content = json.loads((folder / "session.json").read_text())
    content["settings"][0]["values"]["source_path"] = foreign["folder"] + "/raw"
    (folder / "session.json").write_text(json.dumps(content))
    operator = Actor(None, "otto", False, {ours: "operator"})
    with pytest.raises(DeniedError, match="another group"):
        adopt(hub, operator, str(folder), "ours")
    assert theirs not in operator.roles
