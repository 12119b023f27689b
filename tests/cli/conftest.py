"""A server in this process, and commands that talk to it over HTTP."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from frazil.app.config import ServerConfig
from frazil.app.credentials import own_token
from frazil.app.hub import Hub
from frazil.cli.main import app
from frazil.engine.inline import InlineExecutor
from frazil.web.serving import make_server

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from typer.testing import Result

    from frazil.model.track import TrackName
    from frazil.tracks.context import TrackContext

    Run = Callable[..., Result]


class IdleBody:
    """A track that runs and finds nothing to do."""

    in_flight, grace_s = 0, 0.0

    def __init__(self, _: TrackName, context: TrackContext) -> None:
        self.log = context.log

    def begin(self, *, anew: bool) -> None:
        self.log.info("begun", movie="m1", anew=anew)

    def step(self) -> float:
        return 60.0

    def receive(self, message: Any) -> None:
        """Waits for nothing."""

    def drain(self) -> None:
        """Nothing in flight."""

    def kill(self) -> None:
        """Nothing in flight."""

    def blocked(self) -> str:
        return ""

    def clear(self, _runs: Collection[int] = (), /) -> None:
        """No products."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A server with idle tracks; commands find it by the environment."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        config = ServerConfig(data_folder=tmp_path / "data", roots=(tmp_path,), device="cpu", port=port)
        hub = Hub(config, executor=InlineExecutor(), body=IdleBody)
        http = make_server(hub, listening=listening)
        thread = threading.Thread(target=http.run)
        thread.start()
        monkeypatch.setenv("FRAZIL_URL", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("FRAZIL_TOKEN", own_token(hub))
        yield hub
        http.should_exit = True
        thread.join(20)
        hub.close()


@pytest.fixture
def run() -> Run:
    """Run a command of frazil; the result has stdout, stderr, exit_code or the error it ended with."""
    runner = CliRunner()

    def call(*words: object) -> Result:
        return runner.invoke(app, [str(word) for word in words])

    return call
