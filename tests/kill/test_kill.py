"""Processes are killed at random moments while movies come in: nothing is lost and nothing done twice.

``FRAZIL_KILLS=50`` runs it longer, ``FRAZIL_KILL_SEED`` repeats a run.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import psutil  # type: ignore[import-untyped]
import pyarrow.parquet as pq
import pytest
from tests.kill.server import Server

from frazil.formats.complete import check_complete
from frazil.formats.mrc import MrcStack
from frazil.formats.star import read_star
from frazil.microscope.acquisition import acquire, exposures
from frazil.microscope.settings import ExposureSettings
from frazil.model.optics import Optics
from frazil.stages.record import MovieRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KILLS = int(os.environ.get("FRAZIL_KILLS", "6"))
SEED = int(os.environ.get("FRAZIL_KILL_SEED", str(random.SystemRandom().randrange(10**6))))
FRAMES = 4
DIFFERENT = 4
SETTINGS: dict[str, Any] = {
    "name": "killed",
    "transfer_mode": "copy",
    "min_age_s": 0,
    "settle_s": 1,
    "poll_s": 1,
    "min_free_gb": 1.0,
    "pixel_size_a": 2.0,
    "voltage_kv": 300.0,
    "dose_per_movie_e_per_a2": 30.0,
    "particle_diameter_min_a": 128.0,
    "particle_diameter_max_a": 128.0,
    "alignment_method": "global",
    "max_ctf_resolution_a": 100.0,
    "class_count": 2,
    "stream_start_particles": 200,
    "publish_s": 5,
    "stop_grace_s": 5,
    "max_attempts": 10,
}


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A few small movies, to be delivered again and again under other names."""
    folder = tmp_path_factory.mktemp("microscope")
    base = ExposureSettings(
        height_px=384,
        width_px=384,
        frames=FRAMES,
        pixel_size_a=2.0,
        optics=Optics(300.0, 2.7, 0.07),
        dose_per_frame_e_per_a2=30.0 / FRAMES,
        defocus_u_a=15_000.0,
        defocus_v_a=15_000.0,
        specimens=("apoferritin",),
        spacing=1.2,
    )
    return list(acquire(folder, exposures(base, DIFFERENT, 3, varied=False)))


class Microscope(threading.Thread):
    """Writes movies that grow, in grid squares that hold equal names, until it is told to stop."""

    def __init__(self, exposed: list[Path], folder: Path, interval_s: float) -> None:
        super().__init__(daemon=True)
        self._exposed, self._folder, self._interval_s = exposed, folder, interval_s
        self._enough = threading.Event()
        self.written: list[Path] = []

    def run(self) -> None:
        number = 0
        while not self._enough.wait(self._interval_s):
            movie = self._exposed[number % len(self._exposed)].read_bytes()
            path = self._folder / f"GridSquare_{number % 2}" / f"movie {number // 2:04d}.tiff"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                for start in range(0, len(movie), 1 + len(movie) // 4):
                    file.write(movie[start : start + 1 + len(movie) // 4])
                    file.flush()
                    time.sleep(0.02)
            self.written.append(path)
            number += 1

    def stop(self) -> None:
        self._enough.set()
        self.join()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
def test_killed_again_and_again(
    exposed: list[Path], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    record_property("FRAZIL_KILL_SEED", SEED)
    rng = random.Random(SEED)
    source = tmp_path / "source"
    source.mkdir()
    microscope = Microscope(exposed, source, interval_s=0.8)
    with Server(tmp_path / "server", tmp_path, free_port()) as server:
        values = {**SETTINGS, "source_path": str(source)}
        session = server.ask("POST", "/sessions", {"values": values})["id"]
        folder = tmp_path / "server" / "sessions" / "killed"
        server.ask("POST", f"/sessions/{session}/tracks/start-all")
        microscope.start()
        for _ in range(KILLS):
            time.sleep(rng.uniform(0.2, 6.0))
            strike(server, rng)
        microscope.stop()
        folder = wait_until_done(server, session, len(microscope.written))
        check_server(server, session, microscope.written)
        server.ask("POST", f"/sessions/{session}/tracks/stop-all")
        wait_stopped(server, session)
    check_folder(folder, microscope.written)


def strike(server: Server, rng: random.Random) -> None:
    """Kill the server, or one of the processes that it started."""
    family = server.family()
    if not family or rng.random() < 0.5:
        server.kill()
        server.start()
        return
    victim = rng.choice(family)
    try:
        victim.kill()
    except psutil.NoSuchProcess:
        return


def wait_until_done(server: Server, session: int, count: int) -> Path:
    """Wait until every movie is done; returns the session's folder."""
    from pathlib import Path

    deadline = time.monotonic() + 30.0 + 5.0 * count
    while True:
        rows = server.movies(session)
        states = [row["state"] for row in rows]
        if len(rows) == count and set(states) == {"done"}:
            return Path(server.ask("GET", f"/sessions/{session}")["folder"])
        failed = [(row["name"], row["reason"]) for row in rows if row["state"] == "failed"]
        assert not failed, failed
        tracks = server.ask("GET", f"/sessions/{session}/tracks")
        assert time.monotonic() < deadline, (count, {s: states.count(s) for s in states}, tracks)
        time.sleep(0.5)


def wait_stopped(server: Server, session: int) -> None:
    deadline = time.monotonic() + 90.0
    while any(track["state"] != "stopped" for track in server.ask("GET", f"/sessions/{session}/tracks")):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def check_server(server: Server, session: int, written: list[Path]) -> None:
    """Every movie stands there once, with all results; every track runs without a hand."""
    rows = server.movies(session)
    assert len({row["name"] for row in rows}) == len({row["path"] for row in rows}) == len(written)
    for row in rows:
        assert row["ctf_resolution_a"] is not None, row
        assert row["particles"] is not None, row
        assert row["done_at"] >= row["transferred_at"] >= row["found_at"]
    for track in server.ask("GET", f"/sessions/{session}/tracks"):
        assert track["wanted"], track
        assert track["state"] == "running", track


def check_folder(folder: Path, written: list[Path]) -> None:
    """Every file is whole, everything is there once, and nothing temporary is left."""
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in written}
    raw = [path for path in (folder / "raw").rglob("*.tiff") if not path.is_symlink()]
    assert len(raw) == len(written)
    assert {hashlib.sha256(path.read_bytes()).hexdigest() for path in raw} == digests
    records = [
        MovieRecord.model_validate_json(path.read_bytes()) for path in (folder / "records").glob("*.json")
    ]
    assert len(records) == len(written)
    for record in records:
        assert {stage: done.state for stage, done in record.stages.items()} == dict.fromkeys(
            ("align", "sum", "ctf", "pick", "extract"), "done"
        )
        for done in record.stages.values():
            for product in done.products:
                path = folder / product
                assert path.is_file(), product
                if path.suffix == ".star":
                    assert read_star(path)
                elif path.suffix == ".parquet":
                    pq.read_table(path)
                elif path.suffix in (".mrc", ".mrcs"):
                    assert check_complete(path).ok, product
        table, stack = folder / f"particles/{record.name}.parquet", folder / f"particles/{record.name}.mrcs"
        if record.number("particles"):
            rows = pq.read_table(table).num_rows
            assert rows == record.number("particles") == MrcStack(stack).shape[0]
    lines = [json.loads(line) for line in (folder / "raw" / "manifest.jsonl").read_text().splitlines()]
    assert {line["path"] for line in lines} == {path.relative_to(folder).as_posix() for path in raw}
    for summary in (folder / "classes").glob("*/*/summary.json"):
        content = json.loads(summary.read_text())
        assignments = pq.read_table(summary.with_name("assignments.parquet"))
        assert assignments.num_rows == content["particles"]
        assert MrcStack(summary.with_name("classes.mrcs")).shape[0] >= 1
    left = [path for path in folder.rglob("*") if path.name.endswith(".part") or ".part" in path.suffixes]
    assert left == []
    trash = folder / ".trash"
    assert not trash.exists() or not list(trash.iterdir())
