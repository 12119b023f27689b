"""What the transfer track does, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from frazil.store.catalogue import tracks
from frazil.tracks.disk_space import reason_no_space
from frazil.tracks.revision_settings import RevisionSettings
from frazil.tracks.runner import BlockedError
from frazil.tracks.transfer.clearing import clear_raw
from frazil.tracks.transfer.locations import Locations
from frazil.tracks.transfer.looker import unreachable
from frazil.tracks.transfer.names import from_storable
from frazil.tracks.transfer.plan import make_plan
from frazil.tracks.transfer.run import Run

if TYPE_CHECKING:
    from collections.abc import Collection

    from frazil.tracks.context import TrackContext
    from frazil.tracks.transfer.plan import Plan

_FINISH_WITHIN_S = 30.0
_SPACE_CHECK_S = 5.0
_SETTINGS_CHECK_S = 2.0


class TransferBody:
    """Looks for finished movies and delivers each of them once.

    What a start has read from catalogue and folder, and what is in flight, is a `Run`; this decides when a
    run begins, pauses and ends.

    Parameters
    ----------
    context
        The session, and what a track may touch.
    """

    def __init__(self, context: TrackContext) -> None:
        self._context = context
        self._settings = RevisionSettings(context.catalogue, context.session_id)
        self._run: Run | None = None
        self._revision = 0
        self._checked_space_at = self._checked_settings_at = -float("inf")

    def begin(self, *, anew: bool) -> None:
        """Read where it was; ``anew``: every file is compared with the ledger, and failures are tried again.

        Raises `InputError` for a session without file transfer, `BlockedError` where a setting is missing or
        the session folder can't be used.
        """
        if self._run is not None:
            self._run.end()
            self._run = None
        self._revision = self._settings.newest()
        memory = self._memory()
        plan = self._plan(memory)
        self._run = Run(self._context, plan, self._revision, memory, anew=anew)
        self._checked_space_at = -float("inf")
        self._context.log.info("begin", anew=anew, source=str(plan.location.base), settings=self._revision)

    def step(self) -> float:
        """Hand out what may be delivered, store what came back, look at the source when it is time."""
        run = self._running()
        run.active = True
        now = self._context.clock()
        try:
            # Other settings first: they may be what helps.
            if self._settings_changed(now):
                if run.in_flight:
                    # What is in flight lands first; nothing new is begun with old settings.
                    return 0.5
                self.begin(anew=False)
                run = self._running()
                run.active = True
            if now - self._checked_space_at >= _SPACE_CHECK_S:
                self._checked_space_at = now
                run.blocked = run.blocked or self._no_space(run.plan)
            if run.blocked:
                reason, run.blocked = run.blocked, ""
                run.flush()
                raise BlockedError(reason)
        except BlockedError:
            run.active = False
            raise
        return run.step()

    def receive(self, message: Any) -> None:
        """Take in what threads and people say."""
        if self._run is not None:
            self._run.receive(message)

    @property
    def in_flight(self) -> int:
        """Files that are being delivered, and sources that are being removed."""
        return self._run.in_flight if self._run is not None else 0

    @property
    def grace_s(self) -> float:
        """How long files in flight may take after Stop."""
        return _FINISH_WITHIN_S

    @property
    def details(self) -> dict[str, Any]:
        """What the track is doing now, for those who watch."""
        return self._run.details if self._run is not None else {}

    def drain(self) -> None:
        """Let finish what takes less than half a minute, break off the rest."""
        if self._run is not None:
            self._run.active = False
            self._run.fleet.cancel(longer_than_s=_FINISH_WITHIN_S)

    def kill(self) -> None:
        """Break off everything at once; nobody waits for a share that does not answer."""
        if self._run is not None:
            self._run.active = False
            self._run.abandon()

    def blocked(self) -> str:
        """Why nothing can be transferred now: space, source, destination, or settings, as they are now."""
        # Settings that were saved meanwhile count at the next step, too.
        self._checked_settings_at = -float("inf")
        try:
            plan = self._plan(self._memory())
        except BlockedError as error:
            return str(error)
        folders = [Path(folder) for folder in plan.settings.transfer.extra_destinations]
        if plan.mode != "in_place":
            folders.insert(0, self._context.folder / "raw")
        reason = self._no_space(plan) or unreachable(plan.location.base, folders)
        if not reason and self._run is not None:
            # What deliveries said meanwhile is not news.
            self._run.blocked = ""
        return reason

    def clear(self, _runs: Collection[int] = (), /) -> None:
        """Remove from ``raw/`` what can be delivered again; see `frazil.tracks.transfer.clearing`."""
        if self._run is not None:
            self._run.end()
            self._run = None
        locations = Locations(self._memory())
        clear_raw(self._context, lambda path: locations.source_of(from_storable(path)))
        self._context.publish("movies", {"names": [], "many": True})

    def _running(self) -> Run:
        if self._run is None:
            raise BlockedError("it has not begun yet")
        return self._run

    def _memory(self) -> dict[str, Any]:
        with self._context.catalogue.read() as connection:
            return dict(tracks.get(connection, self._context.session_id, "transfer").memory)

    def _plan(self, memory: dict[str, Any]) -> Plan:
        settings = self._settings(self._settings.newest())
        return make_plan(settings, self._context.folder, Locations(memory).prefix_of, self._context.allowed)

    def _no_space(self, plan: Plan) -> str:
        if plan.mode == "in_place":
            return ""
        return reason_no_space(self._context.folder, plan.settings.transfer.min_free_gb)

    def _settings_changed(self, now: float) -> bool:
        """Whether somebody saved other settings that transfer reads."""
        if now - self._checked_settings_at < _SETTINGS_CHECK_S and self._revision:
            return False
        self._checked_settings_at = now
        newest = self._settings.newest()
        if newest == self._revision:
            return False
        old, new = self._running().plan.settings, self._settings(newest)
        parts = ("image_data", "transfer", "gain", "session")
        same = all(getattr(old, part) == getattr(new, part) for part in parts)
        if same and old.microscope.optics_grouping == new.microscope.optics_grouping:
            self._revision = newest
            self._running().use_revision(newest, new)
            return False
        self._checked_settings_at = -float("inf")
        return True
