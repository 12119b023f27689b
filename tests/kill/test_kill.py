"""Processes are killed at random moments while movies come in: nothing is lost and nothing done twice.

``FRAZIL_KILLS=50`` runs it longer, ``FRAZIL_KILL_SEED`` repeats a run.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import time
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]
import pyarrow.parquet as pq
import pytest
from tests.kill.live import SETTINGS, Microscope, expose, free_port
from tests.kill.server import Server

from frazil.formats.complete import check_complete
from frazil.formats.mrc import MrcStack
from frazil.formats.star import read_star
from frazil.stages.record import MovieRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KILLS = int(os.environ.get("FRAZIL_KILLS", "4"))
SEED = int(os.environ.get("FRAZIL_KILL_SEED", str(random.SystemRandom().randrange(10**6))))


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Movies of a small microscope."""
    return expose(tmp_path_factory.mktemp("microscope"))


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
