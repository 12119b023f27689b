"""What a worker process may use of its machine, and what it is called."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_THREADS = "FRAZIL_THREADS"
# Parameters of glibc's mallopt (trim threshold, top pad, mmap threshold) and their values in bytes.
_KEPT = {-1: 256 << 20, -2: 16 << 20, -3: 32 << 20}
_KEPT_LARGE = {-1: (2 << 30) - 1, -2: 64 << 20, -3: 1 << 30}


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


def reuse_memory() -> None:
    """Keep some freed memory in the process instead of handing it back to the system at once.

    Code that makes and drops arrays of some megabytes all the time else pays for each page again: a tenth of
    the time of a classification. Where the C library isn't glibc nothing happens.
    """
    _adjust_allocator(_KEPT)


@contextlib.contextmanager
def large_arrays_reused() -> Iterator[None]:
    """Keep all freed memory in the process for a while, arrays as large as a whole frame included.

    Hand it back at the end. The system clears each page that it gives: a third of its work for a large movie
    went into pages that had been given back a moment before. Where the C library isn't glibc nothing happens.
    """
    _adjust_allocator(_KEPT_LARGE)
    try:
        yield
    finally:
        _adjust_allocator(_KEPT)
        give_back_memory()


def give_back_memory(beyond_bytes: float = 0.0) -> None:
    """Hand freed memory back to the system now, if the process has more than this.

    To get it again takes some tenths of a second. Where the C library isn't glibc nothing happens.
    """
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if give_back is not None and _resident_bytes() >= beyond_bytes:
        give_back(ctypes.c_size_t(0))


def _resident_bytes() -> int:
    """Memory of this process, 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGESIZE")


def _adjust_allocator(values: Mapping[int, int]) -> None:
    adjust = getattr(ctypes.CDLL(None), "mallopt", None)
    if adjust is not None:
        for parameter, value in values.items():
            adjust(ctypes.c_int(parameter), ctypes.c_int(value))


def worker_name() -> str:
    """Name of this process for records: machine and process number."""
    return f"{platform.node()}:{os.getpid()}"
