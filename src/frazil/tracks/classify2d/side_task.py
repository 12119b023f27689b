"""Work with files that a worker does beside the classification, one task at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frazil.engine.executor import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from frazil.engine.executor import Outcome
    from frazil.tracks.context import TrackContext


class SideTask:
    """A place for one task.

    Parameters
    ----------
    context
        Its executor, and where the outcome is posted.
    name
        Of the task, within the session.
    priority
        Smaller is sooner.
    """

    def __init__(self, context: TrackContext, name: str, priority: float) -> None:
        self._context, self._priority = context, priority
        self._key = f"{context.uuid}/{name}"
        self.busy = False

    def begin(self, function: Callable[[Any], Any], work: Any) -> None:
        """Give a worker something to do; nothing may be under way."""
        self.busy = True
        context = self._context
        context.executor.submit(
            Task(self._key, function, (work,), pool="files", priority=(self._priority,), done=context.post)
        )

    def ends_with(self, outcome: Outcome) -> bool:
        """Whether this is its outcome; then nothing is under way any more."""
        if outcome.key != self._key:
            return False
        self.busy = False
        return True

    def cancel(self) -> None:
        """Throw what is under way away; its outcome says so."""
        self._context.executor.cancel(self._key)
