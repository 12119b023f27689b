"""Streaming: new particles go to the classifier in small batches, entries come now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frazil.model.redo import job_token
from frazil.stages.classify_stream_task import StreamTask
from frazil.tracks.classify2d.flight import next_ration, publication, submit
from frazil.tracks.classify2d.streaming import Batch, StreamState, Wait, next_action

if TYPE_CHECKING:
    from collections.abc import Callable

    from frazil.stages.classify_stream_task import StreamResult
    from frazil.tracks.classify2d.desk import Desk
    from frazil.tracks.classify2d.entries import Entries
    from frazil.tracks.classify2d.flight import Flight

_IDLE_VISITS_PER_NEW = 2
_NEVER_S = 1e9


class StreamMode:
    """Decides with `streaming.next_action`, and does it.

    Parameters
    ----------
    desk, entries
        What it works with.
    classify
        What a worker does with a batch.
    growth
        Growth of the particles' number that is worth an entry of the history.
    """

    def __init__(
        self, desk: Desk, entries: Entries, classify: Callable[[StreamTask], StreamResult], growth: float
    ) -> None:
        self._desk, self._entries, self._classify, self._growth = desk, entries, classify, growth
        self._pending_since: float | None = None
        self._structure_changes = 0
        self._idle_visits_left = 0
        self._phase = ""
        self._published_in_vain_at = -_NEVER_S
        self._asked_for = self._has_news = False
        self.waits_for = ""

    @property
    def details(self) -> dict[str, Any]:
        """What those who watch may want to know."""
        return {"phase": self._phase, "waits_for": self.waits_for}

    def restart(self) -> None:
        """Begin a new run as soon as there are enough particles."""
        with self._desk.context.catalogue.write() as connection:
            self._desk.remember(connection, run=None)
        self._desk.pool.begin_run({})
        self._desk.look()

    def keep(self) -> None:
        """Write an entry of the history as soon as no batch is under way."""
        self._asked_for = True

    def last(self, *, final_pass: bool) -> Flight | None:
        """Begin what is done before a stop: the last entry, perhaps after a final pass; None for nothing."""
        run, pool = self._desk.memory.run, self._desk.pool
        start = self._desk.settings.classification.stream_start_particles
        if run is None or self._is_over() or (run.updates == 0 and pool.fed_particles < start):
            return None
        if final_pass or self._has_news or pool.fed_particles != run.published_particles:
            return self._begin(Batch(0, 0, True, "last", final_pass))
        return None

    def step(self) -> Flight | float:
        """Begin a task, or return the seconds after which to look again."""
        if self._is_over():
            self.restart()
        action = next_action(self._state())
        if isinstance(action, Wait):
            self.waits_for = action.why
            return action.s
        if self._desk.memory.run is None:
            self._structure_changes = self._idle_visits_left = 0
            if not self._desk.new_run("streaming"):
                return 1.0
        self.waits_for = ""
        return self._begin(action)

    def succeeded(self, flight: Flight, result: StreamResult) -> None:
        """Take in what a batch came to; what was fed is noted already."""
        self._phase = result.phase
        self._structure_changes = result.structure_changes
        if flight.added or flight.fed:
            self._pending_since = None
            left = self._idle_visits_left + _IDLE_VISITS_PER_NEW * flight.added
            self._idle_visits_left = min(left, result.particles)
        elif flight.kind == "idle":
            # A classifier that visits nothing has nothing to gain from time.
            left = self._idle_visits_left - result.visits
            self._idle_visits_left = max(0, left) if result.visits else 0
        if flight.publishes is not None and result.summary is None:
            # It still waits for particles.
            self._published_in_vain_at = self._desk.context.clock()
            self._asked_for = False
        self._has_news |= result.summary is None and result.visits > 0
        if result.summary is not None:
            self._structure_changes = 0
            self._asked_for = self._has_news = False
            self._entries.add(result.summary)

    def _is_over(self) -> bool:
        """Whether the run can't go on with the newest settings and particles."""
        run, desk = self._desk.memory.run, self._desk
        if run is None:
            return False
        return run.mode != "streaming" or run.token != desk.token or run.job_token != job_token(desk.settings)

    def _state(self) -> StreamState:
        desk, pool = self._desk, self._desk.pool
        now = desk.context.clock()
        settings, run = desk.settings.classification, desk.memory.run
        pending = pool.pending
        if pending and self._pending_since is None:
            self._pending_since = now
        published = run is not None and run.updates > 0
        since = desk.context.wall_clock() - run.published_at if run is not None else _NEVER_S
        if since < 0.0:
            # The clock was set back: nobody knows how long ago it was, and waiting could take for ever.
            since = _NEVER_S
        return StreamState(
            eligible=pool.eligible_particles,
            in_run=pool.fed_particles,
            pending=pool.pending_particles,
            withdrawals=sum(not pool.is_eligible(number) for number in pending),
            pending_for_s=0.0 if self._pending_since is None else now - self._pending_since,
            start_particles=settings.stream_start_particles,
            class_count=settings.class_count,
            published_particles=run.published_particles if run is not None and published else 0,
            structure_changes=self._structure_changes,
            settings_changed=run is not None and published and self._settings_changed(run.published_revision),
            since_published_s=min(since if published else _NEVER_S, now - self._published_in_vain_at),
            publish_s=float(settings.publish_s),
            idle_visits_left=self._idle_visits_left,
            growth=self._growth,
            asked_for=self._asked_for,
        )

    def _settings_changed(self, revision: int) -> bool:
        desk = self._desk
        if revision == desk.revision:
            return False
        return desk.stream_settings(desk.revisions(revision)) != desk.stream_settings(desk.settings)

    def _begin(self, action: Batch) -> Flight:
        desk = self._desk
        ration = next_ration(desk, action.most_particles, desk.settings)
        number, where = None, None
        if action.publish:
            begun_at = desk.context.wall_clock()
            number, where = publication(desk, "streaming", desk.revision, begun_at=begun_at)
        task = StreamTask(
            state=desk.run_folder / "checkpoint",
            settings=desk.stream_settings(desk.settings),
            particles=ration.particles,
            withdrawn=ration.withdrawn,
            idle_visits=action.idle_visits,
            final_pass=action.final_pass,
            publish=where,
            device=desk.context.device,
        )
        return submit(
            desk,
            self._classify,
            task,
            kind=action.kind,
            revision=desk.revision,
            fed=ration.fed,
            added=ration.added,
            publishes=number,
        )
