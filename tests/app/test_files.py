"""Folders of the server: only what one may look at, in parts, whatever the names are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from frazil.app import files, sessions
from frazil.app.access import SERVER, Actor
from frazil.app.errors import DeniedError, NotFoundError
from frazil.app.source_preview import source_preview
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from frazil.app.hub import Hub

OPERATOR = Actor(5, "otto", roles={1: "operator"})


def listed(hub: Hub, path: Path | str | None, actor: Actor = OPERATOR, **more: Any) -> list[str]:
    found = files.list_folder(hub, actor, None if path is None else str(path), **more)
    return [entry["name"] for entry in found["entries"]]


@pytest.fixture
def share(tmp_path: Path) -> Path:
    """Folder below the root with a few files."""
    share = tmp_path / "share"
    (share / "grid 10").mkdir(parents=True)
    (share / "grid 9").mkdir()
    for name in ("movie_10.tif", "movie_2.tif", "gain.mrc", "note.txt", ".hidden"):
        (share / name).write_bytes(b"x")
    return share


def test_folders_come_first_and_numbers_in_their_order(hub: Hub, share: Path) -> None:
    assert listed(hub, share) == ["grid 9", "grid 10", "gain.mrc", "movie_2.tif", "movie_10.tif", "note.txt"]
    assert listed(hub, share, kind="movie") == [
        "grid 9",
        "grid 10",
        "gain.mrc",
        "movie_2.tif",
        "movie_10.tif",
    ]
    assert listed(hub, share, kind="folder") == ["grid 9", "grid 10"]


def test_the_roots_are_where_one_begins(hub: Hub, tmp_path: Path) -> None:
    found = files.list_folder(hub, OPERATOR, None)
    assert str(tmp_path) in [entry["path"] for entry in found["entries"]]
    assert files.list_folder(hub, OPERATOR, str(tmp_path))["parent"] is None


def test_parts_follow_each_other(hub: Hub, share: Path) -> None:
    names, cursor = [], None
    while True:
        part = files.list_folder(hub, OPERATOR, str(share), limit=2, cursor=cursor)
        names += [entry["name"] for entry in part["entries"]]
        cursor = part["cursor"]
        if cursor is None:
            break
    assert names == listed(hub, share)


def test_names_that_are_no_text_are_shown_and_can_not_be_chosen(hub: Hub, share: Path) -> None:
    (Path(os.fsdecode(os.fsencode(share) + b"/b\xff\xfe.tif"))).write_bytes(b"x")
    (share / "line\nbreak \u00e5.tif").write_bytes(b"x")
    found = {e["name"]: e["path"] for e in files.list_folder(hub, OPERATOR, str(share))["entries"]}
    assert found["b\\xff\\xfe.tif"] is None
    assert found["line\nbreak \u00e5.tif"] == str(share / "line\nbreak \u00e5.tif")
    for limit in (1, 3):
        names, cursor = [], None
        while True:
            part = files.list_folder(hub, OPERATOR, str(share), limit=limit, cursor=cursor)
            names += [entry["name"] for entry in part["entries"]]
            cursor = part["cursor"]
            if cursor is None:
                break
        assert sorted(names) == sorted(found)


@pytest.mark.parametrize(
    "path",
    [
        "/etc",
        "/",
        "/proc/self",
        "{share}/../../..",
        "{share}/out/passwd",
        "{share}/out",
        "{data}",
        "{share}/.s",
    ],
)
def test_nothing_outside_is_shown(hub: Hub, share: Path, tmp_path: Path, path: str) -> None:
    (share / "out").symlink_to("/etc")
    (share / ".s").mkdir()
    assert "out" not in listed(hub, share) and ".s" not in listed(hub, share)
    with pytest.raises(DeniedError):
        listed(hub, path.format(share=share, data=tmp_path / "data"))


@pytest.mark.parametrize("path", ["share", "", "~", "/share\0/etc", "..", "//"])
def test_only_absolute_paths_are_taken(hub: Hub, path: str) -> None:
    with pytest.raises((InputError, DeniedError)):
        listed(hub, path)


def test_links_inside_the_roots_and_loops_do_no_harm(hub: Hub, share: Path) -> None:
    (share / "again").symlink_to(share)
    (share / "loop").symlink_to(share / "loop")
    assert "again" in listed(hub, share) and "loop" not in listed(hub, share)
    assert source_preview(hub, OPERATOR, str(share))["movies"] == 3
    assert listed(hub, share / "again") == listed(hub, share)
    with pytest.raises((NotFoundError, InputError)):
        listed(hub, share / "loop")


def test_what_can_not_be_listed_is_told(hub: Hub, share: Path) -> None:
    with pytest.raises(NotFoundError, match="no such folder"):
        listed(hub, share / "nowhere")
    with pytest.raises(InputError, match="is a file"):
        listed(hub, share / "note.txt")


def test_sessions_of_other_groups_are_not_shown(hub: Hub, tmp_path: Path) -> None:
    from frazil.app.groups import add_group

    add_group(hub, SERVER, "mine")
    other = add_group(hub, SERVER, "other")["id"]
    assert other != 1
    sessions.create(hub, SERVER, {"name": "a", "group": "mine", "folder": str(tmp_path / "all" / "a")})
    sessions.create(hub, SERVER, {"name": "b", "group": "other", "folder": str(tmp_path / "all" / "b")})
    assert listed(hub, tmp_path / "all") == ["a"]
    assert listed(hub, tmp_path / "all", SERVER) == ["a", "b"]
    with pytest.raises(DeniedError):
        listed(hub, tmp_path / "all" / "b" / "raw")


def test_viewers_and_guests_do_not_browse(hub: Hub, share: Path) -> None:
    for actor in (
        Actor(6, "vera", roles={1: "viewer"}),
        Actor(None, "guest", shared_sessions=frozenset({1})),
    ):
        with pytest.raises(DeniedError):
            listed(hub, share, actor)
        with pytest.raises(DeniedError):
            source_preview(hub, actor, str(share))


def test_a_source_is_told_in_words(hub: Hub, virtual_movies: Path, tmp_path: Path) -> None:
    source = tmp_path / "grid"
    (source / "square 1").mkdir(parents=True)
    movies = sorted(
        path for path in virtual_movies.iterdir() if path.suffix in (".tif", ".tiff", ".mrc", ".mrcs")
    )
    movie = next(path for path in movies if "gain" not in path.name)
    for name in ("square 1/a", "square 1/b", "c"):
        (source / f"{name}{movie.suffix}").write_bytes(movie.read_bytes())
    (source / f"x_gain{movie.suffix}").write_bytes(b"x")
    found = source_preview(hub, OPERATOR, str(source))
    assert (found["movies"], found["ignored"], found["complete"]) == (3, 1, True)
    assert (found["width_px"], found["height_px"], found["frames"]) == (384, 320, 6)
    assert found["text"].startswith(f"3 movies, {found['kind']} 384 x 320 x 6, newest ")
    assert source_preview(hub, OPERATOR, str(source), recursive=False)["movies"] == 1
    assert source_preview(hub, OPERATOR, str(source / "square*"), recursive=False)["movies"] == 2


def test_an_unfinished_movie_does_not_hide_the_others(hub: Hub, share: Path) -> None:
    found = source_preview(hub, OPERATOR, str(share))
    assert found["kind"] is None and found["trouble"]
    assert source_preview(hub, OPERATOR, str(share / "grid 9"))["text"] == "no movies yet"
    assert "can't be looked at" in source_preview(hub, OPERATOR, str(share / "nowhere"))["text"]
    with pytest.raises(DeniedError):
        source_preview(hub, OPERATOR, "/etc/*")


def test_a_huge_source_is_looked_at_only_for_a_while(hub: Hub, share: Path) -> None:
    times = iter(range(1000))
    tick: Callable[[], float] = lambda: float(next(times))  # noqa: E731
    found = source_preview(hub, OPERATOR, str(share), clock=tick)
    assert found["complete"] is False
