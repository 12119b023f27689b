"""Threads and memory of an export."""

from __future__ import annotations

import resource
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from frazil.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
R = TypeVar("R")
_AHEAD = 4
"""Results of each thread that may wait for their turn."""


def in_order(work: Callable[[T], R], items: Iterable[T], threads: int) -> Iterator[R]:
    """Give what ``work`` makes of each item, in the order of the items; after an error none is begun."""
    if threads <= 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[R]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= _AHEAD * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


@contextmanager
def memory_limit(memory_gb: float | None) -> Iterator[None]:
    """Let this process take no more memory than that meanwhile; None: as much as there is.

    Raises `InputError` where that was not enough.
    """
    if memory_gb is None:
        yield
        return
    before, most = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = int(memory_gb * 1e9)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if most < 0 else min(wanted, most), most))
    try:
        yield
    except MemoryError as error:
        raise InputError(
            f"the export needs more memory than the {memory_gb:g} GB that it may take: allow more, or export "
            "fewer micrographs at a time"
        ) from error
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, most))
