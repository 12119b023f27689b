"""What every worker process does first, whoever started it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from multiprocessing import connection
from typing import TYPE_CHECKING

from frazil.engine.task import run_task

if TYPE_CHECKING:
    from collections.abc import Callable

    from frazil.engine.worker import Pool

# The libraries' own threads wait for each other after every small transform: a worker spreads whole frames,
# tiles and patches over its threads instead.
LIBRARY_THREADS = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "NUMBA_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    ),
    "1",
)


def worker_environment(pool: Pool, gpu: str) -> dict[str, str]:
    """Environment variables of a worker."""
    chosen = {**LIBRARY_THREADS, "FRAZIL_THREADS": str(pool.threads)}
    if gpu:
        chosen["CUDA_VISIBLE_DEVICES"] = gpu
    return chosen


def prepare_process(pool: Pool, gpu: str, leave: Callable[[], None]) -> str:
    """Make this process a worker; return why that failed, or nothing.

    Parameters
    ----------
    pool, gpu
        What kind of worker.
    leave
        Called in the main thread where somebody asks the process to end.
    """
    # A terminal sends Ctrl-C to everybody: the parent decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda _number, _frame: leave())
    threading.Thread(target=_end_with_parent, name="parent-watch", daemon=True).start()
    os.environ.update(worker_environment(pool, gpu))
    if pool.nice:
        os.nice(pool.nice)
    if pool.initialise is None:
        return ""
    return run_task("initialise", pool.initialise, ()).error


def _end_with_parent() -> None:
    """Leave no worker behind when the parent was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
