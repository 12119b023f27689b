"""The server as a process: found by commands, alone, gone within seconds, and it goes on."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]
import pytest

from frazil.cli.access_file import AccessFile, read_access_file, write_access_file
from frazil.cli.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FRAZIL = [sys.executable, "-c", "from frazil.cli.main import main; main()"]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    """Servers of a test; whatever happens, none stays."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def serve(started: list[subprocess.Popen[str]], folder: Path, *words: str) -> list[str]:
    """Start a server; returns the lines it greets with."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FRAZIL_")}
    command = [
        *FRAZIL,
        "serve",
        "--data-folder",
        str(folder / "data"),
        "--root",
        str(folder),
        "--device",
        "cpu",
    ]
    process = subprocess.Popen(
        [*command, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    started.append(process)
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(2)]


def client(folder: Path) -> Client:
    own = read_access_file(folder / "data")
    assert own is not None
    return Client(own.url, own.token)


@pytest.mark.slow
def test_a_server_from_start_to_stop_and_on(started: list[subprocess.Popen[str]], tmp_path: Path) -> None:
    port = str(free_port())
    greeting = serve(started, tmp_path, "--port", port)
    assert greeting[0].startswith(f"Frazil serves at http://127.0.0.1:{port}")
    assert greeting[1].startswith(f"http://127.0.0.1:{port}/api/start?token=")
    access = tmp_path / "data" / "server.json"
    assert stat.S_IMODE(access.stat().st_mode) == 0o600
    (tmp_path / "movies").mkdir()
    with client(tmp_path) as asked:
        values = {"name": "grid", "source_path": str(tmp_path / "movies"), "folder": str(tmp_path / "s")}
        session = asked.post("sessions", {"values": values})["id"]
        asked.post(f"sessions/{session}/tracks/transfer/start")
    # Another one finds the place taken and says by whom.
    second = subprocess.run(
        [*FRAZIL, "serve", "--data-folder", str(tmp_path / "data"), "--port", str(free_port())],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert second.returncode == 2
    assert f"it answers at http://127.0.0.1:{port} (process {started[0].pid})" in second.stderr
    third = subprocess.run(
        [*FRAZIL, "serve", "--data-folder", str(tmp_path / "other"), "--port", port],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert third.returncode == 2
    assert f"port {port} is in use" in third.stderr
    children = psutil.Process(started[0].pid).children(recursive=True)
    started[0].send_signal(signal.SIGTERM)
    output, errors = started[0].communicate(timeout=60)
    assert started[0].returncode == 0, output + errors
    assert "stopped" in errors
    assert not access.exists()
    assert not any(child.is_running() for child in children)
    # The next start goes on.
    serve(started, tmp_path, "--port", port)
    with client(tmp_path) as asked:
        states = {track["track"]: track for track in asked.get(f"sessions/{session}/tracks")}
    assert states["transfer"]["wanted"]
    assert states["transfer"]["state"] in ("starting", "running")
    assert not states["preprocess"]["wanted"]
    started[1].send_signal(signal.SIGINT)
    _, errors = started[1].communicate(timeout=60)
    assert started[1].returncode == 0, errors


def test_other_addresses_need_an_account(started: list[subprocess.Popen[str]], tmp_path: Path) -> None:
    serve(started, tmp_path, "--host", "0.0.0.0", "--port", str(free_port()))
    _, errors = started[0].communicate(timeout=60)
    assert started[0].returncode == 2
    assert "frazil users add NAME --admin" in errors
    assert "Traceback" not in errors


def test_the_access_file_is_for_this_user_only(tmp_path: Path) -> None:
    content = AccessFile("http://127.0.0.1:1", "frz_secret", 7)
    before = os.umask(0)
    try:
        file = write_access_file(tmp_path, content)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_access_file(tmp_path) == content
    file.write_text(json.dumps({"url": 1}))
    assert read_access_file(tmp_path) is None
