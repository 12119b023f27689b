"""Which tasks are unfinished, and which of them comes next. No I/O; any thread may ask."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from frazil.engine.queue import PriorityQueue

if TYPE_CHECKING:
    from collections.abc import Iterable

    from frazil.engine.executor import Task


@dataclass(eq=False)
class Entry:
    """An unfinished task.

    Attributes
    ----------
    task
        What was submitted.
    call
        The same, packed for a worker.
    attempts
        How often it was begun.
    running
        A worker has it.
    cancelled
        Somebody doesn't want it any more.
    refusal
        Why it can't be begun at all.
    """

    task: Task
    call: bytes = field(repr=False)
    attempts: int = 0
    running: bool = False
    cancelled: bool = False
    refusal: str = ""


class Ledger:
    """All unfinished tasks of an engine."""

    def __init__(self, pools: Iterable[str]) -> None:
        self._lock = threading.Lock()
        self._queues = {pool: PriorityQueue() for pool in pools}
        self._entries: dict[str, Entry] = {}
        self._in_pool: Counter[str] = Counter()
        self._closed = False

    def add(self, task: Task, call: bytes, refusal: str = "") -> Entry:
        """Enter a task, to wait unless it is refused.

        ``ValueError`` where its key is in use, its pool unknown or the ledger closed.
        """
        with self._lock:
            if self._closed:
                raise ValueError(f"{task.key}: the engine is closed")
            if task.pool not in self._queues:
                raise ValueError(f"{task.key}: there is no pool {task.pool!r}")
            if task.key in self._entries:
                raise ValueError(f"{task.key}: a task with this key is unfinished")
            if task.attempts < 1:
                raise ValueError(f"{task.key}: attempts = {task.attempts}, must be at least 1")
            entry = self._entries[task.key] = Entry(task, call, refusal=refusal)
            self._in_pool[task.pool] += 1
            if not refusal:
                self._queues[task.pool].add(task.key, task.priority)
            return entry

    def take(self, pool: str) -> Entry | None:
        """Begin the most urgent task of a pool."""
        with self._lock:
            key = self._queues[pool].pop()
            if key is None:
                return None
            entry = self._entries[key]
            entry.running = True
            entry.attempts += 1
            return entry

    def give_back(self, entry: Entry) -> bool:
        """Let a task wait again, before its equals; False where it may not be begun once more."""
        with self._lock:
            if entry.cancelled or entry.attempts >= entry.task.attempts:
                return False
            entry.running = False
            self._queues[entry.task.pool].add(entry.task.key, entry.task.priority, in_front=True)
            return True

    def cancel(self, key: str) -> Entry | None:
        """Mark a task as not wanted, to wait no more; None where it is finished or cancelled already."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry.cancelled:
                return None
            entry.cancelled = True
            self._queues[entry.task.pool].drop(key)
            return entry

    def move(self, key: str, priority: tuple[float, ...]) -> bool:
        """Change the priority of a task that waits."""
        with self._lock:
            entry = self._entries.get(key)
            return entry is not None and self._queues[entry.task.pool].move(key, priority)

    def finish(self, entry: Entry) -> bool:
        """Forget a task that is about to have its outcome; False where it had one before."""
        with self._lock:
            if self._entries.get(entry.task.key) is not entry:
                return False
            del self._entries[entry.task.key]
            self._in_pool[entry.task.pool] -= 1
            self._queues[entry.task.pool].drop(entry.task.key)
            return True

    def close(self) -> None:
        """Take no more tasks."""
        with self._lock:
            self._closed = True

    @property
    def closed(self) -> bool:
        """It takes no more tasks."""
        return self._closed

    def waiting(self, pool: str) -> int:
        """Tasks of a pool that wait."""
        with self._lock:
            return len(self._queues[pool])

    def unfinished(self, pool: str | None = None) -> int:
        """Tasks without outcome, of one pool or of all."""
        with self._lock:
            return len(self._entries) if pool is None else self._in_pool[pool]

    def entries(self) -> list[Entry]:
        """All unfinished tasks."""
        with self._lock:
            return list(self._entries.values())
