"""The executor of this machine: a thread that hands tasks to worker processes."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]

from frazil.engine.call import pack_call
from frazil.engine.crew import Crew
from frazil.engine.executor import WorkerInfo
from frazil.engine.ledger import Ledger
from frazil.model.errors import PassingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from frazil.engine.executor import Task
    from frazil.engine.worker import Pool, Workplace

log = logging.getLogger(__name__)


class LocalExecutor:
    """An `Executor` of worker processes on this machine.

    The engine keeps the queue itself and gives a worker one task at a time: a dying worker takes no other
    task along, and a task that waits can be moved and dropped.

    Parameters
    ----------
    pools
        Which workers there are, by name of the pool.
    workplace
        Makes what makes workers; called anew if the engine's thread had to be started again.
    """

    def __init__(self, pools: Mapping[str, Pool], workplace: Callable[[], Workplace]) -> None:
        self._ledger = Ledger(pools)
        self._pools = dict(pools)
        self._make_workplace = workplace
        self._lock = threading.Lock()
        self._crew: Crew | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._grace_s = 0.0
        self._failure: Exception | None = None
        self._processes: dict[int, psutil.Process] = {}
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._work, name="frazil-engine", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise PassingError(f"the engine can't be started: {self._failure}") from self._failure

    def submit(self, task: Task) -> None:
        """Queue a task; what can't be packed for a worker fails at once, through its outcome."""
        try:
            call, refusal = pack_call(task), ""
        except Exception as error:
            call, refusal = b"", f"internal error: the task can't be sent to a worker ({error!r})"
        entry = self._ledger.add(task, call, refusal)
        self._tell(lambda crew: crew.drop(entry) if refusal else crew.hand_out(task.pool))

    def cancel(self, key: str) -> bool:
        """Drop a task that waits; end the worker of one that runs."""
        entry = self._ledger.cancel(key)
        if entry is None:
            return False
        self._tell(lambda crew: crew.drop(entry))
        return True

    def reprioritise(self, key: str, priority: tuple[float, ...]) -> bool:
        """Move a task that waits."""
        return self._ledger.move(key, priority)

    def workers(self) -> list[WorkerInfo]:
        """All workers that run or start."""
        crew = self._crew
        slots = crew.slots() if crew is not None else []
        found = [
            self._measure(WorkerInfo(s.name, s.pool, s.pid, s.task_key, s.since, gpu=s.gpu)) for s in slots
        ]
        alive = {info.pid for info in found}
        for pid in set(self._processes) - alive:
            self._processes.pop(pid, None)
        return found

    def free(self, pool: str) -> int:
        """Slots of a pool less its unfinished tasks."""
        return max(0, self._pools[pool].slots - self._ledger.unfinished(pool))

    def unfinished(self) -> int:
        """Tasks that have no outcome yet."""
        return self._ledger.unfinished()

    def resize(self, pool: str, workers: int, threads: int) -> None:
        """Change a pool; a pool of GPUs keeps one worker for each of them."""
        with self._lock:
            changed = self._pools[pool] = replace(self._pools[pool], workers=workers, threads=threads)
        self._tell(lambda crew: crew.resize(pool, changed))

    def close(self, grace_s: float = 3.0) -> None:
        """Cancel everything and wait until all workers are gone."""
        self._ledger.close()
        self._grace_s = grace_s
        self._tell(lambda crew: crew.stop())
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _tell(self, what: Callable[[Crew], object]) -> None:
        """Let the engine's thread do something; a new thread finds out by itself what there is to do."""
        with self._lock:
            loop, crew = self._loop, self._crew
            if loop is not None and crew is not None:
                loop.call_soon_threadsafe(what, crew)

    def _measure(self, info: WorkerInfo) -> WorkerInfo:
        """Add memory and load; a process that is just gone takes none."""
        if info.pid is None:
            return info
        with suppress(psutil.Error):
            process = self._processes.setdefault(info.pid, psutil.Process(info.pid))
            return replace(info, memory_bytes=process.memory_info().rss, cpu_percent=process.cpu_percent())
        return info

    def _work(self) -> None:
        """Life of the engine's thread: the event loop, and a new one should it break."""
        pause_s = 0.1
        while True:
            try:
                with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                    runner.run(self._serve())
            except Exception as error:
                self._clear_away()
                if not self._ready.is_set():
                    self._failure = error
                    self._ready.set()
                    return
                log.exception("the engine's event loop broke; it starts anew with fresh workers")
            if self._ledger.closed and not self._ledger.unfinished():
                return
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, 10.0)

    async def _serve(self) -> None:
        with self._lock:
            crew = Crew(self._ledger, self._pools, self._make_workplace())
            self._loop, self._crew = asyncio.get_running_loop(), crew
        try:
            await crew.open()
            self._ready.set()
            if not self._ledger.closed:
                await crew.work()
        except BaseException:
            await crew.abandon()
            raise
        finally:
            with self._lock:
                self._loop = None
        await crew.leave(self._grace_s)

    def _clear_away(self) -> None:
        """End the workers of a broken event loop; their tasks wait again or are lost."""
        crew, self._crew = self._crew, None
        for slot in crew.slots() if crew is not None else []:
            if slot.pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(slot.pid, signal.SIGKILL)
