"""Work that reads people's disks, kept apart: a share that hangs must not take the server along."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, TypeVar

import anyio
from anyio import to_thread

from frazil.model.errors import PassingError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_THREADS = 16
_LONGEST_S = 15.0


class SlowDisk:
    """Threads of its own, and an end to patience.

    A thread that waits for a disk can't be stopped. It is left behind and its place stays taken until the
    disk answers, so that there are never more than ``threads`` of them; all others go on.
    """

    def __init__(self, threads: int = _THREADS, longest_s: float = _LONGEST_S) -> None:
        self._places = asyncio.Semaphore(threads)
        self._longest_s = longest_s
        # Places are counted here, not by anyio, which gives them back when one stops waiting.
        self._unlimited = anyio.CapacityLimiter(math.inf)

    async def run(self, work: Callable[[], T]) -> T:
        """Do some work in a thread; `PassingError` where it takes too long."""
        loop = asyncio.get_running_loop()

        def do() -> T:
            try:
                return work()
            finally:
                loop.call_soon_threadsafe(self._places.release)

        try:
            async with asyncio.timeout(self._longest_s):
                await self._places.acquire()
                return await to_thread.run_sync(do, abandon_on_cancel=True, limiter=self._unlimited)
        except TimeoutError:
            raise PassingError("the disk does not answer; is the share there?") from None
