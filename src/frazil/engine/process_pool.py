"""Worker processes on this machine.

Each worker owns its share of the cores and works on one task at a time. A worker that dies (killed, out of
memory) costs only its own task, which is tried again in a new worker; the pool of the standard library would
drop all others with it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections import deque
from dataclasses import dataclass, field, replace
from multiprocessing import connection
from typing import TYPE_CHECKING, Any

from frazil.engine.executor import Outcome
from frazil.engine.task import run_task

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

# The libraries' own threads wait for each other after every small transform: a worker spreads whole frames,
# tiles and patches over its threads instead.
_LIBRARY_THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
_GRACE_S = 3.0


@dataclass
class _Task:
    key: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    attempts: int = 0


@dataclass
class _Worker:
    process: SpawnProcess
    pipe: Connection
    task: _Task | None = None
    began: float = field(default=0.0)


class ProcessPool:
    """An `Executor` of worker processes.

    Parameters
    ----------
    workers
        How many.
    threads
        Threads of each worker, for every library that has any.
    initialise
        Called once in each new worker, while it waits for its first task.
    attempts
        How often a task is begun before it is given up, if its worker dies or it takes too long.
    timeout_s
        A task that takes longer is killed.
    """

    def __init__(
        self,
        workers: int = 1,
        threads: int = 1,
        initialise: Callable[[], None] | None = None,
        *,
        attempts: int = 2,
        timeout_s: float | None = None,
    ) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._threads = threads
        self._initialise = initialise
        self._attempts = attempts
        self._timeout_s = timeout_s
        self._queue: deque[_Task] = deque()
        self._done: deque[Outcome] = deque()
        self._workers = [self._start() for _ in range(workers)]

    def submit(self, key: str, function: Callable[..., Any], *arguments: Any) -> None:
        """Queue ``function(*arguments)``."""
        self._queue.append(_Task(key, function, arguments))
        self._hand_out()

    @property
    def unfinished(self) -> int:
        """Tasks that have no outcome yet."""
        return len(self._queue) + len(self._done) + sum(worker.task is not None for worker in self._workers)

    def wait(self, timeout_s: float | None = None) -> Outcome | None:
        """Return the next outcome; None after ``timeout_s`` or where nothing is left."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._done:
            if not self.unfinished:
                return None
            self._hand_out()
            self._look(deadline)
            if deadline is not None and time.monotonic() >= deadline and not self._done:
                return None
        return self._done.popleft()

    def close(self) -> None:
        """Stop all workers at once: ask, wait a little, kill."""
        self._queue.clear()
        for worker in self._workers:
            worker.process.terminate()
        deadline = time.monotonic() + _GRACE_S
        for worker in self._workers:
            worker.process.join(max(0.0, deadline - time.monotonic()))
            self._bury(worker)
        self._workers.clear()

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_serve, args=(theirs, self._threads, self._initialise), daemon=True
        )
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _hand_out(self) -> None:
        for number, worker in enumerate(self._workers):
            if not self._queue:
                return
            if worker.task is None:
                task = self._queue.popleft()
                task.attempts += 1
                worker.task, worker.began = task, time.monotonic()
                try:
                    worker.pipe.send((task.key, task.function, task.arguments))
                except (BrokenPipeError, ConnectionResetError):
                    self._lost(number, "died")

    def _look(self, deadline: float | None) -> None:
        """Wait until a worker says something, dies or takes too long."""
        now = time.monotonic()
        limits = [] if deadline is None else [deadline]
        if self._timeout_s is not None:
            limits += [worker.began + self._timeout_s for worker in self._workers if worker.task]
        wait_s = max(0.0, min(limits) - now) if limits else None
        waiting: list[Any] = [item for w in self._workers if w.task for item in (w.pipe, w.process.sentinel)]
        ready = set(connection.wait(waiting, wait_s))
        for number, worker in enumerate(self._workers):
            if worker.task is None:
                continue
            if worker.pipe in ready:
                self._receive(number)
            elif worker.process.sentinel in ready:
                self._lost(number, "died")
            elif self._timeout_s is not None and time.monotonic() - worker.began > self._timeout_s:
                self._lost(number, f"took longer than {self._timeout_s:g} s and was stopped")

    def _receive(self, number: int) -> None:
        worker = self._workers[number]
        try:
            outcome: Outcome = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            self._lost(number, "died")
            return
        if worker.task is not None:
            self._done.append(replace(outcome, attempts=worker.task.attempts))
            worker.task = None

    def _lost(self, number: int, how: str) -> None:
        worker = self._workers[number]
        worker.process.join(0.5)
        code = worker.process.exitcode
        self._bury(worker)
        self._workers[number] = self._start()
        task = worker.task
        if task is None:
            return
        if task.attempts < self._attempts:
            self._queue.appendleft(task)
            return
        times = "once" if task.attempts == 1 else f"{task.attempts} times"
        self._done.append(
            Outcome(
                task.key,
                error=f"its worker process {how}{_explain(code)}, tried {times}",
                attempts=task.attempts,
            )
        )

    @staticmethod
    def _bury(worker: _Worker) -> None:
        if worker.process.is_alive():
            worker.process.kill()
        worker.process.join()
        worker.pipe.close()
        worker.process.close()


def _explain(exit_code: int | None) -> str:
    if exit_code is None or exit_code >= 0:
        return f" (exit code {exit_code})" if exit_code else ""
    with contextlib.suppress(ValueError):
        name = signal.Signals(-exit_code).name
        return f" ({name}{': perhaps out of memory' if name == 'SIGKILL' else ''})"
    return f" (signal {-exit_code})"


def _serve(pipe: Connection, threads: int, initialise: Callable[[], None] | None) -> None:
    """Work of a worker: take a task, do it, send the outcome, until the pipe closes."""
    # A terminal sends Ctrl-C to everybody: the parent decides. Terminating unwinds, so files are cleaned up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    for variable in _LIBRARY_THREADS:
        os.environ[variable] = "1"
    os.environ["FRAZIL_THREADS"] = str(threads)
    if initialise is not None:
        initialise()
    while True:
        try:
            key, function, arguments = pipe.recv()
        except (EOFError, ConnectionResetError):
            return
        outcome = run_task(key, function, arguments)
        try:
            pipe.send(outcome)
        except (BrokenPipeError, ConnectionResetError):
            return


def _leave(number: int, frame: object) -> None:  # noqa: ARG001
    sys.exit(128 + number)
