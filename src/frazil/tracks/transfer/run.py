"""One run of the transfer track: from reading the ledger until the track stops."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from frazil.stages.deliver import Delivered
from frazil.stages.deliver_errors import destination_error
from frazil.store.catalogue import tracks
from frazil.tracks.transfer.books import Books
from frazil.tracks.transfer.companions import METADATA
from frazil.tracks.transfer.details import describe
from frazil.tracks.transfer.events import (
    Deliver,
    Finished,
    FirstLookDone,
    GivenBack,
    KeepOld,
    Lost,
    Note,
    Refused,
    RemoveSource,
    Replace,
    Saw,
    Tick,
    TryAgain,
    Vanished,
)
from frazil.tracks.transfer.files import FileForm
from frazil.tracks.transfer.fleet import Fleet, Landed
from frazil.tracks.transfer.ledger import read_known
from frazil.tracks.transfer.locations import Locations
from frazil.tracks.transfer.looker import Looked, Looker
from frazil.tracks.transfer.messages import KeepFile, ReplaceFile, RetryFiles
from frazil.tracks.transfer.names import from_storable, storable
from frazil.tracks.transfer.orders import Orders
from frazil.tracks.transfer.raw_folder import Damaged, Verification, sweep
from frazil.tracks.transfer.removals import Removals, Removed
from frazil.tracks.transfer.scan import Seen
from frazil.tracks.transfer.settle import TransferMachine
from frazil.tracks.transfer.warnings import Warnings

if TYPE_CHECKING:
    from frazil.model.settings import Settings
    from frazil.stages.deliver import Order
    from frazil.tracks.context import TrackContext
    from frazil.tracks.transfer.events import Event
    from frazil.tracks.transfer.ledger import Known
    from frazil.tracks.transfer.plan import Plan
    from frazil.tracks.transfer.scan import Look

_WRITE_EVERY_S = 0.1
_TICK_S = 1.0
_LOOK_S = 120.0
"""A look that takes longer hangs."""
_MOST_NAMES = 200


class Run:
    """The state machine, and everything around it that reads, writes and waits.

    Parameters
    ----------
    context, plan, revision
        The session; what its newest settings mean; their number.
    memory
        What the track remembers.
    anew
        As Restart says.

    Attributes
    ----------
    active
        Whether `step` is called: if not, what comes in is stored at once.
    blocked
        Why nothing can be delivered, as found by a look or a delivery.
    """

    def __init__(
        self, context: TrackContext, plan: Plan, revision: int, memory: dict[str, Any], *, anew: bool
    ) -> None:
        self.plan, self.active, self.blocked = plan, False, ""
        self._context, self._revision, self._anew = context, revision, anew
        self.fleet = Fleet(context.post, context.clock)
        self.fleet.bandwidth.set_limit(plan.settings.transfer.bandwidth_limit_mb_s)
        self._machine = TransferMachine(plan.rules)
        self._companions = plan.companions()
        self._orders = Orders(plan, context.folder, context.allowed)
        self._books = Books(context, memory)
        self._warnings = Warnings(context.log)
        self._looker = Looker(*plan.trees(context.folder), context.post)
        self._removals, self._removing = Removals(context.post), 0
        self._moved: list[tuple[Order, Delivered]] = []
        self._look_at = self._looked_at = self._written_at = -float("inf")
        self._first_look = True
        self._lost: list[str] = []
        self._damaged: list[str] = []
        self._delivered_paths: dict[str, str] = {}
        self._verification: Verification | None = None
        self._open(memory)

    def _open(self, memory: dict[str, Any]) -> None:
        context, locations = self._context, Locations(memory)
        there = sweep(context.folder)
        with context.catalogue.write() as connection:
            tracks.remember(connection, context.session_id, "transfer", memory)
            known = read_known(
                connection,
                context.session_id,
                partial(locations.is_below, prefix=self.plan.prefix),
                context.clock(),
                context.wall_clock(),
            )
        self._books.open(known, self.plan.settings.microscope.optics_grouping)
        for frames in known.frames:
            self._machine.frames.delivered(frames)
        self._machine.restore(known.files)
        self._delivered_paths = known.delivered_paths
        for file in known.files:
            if file.kind == "movie":
                self._companions.add_movie(file.path)
            elif file.movie:
                self._orders.add_side_file(file.movie, file.path)
        if self._anew:
            self._compare(known, there)

    def _compare(self, known: Known, there: set[str]) -> None:
        """See what is missing in ``raw/``, and if so wished read everything that is there."""
        done = {
            file.path: known.delivered_paths.get(file.path, "")
            for file in known.files
            if file.state == "done"
        }
        inside = {path: place for path, place in done.items() if place.startswith("raw/")}
        self._lost = [path for path, place in inside.items() if place not in there]
        if self.plan.settings.transfer.verify_on_restart:
            sums = {
                path: (place, known.checksums[path])
                for path, place in inside.items()
                if path in known.checksums
            }
            self._verification = Verification(self._context.folder, sums, self._context.post)

    def end(self) -> None:
        """Let go of everything."""
        self.abandon()
        if self._verification is not None:
            self._verification.stop()

    @property
    def in_flight(self) -> int:
        """Files that are being delivered, and sources that are being removed."""
        return len(self.fleet) + self._removing

    def use_revision(self, revision: int, settings: Settings) -> None:
        """Take over settings that differ in nothing that transfer reads."""
        self._revision = revision
        self.plan = replace(self.plan, settings=settings)

    def abandon(self) -> None:
        """Break off all deliveries at once."""
        for path in self.fleet.disown():
            self._apply(GivenBack(path))
        self._removing = 0
        while self._books.has_changes:
            self.flush()

    def step(self) -> float:
        """Do what can be done now; returns seconds after which to look again."""
        now = self._context.clock()
        free = self.plan.settings.transfer.transfer_streams - len(self.fleet)
        self._apply(Tick(max(free, 0)))
        if self._looker.busy and now - self._looked_at > _LOOK_S:
            # Its thread hangs; when the source answers again, another one looks.
            self.blocked = f"{self.plan.location.base}: does not answer; is the share mounted?"
            self._looker = Looker(*self.plan.trees(self._context.folder), self._context.post)
        elif now >= self._look_at and not self._looker.busy:
            self._look_at, self._looked_at = now + self.plan.settings.transfer.poll_s, now
            self._look()
        write_in = self._written_at + _WRITE_EVERY_S - now
        if self._books.has_changes and write_in > 0 and len(self.fleet):
            return write_in
        self.flush()
        if self._books.has_changes:
            return 0.0
        return min(
            _TICK_S if self.in_flight else self.plan.settings.transfer.poll_s, max(0.05, self._look_at - now)
        )

    def flush(self) -> None:
        """Store what changed, then do what had to wait for that."""
        try:
            names = self._books.flush(self._revision)
        except OSError as error:
            raise destination_error(self._context.folder / "raw", self._context.folder, error) from error
        self._written_at = self._context.clock()
        if self._moved:
            moved, self._moved = self._moved, []
            self._removing += 1
            self._removals.start(moved)
        if names:
            many = len(names) > _MOST_NAMES
            self._context.publish("movies", {"names": [], "many": True} if many else {"names": names})
            self._context.nudge("preprocess")

    def receive(self, message: Any) -> None:
        """Take in what threads and people say."""
        match message:
            case Landed():
                self._landed(message)
            case Looked() if message.looker is self._looker:
                self._looked(message)
            case Removed():
                self._removing = max(0, self._removing - 1)
                for trouble in message.troubles:
                    self._warnings.say(trouble)
            case Damaged():
                self._damaged.append(message.path)
                self._deliver_again()
            case RetryFiles():
                self._apply(TryAgain(tuple(from_storable(path) for path in message.paths)))
            case ReplaceFile():
                self._apply(Replace(from_storable(message.path)))
            case KeepFile():
                self._apply(KeepOld(from_storable(message.path)))
        while not self.active and self._books.has_changes:
            self.flush()

    @property
    def details(self) -> dict[str, Any]:
        """What is going on, for those who watch: files in flight, rate, backlog, what was left out."""
        return describe(self._machine, self.fleet, self._looker.source, self.plan, self._context.clock())

    def _apply(self, event: Event) -> None:
        for step in self._machine.handle(event, self._context.clock()):
            file = self._machine.files[step.path]
            match step:
                case Note():
                    self._books.note(file)
                    self._context.log.debug(file.state, file=storable(file.path), reason=file.reason)
                    if file.state == "failed":
                        self._context.log.error(file.reason, file=storable(file.path))
                case Deliver():
                    self._deliver(step.path)
                case RemoveSource():
                    self._finish_move(step.path)

    def _deliver(self, path: str) -> None:
        file = self._machine.files[path]
        if self.plan.mode == "in_place" and storable(path) != path:
            reason = "its name is not UTF-8, so it can't be read in place: rename it, or link or copy"
            self._apply(Refused(path, reason, passing=False))
            return
        self.fleet.start(self._orders.job(file, self._machine.frames))

    def _finish_move(self, path: str) -> None:
        """Remove the source of a move that was cut off between ledger and removal."""
        file = self._machine.files[path]
        file.to_be_removed = False
        order = self._orders.job(file, self._machine.frames).order
        place = self._context.folder / self._delivered_paths.get(path, "raw")
        try:
            # Only a compressed copy may differ in size.
            size = order.form.size if place.suffix == order.source.suffix else place.stat().st_size
        except OSError:
            return
        self._moved.append((order, Delivered(place, order.form, "", size, 0)))

    def _landed(self, message: Landed) -> None:
        if not self.fleet.land(message):
            return
        report, job = message.report, message.flight.job
        file = self._machine.files[job.path]
        if message.trace:
            self._context.log.error("internal error", file=storable(job.path), trace=message.trace)
        for note in report.notes:
            self._warnings.say(note, file=storable(job.path))
        if report.blocked:
            self.blocked = report.blocked
        if report.metadata is not None:
            self._warnings.compare(report.metadata, self.plan.settings)
        self._orders.add_references(report.references)
        if isinstance(report.event, Finished) and report.delivered is not None:
            self._books.deliver(file, job, report)
            self._context.log.info(
                "delivered",
                file=storable(job.path),
                mode=job.order.mode,
                seconds=round(report.seconds, 3),
                moved_bytes=report.delivered.moved_bytes,
            )
            if job.order.mode == "move":
                self._moved.append((job.order, report.delivered))
        self._apply(report.event)

    def _look(self) -> None:
        prefix, second = self.plan.prefix, f"{self.plan.prefix}{METADATA}/"
        asked = self._machine.unsettled
        ours = [path.removeprefix(prefix) for path in asked if not path.startswith(second)]
        self._looker.start(ours, [path.removeprefix(second) for path in asked if path.startswith(second)])

    def _looked(self, message: Looked) -> None:
        self._looker.busy = False
        if message.trace:
            self._context.log.error(message.source.missing, trace=message.trace)
        missing = message.source.missing or message.metadata.missing
        if missing:
            self.blocked = missing
            return
        self._take(message.source, self.plan.prefix)
        self._take(message.metadata, f"{self.plan.prefix}{METADATA}/")
        troubles = {**message.source.troubles, **message.metadata.troubles}
        self._warnings.troubles({storable(path): reason for path, reason in troubles.items()})
        if self._first_look and not troubles:
            self._apply(FirstLookDone())
        if self._first_look:
            self._first_look = False
            self._apply(TryAgain(passing_only=not self._anew))
        self._deliver_again()

    def _deliver_again(self) -> None:
        """Deliver what was found to be lost or damaged; the first look tells what is at the source."""
        if self._first_look:
            return
        for path in (*self._lost, *self._damaged):
            damaged = path in self._damaged
            there = self._machine.files[path].is_there
            what = f"is {'damaged' if damaged else 'lost'} in raw/"
            end = "it is delivered again" if there else "and its source is gone"
            self._warnings.say(f"{storable(path)}: {what}; {end}")
            self._apply(Lost(path, damaged=damaged))
        self._lost.clear()
        self._damaged.clear()

    def _take(self, look: Look, prefix: str) -> None:
        """Tell the machine what a look has found."""
        for seen in look.seen:
            self._take_one(Seen(prefix + seen.path, seen.kind, seen.size, seen.mtime_ns))
        for path in look.gone:
            self._companions.forget_extra(prefix + path)
            self._apply(Vanished(prefix + path))

    def _take_one(self, seen: Seen) -> None:
        file = self._machine.files.get(seen.path)
        if file is None and seen.kind == "movie":
            self._see(seen)
            for extra in self._companions.add_movie(seen.path):
                self._see(extra, seen.path)
        elif file is None:
            if movie := self._companions.add_extra(seen):
                self._see(seen, movie)
        else:
            self._see(seen, file.movie)

    def _see(self, seen: Seen, movie: str = "") -> None:
        if movie:
            self._orders.add_side_file(movie, seen.path)
        self._apply(Saw(seen.path, seen.kind, FileForm(seen.size, seen.mtime_ns), movie))
