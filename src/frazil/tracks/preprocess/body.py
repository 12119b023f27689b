"""What the pre-processing track does, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frazil.engine.executor import Outcome
from frazil.model.errors import InputError
from frazil.model.settings_complete import reason_incomplete
from frazil.stages.record import MovieRecord
from frazil.stages.tasks import preprocess_movie
from frazil.store.catalogue import particle_changes
from frazil.store.catalogue.movies import record_of
from frazil.tracks.disk_space import reason_no_space
from frazil.tracks.preprocess import rows
from frazil.tracks.preprocess.clearing import clear_products
from frazil.tracks.preprocess.collect import Collector
from frazil.tracks.preprocess.dispatch import Dispatcher
from frazil.tracks.preprocess.flights import Began, Flights
from frazil.tracks.preprocess.inventory import Inventory, products_there
from frazil.tracks.preprocess.results import short_of_memory
from frazil.tracks.revision_settings import RevisionSettings
from frazil.tracks.runner import BlockedError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from frazil.stages.movie_task import MovieTask
    from frazil.tracks.context import TrackContext

_WRITE_EVERY_S = 0.05
_LOOK_EVERY_S = 5.0
_SPACE_CHECK_S = 5.0


class PreprocessBody:
    """Looks for movies that wait, hands them to the engine in the order that is wished for, stores what came.

    Parameters
    ----------
    context
        The session, and what a track may touch.
    process
        What a worker does with a movie.
    """

    def __init__(
        self, context: TrackContext, process: Callable[[MovieTask], MovieRecord] = preprocess_movie
    ) -> None:
        self._context = context
        self._settings = RevisionSettings(context.catalogue, context.session_id)
        self._flights = Flights()
        self._collector = Collector(context, self._settings)
        self._dispatcher = Dispatcher(context, self._settings, self._flights, process)
        self._draining = False
        self._space_checked_at: float | None = None

    def begin(self, *, anew: bool) -> None:
        """Compare catalogue and folder: what is missing waits then, what was done is taken over.

        Raises `InputError` for a session that is not processed at all, `BlockedError` where a setting is
        missing.
        """
        context = self._context
        self._draining = False
        newest = self._settings.newest()
        if self._settings(newest).session.kind == "warp":
            raise InputError("a Warp folder is followed, not processed: see frazil.tracks.follow_warp")
        if reason := reason_incomplete(self._settings(newest)):
            raise BlockedError(reason)
        self._collector.write()
        there = products_there(context.folder)
        look = Inventory(context.folder, there, self._settings, newest, anew, context.wall_clock()).look_at
        changes: dict[int, dict[str, Any]] = {}
        others: list[int] = []
        self._dispatcher.forget_sizes()
        with context.catalogue.write() as connection:
            for row in list(rows.every_row(connection, context.session_id)):
                self._dispatcher.learn_size(record_of(row))
                if row["number"] in self._flights:
                    continue
                if row["state"] == "processing":
                    self._collector.expect_unfinished(row["number"])
                changes[row["number"]], particles = look(row)
                if particles:
                    others.append(row["number"])
            rows.change_many(connection, context.session_id, changes)
            particle_changes.mark(connection, context.session_id, others)
        changed = sum(bool(values) for values in changes.values())
        context.log.info("begin", anew=anew, changed=changed, settings=newest)
        if changed:
            context.publish("movies", {"names": [], "many": True})
        if others:
            context.nudge("classify2d")

    def step(self) -> float:
        """Store what came back, hand out what is next."""
        self._require_space()
        wait_s = self._collector.written_at + _WRITE_EVERY_S - self._context.clock()
        if wait_s <= 0.0:
            self._collector.write()
        self._dispatcher.hand_out(self._collector.numbers)
        return max(0.0, wait_s) if self._collector else self._look_again_s()

    def receive(self, message: Any) -> None:
        """Take in an outcome, or that a task has begun; anything else only wakes the track up."""
        if isinstance(message, Began):
            self._flights.note(message)
        elif isinstance(message, Outcome) and (flight := self._flights.landed(message)) is not None:
            self._collector.add(flight, message)
            if isinstance(message.value, MovieRecord):
                self._dispatcher.learn_size(message.value)
            if short_of_memory(message):
                self._dispatcher.use_one_thread(flight.number)
            if self._draining:
                self._collector.write()

    @property
    def in_flight(self) -> int:
        """Movies that the engine has."""
        return len(self._flights)

    @property
    def grace_s(self) -> float:
        """How long a movie in work may take after Stop."""
        return float(self._settings(self._settings.newest()).resources.stop_grace_s)

    @property
    def details(self) -> dict[str, Any]:
        """What the track is doing now, for those who watch."""
        alarm = self._collector.alarm
        return {
            "working": len(self._flights.working),
            "movies": self._flights.working,
            "waits_for": "" if len(self._flights) else "movies",
            "failures": alarm.message if alarm.on else "",
        }

    def drain(self) -> None:
        """Give back what no worker has begun."""
        self._draining = True
        self._flights.give_back(self._context.executor, lambda flight: not flight.began)

    def kill(self) -> None:
        """Give everything back."""
        self._draining = True
        self._flights.give_back(self._context.executor, lambda _flight: True)

    def blocked(self) -> str:
        """Reason outside for which nothing can be done now."""
        self._collector.write()
        settings = self._settings(self._settings.newest())
        reserve_gb = settings.transfer.min_free_gb
        return reason_incomplete(settings) or reason_no_space(self._context.folder, reserve_gb)

    def clear(self, _runs: Collection[int] = (), /) -> None:
        """Remove all products and what is known of them."""
        clear_products(self._context)
        self._context.publish("movies", {"names": [], "many": True})
        self._context.nudge("classify2d")

    def _require_space(self) -> None:
        now = self._context.clock()
        if self._space_checked_at is not None and now < self._space_checked_at + _SPACE_CHECK_S:
            return
        self._space_checked_at = now
        settings = self._settings(self._settings.newest())
        if reason := reason_no_space(self._context.folder, settings.transfer.min_free_gb):
            self._collector.write()
            raise BlockedError(reason)

    def _look_again_s(self) -> float:
        if len(self._flights):
            return _LOOK_EVERY_S
        with self._context.catalogue.read() as connection:
            at = rows.next_try_at(connection, self._context.session_id)
        return _LOOK_EVERY_S if at is None else min(_LOOK_EVERY_S, max(0.1, at - self._context.wall_clock()))
