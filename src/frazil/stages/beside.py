"""Files and pictures are written on a thread of their own, while the next stage computes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from frazil.model.settings import Stage


class Beside:
    """Work of several stages on one other thread, in order of submission."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._jobs: list[tuple[Stage, Future[Any]]] = []

    def do(self, stage: Stage, work: Callable[..., object], *arguments: Any) -> None:
        """Queue work of a stage; what goes wrong with it comes out of `finish`."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="beside")
        self._jobs.append((stage, self._pool.submit(work, *arguments)))

    @property
    def idle(self) -> bool:
        """Whether all that was queued has been done, without an error."""
        return all(job.done() and job.exception() is None for _, job in self._jobs)

    @property
    def failed(self) -> bool:
        """Whether something went wrong already."""
        return any(job.done() and job.exception() is not None for _, job in self._jobs)

    def finish(self) -> tuple[Stage, BaseException] | None:
        """Wait until all is done; return the first stage in which something went wrong, and what."""
        jobs, self._jobs = self._jobs, []
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        errors = ((stage, job.exception()) for stage, job in jobs)
        return next(((stage, error) for stage, error in errors if error is not None), None)
