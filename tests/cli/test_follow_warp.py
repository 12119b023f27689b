"""A real server beside a Warp that works: particles appear one movie after the other, then class averages."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.test_serve import free_port
from tests.kill.server import Server

from frazil.formats.relion_particles import read_particles
from frazil.microscope.warp_output import WarpChoices, WarpOutput
from frazil.microscope.warp_session import expose_beside_warp

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MOVIES, PER_MOVIE = 8, 60
SETTINGS: dict[str, Any] = {
    "name": "Live",
    "kind": "warp",
    "poll_s": 1,
    "min_free_gb": 1.0,
    "stream_start_particles": 240,
    "class_count": 4,
    "publish_s": 5,
    "final_resolution_a": 15.0,
}


def wait_for(what: Callable[[], Any], seconds: float = 300.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)
    return found


def _export(server: Server, path: str, number: int) -> dict[str, Any]:
    return next(each for each in server.ask("GET", f"{path}/exports") if each["number"] == number)


@pytest.mark.slow
def test_class_averages_appear_beside_a_running_warp(tmp_path: Path) -> None:
    root = tmp_path / "root"
    warp = WarpOutput(root / "warp", WarpChoices(pixel_size_a=3.0, box_px=40, diameter_a=180.0, version=2))
    movies = expose_beside_warp(
        warp, ["proteasome"], movies=MOVIES, particles_per_movie=PER_MOVIE, views_per_specimen=4, snr=0.2
    )
    next(movies)
    with Server(tmp_path / "data", root, free_port(), OMP_NUM_THREADS="1", NUMBA_NUM_THREADS="1") as server:
        values = {**SETTINGS, "warp_folder": str(warp.folder)}
        session = server.ask("POST", "/sessions", {"values": values})["id"]
        assert not any(t.get("error") for t in server.ask("POST", f"/sessions/{session}/tracks/start-all"))
        path = f"/sessions/{session}"
        wait_for(lambda: server.ask("GET", path)["counts"]["particles"] == PER_MOVIE)
        for _ in movies:
            pass
        wait_for(lambda: server.ask("GET", path)["counts"]["particles"] == MOVIES * PER_MOVIE)
        updates = wait_for(lambda: server.ask("GET", f"{path}/classify2d/updates"))
        assert updates[0]["particles"] >= 240
        assert server.ask("GET", f"{path}/tracks")[2]["reason"] == ""
        rows = server.movies(session)
        assert {row["state"] for row in rows} == {"done"}
        request = {"format": "relion", "contents": ["particles", "classes"]}
        export = server.ask("POST", f"{path}/exports", {"request": request})
        wait_for(lambda: _export(server, path, export["number"])["state"] == "done")
        folder = tmp_path / "data" / "sessions" / "Live" / "exports" / export["name"]
        table = read_particles(folder / "particles.star")
        assert len(table) == MOVIES * PER_MOVIE
        assert table.read_images().shape == (MOVIES * PER_MOVIE, 40, 40)
        truth = json.loads((warp.folder / "truth" / "movie_0001.json").read_text())
        assert len(truth["specimen_id"]) == PER_MOVIE
