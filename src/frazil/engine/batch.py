"""Submit many tasks, then wait for one outcome after the other."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Any

from frazil.engine.executor import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from frazil.engine.executor import Executor, Outcome


class Batch:
    """Tasks of a client that has nothing else to do than to wait for them.

    Parameters
    ----------
    executor
        Who runs them.
    attempts, timeout_s
        Of every task, see `Task`.
    """

    def __init__(self, executor: Executor, *, attempts: int = 2, timeout_s: float | None = None) -> None:
        self._executor = executor
        self._attempts = attempts
        self._timeout_s = timeout_s
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._submitted = 0

    def submit(self, key: str, function: Callable[..., Any], *arguments: Any) -> None:
        """Queue ``function(*arguments)``, in order of submission."""
        task = Task(
            key,
            function,
            arguments,
            timeout_s=self._timeout_s,
            attempts=self._attempts,
            done=self._outcomes.put,
        )
        self._executor.submit(task)
        self._submitted += 1

    def wait(self) -> Outcome | None:
        """Return the next outcome in order of completion; None where nothing is left."""
        if not self._submitted:
            return None
        outcome = self._outcomes.get()
        self._submitted -= 1
        return outcome

    def close(self) -> None:
        """End the executor."""
        self._executor.close()
