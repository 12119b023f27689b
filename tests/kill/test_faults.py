"""What goes wrong at a microscope, through the real server: nothing is lost, each fault is told."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.kill.live import SETTINGS, expose, free_port
from tests.kill.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ODD = "odd – naïve\nname.tiff"
LONG_S = 240.0


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return expose(tmp_path_factory.mktemp("microscope"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("faults")
    with Server(folder / "server", folder, free_port()) as running:
        yield running


def new_session(server: Server, name: str, **values: Any) -> tuple[int, Path]:
    """Make a session with a source folder of its own; returns its number and that folder."""
    source = server.root / name
    source.mkdir()
    values = {**SETTINGS, "name": name, "source_path": str(source), "give_up_s": 60, **values}
    return int(server.ask("POST", "/sessions", {"values": values})["id"]), source


@pytest.fixture(scope="module", autouse=True)
def bad_files(server: Server, exposed: list[Path]) -> int:
    """Deliver them first: what is incomplete is given up after a minute, in which the other tests run."""
    session, source = new_session(server, "bad files")
    movie = exposed[0].read_bytes()
    (source / "a").mkdir()
    (source / "b").mkdir()
    for place in ("a/same.tiff", "b/same.tiff", ODD, "with blank.tiff"):
        (source / place).write_bytes(movie)
    (source / "empty.tiff").touch()
    (source / "truncated.tiff").write_bytes(movie[: len(movie) // 2])
    (source / "text.tiff").write_text("this is no movie")
    (source / "notes.txt").write_text("not a movie's name")
    (source / "loop").symlink_to(source)
    outside = server.root.parent / f"{server.root.name}-outside.tiff"
    outside.write_bytes(movie)
    (source / "outside.tiff").symlink_to(outside)
    server.ask("POST", f"/sessions/{session}/tracks/start-all")
    return session


def wait(server: Server, session: int, good: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Wait until the movies, by path, are as they should be."""
    deadline = time.monotonic() + LONG_S
    while True:
        movies = {row["path"]: row for row in server.movies(session)}
        if good(movies):
            return movies
        assert time.monotonic() < deadline, {path: (m["state"], m["reason"]) for path, m in movies.items()}
        time.sleep(0.5)


def states(movies: dict[str, Any]) -> dict[str, str]:
    return {path: movie["state"] for path, movie in movies.items()}


@pytest.mark.slow
def test_a_movie_that_is_written_anew_is_noticed_and_can_be_taken(
    server: Server, exposed: list[Path]
) -> None:
    session, source = new_session(server, "written anew")
    (source / "movie.tiff").write_bytes(exposed[0].read_bytes())
    server.ask("POST", f"/sessions/{session}/tracks/start-all")
    first = wait(server, session, lambda movies: states(movies) == {"movie.tiff": "done"})["movie.tiff"]
    (source / "movie.tiff").write_bytes(exposed[1].read_bytes())
    path = f"/sessions/{session}/movies/{first['name']}"

    def changed() -> bool:
        return bool(server.ask("GET", path)["columns"]["reason"])

    deadline = time.monotonic() + LONG_S
    while not changed():
        assert time.monotonic() < deadline
        time.sleep(0.5)
    # Nothing is overwritten before somebody says so.
    assert wait(server, session, lambda _: True)["movie.tiff"]["defocus_u_a"] == first["defocus_u_a"]
    server.ask("POST", f"{path}/source", {"action": "replace"})
    again = wait(
        server,
        session,
        lambda movies: (
            movies["movie.tiff"]["state"] == "done"
            and movies["movie.tiff"]["defocus_u_a"] != first["defocus_u_a"]
        ),
    )["movie.tiff"]
    assert again["name"] == first["name"]


@pytest.mark.slow
def test_a_new_ctf_range_redoes_the_ctf_and_not_the_alignment(server: Server, exposed: list[Path]) -> None:
    session, source = new_session(server, "redo")
    for number in range(2):
        (source / f"movie{number}.tiff").write_bytes(exposed[number].read_bytes())
    server.ask("POST", f"/sessions/{session}/tracks/start-all")
    movies = wait(server, session, lambda movies: list(states(movies).values()) == ["done", "done"])
    paths = [f"/sessions/{session}/movies/{movie['name']}" for movie in movies.values()]
    before = [server.ask("GET", path)["stages"] for path in paths]
    change = {"values": {"ctf_low_a": 25.0}, "base_revision": 1}
    preview = server.ask("POST", f"/sessions/{session}/settings/preview", change)
    assert preview["stages"], preview
    saved = server.ask("PUT", f"/sessions/{session}/settings", {**change, "apply": "redo"})
    assert saved["revision"] == 2
    wait(
        server,
        session,
        lambda movies: all(m["state"] == "done" and m["settings_revision"] == 2 for m in movies.values()),
    )
    for path, old in zip(paths, before, strict=True):
        new = server.ask("GET", path)["stages"]
        for stage in ("align", "sum"):
            assert new[stage] == old[stage]
        for stage in ("ctf", "pick", "extract"):
            assert new[stage]["at"] > old[stage]["at"]


@pytest.mark.slow
def test_bad_files_are_told_and_stop_nobody(server: Server, bad_files: int) -> None:
    session = bad_files
    bad = {"empty.tiff", "truncated.tiff", "text.tiff"}

    def settled(movies: dict[str, Any]) -> bool:
        reached = states(movies)
        good = [path for path in reached if path not in bad | {"outside.tiff"}]
        done = len(good) == 4 and all(reached[path] == "done" for path in good)
        return done and all(reached.get(path) == "failed" for path in bad)

    movies = wait(server, session, settled)
    for path in bad:
        assert movies[path]["reason"], path
    assert "truncated" in movies["truncated.tiff"]["reason"]
    # A link that leads out of the server's roots is nobody's movie.
    assert movies.get("outside.tiff", {"state": "failed"})["state"] == "failed"
    assert movies["a/same.tiff"]["name"] != movies["b/same.tiff"]["name"]
    folder = server.ask("GET", f"/sessions/{session}")["folder"]
    assert not any(name.endswith(".part") for _, _, names in os.walk(folder) for name in names)
