"""What a track of a session works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from frazil.engine.executor import Executor
    from frazil.model.track import TrackName
    from frazil.store.catalogue import Catalogue
    from frazil.store.log import TrackLog


class Publish(Protocol):
    """Tell everybody who watches a session what changed."""

    def __call__(self, kind: str, data: Mapping[str, Any], /) -> None:
        """Publish a small change of a ``kind``: track, movies, classes, settings, alerts."""


@dataclass(frozen=True)
class Nudge:
    """Message to a track: something it works on has changed; it is worth looking now."""


@dataclass
class TrackContext:
    """Everything a track may touch.

    Attributes
    ----------
    session_id, uuid, folder
        The session.
    catalogue, executor, log
        What is known, where work runs, what is told.
    publish
        Tells those who watch.
    post
        Hands a message to this track from any thread (callbacks of the executor use it).
    nudge
        Wakes another track of the same session, if it runs: posts a `Nudge` to it.
    wall_clock, clock
        Seconds since 1970, for people; seconds of a clock that never goes back, for waiting.
    device
        "cpu" or "cuda".
    allowed
        Whether the server may see a path (its configured roots).
    """

    session_id: int
    uuid: str
    folder: Path
    catalogue: Catalogue
    executor: Executor
    log: TrackLog
    publish: Publish
    post: Callable[[Any], None]
    nudge: Callable[[TrackName], None]
    wall_clock: Callable[[], float]
    clock: Callable[[], float]
    device: str
    allowed: Callable[[Path], bool]
