"""Workers that Dask looks after: a scheduler and one nanny for each worker, all in the engine's thread."""

from __future__ import annotations

import asyncio
import os
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import dask
from distributed import rpc

from frazil.engine.dask_comm import SCHEME, address_host
from frazil.engine.dask_process import CONFIG, CallWorker, OneWorkerNanny, QuietScheduler, keep_to_own_log
from frazil.engine.local import LocalExecutor
from frazil.engine.own_folder import own_folder
from frazil.engine.worker import CannotLoadError, WorkerDiedError, explain_exit
from frazil.engine.worker_process import LIBRARY_THREADS, worker_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from frazil.engine.worker import Pool

_LAST_BREATH_S = 0.5
_LOOK_S = 0.05


def dask_executor(pools: Mapping[str, Pool]) -> LocalExecutor:
    """Return an executor whose workers are Dask's."""
    return LocalExecutor(pools, DaskWorkplace)


class DaskWorkplace:
    """A scheduler for workers of this machine, in a temporary folder of its own."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._scheduler: QuietScheduler | None = None
        self._host = ""
        self._folder = ""

    async def open(self) -> None:
        """Start the scheduler."""
        keep_to_own_log()
        folder = self._stack.enter_context(own_folder())
        self._stack.enter_context(dask.config.set(CONFIG))
        self._stack.enter_context(_library_threads())
        self._host, self._folder = address_host(folder), str(folder)
        self._scheduler = QuietScheduler(protocol=SCHEME, host=self._host, dashboard=False)
        await self._scheduler

    def worker(self, name: str, pool: Pool, gpu: str) -> DaskWorker:
        """Make a worker that is not started yet."""
        if self._scheduler is None:
            raise RuntimeError("the workplace is not open")
        place = {"host": self._host, "protocol": SCHEME, "local_directory": self._folder}
        return DaskWorker(self._scheduler.address, name, pool, gpu, place)

    async def close(self) -> None:
        """Stop the scheduler, remove the folder."""
        if self._scheduler is not None:
            await self._scheduler.close()
        self._stack.close()


class DaskWorker:
    """A worker process of Dask and its nanny."""

    def __init__(self, scheduler: str, name: str, pool: Pool, gpu: str, place: dict[str, str]) -> None:
        self._scheduler, self._name, self._pool, self._gpu, self._place = scheduler, name, pool, gpu, place
        self._nanny: OneWorkerNanny | None = None
        self._rpc: Any = None
        self._starting: asyncio.Future[Any] | None = None

    @property
    def pid(self) -> int | None:
        """Its process."""
        nanny = self._nanny
        return None if nanny is None or nanny.worker_gone.done() else nanny.pid

    async def start(self) -> None:
        """Start the nanny and wait for her worker."""
        self._nanny = OneWorkerNanny(
            self._scheduler,
            name=self._name,
            nthreads=1,
            memory_limit=self._pool.memory_limit_bytes or 0,
            env=worker_environment(self._pool, self._gpu),
            worker_class=CallWorker,
            pool=self._pool,
            gpu=self._gpu,
            **self._place,
        )
        self._starting = asyncio.ensure_future(self._nanny.start())
        await asyncio.wait([self._starting])
        error = self._starting.exception()
        if error is not None:
            first = _first_cause(error)
            if isinstance(first, CannotLoadError):
                raise first
            died = self._nanny.worker_gone.done()
            raise WorkerDiedError(
                await self.gone() if died else f"could not be started: {first!r}"
            ) from error
        self._rpc = rpc(self._nanny.worker_address)

    async def run(self, call: bytes) -> bytes:
        """Send a call straight to the worker and wait for the answer."""
        if self._nanny is None or self._rpc is None:
            raise WorkerDiedError("was not started")
        request = asyncio.ensure_future(self._rpc.answer_call(call=call))
        try:
            await asyncio.wait([request, self._nanny.worker_gone], return_when=asyncio.FIRST_COMPLETED)
            if request.done():
                answer: bytes = request.result()
                return answer
        except Exception as error:
            # Mostly its connection is closed, so that it is about to be gone.
            how = f"gave no answer ({error})"
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_BREATH_S):
                    how = await self.gone()
            raise WorkerDiedError(how) from error
        finally:
            request.cancel()
        raise WorkerDiedError(await self.gone())

    async def gone(self) -> str:
        """Wait for the end of the process."""
        if self._nanny is None:
            return "was not started"
        return explain_exit(await asyncio.shield(self._nanny.worker_gone))

    async def end(self, grace_s: float) -> None:
        """Terminate, wait, kill; dismiss the nanny."""
        nanny = self._nanny
        if nanny is None:
            return
        while self._starting is not None and not self._starting.done():
            nanny.signal_worker(kill=True)
            await asyncio.wait([self._starting], timeout=_LOOK_S)
        if self.pid is not None:
            nanny.signal_worker(kill=grace_s <= 0)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(grace_s, _LOOK_S)):
                    await self.gone()
            nanny.signal_worker(kill=True)
            await self.gone()
        if self._rpc is not None:
            await self._rpc.close_rpc()
        await nanny.close()


def _first_cause(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


@contextmanager
def _library_threads() -> Iterator[None]:
    """Let the libraries of new workers have one thread.

    Dask imports numpy in a worker before it sets the worker's environment, and numpy looks only then: it
    has to be in the environment that workers inherit.
    """
    before = {name: os.environ.get(name) for name in LIBRARY_THREADS}
    os.environ.update(LIBRARY_THREADS)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
