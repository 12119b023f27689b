"""Tasks in this very process, one step at a time: for tests and for looking with a debugger."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from frazil.engine.executor import Outcome, WorkerInfo
from frazil.engine.queue import PriorityQueue
from frazil.engine.task import run_task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from frazil.engine.executor import Task

_WORKER = "inline"


class InlineExecutor:
    """An `Executor` without processes and threads: nothing happens until it is told to.

    Parameters
    ----------
    slots
        Workers of each pool, as `free` counts them; by default one each for movies, classes and files.
    eager
        Run every task as it is submitted.
    """

    def __init__(self, slots: Mapping[str, int] | None = None, *, eager: bool = False) -> None:
        self._slots = dict(slots or {"movies": 1, "classes": 1, "files": 1})
        self._eager = eager
        self._queue = PriorityQueue()
        self._tasks: dict[str, Task] = {}
        self._begun: list[str] = []
        self._attempts: dict[str, int] = {}
        self._closed = False

    def submit(self, task: Task) -> None:
        """Queue a task."""
        if self._closed:
            raise ValueError(f"{task.key}: the engine is closed")
        if task.pool not in self._slots:
            raise ValueError(f"{task.key}: there is no pool {task.pool!r}")
        if task.key in self._tasks:
            raise ValueError(f"{task.key}: a task with this key is unfinished")
        self._tasks[task.key] = task
        self._queue.add(task.key, task.priority)
        if self._eager:
            self.run_all()

    def begin_next(self) -> str | None:
        """Begin the most urgent task without running it yet; return its key, None where none waits."""
        key = self._queue.pop()
        if key is not None:
            self._begun.append(key)
            self._attempts[key] = self._attempts.get(key, 0) + 1
            started = self._tasks[key].started
            if started is not None:
                started(key, _WORKER)
        return key

    def run_next(self) -> bool:
        """Run the task that was begun first, or else the most urgent one, to its end; False if none is."""
        if not self._begun and self.begin_next() is None:
            return False
        task = self._tasks[self._begun[0]]
        self._end(run_task(task.key, task.function, task.arguments))
        return True

    def run_all(self) -> int:
        """Run until nothing is left, also what is submitted meanwhile; return how many tasks ran."""
        ran = 0
        while self.run_next():
            ran += 1
        return ran

    def lose_next(self) -> bool:
        """Let the worker of the next task die: it waits again, or is lost if it has no attempt left."""
        if not self._begun and self.begin_next() is None:
            return False
        key = self._begun[0]
        if self._attempts[key] < self._tasks[key].attempts:
            self._begun.remove(key)
            self._queue.add(key, self._tasks[key].priority, in_front=True)
        else:
            self._end(Outcome(key, error="its worker process died", lost=True, passing=True))
        return True

    def cancel(self, key: str) -> bool:
        """Drop a task that waits or was begun."""
        if key not in self._tasks:
            return False
        self._queue.drop(key)
        self._end(Outcome(key, error="cancelled", cancelled=True))
        return True

    def reprioritise(self, key: str, priority: tuple[float, ...]) -> bool:
        """Move a task that waits."""
        return self._queue.move(key, priority)

    def workers(self) -> list[WorkerInfo]:
        """One for each slot, named after its pool."""
        busy = {pool: [key for key in self._begun if self._tasks[key].pool == pool] for pool in self._slots}
        return [
            WorkerInfo(f"{pool}-{number}", pool, task=busy[pool][number] if number < len(busy[pool]) else "")
            for pool, slots in sorted(self._slots.items())
            for number in range(slots)
        ]

    def free(self, pool: str) -> int:
        """Slots of this pool less its unfinished tasks."""
        return max(0, self._slots[pool] - sum(task.pool == pool for task in self._tasks.values()))

    def unfinished(self) -> int:
        """Tasks that have no outcome yet."""
        return len(self._tasks)

    def resize(self, pool: str, workers: int, threads: int) -> None:  # noqa: ARG002
        """Change how many slots `free` counts."""
        self._slots[pool] = workers

    def close(self, grace_s: float = 3.0) -> None:  # noqa: ARG002
        """Cancel what is unfinished."""
        self._closed = True
        for key in list(self._tasks):
            self.cancel(key)

    def _end(self, outcome: Outcome) -> None:
        task = self._tasks.pop(outcome.key)
        worker = _WORKER if outcome.key in self._begun else ""
        if worker:
            self._begun.remove(outcome.key)
        attempts = self._attempts.pop(outcome.key, 0)
        task.done(replace(outcome, attempts=attempts, worker=worker))
