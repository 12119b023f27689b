"""Deletes in the background what was thrown away."""

from __future__ import annotations

import logging
import queue
import threading
from typing import TYPE_CHECKING

from frazil.store.trash import empty_trash

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

server_log = logging.getLogger("frazil.server")


class Janitor:
    """One thread that empties the ``.trash`` of session folders, one after the other."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="frazil-janitor", daemon=True)
        self._thread.start()

    def empty(self, session: Path) -> None:
        """Have the trash of a session folder emptied."""
        self.do(lambda: _empty(session))

    def do(self, work: Callable[[], None]) -> None:
        """Have something done that may take long."""
        self._work.put(work)

    def close(self, timeout_s: float = 2.0) -> None:
        """Stop after what is being deleted; the rest is deleted after the next start."""
        self._work.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                work()
            except Exception:
                server_log.exception("cleaning up failed; it is done after the next start")


def _empty(session: Path) -> None:
    if not empty_trash(session):
        server_log.warning("%s: not everything in .trash could be deleted", session)
