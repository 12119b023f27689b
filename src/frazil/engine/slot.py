"""A place for one worker."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from frazil.engine.ledger import Entry
    from frazil.engine.worker import Pool, Worker


class State(Enum):
    """What goes on in a slot."""

    OFF = auto()
    STARTING = auto()
    IDLE = auto()
    BUSY = auto()
    ENDING = auto()


@dataclass(eq=False)
class Slot:
    """A place for one worker of a pool.

    Attributes
    ----------
    pool, number
        Which slot.
    state
        What goes on.
    worker
        Its worker; None where it is off.
    hired_as
        The pool as it was when the worker was started.
    entry
        The task of a busy worker.
    since
        When the state began, in seconds since 1970.
    timer
        Ends a worker that has been idle for long.
    """

    pool: str
    number: int
    state: State = State.OFF
    worker: Worker | None = None
    hired_as: Pool | None = None
    entry: Entry | None = None
    since: float = 0.0
    timer: asyncio.TimerHandle | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Name of its workers."""
        return f"{self.pool}-{self.number}"

    @property
    def pid(self) -> int | None:
        """Process of its worker."""
        worker = self.worker
        return None if worker is None else worker.pid

    @property
    def gpu(self) -> str:
        """GPU of its worker."""
        return "" if self.hired_as is None else self.hired_as.gpu(self.number)

    @property
    def task_key(self) -> str:
        """Key of the task of a busy worker."""
        entry = self.entry
        return "" if entry is None else entry.task.key

    def become(self, state: State, entry: Entry | None = None) -> None:
        """Change the state."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        self.state, self.entry, self.since = state, entry, time.time()
        if state is State.OFF:
            self.worker = None
