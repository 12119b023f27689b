"""What a worker process may use of its machine."""

from __future__ import annotations

import os


def worker_threads() -> int:
    """Threads of this process, the number that its executor set for every library."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdigit() and int(given) > 0 else (os.cpu_count() or 1)
