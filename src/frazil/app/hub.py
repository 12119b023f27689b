"""The server's middle: the catalogue, the engine, the feed, and every session that is worked with."""

from __future__ import annotations

import importlib
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING

from frazil.app.export_jobs import resume_exports
from frazil.app.feed import Feed
from frazil.app.health import Gpus
from frazil.app.janitor import Janitor
from frazil.app.machine import find_device, make_executor, pools
from frazil.app.notify import Notifier
from frazil.app.open_session import OpenSession, Surroundings
from frazil.app.relocation_jobs import resume_relocations
from frazil.app.watch import Watch
from frazil.model.errors import FrazilError
from frazil.model.track import Start
from frazil.store.catalogue import Catalogue, revisions, sessions, tracks

if TYPE_CHECKING:
    from collections.abc import Callable

    from frazil.app.config import ServerConfig
    from frazil.engine.executor import Executor, WorkerInfo
    from frazil.model.track import TrackName
    from frazil.store.catalogue.tracks import TrackRow
    from frazil.store.session import SessionFolder
    from frazil.tracks.context import TrackContext
    from frazil.tracks.runner import Body, TrackRunner

server_log = logging.getLogger("frazil.server")

_BODIES: dict[TrackName, tuple[str, str]] = {
    "transfer": ("frazil.tracks.transfer.body", "TransferBody"),
    "preprocess": ("frazil.tracks.preprocess", "PreprocessBody"),
    "classify2d": ("frazil.tracks.classify2d", "ClassifyBody"),
}
_FOLLOW_WARP = ("frazil.tracks.follow_warp", "FollowWarpBody")


def make_body(track: TrackName, context: TrackContext) -> Body:
    """Make what a track does; its package is imported when it is first needed.

    Pre-processing of a session on a Warp folder is to follow Warp.
    """
    module, name = _BODIES[track]
    if track == "preprocess":
        with context.catalogue.read() as connection:
            if sessions.get(connection, context.session_id).kind == "warp":
                module, name = _FOLLOW_WARP
    body: Body = getattr(importlib.import_module(module), name)(context)
    return body


class Hub:
    """Everything that lives as long as the server. Safe to use from any thread.

    Parameters
    ----------
    config
        Settings of the server.
    executor
        Where work runs; by default worker processes of this machine, started when first needed.
    body
        Makes what a track does.

    Raises
    ------
    InputError
        The catalogue can't be used: another server has it, a network file system, damaged, too new.
    """

    def __init__(
        self,
        config: ServerConfig,
        *,
        executor: Executor | None = None,
        body: Callable[[TrackName, TrackContext], Body] = make_body,
    ) -> None:
        self.config = config
        self.catalogue = Catalogue(config.catalogue)
        self.feed = Feed()
        self.started_at = time.time()
        self.janitor = Janitor()
        self.notifier = Notifier()
        self.gpus = Gpus()
        self.watch = Watch(self)
        self._given_executor = executor
        self._made_executor: Executor | None = None
        self._lock, self._engine_lock = threading.Lock(), threading.Lock()
        self._sessions: dict[int, OpenSession] = {}
        self._around = Surroundings(
            catalogue=self.catalogue,
            feed=self.feed,
            executor=lambda: self.executor,
            device=lambda: self.device,
            allowed=config.allows,
            make_body=body,
            thrown_away=self.janitor.empty,
        )

    @property
    def executor(self) -> Executor:
        """Where work runs."""
        if self._given_executor is not None:
            return self._given_executor
        with self._engine_lock:
            if self._made_executor is None:
                self._made_executor = make_executor(self.config, self.device)
            return self._made_executor

    @cached_property
    def device(self) -> str:
        """Where to compute: "cpu" or "cuda"."""
        return find_device(self.config)

    def start(self) -> None:
        """Go on where the last server stopped: tracks that should run run again."""
        with self.catalogue.read() as connection:
            rows = tracks.listed(connection)
        for row in rows:
            if row.wanted:
                self._resume(row)
            elif row.state != "stopped":
                self._note(row, wanted=False, reason="")
        resume_exports(self)
        resume_relocations(self)
        self.watch.start()

    def close(self) -> None:
        """End everything within seconds; what is wanted stays wanted."""
        self.watch.close()
        self.notifier.close()
        with self._lock:
            opened = list(self._sessions.values())
            self._sessions.clear()
        if opened:
            with ThreadPoolExecutor(len(opened)) as pool:
                list(pool.map(OpenSession.close, opened))
        if self._made_executor is not None:
            self._made_executor.close()
        self.janitor.close()
        self.catalogue.close()

    def runner(self, session_id: int, track: TrackName) -> TrackRunner:
        """Return the runner of a track; `InputError` where there is no such session."""
        return self._open(session_id).runner(track)

    def folder(self, session_id: int) -> SessionFolder:
        """Return a session's folder, locked; errors as of `OpenSession.folder`."""
        return self._open(session_id).folder()

    def write_through(self, session_id: int) -> None:
        """Let ``session.json`` say what the catalogue knows.

        To be called after settings, name, group, overrides or filters changed. Where the folder is away it is
        done when it is opened again.
        """
        try:
            self._open(session_id).write_through()
        except FrazilError as error:
            server_log.warning("S%d: session.json is not up to date yet: %s", session_id, error)

    def forget(self, session_id: int) -> None:
        """Let go of a session: its runners end, its folder is free."""
        with self._lock:
            opened = self._sessions.pop(session_id, None)
        if opened is not None:
            opened.close()

    def workers(self) -> list[WorkerInfo]:
        """All workers that run or start; asking makes none."""
        engine = self._given_executor or self._made_executor
        return [] if engine is None else engine.workers()

    def queued(self) -> int:
        """Tasks without an outcome."""
        engine = self._given_executor or self._made_executor
        return 0 if engine is None else engine.unfinished()

    def movie_workers(self) -> int:
        """Movies that can be processed at the same time."""
        running = sum(worker.pool == "movies" for worker in self.workers())
        return running or pools(self.config, self.device)["movies"].slots

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def _open(self, session_id: int) -> OpenSession:
        with self._lock:
            if session_id not in self._sessions:
                self._sessions[session_id] = OpenSession(self._around, session_id)
            return self._sessions[session_id]

    def _resume(self, row: TrackRow) -> None:
        with self.catalogue.read() as connection:
            life = sessions.get(connection, row.session_id).life
            goes_on = revisions.newest(connection, row.session_id).settings().resources.resume_on_start
        if life in ("archived", "deleting"):
            self._note(row, wanted=False, reason="")
        elif not goes_on:
            self._note(row, wanted=False, reason="the server was started anew (resume_on_start is off)")
        else:
            self.runner(row.session_id, row.track).control(Start())

    def _note(self, row: TrackRow, *, wanted: bool, reason: str) -> None:
        with self.catalogue.write() as connection:
            tracks.save_state(
                connection,
                row.session_id,
                row.track,
                wanted=wanted,
                state="stopped",
                reason=reason,
                now=self.now(),
            )
