"""What runs in a worker process of Dask, and the nanny that looks after it."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import threading
from typing import TYPE_CHECKING, Any

from distributed import Nanny, Scheduler, Worker

from frazil.engine import dask_comm
from frazil.engine.call import answer_call
from frazil.engine.worker import CannotLoadError
from frazil.engine.worker_process import prepare_process

if TYPE_CHECKING:
    from frazil.engine.worker import Pool

log = logging.getLogger(__name__)

dask_comm.register()

CONFIG = {
    # What Dask does besides is of no use here and costs a few per cent of a core.
    "distributed.admin.tick.interval": "5s",
    "distributed.admin.tick.limit": "1h",
    "distributed.admin.tick.cycle": "10s",
    "distributed.admin.system-monitor.interval": "30s",
    "distributed.admin.system-monitor.disk": False,
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.diagnostics.nvml": False,
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.profile.enabled": False,
    "distributed.worker.use-file-locking": False,
    # A task may keep a worker from answering for long.
    "distributed.scheduler.worker-ttl": None,
}
_DASK_LOGGERS = (
    "distributed",
    "distributed.client",
    "distributed.gc",
    "bokeh",
    "tornado",
    "tornado.application",
)


class QuietScheduler(Scheduler):  # type: ignore[misc]
    """A scheduler without web pages: it only knows the workers."""

    def start_http_server(self, *_arguments: Any, **_options: Any) -> None:
        """Start none."""


class CallWorker(Worker):  # type: ignore[misc]
    """A Dask worker that answers our calls, one at a time, in its own thread."""

    def __init__(self, *arguments: Any, pool: Pool, gpu: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._pool, self._gpu = pool, gpu
        self._task_thread: int | None = None
        self.handlers["answer_call"] = self.answer_call

    def start_http_server(self, *_arguments: Any, **_options: Any) -> None:
        """Start none."""

    async def start_unsafe(self) -> CallWorker:
        """Load what the tasks need, then join the scheduler."""
        keep_to_own_log()
        trouble = prepare_process(self._pool, self._gpu, self._leave)
        if trouble:
            raise CannotLoadError(f"can't load what it needs: {trouble}")
        await super().start_unsafe()
        return self

    async def answer_call(self, call: bytes) -> bytes:
        """Run a packed call in the thread for tasks."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.executors["default"], self._answer, call)

    def _answer(self, call: bytes) -> bytes:
        self._task_thread = threading.get_ident()
        try:
            return answer_call(call)
        except SystemExit:
            os._exit(143)
        finally:
            self._task_thread = None

    def _leave(self) -> None:
        """End at once, or when the task has cleaned up."""
        if self._task_thread is None:
            os._exit(143)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(self._task_thread), ctypes.py_object(SystemExit)
        )


class OneWorkerNanny(Nanny):  # type: ignore[misc]
    """A nanny whose worker is not replaced when it is gone: the engine decides that.

    Dask has no public way to learn how a worker process ended, nor to kill one: this class is the only
    place that reaches for both.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.pre_spawn_env: dict[str, str] = {}
        self.worker_gone: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def _on_worker_exit_sync(self, exitcode: int) -> None:
        if not self.worker_gone.done():
            self.worker_gone.set_result(exitcode)

    def signal_worker(self, *, kill: bool) -> None:
        """Ask the worker process to end, or kill it."""
        process = None if self.process is None else self.process.process
        if process is not None:
            _ = process.kill() if kill else process.terminate()


def keep_to_own_log() -> None:
    """Undo what importing Dask did to logging; its messages are details, for who wants to see them."""
    for name in _DASK_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.NOTSET)
    logging.getLogger("distributed").addHandler(_Details())
    logging.getLogger("distributed").propagate = False


class _Details(logging.Handler):
    """Hands what Dask says to our own logger as details."""

    def emit(self, record: logging.LogRecord) -> None:
        log.debug("%s: %s", record.name, record.getMessage())
