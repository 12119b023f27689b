"""What a worker process may use of its machine, and what it is called."""

from __future__ import annotations

import contextlib
import os
import platform
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_THREADS = "FRAZIL_THREADS"


def worker_threads() -> int:
    """Threads of this process, as its executor set them; without an executor, all cores."""
    given = os.environ.get(_THREADS, "")
    return int(given) if given.isdigit() and int(given) > 0 else (os.cpu_count() or 1)


@contextlib.contextmanager
def at_most_threads(threads: int | None) -> Iterator[None]:
    """Use no more threads than these for a while: a worker works on one task at a time."""
    before = os.environ.get(_THREADS)
    if threads is None or threads >= worker_threads():
        yield
        return
    os.environ[_THREADS] = str(threads)
    try:
        yield
    finally:
        if before is None:
            del os.environ[_THREADS]
        else:
            os.environ[_THREADS] = before


def worker_name() -> str:
    """Name of this process for records: machine and process number."""
    return f"{platform.node()}:{os.getpid()}"
