"""A track alive: one thread that takes in events, asks the state machine, and does what it says."""

from __future__ import annotations

import queue
import threading
import time
import traceback
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from frazil.model.errors import FrazilError, PassingError
from frazil.model.track import (
    Began,
    Begin,
    Blocked,
    Check,
    Cleared,
    ControlRefusedError,
    Died,
    Drain,
    Drained,
    Kill,
    Remove,
    Save,
    Tick,
    TrackMachine,
    Unblocked,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from frazil.model.track import Clear, Event, Instruction, Restart, Start, Stop

_LONGEST_WAIT_S = 30.0
_SAVE_AGAIN_S = 5.0


class BlockedError(PassingError):
    """The track can't go on for a reason outside that may pass: a full disk, a share that is gone."""


class Body(Protocol):
    """What a track does. All calls come from the track's own thread, one at a time."""

    def begin(self, *, anew: bool) -> None:
        """Read from the catalogue where it was; ``anew``: as Restart says. May raise `BlockedError`."""

    def step(self) -> float:
        """Do what can be done now without waiting; returns seconds after which to look again.

        May raise `BlockedError`.
        """

    def receive(self, message: Any) -> None:
        """Take in what was posted to the runner: outcomes of tasks, news from other tracks."""

    @property
    def in_flight(self) -> int:
        """Pieces of work that are not finished."""

    @property
    def grace_s(self) -> float:
        """How long work in flight may take to finish after Stop."""

    def drain(self) -> None:
        """Take nothing new; give back what has not begun."""

    def kill(self) -> None:
        """Give back what is in flight at once."""

    def blocked(self) -> str:
        """Reason outside for which it can't go on now; empty where there is none."""

    def clear(self, runs: Collection[int] = (), /) -> None:
        """Remove the track's products; ``runs``: only those of these runs of 2D classification."""


@dataclass(frozen=True)
class _Control:
    event: Start | Stop | Restart | Clear
    reply: Future[None]


class _Close:
    """Message: end the thread."""


class TrackRunner:
    """Runs one track of one session.

    Parameters
    ----------
    name
        Of the thread.
    body
        What the track does.
    save
        Stores (wanted, state, reason); called whenever one of them changed.
    log
        Told what went wrong: (message, trace).
    """

    def __init__(
        self,
        name: str,
        body: Body,
        save: Callable[[bool, str, str], None],
        log: Callable[[str, str], None],
    ) -> None:
        self._body, self._save, self._log = body, save, log
        self._machine = TrackMachine()
        self._mail: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._step_at: float | None = None
        self._kill_at: float | None = None
        self._save_at: float | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def state(self) -> str:
        """State as last stored."""
        return self._machine.state

    @property
    def reason(self) -> str:
        """Why it is in this state, where that needs saying."""
        return self._machine.reason

    @property
    def details(self) -> dict[str, Any]:
        """What it is doing now, as far as its body says."""
        details: dict[str, Any] = getattr(self._body, "details", {})
        return details

    def control(self, event: Start | Stop | Restart | Clear) -> Future[None]:
        """Ask for something; the future is done when the machine took it, or holds `ControlRefusedError`."""
        reply: Future[None] = Future()
        self._mail.put(_Control(event, reply))
        return reply

    def post(self, message: Any) -> None:
        """Hand a message to the body, from any thread; also wakes it up."""
        self._mail.put(message)

    def close(self, timeout_s: float = 10.0) -> None:
        """End the thread without changing what is wanted: the next server goes on."""
        self._mail.put(_Close())
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            message = self._next()
            if isinstance(message, _Close):
                self._guarded(self._body.kill)
                return
            if isinstance(message, _Control):
                self._take_control(message)
            elif message is not None:
                self._guarded(partial(self._body.receive, message))
                self._step_at = time.monotonic()
            self._advance()

    def _next(self) -> Any:
        """Return the next message, or None when it is time to look."""
        now = time.monotonic()
        times = (self._step_at, self._kill_at, self._save_at, self._machine.next_check_at)
        due = [at for at in times if at is not None]
        if self._machine.state == "stopping":
            due.append(now + 0.05)
        elif self._machine.state == "running" and self._step_at is None:
            # It has only just begun, perhaps again after a stop.
            due.append(now)
        try:
            return self._mail.get(timeout=max(0.0, min(due) - now) if due else None)
        except queue.Empty:
            return None

    def _take_control(self, message: _Control) -> None:
        try:
            self._handle(message.event)
        except ControlRefusedError as error:
            message.reply.set_exception(error)
        else:
            message.reply.set_result(None)

    def _advance(self) -> None:
        now = time.monotonic()
        state = self._machine.state
        if self._save_at is not None and now >= self._save_at:
            self._store()
        if state == "running" and (self._step_at is None or now >= self._step_at):
            self._guarded(self._step)
        elif state == "stopping":
            if self._kill_at is not None and now >= self._kill_at:
                self._kill_at = None
                self._guarded(self._body.kill)
            if self._body.in_flight == 0:
                self._handle(Drained())
        elif state == "paused":
            self._step_at = None
            self._handle(Tick())

    def _step(self) -> None:
        self._step_at = time.monotonic() + min(self._body.step(), _LONGEST_WAIT_S)

    def _handle(self, event: Event) -> None:
        for instruction in self._machine.handle(event, time.monotonic()):
            self._do(instruction)

    def _do(self, instruction: Instruction) -> None:
        match instruction:
            case Save():
                self._store()
            case Begin(anew):
                if self._guarded(lambda: self._body.begin(anew=anew)):
                    self._step_at = None
                    self._handle(Began())
            case Drain():
                self._kill_at = time.monotonic() + self._body.grace_s
                self._guarded(self._body.drain)
            case Kill():
                self._kill_at = None
                self._guarded(self._body.kill)
            case Check():
                self._guarded(self._check)
            case Remove(runs):
                if self._guarded(partial(self._body.clear, runs)):
                    self._handle(Cleared())

    def _store(self) -> None:
        """Store the state; where that is not possible now, it is tried again until it is."""
        machine = self._machine
        try:
            self._save(machine.wanted, machine.state, machine.reason)
        except FrazilError as error:
            if self._save_at is None:
                self._log(f"the track's state can't be stored: {error}", "")
            self._save_at = time.monotonic() + _SAVE_AGAIN_S
        else:
            self._save_at = None

    def _check(self) -> None:
        reason = self._body.blocked()
        self._handle(Blocked(reason) if reason else Unblocked())

    def _guarded(self, work: Callable[[], None]) -> bool:
        """Do something; trouble becomes an event of the machine. Whether it went well."""
        try:
            work()
        except PassingError as error:
            self._handle(Blocked(str(error)))
        except FrazilError as error:
            self._log(str(error), "")
            self._handle(Died(str(error)))
        except Exception as error:
            self._log(f"internal error: {type(error).__name__}: {error}", traceback.format_exc())
            self._handle(Died(f"internal error: {type(error).__name__}: {error}"))
        else:
            return True
        return False
