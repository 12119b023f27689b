"""From "seen" to "done": a state machine without I/O. Events in, instructions out, times passed in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from frazil.tracks.transfer.events import (
    Deliver,
    Finished,
    FirstLookDone,
    GivenBack,
    Incomplete,
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
    WrittenTo,
)
from frazil.tracks.transfer.files import File, FrameCounts, ProcessingOrder, Waiting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from frazil.tracks.transfer.events import Event, Instruction

RETRY_DELAYS_S = (10.0, 30.0, 120.0, 600.0)
LATE_EXTRA_S = 24 * 3600.0
_EXAMINE_AGAIN_S = 5.0
_MANY, _PASS_S = 1000, 1.0
"""More files than this are gone through no more often than this."""


@dataclass(frozen=True)
class Rules:
    """Settings of `frazil.model.settings_input.TransferSettings` that decide when a file is taken."""

    min_age_s: float = 10.0
    settle_s: float = 5.0
    give_up_s: float = 600.0
    side_file_suffix: str = ""
    side_file_grace_s: float = 60.0
    order: ProcessingOrder = "newest"


class Counts(NamedTuple):
    """Movies by state, and bytes that are still to be delivered."""

    files: dict[str, int]
    behind_bytes: int


class TransferMachine:
    """Every file on its way. ``handle`` is the only thing that changes it.

    Attributes
    ----------
    files
        By path; read it, don't change it.
    frames
        What the session's movies have.
    rules
        May be replaced at any time.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.files: dict[str, File] = {}
        self.frames = FrameCounts()
        self._waiting = Waiting()
        self._settling: dict[str, None] = {}
        self._later: dict[str, None] = {}
        self._passed_at = -float("inf")

    def restore(self, files: Iterable[File]) -> None:
        """Take over what the ledger knows: what was on its way settles anew."""
        for file in files:
            self.files[file.path] = file
            file.is_there = False
            if file.state in ("settling", "waiting", "transferring"):
                file.state, file.seen_at = "settling", None
                self._settling[file.path] = None

    def counts(self) -> Counts:
        """Count files by state, and bytes that are still to be delivered."""
        states: Counter[str] = Counter(file.state for file in self.files.values() if file.kind == "movie")
        behind = sum(file.form.size for file in self.files.values() if file.state in _ON_THE_WAY)
        return Counts(dict(states), behind)

    @property
    def unsettled(self) -> list[str]:
        """Files of which every look must tell."""
        return list(self._settling)

    def handle(self, event: Event, now: float) -> list[Instruction]:
        """Take an event in; what is to be done comes out, in order."""
        if isinstance(event, Tick):
            return self._tick(event.free, now)
        if isinstance(event, Saw):
            return self._saw(event, now)
        if isinstance(event, FirstLookDone):
            unseen = [path for path in self._settling if self.files[path].seen_at is None]
            return [step for path in unseen for step in self._vanished(self.files[path])]
        if isinstance(event, TryAgain):
            return self._try_again(event, now)
        file = self.files.get(event.path)
        return [] if file is None else self._known(event, file, now)

    def _known(self, event: Event, file: File, now: float) -> list[Instruction]:
        match event:
            case Vanished():
                return self._vanished(file)
            case Replace() if file.state == "changed":
                file.replaces = True
                return self._settle(file, now)
            case KeepOld() if file.state == "changed":
                file.delivered = file.form
                return self._enter(file, "done")
            case Lost() if file.state == "done" and file.is_there:
                file.replaces = event.damaged
                return self._settle(file, now)
        return self._outcome(event, file, now) if file.state == "transferring" else []

    def _outcome(self, event: Event, file: File, now: float) -> list[Instruction]:
        match event:
            case Finished():
                return self._finished(event, file, now)
            case Incomplete():
                return self._incomplete(event, file, now)
            case Refused():
                return self._refused(event, file, now)
            case WrittenTo():
                return self._settle(file, now)
            case GivenBack() if file.is_there:
                return self._enter(file, "waiting", file.reason)
            case GivenBack():
                return self._enter(file, "failed", _VANISHED)
        return []

    def _enter(self, file: File, state: str, reason: str = "") -> list[Instruction]:
        """Change the state, and the lists that go with it."""
        self._waiting.discard(file)
        self._settling.pop(file.path, None)
        self._later.pop(file.path, None)
        file.reason = reason
        if state == "settling":
            file.state = "settling"
            self._settling[file.path] = None
        elif state == "waiting":
            file.state = "waiting"
            if file.next_try_at is None:
                self._waiting.add(file)
            else:
                self._later[file.path] = None
        elif state == "transferring":
            file.state = "transferring"
        elif state == "done":
            file.state, file.attempts, file.replaces = "done", 0, False
        elif state == "changed":
            file.state = "changed"
        elif state == "forgotten":
            file.state = "forgotten"
        else:
            file.state = "failed"
        return [Note(file.path)]

    def _settle(self, file: File, now: float) -> list[Instruction]:
        file.form_since, file.seen_at, file.next_try_at, file.attempts = now, now, None, 0
        return self._enter(file, "settling")

    def _saw(self, event: Saw, now: float) -> list[Instruction]:
        file = self.files.get(event.path)
        if file is None:
            file = self.files[event.path] = File(event.path, event.kind, event.form, event.movie)
            self._tell_movie(file)
            return self._settle(file, now)
        file.is_there = True
        self._tell_movie(file)
        if event.form == file.form:
            return self._saw_again(file, now)
        # The queue is ordered by form.
        self._waiting.discard(file)
        file.form = event.form
        if file.state in ("settling", "waiting", "failed"):
            return self._settle(file, now)
        if file.state == "done" and event.form != file.delivered:
            return self._changed(file, now)
        if file.state == "changed" and event.form == file.delivered:
            return self._enter(file, "done")
        return []

    def _changed(self, file: File, now: float) -> list[Instruction]:
        if file.kind == "extra":
            # Nothing was made of it: the new version may just take its place.
            file.replaces = True
            return self._settle(file, now)
        return self._enter(file, "changed", "the source changed after it was delivered")

    def _saw_again(self, file: File, now: float) -> list[Instruction]:
        if file.state == "settling":
            if file.seen_at is None:
                file.form_since = now
            file.seen_at = now
        elif file.state == "failed" and file.reason == _VANISHED:
            return self._settle(file, now)
        elif file.state == "done" and file.to_be_removed:
            return [RemoveSource(file.path)]
        return []

    def _tell_movie(self, file: File) -> None:
        movie = self.files.get(file.movie)
        suffix = self.rules.side_file_suffix
        if movie is not None and suffix and file.path.lower().endswith(suffix.lower()):
            movie.side_file = True

    def _vanished(self, file: File) -> list[Instruction]:
        file.is_there = False
        if file.state in ("settling", "waiting"):
            return self._enter(file, "failed", _VANISHED)
        return []

    def _finished(self, event: Finished, file: File, now: float) -> list[Instruction]:
        file.delivered, file.delivered_at = event.form, now
        if event.frames is not None:
            self.frames.delivered(event.frames)
        if event.form != file.form:
            return self._changed(file, now)
        return self._enter(file, "done")

    def _incomplete(self, event: Incomplete, file: File, now: float) -> list[Instruction]:
        if event.frames is not None:
            self.frames.short(file.path, event.frames)
        if now - file.form_since >= self.rules.give_up_s:
            return self._enter(file, "failed", event.reason)
        file.next_try_at = now + _EXAMINE_AGAIN_S
        return self._enter(file, "settling", event.reason)

    def _refused(self, event: Refused, file: File, now: float) -> list[Instruction]:
        if not file.is_there:
            return self._enter(file, "failed", _VANISHED)
        if not event.passing:
            file.attempts = 0
            return self._enter(file, "failed", event.reason)
        file.attempts += 1
        if file.attempts > len(RETRY_DELAYS_S):
            return self._enter(file, "failed", f"{event.reason} (tried {file.attempts} times)")
        file.next_try_at = now + RETRY_DELAYS_S[file.attempts - 1]
        return self._enter(file, "waiting", event.reason)

    def _try_again(self, event: TryAgain, now: float) -> list[Instruction]:
        paths = event.paths or tuple(path for path, file in self.files.items() if file.state == "failed")
        steps: list[Instruction] = []
        for path in paths:
            file = self.files.get(path)
            if file is None or file.state != "failed" or not file.is_there:
                continue
            if event.passing_only and not file.attempts:
                continue
            steps += self._settle(file, now)
            file.seen_at = None
        for path in list(self._later):
            self.files[path].next_try_at = None
            self._enter(self.files[path], "waiting", self.files[path].reason)
        return steps

    def _tick(self, free: int, now: float) -> list[Instruction]:
        steps: list[Instruction] = []
        if len(self._settling) <= _MANY or now - self._passed_at >= _PASS_S:
            self._passed_at = now
            steps += self._settled(now)
        for path in list(self._later):
            file = self.files[path]
            if file.next_try_at is not None and file.next_try_at <= now:
                file.next_try_at = None
                self._enter(file, "waiting", file.reason)
        while free > 0 and len(self._waiting):
            file = self.files[self._waiting.pop(self.rules.order)]
            steps += self._enter(file, "transferring", file.reason)
            steps.append(Deliver(file.path))
            free -= 1
        return steps

    def _settled(self, now: float) -> list[Instruction]:
        """Move on what has settled."""
        steps: list[Instruction] = []
        for path in list(self._settling):
            file = self.files[path]
            late = self._is_late(file)
            if late:
                steps += self._enter(file, "forgotten", late)
            elif self._is_settled(file, now):
                file.next_try_at = None
                steps += self._enter(file, "waiting", file.reason)
        return steps

    def _is_settled(self, file: File, now: float) -> bool:
        """Two looks apart, old enough, its side file there or too late, of an extra file the movie there."""
        rules = self.rules
        if file.seen_at is None or (file.next_try_at is not None and now < file.next_try_at):
            return False
        if file.seen_at - file.form_since < rules.settle_s or now - file.form_since < rules.min_age_s:
            return False
        if file.kind == "extra":
            movie = self.files.get(file.movie)
            return movie is not None and movie.delivered is not None
        if not rules.side_file_suffix or file.side_file:
            return True
        still_since = file.form_since + max(rules.settle_s, rules.min_age_s)
        return now - still_since >= rules.side_file_grace_s

    def _is_late(self, file: File) -> str:
        movie = self.files.get(file.movie)
        if (
            movie is None
            or movie.delivered_at is None
            or file.form_since - movie.delivered_at <= LATE_EXTRA_S
        ):
            return ""
        return "came more than 24 hours after its movie"


_ON_THE_WAY = ("settling", "waiting", "transferring")
_VANISHED = "is no longer in the source; it was not delivered"
