"""Outcomes of tasks on their way into the catalogue: many in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frazil.model.settings import STAGES
from frazil.stages.products import Products
from frazil.stages.record import MovieRecord
from frazil.store.catalogue import alerts, particle_changes
from frazil.tracks.preprocess import rows
from frazil.tracks.preprocess.results import after_failure, after_success, given_back
from frazil.tracks.preprocess.retry import FailureAlarm

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from sqlalchemy import Connection

    from frazil.engine.executor import Outcome
    from frazil.tracks.context import TrackContext
    from frazil.tracks.preprocess.flights import Flight
    from frazil.tracks.preprocess.results import Change
    from frazil.tracks.revision_settings import RevisionSettings

_ALARM = "preprocess_failures"
_NOT_OURS = ("settling", "waiting", "transferring", "ignored")


class Collector:
    """Takes outcomes in and writes them."""

    def __init__(self, context: TrackContext, settings: RevisionSettings) -> None:
        self._context, self._settings = context, settings
        self._came: list[tuple[Flight, Outcome]] = []
        self._cut_off: set[int] = set()
        self.alarm = FailureAlarm()
        self.written_at = 0.0

    def __bool__(self) -> bool:
        return bool(self._came)

    @property
    def numbers(self) -> set[int]:
        """Movies whose outcome is not written yet."""
        return {flight.number for flight, _ in self._came}

    def expect_unfinished(self, number: int) -> None:
        """Note that a movie was in work when an earlier server died: its worker may have left something."""
        self._cut_off.add(number)

    def add(self, flight: Flight, outcome: Outcome) -> None:
        """Take one in; what a killed worker left half-written goes."""
        self._came.append((flight, outcome))
        killed = outcome.lost or (outcome.cancelled and flight.began)
        if killed or (flight.number in self._cut_off and not outcome.cancelled):
            self._cut_off.discard(flight.number)
            try:
                Products(self._context.folder, flight.name).remove_unfinished()
            except OSError as error:
                self._context.log.warning(f"can't clear up: {error.strerror}", movie=flight.name)

    def write(self) -> None:
        """Write all; raises `PassingError` where the catalogue can't be written now, and keeps them."""
        if not self._came:
            return
        context, came = self._context, list(self._came)
        changes: dict[int, Change] = {}
        newest = self._settings.newest()
        with context.catalogue.write() as connection:
            present = rows.rows(connection, context.session_id, self.numbers)
            for flight, outcome in came:
                if (row := present.get(flight.number)) is not None:
                    changes[flight.number] = self._change(row, flight, outcome)
            rows.change_many(connection, context.session_id, {n: c.values for n, c in changes.items()})
            others = [number for number, change in changes.items() if change.particles]
            particle_changes.mark(connection, context.session_id, others)
            alarmed = self._watch_failures(connection, changes, newest)
        self._came = self._came[len(came) :]
        self.written_at = context.clock()
        for flight, outcome in came:
            self._report(flight, outcome, changes.get(flight.number))
        context.publish("movies", {"names": [flight.name for flight, _ in came]})
        if others:
            context.nudge("classify2d")
        if alarmed:
            context.publish("alerts", {})

    def _change(self, row: Mapping[str, Any], flight: Flight, outcome: Outcome) -> Change:
        now = self._context.wall_clock()
        settings = self._settings(flight.revision)
        if outcome.cancelled:
            change = given_back()
        elif isinstance(outcome.value, MovieRecord) and outcome.value.failed_stage is None:
            wanted = self._settings(int(row["target_revision"]))
            change = after_success(row, outcome.value, settings, wanted, now)
        else:
            newest = self._settings(self._settings.newest())
            change = after_failure(row, outcome, settings, newest.resources.max_attempts, now)
        if row["state"] in _NOT_OURS:
            # Meanwhile somebody decided otherwise about the movie.
            for name in ("state", "next_try_at"):
                change.values.pop(name, None)
        return change

    def _watch_failures(self, connection: Connection, changes: Mapping[int, Change], newest: int) -> bool:
        limit = self._settings(newest).resources.failure_alarm_percent
        session, now = self._context.session_id, self._context.wall_clock()
        changed = False
        for change in changes.values():
            if change.finished is not None:
                changed |= self.alarm.add(failed=change.failed, limit_percent=limit)
        if changed and self.alarm.on:
            message = f"{self.alarm.message}; the newest: {self._last_reason(changes)}"
            alerts.raise_alert(connection, session, _ALARM, message, now)
        elif changed:
            alerts.clear_alert(connection, session, _ALARM, now)
        return changed

    @staticmethod
    def _last_reason(changes: Mapping[int, Change]) -> str:
        return next((change.reason for change in reversed(list(changes.values())) if change.reason), "")

    def _report(self, flight: Flight, outcome: Outcome, change: Change | None) -> None:
        log, movie = self._context.log, flight.name
        if outcome.cancelled or change is None:
            log.info("given back", movie=movie)
            return
        record = change.record
        for stage in STAGES if record is not None else ():
            # What was told of earlier results need not be told again.
            if record is not None and record.stage(stage).revision == flight.revision:
                for note in record.stage(stage).notes:
                    log.warning(note, movie=movie, stage=stage)
        if change.failed:
            again = "" if change.finished else "; it is tried again"
            failed = record.failed_stage if record is not None else None
            log.error(f"{change.reason}{again}", movie=movie, stage=failed, trace=outcome.trace or None)
        seconds = record.number("seconds_total") if record is not None else outcome.seconds
        log.info("movie", movie=movie, seconds=seconds, failed=change.failed, worker=outcome.worker)
