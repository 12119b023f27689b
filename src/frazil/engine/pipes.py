"""Worker processes at the end of a socket pair: nothing between the engine and its workers."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import socket
import struct
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from frazil.engine.call import answer_call
from frazil.engine.local import LocalExecutor
from frazil.engine.worker import CannotLoadError, WorkerDiedError, explain_exit
from frazil.engine.worker_process import prepare_process

if TYPE_CHECKING:
    from collections.abc import Mapping
    from multiprocessing.context import SpawnProcess

    from frazil.engine.worker import Pool

_LENGTH = struct.Struct("!Q")
_LAST_BREATH_S = 0.5
_TERMINATED = 128 + signal.SIGTERM


def pipe_executor(pools: Mapping[str, Pool]) -> LocalExecutor:
    """Return an executor of worker processes that needs nothing but the standard library.

    ``ValueError`` where a pool has a memory limit: nobody would watch it.
    """
    if limited := [name for name, pool in pools.items() if pool.memory_limit_bytes is not None]:
        raise ValueError(f"pool {limited[0]}: workers at pipes can't have a memory limit")
    return LocalExecutor(pools, PipeWorkplace)


class PipeWorkplace:
    """Workers share nothing."""

    async def open(self) -> None:
        """Nothing to prepare."""

    def worker(self, name: str, pool: Pool, gpu: str) -> PipeWorker:
        """Make a worker that is not started yet."""
        return PipeWorker(name, pool, gpu)

    async def close(self) -> None:
        """Nothing to give up."""


class PipeWorker:
    """A worker process that reads calls from a socket and answers them in its main thread."""

    def __init__(self, name: str, pool: Pool, gpu: str) -> None:
        self._name, self._pool, self._gpu = name, pool, gpu
        self._process: SpawnProcess | None = None
        self._gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    @property
    def pid(self) -> int | None:
        """Its process."""
        process = self._process
        return None if process is None or self._gone.done() else process.pid

    async def start(self) -> None:
        """Start the process and wait for its first message, which says what went wrong."""
        ours, theirs = socket.socketpair()
        context = multiprocessing.get_context("spawn")
        arguments = (theirs, self._pool, self._gpu)
        process = context.Process(target=_serve, args=arguments, name=self._name, daemon=True)
        try:
            process.start()
        except OSError as error:
            ours.close()
            self._gone.set_result(f"could not be made: {error}")
            raise WorkerDiedError(self._gone.result()) from error
        finally:
            theirs.close()
        self._process = process
        asyncio.get_running_loop().add_reader(process.sentinel, self._ended)
        self._reader, self._writer = await asyncio.open_connection(sock=ours)
        trouble = (await self._receive()).decode()
        if trouble:
            raise CannotLoadError(f"can't load what it needs: {trouble}")

    async def run(self, call: bytes) -> bytes:
        """Send a call and wait for the answer."""
        if self._writer is None:
            raise WorkerDiedError("was not started")
        self._writer.write(_LENGTH.pack(len(call)) + call)
        return await self._receive()

    async def _receive(self) -> bytes:
        reading = asyncio.ensure_future(self._read())
        try:
            either: list[asyncio.Future[Any]] = [reading, self._gone]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                return reading.result()
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            # It closed its end, so that it is about to be gone, too.
            how = "closed its connection"
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_BREATH_S):
                    how = await self.gone()
            raise WorkerDiedError(how) from error
        finally:
            reading.cancel()
        raise WorkerDiedError(self._gone.result())

    async def _read(self) -> bytes:
        if self._reader is None:
            raise WorkerDiedError("was not started")
        (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
        return await self._reader.readexactly(length)

    async def gone(self) -> str:
        """Wait for the end of the process."""
        return await asyncio.shield(self._gone)

    async def end(self, grace_s: float) -> None:
        """Terminate, wait, kill."""
        if self._process is not None and not self._gone.done():
            if grace_s > 0:
                self._process.terminate()
                with suppress(TimeoutError):
                    async with asyncio.timeout(grace_s):
                        await self.gone()
            if not self._gone.done():
                self._process.kill()
            await self.gone()
        if self._writer is not None:
            self._writer.close()

    def _ended(self) -> None:
        """Say that the process is gone; the event loop calls it."""
        process = self._process
        if process is None or self._gone.done():
            return
        asyncio.get_running_loop().remove_reader(process.sentinel)
        process.join()
        self._gone.set_result(explain_exit(process.exitcode))


def _serve(channel: socket.socket, pool: Pool, gpu: str) -> None:
    """Work of a worker: answer one call after the other until the socket closes."""
    trouble = prepare_process(pool, gpu, leave=lambda: sys.exit(_TERMINATED))
    try:
        with channel, channel.makefile("rb") as calls, suppress(ConnectionError):
            _send(channel, trouble.encode())
            while len(head := calls.read(_LENGTH.size)) == _LENGTH.size:
                (length,) = _LENGTH.unpack(head)
                _send(channel, answer_call(calls.read(length)))
    except SystemExit:
        # The task has cleaned up; taking down the interpreter with all libraries may take too long.
        os._exit(_TERMINATED)


def _send(channel: socket.socket, message: bytes) -> None:
    channel.sendall(_LENGTH.pack(len(message)) + message)
