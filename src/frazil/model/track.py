"""Control of a track as a state machine without I/O: events in, instructions out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from frazil.model.errors import FrazilError

TrackName = Literal["transfer", "preprocess", "classify2d"]
TRACKS: tuple[TrackName, ...] = ("transfer", "preprocess", "classify2d")

TrackState = Literal["stopped", "starting", "running", "paused", "stopping", "clearing"]

RESTART_DELAYS_S = (1.0, 5.0, 30.0, 300.0)
"""How long a loop that died waits before it is begun again."""
MOST_DEATHS, DEATHS_WITHIN_S = 5, 600.0
CONDITION_CHECK_S = 30.0


class ControlRefusedError(FrazilError):
    """A control that makes no sense in the track's present state."""

    def __init__(self, control: str, state: TrackState, hint: str = "") -> None:
        super().__init__(f"{control} is not possible while the track is {state}{f'; {hint}' if hint else ''}")
        self.state = state


@dataclass(frozen=True)
class Start:
    """A person, or the server after its own start, wants the track to run."""


@dataclass(frozen=True)
class Stop:
    """A person wants it to stop; ``now``: without waiting for what is in flight."""

    now: bool = False


@dataclass(frozen=True)
class Restart:
    """A person wants it to apply the newest settings to everything and try failures again."""


@dataclass(frozen=True)
class Clear:
    """A person wants the track's products removed; ``runs``: only these runs of 2D classification."""

    runs: tuple[int, ...] = ()


@dataclass(frozen=True)
class Began:
    """The loop has read where it was and works."""


@dataclass(frozen=True)
class Drained:
    """Nothing is in flight any more."""


@dataclass(frozen=True)
class Blocked:
    """It can't go on for a reason that may pass (disk full, source gone)."""

    reason: str


@dataclass(frozen=True)
class Unblocked:
    """The reason is gone."""


@dataclass(frozen=True)
class Died:
    """The loop ended by an error nobody expected."""

    reason: str


@dataclass(frozen=True)
class Tick:
    """Time has passed."""


@dataclass(frozen=True)
class Cleared:
    """The products are gone."""


Event = Start | Stop | Restart | Clear | Began | Drained | Blocked | Unblocked | Died | Tick | Cleared


@dataclass(frozen=True)
class Begin:
    """Begin the loop: read where it was, then work. ``anew``: as Restart says."""

    anew: bool = False


@dataclass(frozen=True)
class Drain:
    """Take nothing new; finish or give back what is in flight, within the grace, then say `Drained`."""


@dataclass(frozen=True)
class Kill:
    """Give back what is in flight at once, then say `Drained`."""


@dataclass(frozen=True)
class Check:
    """See whether the reason of a pause is gone; say `Unblocked` or nothing."""


@dataclass(frozen=True)
class Remove:
    """Remove the track's products, or only those of some ``runs``, then say `Cleared`."""

    runs: tuple[int, ...] = ()


@dataclass(frozen=True)
class Save:
    """Store `TrackMachine.wanted`, ``state`` and ``reason``."""


Instruction = Begin | Drain | Kill | Check | Remove | Save


class TrackMachine:
    """What a track does next.

    ``handle`` is the only thing that changes it. Times are seconds of a clock that never goes back.
    """

    def __init__(self) -> None:
        self.state: TrackState = "stopped"
        self.wanted = False
        self.reason = ""
        self._deaths: list[float] = []
        self._try_at: float | None = None
        # Died too often: only a person begins it again.
        self._given_up = False
        # The loop is alive, perhaps paused.
        self._begun = False
        # How the loop begins next.
        self._anew = False
        self._kills = False

    @property
    def next_check_at(self) -> float | None:
        """When a `Tick` will have something to do."""
        return self._try_at if self.state == "paused" else None

    def handle(self, event: Event, now: float) -> list[Instruction]:
        """Take an event in; what is to be done comes out, in order.

        Raises `ControlRefusedError` for a control that makes no sense now; nothing has changed then.
        """
        match event:
            case Start():
                return self._start(anew=False)
            case Restart():
                return self._restart()
            case Stop():
                return self._stop(event.now)
            case Clear():
                return self._clear(event.runs)
            case Began():
                return self._began()
            case Drained():
                return self._drained()
            case Blocked():
                return self._blocked(event.reason, now)
            case Unblocked():
                return self._unblocked()
            case Died():
                return self._died(event.reason, now)
            case Cleared():
                return self._enter("stopped") if self.state == "clearing" else []
            case Tick():
                return self._tick(now)

    def _enter(self, state: TrackState, reason: str = "") -> list[Instruction]:
        self.state, self.reason = state, reason
        return [Save()]

    def _start(self, *, anew: bool) -> list[Instruction]:
        if self.state in ("clearing", "stopping"):
            raise ControlRefusedError("Start", self.state, "wait until that is done")
        if self.state in ("starting", "running"):
            return []
        if self.state == "paused" and not self._given_up:
            # A person need not wait for the next check of what it waits for.
            return [Check()]
        self.wanted, self._given_up, self._deaths, self._anew = True, False, [], anew
        return self._begin()

    def _begin(self) -> list[Instruction]:
        self._try_at = None
        return [*self._enter("starting"), Begin(self._anew)]

    def _began(self) -> list[Instruction]:
        if self.state != "starting":
            return []
        self._begun, self._anew = True, False
        return self._enter("running")

    def _restart(self) -> list[Instruction]:
        if self.state in ("clearing", "stopping"):
            raise ControlRefusedError("Restart", self.state, "wait until that is done")
        if not self._begun:
            if self.state == "starting":
                raise ControlRefusedError("Restart", self.state, "it has only just been started")
            self.wanted, self._given_up, self._deaths, self._anew = True, False, [], True
            return self._begin()
        self.wanted, self._deaths, self._try_at, self._anew = True, [], None, True
        return [*self._enter("stopping", "restarting"), Drain()]

    def _stop(self, now: bool) -> list[Instruction]:
        if self.state == "clearing":
            raise ControlRefusedError("Stop", self.state, "it can't be undone half-way")
        if self.state == "stopped":
            return []
        self.wanted, self._anew = False, False
        if self.state == "stopping":
            # Pressed again it means at once.
            if self._kills:
                return [Save()]
            self._kills = True
            return [*self._enter("stopping"), Kill()]
        self._try_at, self._given_up, self._kills = None, False, now
        return [*self._enter("stopping"), Kill() if now else Drain()]

    def _clear(self, runs: tuple[int, ...]) -> list[Instruction]:
        if self.state != "stopped":
            raise ControlRefusedError("Clear", self.state, "stop it first")
        return [*self._enter("clearing"), Remove(runs)]

    def _drained(self) -> list[Instruction]:
        if self.state != "stopping":
            return []
        self._kills, self._begun = False, False
        return self._begin() if self._anew else self._enter("stopped")

    def _blocked(self, reason: str, now: float) -> list[Instruction]:
        if self.state not in ("starting", "running", "paused") or self._given_up:
            return []
        self._try_at = now + CONDITION_CHECK_S
        if self.state == "paused" and self.reason == reason:
            return []
        return self._enter("paused", reason)

    def _unblocked(self) -> list[Instruction]:
        if self.state != "paused" or self._given_up:
            return []
        if self._begun:
            self._try_at = None
            return self._enter("running")
        return self._begin()

    def _died(self, reason: str, now: float) -> list[Instruction]:
        self._begun = False
        if self.state == "stopped":
            return []
        if self.state == "clearing":
            return self._enter("stopped", reason)
        if self.state == "stopping":
            # What was in flight will be found as missing.
            self._kills = False
            return self._begin() if self._anew else self._enter("stopped", reason)
        self._deaths = [*(t for t in self._deaths if now - t < DEATHS_WITHIN_S), now]
        if len(self._deaths) >= MOST_DEATHS:
            self._given_up, self._try_at = True, None
            return self._enter("paused", f"needs attention: {reason}")
        self._try_at = now + RESTART_DELAYS_S[min(len(self._deaths), len(RESTART_DELAYS_S)) - 1]
        return self._enter("paused", f"{reason}; it is tried again")

    def _tick(self, now: float) -> list[Instruction]:
        if self.state != "paused" or self._try_at is None or now < self._try_at:
            return []
        self._try_at = now + CONDITION_CHECK_S
        return [Check()]
