"""Files that are being delivered, each by a thread of its own."""

from __future__ import annotations

import threading
import traceback
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from frazil.stages.bandwidth import Bandwidth
from frazil.stages.deliver_copy import Stream
from frazil.tracks.transfer.events import Refused
from frazil.tracks.transfer.job import Job, Report, run_job

if TYPE_CHECKING:
    from collections.abc import Callable

_RATE_OVER_S = 30.0


@dataclass
class Flight:
    """One file in flight."""

    job: Job
    began_at: float
    moved_bytes: int = 0
    cancelled: threading.Event = field(default_factory=threading.Event)

    def seconds_left(self, now: float) -> float:
        """Estimate from what was moved so far; nothing yet: infinite."""
        left = max(0, self.job.form.size - self.moved_bytes)
        if self.job.order.mode in ("link", "in_place"):
            return 0.0
        return left * (now - self.began_at) / self.moved_bytes if self.moved_bytes else float("inf")


@dataclass(frozen=True)
class Landed:
    """Message of a thread: its flight has ended. ``trace`` where it ended as nobody expected."""

    flight: Flight
    report: Report
    trace: str = ""


class Fleet:
    """Starts threads that deliver files; each posts a `Landed`.

    A thread that hangs in a dead share can't be stopped; it is disowned, and what it says later is not heard.

    Parameters
    ----------
    post
        Hands a message to the track.
    clock
        Seconds of a clock that never goes back.
    """

    def __init__(self, post: Callable[[Landed], None], clock: Callable[[], float]) -> None:
        self._post, self._clock = post, clock
        self._flights: dict[str, Flight] = {}
        self._moved: deque[tuple[float, int]] = deque()
        self._lock = threading.Lock()
        self.bandwidth = Bandwidth(clock=clock)

    def __len__(self) -> int:
        return len(self._flights)

    @property
    def flights(self) -> list[Flight]:
        """All that are in flight."""
        return list(self._flights.values())

    def start(self, job: Job) -> None:
        """Begin to deliver a file."""
        flight = Flight(job, self._clock())
        self._flights[job.path] = flight
        threading.Thread(target=self._run, args=(flight,), name=f"deliver {job.path}", daemon=True).start()

    def land(self, landed: Landed) -> bool:
        """Take a flight off the list; False where it was disowned."""
        path = landed.flight.job.path
        if self._flights.get(path) is not landed.flight:
            return False
        del self._flights[path]
        return True

    def cancel(self, *, longer_than_s: float = 0.0) -> None:
        """Ask those to stop that would take longer."""
        now = self._clock()
        for flight in self._flights.values():
            if flight.seconds_left(now) > longer_than_s:
                flight.cancelled.set()

    def disown(self) -> list[str]:
        """Ask all to stop and listen to none any more; returns their paths."""
        paths = list(self._flights)
        for flight in self._flights.values():
            flight.cancelled.set()
        self._flights.clear()
        return paths

    def rate_mb_s(self) -> float:
        """MB (10⁶ bytes) per second over the last half minute, of bytes really moved."""
        now = self._clock()
        with self._lock:
            while self._moved and self._moved[0][0] < now - _RATE_OVER_S:
                self._moved.popleft()
            return sum(count for _, count in self._moved) / _RATE_OVER_S / 1e6

    def _run(self, flight: Flight) -> None:
        def progress(count: int) -> None:
            flight.moved_bytes += count
            now = self._clock()
            with self._lock:
                # A second's worth is kept as one.
                if self._moved and now - self._moved[-1][0] < 1.0:
                    at, before = self._moved.pop()
                    self._moved.append((at, before + count))
                else:
                    self._moved.append((now, count))

        try:
            report = run_job(flight.job, Stream(self.bandwidth, flight.cancelled, progress))
        except Exception as error:
            # The thread must not end unheard: the file would stay in flight for ever.
            reason = f"internal error: {type(error).__name__}: {error}"
            report = Report(Refused(flight.job.path, reason, passing=False))
            self._post(Landed(flight, report, traceback.format_exc()))
        else:
            self._post(Landed(flight, report))
