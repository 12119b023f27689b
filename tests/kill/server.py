"""A real server in a process of its own, and a client that survives its deaths."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import httpx
import psutil  # type: ignore[import-untyped]

START_S = 60.0


class Server:
    """``frazil serve`` on a free port, with everything in one folder.

    Parameters
    ----------
    folder
        Data folder of the server; its one root is ``root``.
    """

    def __init__(self, folder: Path, root: Path, port: int, **environment: str) -> None:
        self.folder, self.root, self.port = folder, root, port
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}/api", timeout=30.0)
        self.output = folder.with_name(f"{folder.name}.log")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._client.close()

    def start(self) -> None:
        """Start it and wait until it answers."""
        words = ["serve", "--data-folder", str(self.folder), "--port", str(self.port), "--root"]
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                [Path(sys.executable).with_name("frazil"), *words, str(self.root)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self._environment},
                start_new_session=True,
            )
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise AssertionError(f"the server ended: {self.output.read_text()[-2000:]}")
            try:
                self._read_access()
                if self._client.get("/sessions").status_code == 200:
                    return
            except (httpx.TransportError, OSError, ValueError):
                pass
            time.sleep(0.1)
        raise AssertionError(f"the server does not answer: {self.output.read_text()[-2000:]}")

    def _read_access(self) -> None:
        access = json.loads((self.folder / "server.json").read_text())
        self._client.headers["Authorization"] = f"Bearer {access['token']}"

    def stop(self) -> None:
        """Stop it as Ctrl-C does, and see that nothing of it is left."""
        if self._process is None:
            return
        family = self.family()
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(30.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError("the server did not stop within 30 s") from None
        _, alive = psutil.wait_procs(family, timeout=10.0)
        for process in alive:
            process.kill()
        assert not alive, f"left behind: {alive}"
        self._process = None

    def process(self) -> psutil.Process:
        """The server's own process."""
        assert self._process is not None
        return psutil.Process(self._process.pid)

    @property
    def authorization(self) -> str:
        """Header that lets a request in."""
        return str(self._client.headers["Authorization"])

    def family(self) -> list[psutil.Process]:
        """Processes that the server started."""
        assert self._process is not None
        try:
            return list(psutil.Process(self._process.pid).children(recursive=True))
        except psutil.NoSuchProcess:
            return []

    def kill(self) -> None:
        """Kill the server itself as a crash would; its workers must go by themselves."""
        assert self._process is not None
        family = self.family()
        self._process.kill()
        self._process.wait()
        _, alive = psutil.wait_procs(family, timeout=10.0)
        for process in alive:
            process.kill()
        assert not alive, f"workers outlived their server: {alive}"
        self._process = None

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the server; tried again while it is not there."""
        deadline = time.monotonic() + START_S
        while True:
            try:
                answer = self._client.request(method, path, json=body)
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
                continue
            if answer.status_code == 503 and time.monotonic() < deadline:
                time.sleep(0.2)
                continue
            assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
            return answer.json() if answer.content else None

    def movies(self, session: int) -> list[dict[str, Any]]:
        """All movies of a session."""
        rows: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self.ask("GET", f"/sessions/{session}/movies?limit=500&sort=name&cursor={cursor}")
            rows += page["rows"]
            if not page["cursor"]:
                return rows
            cursor = page["cursor"]
