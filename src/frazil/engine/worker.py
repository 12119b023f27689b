"""What the engine needs of a worker: a process that takes one call at a time."""

from __future__ import annotations

import contextlib
import signal
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Pool:
    """Workers of one kind.

    Attributes
    ----------
    workers
        How many at most; they are started when the first task needs them.
    threads
        Threads of each.
    gpus
        Names for CUDA_VISIBLE_DEVICES: one worker for each of them, instead of ``workers``.
    nice
        How much they step back behind other processes, 0 to 19.
    initialise
        Called once in each new worker before its first task: imports what the tasks need.
    memory_limit_bytes
        A worker that takes more is ended; None: no limit. Only Dask's workers can have one.
    idle_s
        A worker that had nothing to do for so long is stopped; None: never.
    """

    workers: int = 1
    threads: int = 1
    gpus: tuple[str, ...] = ()
    nice: int = 0
    initialise: Callable[[], None] | None = None
    memory_limit_bytes: int | None = None
    idle_s: float | None = 1800.0

    @property
    def slots(self) -> int:
        """How many tasks can run at the same time."""
        return len(self.gpus) or self.workers

    def gpu(self, number: int) -> str:
        """Name of the GPU of a slot; empty where there is none."""
        return self.gpus[number] if number < len(self.gpus) else ""

    def same_worker(self, other: Pool) -> bool:
        """Say whether a worker of the other pool is as good as one of this."""
        return replace(self, workers=other.workers, idle_s=other.idle_s) == other


class WorkerDiedError(Exception):
    """A worker process ended before its answer came; the message says how."""


class CannotLoadError(WorkerDiedError):
    """A worker process can't import what its tasks need."""


class Worker(Protocol):
    """One worker process. All methods are called from the engine's event loop."""

    @property
    def pid(self) -> int | None:
        """Its process; None before it has one and after it is gone."""

    async def start(self) -> None:
        """Start the process and wait until it is ready; `WorkerDiedError` where it isn't going to be."""

    async def run(self, call: bytes) -> bytes:
        """Do what `frazil.engine.call.pack_call` packed; `WorkerDiedError` if there won't be an answer."""

    async def gone(self) -> str:
        """Wait until the process is gone and say how it ended."""

    async def end(self, grace_s: float) -> None:
        """End the process: ask it, wait up to ``grace_s``, kill it. Returns when it is gone."""


class Workplace(Protocol):
    """Where workers come from."""

    async def open(self) -> None:
        """Prepare what all workers share."""

    def worker(self, name: str, pool: Pool, gpu: str) -> Worker:
        """Make a worker that is not started yet."""

    async def close(self) -> None:
        """Give up what workers shared; all of them have ended before."""


def explain_exit(exit_code: int | None) -> str:
    """Say how a process ended: ``died (SIGKILL: perhaps out of memory)``."""
    if not exit_code:
        return "ended by itself"
    if exit_code > 0:
        return f"died (exit code {exit_code})"
    with contextlib.suppress(ValueError):
        name = signal.Signals(-exit_code).name
        return f"died ({name}{': perhaps out of memory' if name == 'SIGKILL' else ''})"
    return f"died (signal {-exit_code})"
