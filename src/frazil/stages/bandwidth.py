"""A limit on bytes per second that parallel streams share."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_BURST_S = 0.1


class Bandwidth:
    """Tells streams how long to wait so that together they stay below a limit. Safe from any thread.

    Parameters
    ----------
    limit_mb_s
        In MB (10⁶ bytes) per second; 0: none.
    clock
        Seconds of a clock that never goes back.
    """

    def __init__(self, limit_mb_s: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._free_at = clock()
        self._rate = 0.0
        self.set_limit(limit_mb_s)

    def set_limit(self, limit_mb_s: float) -> None:
        """Change the limit; counts from the next piece on."""
        with self._lock:
            self._rate = limit_mb_s * 1e6

    @property
    def largest_piece(self) -> int:
        """Bytes that take no longer than a burst, so that streams take turns and can be stopped soon."""
        return max(1 << 12, int(self._rate * _BURST_S)) if self._rate else 1 << 30

    def reserve(self, count: int) -> float:
        """Book ``count`` bytes; returns seconds to wait before they may be moved."""
        with self._lock:
            if not self._rate:
                return 0.0
            now = self._clock()
            begin = max(self._free_at, now - _BURST_S)
            self._free_at = begin + count / self._rate
            return max(0.0, begin - now)

    def wait(self, count: int, cancelled: threading.Event) -> bool:
        """Wait until ``count`` bytes may be moved; False where it was cancelled meanwhile."""
        pause = self.reserve(count)
        return not cancelled.wait(pause) if pause else not cancelled.is_set()
