"""Tasks in this very process, one after the other: for tests and for looking with a debugger."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from frazil.engine.task import run_task

if TYPE_CHECKING:
    from collections.abc import Callable

    from frazil.engine.executor import Outcome


class InlineExecutor:
    """An `Executor` without processes."""

    def __init__(self) -> None:
        self._queue: deque[tuple[str, Callable[..., Any], tuple[Any, ...]]] = deque()

    def submit(self, key: str, function: Callable[..., Any], *arguments: Any) -> None:
        """Queue ``function(*arguments)``."""
        self._queue.append((key, function, arguments))

    def wait(self, timeout_s: float | None = None) -> Outcome | None:  # noqa: ARG002
        """Run the next task; None where none is left."""
        if not self._queue:
            return None
        return run_task(*self._queue.popleft())

    @property
    def unfinished(self) -> int:
        """Tasks that have not run yet."""
        return len(self._queue)

    def close(self) -> None:
        """Drop what is queued."""
        self._queue.clear()
