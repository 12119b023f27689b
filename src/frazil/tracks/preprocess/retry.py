"""What becomes of a failure, and when there are too many of them. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

RETRY_DELAYS_S = (30.0, 120.0, 600.0)
"""How long a movie that failed for a passing reason waits; the last one holds for all further tries."""
_LAST = 20


@dataclass(frozen=True)
class Verdict:
    """What becomes of a movie that failed: another try after ``wait_s``, or none."""

    attempts: int
    wait_s: float | None

    @property
    def final(self) -> bool:
        """Whether a person has to ask for the next try."""
        return self.wait_s is None


def judge_failure(attempts: int, *, passing: bool, max_attempts: int) -> Verdict:
    """Decide about a movie that failed again after ``attempts`` failures."""
    attempts += 1
    if not passing or attempts >= max_attempts:
        return Verdict(attempts, None)
    return Verdict(attempts, RETRY_DELAYS_S[min(attempts, len(RETRY_DELAYS_S)) - 1])


class FailureAlarm:
    """Watches how many of the last 20 movies failed.

    It goes off above the limit and is silent again below half of it, so that it does not flicker.
    """

    def __init__(self) -> None:
        self._last: deque[bool] = deque(maxlen=_LAST)
        self.on = False

    def add(self, *, failed: bool, limit_percent: float) -> bool:
        """Take in one result; whether the alarm changed."""
        self._last.append(failed)
        before = self.on
        limit = limit_percent * (0.5 if self.on else 1.0)
        # One failure of two movies is no alarm: the share is of 20, also before there are so many.
        self.on = 100.0 * sum(self._last) / _LAST > limit
        return self.on != before

    @property
    def message(self) -> str:
        """Say what is wrong."""
        return f"{sum(self._last)} of the last {len(self._last)} movies failed"
