"""What any place that runs tasks can do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Outcome:
    """How a task ended.

    Attributes
    ----------
    key
        What the task was called when it was submitted.
    value
        What its function returned; None where it failed.
    error
        Why it failed, for a person; empty where it did not.
    trace
        Where the error was raised, for the log.
    attempts
        How often it was begun; 0 where it was cancelled before.
    input_error
        It failed for a lasting reason that the message names (an `InputError`), not by accident.
    passing
        It failed for a reason that may be gone at the next try: no space, no memory, its worker lost.
    cancelled
        It was cancelled before it ended.
    lost
        Its worker died or it took too long, as often as the task allowed.
    seconds
        How long its last attempt took.
    worker
        Name of the worker of its last attempt.
    """

    key: str
    value: Any = None
    error: str = ""
    trace: str = ""
    attempts: int = 1
    input_error: bool = False
    passing: bool = False
    cancelled: bool = False
    lost: bool = False
    seconds: float = 0.0
    worker: str = ""


@dataclass(frozen=True)
class Task:
    """A function to be called by a worker, and whom to tell.

    Attributes
    ----------
    key
        Unique among unfinished tasks.
    function, arguments
        What is called; both must be picklable, so the function must be importable.
    pool
        Which workers may take it: "movies", "classes" or "files".
    priority
        Smaller goes first; what is equal goes in the order of submission.
    timeout_s
        Its worker is killed if one attempt takes longer.
    attempts
        How often it may be begun, if its worker dies or it takes too long.
    done
        Called exactly once, from the engine's own thread. It must be quick: put the outcome into a queue.
    started
        Called with the key and the worker's name whenever an attempt begins, from the engine's own thread.
    """

    key: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    pool: str = "movies"
    priority: tuple[float, ...] = ()
    timeout_s: float | None = None
    attempts: int = 2
    done: Callable[[Outcome], None] = field(kw_only=True)
    started: Callable[[str, str], None] | None = None


@dataclass(frozen=True)
class WorkerInfo:
    """A worker as it is now.

    Attributes
    ----------
    name, pool, pid
        Which worker; ``pid`` is None while it starts.
    task
        Key of the task it works on; empty where it waits.
    since
        When it began with that task or to wait, in seconds since 1970.
    memory_bytes, cpu_percent
        What its process takes; a fully used core is 100 %.
    gpu
        Name of its GPU; empty where it has none.
    """

    name: str
    pool: str
    pid: int | None = None
    task: str = ""
    since: float = 0.0
    memory_bytes: int = 0
    cpu_percent: float = 0.0
    gpu: str = ""


class Executor(Protocol):
    """Runs tasks for any number of clients. Every method may be called from any thread and returns soon."""

    def submit(self, task: Task) -> None:
        """Queue a task; ``ValueError`` where its key is in use, its pool unknown or the engine closed."""

    def cancel(self, key: str) -> bool:
        """Give up a task: one that waits is dropped, one that runs loses its worker.

        Its outcome says ``cancelled``. Returns False where no unfinished task has this key.
        """

    def reprioritise(self, key: str, priority: tuple[float, ...]) -> bool:
        """Move a task that waits; False where none with this key does."""

    def workers(self) -> list[WorkerInfo]:
        """All workers that run or start, by pool and name."""

    def free(self, pool: str) -> int:
        """How many more tasks of this pool could begin at once: its slots less its unfinished tasks."""

    def unfinished(self) -> int:
        """Tasks that have no outcome yet."""

    def resize(self, pool: str, workers: int, threads: int) -> None:
        """Change a pool. New slots take tasks at once; surplus and changed workers go when they are idle."""

    def close(self, grace_s: float = 3.0) -> None:
        """End everything: running tasks may clean up for ``grace_s``; all unfinished ones are cancelled."""
