"""What a worker process may use of its machine."""

from __future__ import annotations

import os


def worker_threads() -> int:
    """Threads of this process, as its executor set them; without an executor, all cores."""
    given = os.environ.get("FRAZIL_THREADS", "")
    return int(given) if given.isdigit() and int(given) > 0 else (os.cpu_count() or 1)
