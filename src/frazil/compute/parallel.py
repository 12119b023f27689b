"""Loops on several threads, for work that releases the GIL."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
R = TypeVar("R")
_AHEAD = 3
"""Results of each thread that may wait for their turn."""
_MOST_THREADS = max(4, os.cpu_count() or 1)


@lru_cache(maxsize=1)
def _helpers() -> ThreadPoolExecutor:
    """Threads that stay: to begin one takes longer than many a loop. They begin when they are needed."""
    return ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="loop")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_helpers.cache_clear)


def for_each(work: Callable[[T], object], items: Iterable[T], threads: int) -> None:
    """Call ``work`` with every item, on so many threads, the caller's among them.

    After an error no other item is begun, and the error comes out.
    """
    queue = deque(items)

    def go_on() -> None:
        while queue:
            try:
                item = queue.popleft()
            except IndexError:
                return
            try:
                work(item)
            except BaseException:
                queue.clear()
                raise

    others = min(threads, len(queue)) - 1
    if others <= 0:
        go_on()
        return
    pool = _helpers()
    running = [pool.submit(go_on) for _ in range(others)]
    try:
        go_on()
    finally:
        # Who has not begun finds nothing to do any more: loops inside of loops never wait for a free thread.
        running = [each for each in running if not each.cancel()]
        wait(running)
    for each in running:
        each.result()


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
def single_threaded_torch() -> Iterator[None]:
    """Keep torch's own threads out of many small transforms.

    They wait for each other at the end of each: on two busy cores 2,300 transforms of a patch took 11 s
    with two threads and 0.6 s with one.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
