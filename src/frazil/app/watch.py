"""What the server looks after all the time: strips, disks, alerts, what is still to be deleted."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from frazil.app.alerts import watch_alerts
from frazil.app.deletion import resume_deletions
from frazil.app.disks import Disks
from frazil.app.live_export import keep_current
from frazil.app.strip import strip_of
from frazil.model.errors import FrazilError
from frazil.store.catalogue import overview, sessions, tracks
from frazil.store.catalogue.progress import progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from frazil.app.hub import Hub

server_log = logging.getLogger("frazil.server")

STRIPS_S, DISKS_S, ALERTS_S, DELETIONS_S, LIVE_EXPORTS_S = 5.0, 30.0, 30.0, 600.0, 30.0
OLDEST_STRIP_S = 60.0
"""Rates of the last hour change also when nothing happens."""
_MOVING = frozenset({"movies", "classes", "track", "settings"})
_ELAPSING = ("behind_s", "eta_s")
"""They change with the clock alone, which is no news."""


class Watch:
    """One thread with a few duties, each at its own pace.

    Parameters
    ----------
    hub
        What is watched.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.disks = Disks()
        # When each strip was last worked out, and what of it lasts.
        self._told: dict[int, tuple[float, dict[str, Any]]] = {}
        self._happened: set[int] = set()
        self._position = hub.feed.sequence
        self._ends = threading.Event()
        self._duties: list[tuple[float, Callable[[], None]]] = [
            (DISKS_S, self.look_at_disks),
            (STRIPS_S, self.tell_strips),
            (ALERTS_S, self.judge),
            (DELETIONS_S, lambda: resume_deletions(hub)),
            (LIVE_EXPORTS_S, lambda: keep_current(hub)),
        ]
        self._thread = threading.Thread(target=self._run, name="frazil-watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self, timeout_s: float = 5.0) -> None:
        """Stop."""
        self._ends.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def look_at_disks(self) -> None:
        """Measure all disks that sessions and catalogue lie on."""
        from pathlib import Path

        folders: dict[Path, str] = {self._hub.config.data_folder: "catalogue"}
        with self._hub.catalogue.read() as connection:
            for row in sessions.listed(connection):
                if row.life in ("new", "active"):
                    folders[Path(row.folder)] = f"S{row.id}"
        before = self.disks.states()
        after = self.disks.look(folders, time.monotonic())
        if [disk.problem for disk in before] != [disk.problem for disk in after]:
            self._hub.feed.publish(None, "server", {})

    def tell_strips(self) -> None:
        """Publish the strips that have changed, of sessions in which something happened."""
        self._take_news()
        hub, now = self._hub, self._hub.now()
        with hub.catalogue.read() as connection:
            busy = {row.session_id for row in tracks.listed(connection) if row.state != "stopped"}
            wanted = [number for number in sorted(busy | set(self._told)) if self._is_due(number, now)]
            classes = overview.last_classes(connection, wanted)
            strips = {
                number: strip_of(
                    progress(connection, number, now),
                    classes.get(number),
                    workers=hub.movie_workers(),
                    now=now,
                )
                for number in wanted
            }
        for number, strip in strips.items():
            lasting = {name: value for name, value in strip.items() if name not in _ELAPSING}
            before = self._told.get(number)
            if before is None or lasting != before[1]:
                hub.feed.publish(number, "strip", strip)
            self._told[number] = (now, lasting)
        for number in set(self._told) - busy:
            del self._told[number]

    def _is_due(self, number: int, now: float) -> bool:
        """Whether something happened in a session, or its strip is old."""
        return (
            number in self._happened
            or number not in self._told
            or now - self._told[number][0] > OLDEST_STRIP_S
        )

    def _take_news(self) -> None:
        """Note in which sessions something happened since the last look."""
        delta = self._hub.feed.take(self._position, lambda change: change.kind in _MOVING)
        self._position = delta.sequence
        if delta.resync:
            self._happened = set(self._told)
        else:
            self._happened = {change.session_id for change in delta.changes if change.session_id is not None}

    def judge(self) -> None:
        """Raise, clear and send alerts."""
        watch_alerts(self._hub, self.disks.states())

    def _run(self) -> None:
        due = dict.fromkeys(range(len(self._duties)), 0.0)
        while not self._ends.is_set():
            for number, (period, duty) in enumerate(self._duties):
                if time.monotonic() >= due[number]:
                    self._do(duty)
                    due[number] = time.monotonic() + period
            self._ends.wait(max(0.05, min(due.values()) - time.monotonic()))

    def _do(self, duty: Callable[[], None]) -> None:
        try:
            duty()
        except FrazilError as error:
            server_log.warning("%s", error)
        except Exception:
            server_log.exception("looking after the sessions failed; it is tried again")
