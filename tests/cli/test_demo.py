"""The demo shows a live session, stops cleanly and goes on."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FRAZIL = [sys.executable, "-c", "from frazil.cli.main import main; main()"]
_LONGEST_S = 600.0


class Demo:
    """A demo as a person starts it, its lines as they come."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        self.process = subprocess.Popen(
            [*FRAZIL, "demo", str(folder), "--port", str(port), "--no-browser", "--seconds-per-movie", "3"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        # A demo that hangs must not hang the tests.
        self._limit = threading.Timer(_LONGEST_S, self.process.kill)
        self._limit.start()

    def wait_for(self, words: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if words in line:
                return line
        raise AssertionError("".join(self.lines))

    def stop(self) -> int:
        """Press Ctrl-C; returns the exit status."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        # A terminal tells the whole group.
        os.killpg(self.process.pid, signal.SIGINT)
        assert self.process.stdout is not None
        self.lines += self.process.stdout.readlines()
        status = self.process.wait(60)
        assert not [line for line in self.lines if "Traceback" in line], self.lines
        _, left = psutil.wait_procs([child for child in family if _lives(child)], timeout=10)
        assert not [child for child in left if _lives(child)]
        return status

    def end(self) -> None:
        self._limit.cancel()
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def _lives(process: psutil.Process) -> bool:
    return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)


@pytest.fixture
def demos() -> Iterator[list[Demo]]:
    made: list[Demo] = []
    yield made
    for demo in made:
        demo.end()


@pytest.mark.slow
def test_the_demo_runs_stops_and_goes_on(demos: list[Demo], tmp_path: Path) -> None:
    demos.append(Demo(tmp_path / "demo"))
    assert "/api/start?token=" in demos[0].wait_for("token=")
    demos[0].wait_for("first micrograph after")
    assert demos[0].stop() == 0, demos[0].lines
    assert "goes on from here" in demos[0].lines[-1]
    done = {path: path.stat().st_mtime_ns for path in (tmp_path / "demo/session/records").glob("*.json")}
    movies = sorted((tmp_path / "demo" / "microscope").glob("movie_*.tiff"))
    assert done
    demos.append(Demo(tmp_path / "demo"))
    demos[1].wait_for("going on after")
    demos[1].wait_for("next micrograph after")
    assert demos[1].stop() == 0, demos[1].lines
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert sorted((tmp_path / "demo" / "microscope").glob("movie_*.tiff"))[: len(movies)] == movies
