"""What any place that runs tasks can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Outcome:
    """How a task ended.

    Attributes
    ----------
    key
        What the task was called when it was submitted.
    value
        What its function returned; None where it failed.
    error
        Why it failed, for a person; empty where it did not.
    trace
        Where the error was raised, for the log.
    attempts
        How often it was begun.
    input_error
        It failed for a lasting reason that the message names (an `InputError`), not by accident.
    """

    key: str
    value: Any = None
    error: str = ""
    trace: str = ""
    attempts: int = 1
    input_error: bool = False


class Executor(Protocol):
    """Runs tasks. Submit as many as there are, then wait for one outcome after the other."""

    def submit(self, key: str, function: Callable[..., Any], *arguments: Any) -> None:
        """Queue ``function(*arguments)``; both must be picklable."""

    def wait(self, timeout_s: float | None = None) -> Outcome | None:
        """Return the next outcome in order of completion; None after ``timeout_s`` or if nothing is left."""

    @property
    def unfinished(self) -> int:
        """Tasks that have no outcome yet."""

    def close(self) -> None:
        """Stop at once; what is unfinished is dropped."""
