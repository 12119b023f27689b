"""Removal that is quick, can be repeated, and never follows a link."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from frazil.store.trash import empty_trash, throw_away

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_thrown_away_is_gone_from_its_place_and_then_from_the_disk(tmp_path: Path) -> None:
    session = tmp_path / "s"
    (session / "ctf").mkdir(parents=True)
    (session / "ctf" / "a.mrc").write_bytes(b"1")
    (session / "ctf" / "b.mrc").write_bytes(b"2")
    where = throw_away(session, [session / "ctf" / "a.mrc", session / "nothing"])
    assert where is not None
    assert (where / "ctf" / "a.mrc").read_bytes() == b"1"
    assert [path.name for path in (session / "ctf").iterdir()] == ["b.mrc"]
    assert throw_away(session, [session / "ctf" / "a.mrc"]) is None
    # The same name again, in the same second.
    (session / "ctf" / "a.mrc").write_bytes(b"3")
    assert throw_away(session, [session / "ctf" / "a.mrc"]) != where
    assert empty_trash(session)
    assert not (session / ".trash").exists()
    assert empty_trash(session)


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    session, source = tmp_path / "s", tmp_path / "microscope"
    session.mkdir()
    source.mkdir()
    (source / "movie.tif").write_bytes(b"precious")
    (session / "raw").symlink_to(source)
    (session / "dangling").symlink_to(tmp_path / "nowhere")
    throw_away(session, [session / "raw", session / "dangling"])
    assert empty_trash(session)
    assert (source / "movie.tif").read_bytes() == b"precious"
    assert list(session.iterdir()) == []


def test_nothing_outside_the_session_is_touched(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "thesis").touch()
    with pytest.raises(ValueError, match="thesis"):
        throw_away(tmp_path / "s", [tmp_path / "thesis"])
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "x").touch()
    (tmp_path / "s" / ".trash").symlink_to(tmp_path / "t")
    assert empty_trash(tmp_path / "s")
    assert (tmp_path / "t" / "x").exists()
