"""A session that the server works with: its folder, held by a lock, and the runners of its tracks."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frazil.app.late_body import LateBody
from frazil.store.catalogue import revisions, sessions, tracks
from frazil.store.catalogue.session_content import session_content
from frazil.store.log import TrackLog
from frazil.store.session import SessionFolder
from frazil.tracks.context import Nudge, TrackContext
from frazil.tracks.runner import TrackRunner

if TYPE_CHECKING:
    from collections.abc import Callable

    from frazil.app.feed import Feed
    from frazil.engine.executor import Executor
    from frazil.model.track import TrackName
    from frazil.store.catalogue import Catalogue
    from frazil.store.catalogue.sessions import SessionRow
    from frazil.store.session_file import SessionFile
    from frazil.tracks.runner import Body

server_log = logging.getLogger("frazil.server")


@dataclass(frozen=True)
class Surroundings:
    """What all sessions of a server share.

    Attributes
    ----------
    catalogue, feed
        What is known; who is told.
    executor, device
        Where work runs; asked for when the first track is made, for they take a moment to start.
    allowed
        Whether the server may see a path.
    make_body
        Makes what a track does.
    thrown_away
        Told of a session folder whose ``.trash`` is to be emptied.
    """

    catalogue: Catalogue
    feed: Feed
    executor: Callable[[], Executor]
    device: Callable[[], str]
    allowed: Callable[[Path], bool]
    make_body: Callable[[TrackName, TrackContext], Body]
    thrown_away: Callable[[Path], None]


class OpenSession:
    """One session of the server. Safe to use from any thread; waits for no other session's disk.

    Parameters
    ----------
    around
        What all sessions share.
    session_id
        Its number; `InputError` where there is none.
    """

    def __init__(self, around: Surroundings, session_id: int) -> None:
        self._around = around
        with around.catalogue.read() as connection:
            self._row = sessions.get(connection, session_id)
        # The folder's may be held for as long as a disk takes to answer, that of the runners never.
        self._lock, self._runners_lock = threading.RLock(), threading.Lock()
        self._folder: SessionFolder | None = None
        self._runners: dict[TrackName, TrackRunner] = {}
        self._logs: dict[TrackName, TrackLog] = {}

    @property
    def id(self) -> int:
        """Number of the session."""
        return self._row.id

    def folder(self) -> SessionFolder:
        """Return the folder, locked.

        Raises
        ------
        PassingError
            It is not there, or can't be written to, now.
        InputError
            Another server works in it, it is damaged, or another session lies there.
        """
        with self._lock:
            if self._folder is None:
                folder = SessionFolder(Path(self._row.folder), identity=self._row.uuid)
                try:
                    # What was not written because of a crash.
                    folder.describe(self._content())
                except BaseException:
                    folder.close()
                    raise
                self._folder = folder
                self._around.thrown_away(folder.path)
            return self._folder

    def write_through(self) -> None:
        """Let the folder say what the catalogue knows; errors as of `folder`."""
        with self._lock:
            self.folder().describe(self._content())
            level = self._log_level()
            for log in self._logs.values():
                log.level = level

    def runner(self, track: TrackName) -> TrackRunner:
        """Return the runner of a track, made on first use; where the folder is away, it pauses."""
        with self._runners_lock:
            runner = self._runners.get(track)
            if runner is None:
                body = LateBody(partial(self._make_body, track))
                keeper = _Keeper(self._around, self._row, track)
                runner = TrackRunner(
                    f"S{self.id}-{track}", body, keeper.save, partial(self._log_trouble, track)
                )
                self._runners[track] = runner
            return runner

    def made(self, track: TrackName) -> TrackRunner | None:
        """Return the runner of a track if it was ever used."""
        return self._runners.get(track)

    def close(self, timeout_s: float = 10.0) -> None:
        """End the runners without changing what is wanted, and let go of the folder."""
        with self._runners_lock:
            runners = list(self._runners.values())
            self._runners.clear()
        if runners:
            with ThreadPoolExecutor(len(runners)) as pool:
                list(pool.map(lambda runner: runner.close(timeout_s), runners))
        with self._lock:
            for log in self._logs.values():
                log.close()
            self._logs.clear()
            if self._folder is not None:
                self._folder.close()
                self._folder = None

    def _content(self) -> SessionFile:
        with self._around.catalogue.read() as connection:
            return session_content(connection, sessions.get(connection, self.id))

    def _log_level(self) -> str:
        with self._around.catalogue.read() as connection:
            return revisions.newest(connection, self.id).settings().resources.log_level

    def _make_body(self, track: TrackName) -> Body:
        around = self._around
        folder = self.folder()
        with self._lock:
            log = self._logs.setdefault(track, TrackLog(folder.path, track, self._log_level()))
        context = TrackContext(
            session_id=self.id,
            uuid=folder.id,
            folder=folder.path,
            catalogue=around.catalogue,
            executor=around.executor(),
            log=log,
            publish=partial(around.feed.publish, self.id),
            post=partial(self._post, track),
            nudge=self._nudge,
            wall_clock=time.time,
            clock=time.monotonic,
            device=around.device(),
            allowed=around.allowed,
        )
        return around.make_body(track, context)

    def _log_trouble(self, track: TrackName, message: str, trace: str) -> None:
        server_log.error("S%d %s: %s%s", self.id, track, message, f"\n{trace}" if trace else "")
        log = self._logs.get(track)
        if log is not None:
            log.error(message, **({"trace": trace} if trace else {}))

    def _post(self, track: TrackName, message: Any) -> None:
        # What comes after the runner was closed has nobody to go to: the next one finds it out for itself.
        runner = self._runners.get(track)
        if runner is not None:
            runner.post(message)

    def _nudge(self, track: TrackName) -> None:
        runner = self._runners.get(track)
        if runner is not None and runner.state == "running":
            runner.post(Nudge())


class _Keeper:
    """Keeps in the catalogue what a track wants and is, and tells those who watch."""

    def __init__(self, around: Surroundings, row: SessionRow, track: TrackName) -> None:
        self._around, self._row, self._track = around, row, track
        self._before = ""

    def save(self, wanted: bool, state: str, reason: str) -> None:
        now = time.time()
        with self._around.catalogue.write() as connection:
            tracks.save_state(
                connection, self._row.id, self._track, wanted=wanted, state=state, reason=reason, now=now
            )
            if wanted:
                sessions.begin(connection, self._row.id)
        if self._before == "clearing" and state != "clearing":
            self._around.thrown_away(Path(self._row.folder))
        self._before = state
        data = {"track": self._track, "wanted": wanted, "state": state, "reason": reason, "since": now}
        self._around.feed.publish(self._row.id, "track", data)
