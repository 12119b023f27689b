"""A hub without processes, in a temporary folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from frazil.app.config import ServerConfig
from frazil.app.hub import Hub
from frazil.engine.inline import InlineExecutor

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from frazil.model.track import TrackName
    from frazil.tracks.context import TrackContext


class IdleBody:
    """A track that runs and finds nothing to do."""

    def __init__(self, track: TrackName, context: TrackContext) -> None:
        self.track, self.context = track, context
        self.begun: list[bool] = []
        self.in_flight = 0
        self.grace_s = 0.0

    def begin(self, *, anew: bool) -> None:
        self.begun.append(anew)

    def step(self) -> float:
        return 60.0

    def receive(self, message: Any) -> None:
        """Has nothing to wait for."""

    def drain(self) -> None:
        """Has nothing in flight."""

    def kill(self) -> None:
        """Has nothing in flight."""

    def blocked(self) -> str:
        return ""

    def clear(self, _runs: Collection[int] = (), /) -> None:
        """Has no products."""


@pytest.fixture
def make_hub(tmp_path: Path) -> Iterator[Callable[..., Hub]]:
    """Make hubs whose data lie in ``data`` in the test's folder; they are closed at the end."""
    made: list[Hub] = []

    def make(data: str = "data", **options: Any) -> Hub:
        config = ServerConfig(data_folder=tmp_path / data, roots=(tmp_path,), device="cpu")
        made.append(Hub(config, **{"executor": InlineExecutor(), "body": IdleBody, **options}))
        return made[-1]

    yield make
    for hub in made:
        hub.close()


@pytest.fixture
def hub(make_hub: Callable[..., Hub]) -> Hub:
    """Make one hub."""
    return make_hub()
