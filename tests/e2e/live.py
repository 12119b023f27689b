"""A server as a person starts it, beside a virtual microscope that goes on exposing: nothing is made up."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FRAZIL = [sys.executable, "-c", "from frazil.cli.main import main; main()"]
# Of the camera and what lies before it; the walk types the same into the form.
PIXEL_SIZE_A, DOSE_E_PER_A2 = 1.5, 40.0
_SIZE_PX, _FRAMES, _MOVIES_PER_HOUR = 768, 6, 1200.0
_LONGEST_S = 1500.0
_STEP_BACK = 10


@dataclass(frozen=True)
class Live:
    """Where the server answers, the link that makes a browser its admin's, and where movies appear."""

    url: str
    start: str
    token: str
    microscope: Path


@contextlib.contextmanager
def live(folder: Path) -> Iterator[Live]:
    """Run both in processes of their own; both are gone in the end, even after a test that hangs."""
    microscope = folder / "krios" / "grid7"
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    data = folder / "server"
    words = f"serve --data-folder {data} --root {folder / 'krios'} --port {port} --device cpu"
    with _ended(words.split()) as server, _ended(_exposing(microscope), step_back=_STEP_BACK):
        assert server.stdout is not None
        lines: list[str] = []
        for line in server.stdout:
            lines.append(line)
            if "/api/start?token=" in line:
                break
        assert lines and "token=" in lines[-1], "".join(lines)
        # What the server says later is read, so that it never waits for a reader.
        threading.Thread(target=server.stdout.read, daemon=True).start()
        while not (microscope / "gain.mrc").exists():
            assert server.poll() is None, "the server has ended"
            time.sleep(0.1)
        access = json.loads((data / "server.json").read_text())
        yield Live(access["url"], lines[-1].strip(), access["token"], microscope)


def _exposing(folder: Path) -> list[str]:
    return (
        f"simulate --out {folder} --movies 400 --size {_SIZE_PX} --frames {_FRAMES} --clean --spacing 1.2 "
        f"--pixel-size-a {PIXEL_SIZE_A} --dose-per-movie-e-per-a2 {DOSE_E_PER_A2} --rate {_MOVIES_PER_HOUR}"
    ).split()


@contextlib.contextmanager
def _ended(words: list[str], step_back: int = 0) -> Iterator[subprocess.Popen[str]]:
    """Run a command of frazil; it is asked to end, then made to."""
    process = subprocess.Popen(
        [*FRAZIL, *words],
        stdout=subprocess.PIPE if not step_back else subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        text=True,
        # A group of its own for the scheduler: on a busy machine it is not starved by the browser.
        start_new_session=not step_back,
    )
    if step_back:
        # The microscope's own computer would be another one.
        os.setpriority(os.PRIO_PROCESS, process.pid, step_back)
    limit = threading.Timer(_LONGEST_S, process.kill)
    limit.start()
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        limit.cancel()
        if process.stdout is not None:
            process.stdout.close()
