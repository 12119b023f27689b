"""What the 2D classification track does, step by step."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args

from frazil.engine.executor import Outcome
from frazil.model.errors import InputError
from frazil.stages.tasks import classify_batch, classify_cycle
from frazil.tracks.classify2d.clearing import clear_classes
from frazil.tracks.classify2d.desk import Desk
from frazil.tracks.classify2d.entries import Entries
from frazil.tracks.classify2d.fed_file import add_fed
from frazil.tracks.classify2d.job_mode import JobsMode
from frazil.tracks.classify2d.live_folder import LiveFolder
from frazil.tracks.classify2d.live_history import LiveHistory
from frazil.tracks.classify2d.messages import FinalPass, Keep, StartJobNow
from frazil.tracks.classify2d.stream_mode import StreamMode
from frazil.tracks.classify2d.streaming import GROWTH, StreamKind
from frazil.tracks.disk_space import reason_no_space
from frazil.tracks.preprocess.retry import RETRY_DELAYS_S
from frazil.tracks.runner import BlockedError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from frazil.stages.classify_stream_task import CycleResult, CycleTask, StreamResult, StreamTask
    from frazil.tracks.classify2d.flight import Flight
    from frazil.tracks.context import TrackContext

_STREAM_GRACE_S = 60.0
_CYCLE_GRACE_S = 86_400.0
_LOOK_EVERY_S = 5.0
_MOST_LASTING = 3
_STREAM_KINDS = get_args(StreamKind)
_NUMBERS = re.compile(r"\d+")


class ClassifyBody:
    """Feeds particles to the classifier, one task at a time, and keeps what comes back.

    Parameters
    ----------
    context
        The session, and what a track may touch.
    stream, cycle
        What a worker does with a batch of the stream, and with a cycle of a scheduled job.
    growth
        Growth of the particles' number that is worth an entry of the history.
    """

    def __init__(
        self,
        context: TrackContext,
        stream: Callable[[StreamTask], StreamResult] = classify_batch,
        cycle: Callable[[CycleTask], CycleResult] = classify_cycle,
        growth: float = GROWTH,
    ) -> None:
        self._context = context
        self._desk = Desk(context)
        self._entries = Entries(self._desk)
        self._stream = StreamMode(self._desk, self._entries, stream, growth)
        self._jobs = JobsMode(self._desk, self._entries, cycle)
        self._live_folder = LiveFolder(self._desk)
        self._live_history = LiveHistory(self._desk, self._entries)
        self._flight: Flight | None = None
        self._outcome: tuple[Flight, Outcome] | None = None
        self._draining = self._killed = self._final_pass = self._ended = False
        self._held: bool | None = None
        self._was_streaming = True
        self._job_wanted = False
        self._failures = 0
        self._again_at = 0.0
        self._told: set[tuple[int, str]] = set()

    @property
    def _is_streaming(self) -> bool:
        return self._desk.settings.classification.mode == "streaming"

    def begin(self, *, anew: bool) -> None:
        """Read where it was; put right what a crash left; ``anew``: begin a new run."""
        self._draining = self._killed = self._final_pass = self._ended = self._job_wanted = False
        self._failures, self._again_at, self._outcome = 0, 0.0, None
        if self._flight is not None:
            # After a crash of the loop: the run has one worker at a time.
            self._context.executor.cancel(self._flight.key)
            self._flight = None
        self._desk.load()
        adopted = self._entries.put_right()
        self._jobs.taken_over(adopted)
        self._live_history.begin()
        self._held = anew
        if not self._live_history.is_pending:
            self._begin_mode()
        self._context.log.info("begin", anew=anew, particles=self._desk.pool.eligible_particles)

    def _begin_mode(self) -> None:
        """Go on with stream or jobs, when it is known which classes there are."""
        anew, self._held = self._held is True, None
        self._was_streaming = self._is_streaming
        if not self._is_streaming:
            self._jobs.begin(anew=anew)
        else:
            self._jobs.give_up()
            if anew:
                self._stream.restart()
        self._live_folder.refresh()

    def _follow_wishes(self) -> None:
        """Go from stream to jobs or back as the newest settings say; begin a job that was asked for."""
        if self._was_streaming != self._is_streaming:
            self._held = False
            self._begin_mode()
        if self._job_wanted and not self._is_streaming:
            self._jobs.start_job()
        self._job_wanted = False

    def step(self) -> float:
        """Take in what came back, look for news, begin the next task."""
        self._take_in()
        if self._flight is not None:
            return _LOOK_EVERY_S
        self._require_space()
        self._desk.look()
        if self._live_history.is_pending:
            self._live_history.step()
            return _LOOK_EVERY_S
        if self._held is not None:
            self._begin_mode()
        self._follow_wishes()
        wait_s = self._again_at - self._context.clock()
        if wait_s > 0.0:
            return wait_s
        result = self._stream.step() if self._is_streaming else self._jobs.step()
        if isinstance(result, float):
            return min(result, _LOOK_EVERY_S)
        self._flight = result
        return _LOOK_EVERY_S

    def receive(self, message: Any) -> None:
        """Take in an outcome or a person's wish; anything else only wakes the track up."""
        if isinstance(message, Outcome):
            if self._live_folder.take_in(message) or self._live_history.take_in(message):
                return
            if self._flight is not None and message.key == self._flight.key:
                self._outcome, self._flight = (self._flight, message), None
                if self._draining:
                    self._take_in()
                    self._end()
        elif isinstance(message, StartJobNow):
            # The next step begins it, with the settings that were sent; while a job runs there is no other.
            self._job_wanted = self._flight is None or self._flight.kind in _STREAM_KINDS
        elif isinstance(message, Keep):
            self._stream.keep()
        elif isinstance(message, FinalPass):
            self._final_pass = True

    @property
    def in_flight(self) -> int:
        """Whether the engine has a task."""
        return 0 if self._flight is None else 1

    @property
    def grace_s(self) -> float:
        """How long a batch or cycle may take to its end after Stop."""
        return _STREAM_GRACE_S if self._is_streaming and not self._final_pass else _CYCLE_GRACE_S

    @property
    def details(self) -> dict[str, Any]:
        """What the track is doing now, for those who watch."""
        pool, run = self._desk.pool, self._desk.memory.run
        mode = self._desk.settings.classification.mode
        own = self._stream.details if mode == "streaming" else self._jobs.details
        return {
            "mode": mode,
            "working": self.in_flight,
            "eligible": pool.eligible_particles,
            "in_run": pool.fed_particles,
            "run": None if run is None else run.number,
            "final_pass": self._draining and self._final_pass,
            **own,
        }

    def drain(self) -> None:
        """End after the present batch or cycle."""
        self._draining = True
        self._jobs.stop()
        if self._flight is None:
            self._take_in()
            self._end()
            self._jobs.rest()

    def kill(self) -> None:
        """Throw the present batch or cycle away."""
        self._draining = self._killed = True
        if self._flight is not None:
            self._context.executor.cancel(self._flight.key)

    def blocked(self) -> str:
        """Reason outside for which nothing can be done now."""
        reserve_gb = self._desk.revisions(self._desk.revisions.newest()).transfer.min_free_gb
        return reason_no_space(self._context.folder, reserve_gb)

    def clear(self, runs: Collection[int] = (), /) -> None:
        """Remove all runs, or only some, and what follows from them."""
        self._desk.load()
        self._live_history.forget()
        removed = clear_classes(self._desk, runs)
        self._live_folder.clear(removed if runs else None)
        self._context.publish("classes", {"number": None})
        self._context.publish("movies", {"names": [], "many": True})

    def _require_space(self) -> None:
        if reason := self.blocked():
            raise BlockedError(reason)

    def _end(self) -> None:
        """Begin the last task of a stream that stops, once: after it nothing is left to be published."""
        if self._ended or self._killed or not self._is_streaming or self.blocked():
            return
        self._ended = True
        self._flight = self._stream.last(final_pass=self._final_pass)

    def _take_in(self) -> None:
        if self._outcome is None:
            return
        (flight, outcome), self._outcome = self._outcome, None
        if outcome.cancelled:
            if flight.kind not in _STREAM_KINDS and self._killed:
                self._jobs.cancelled()
            return
        if outcome.error:
            self._failed(flight, outcome)
            return
        self._failures, self._again_at = 0, 0.0
        add_fed(self._desk.run_folder, flight.fed)
        for number, fed in flight.fed.items():
            self._desk.pool.note(number, fed)
        self._tell(outcome.value.notes)
        if flight.kind in _STREAM_KINDS:
            self._stream.succeeded(flight, outcome.value)
        else:
            self._jobs.succeeded(outcome.value)
        if flight.publishes is not None:
            self._live_folder.refresh()

    def _tell(self, notes: Iterable[str]) -> None:
        """Log what was not said before in this run, whatever numbers it mentions."""
        run = self._desk.memory.run
        for note in notes:
            told = (0 if run is None else run.number, _NUMBERS.sub("", note))
            if told not in self._told:
                self._told.add(told)
                self._context.log.warning(note)

    def _failed(self, flight: Flight, outcome: Outcome) -> None:
        """Try again later after a passing failure; a lasting one ends the job, or stops the stream."""
        passing = outcome.passing or outcome.lost
        if flight.kind in _STREAM_KINDS and not passing and self._failures + 1 < _MOST_LASTING:
            # Perhaps a stack that is just being replaced: its movie says so in a moment.
            self._failures += 1
            self._again_at = self._context.clock() + _LOOK_EVERY_S
            self._context.log.info("batch again", reason=outcome.error)
            return
        self._context.log.error(outcome.error, trace=outcome.trace or None)
        if flight.kind not in _STREAM_KINDS:
            attempts = self._desk.settings.resources.max_attempts
            self._failures += 1
            if passing and self._failures < attempts:
                self._wait_after_failure()
                self._jobs.begin(anew=False)
            else:
                self._failures = 0
                self._jobs.failed(outcome.error)
            return
        self._failures += 1
        if not passing:
            raise InputError(outcome.error)
        self._wait_after_failure()

    def _wait_after_failure(self) -> None:
        delay_s = RETRY_DELAYS_S[min(self._failures, len(RETRY_DELAYS_S)) - 1]
        self._again_at = self._context.clock() + delay_s
