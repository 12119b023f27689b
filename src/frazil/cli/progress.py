"""How ``frazil process`` shows what it does: a progress bar on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Self

import typer

from frazil.model.words import plural

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from frazil.app.process_request import ProcessResult

_SHOWN_FAILURES = 20


def reporter() -> PlainReporter:
    """Return the reporter that suits the terminal."""
    return BarReporter() if sys.stderr.isatty() else PlainReporter()


class PlainReporter:
    """One line for each movie."""

    def __init__(self) -> None:
        self._movies = self._finished = 0
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def message(self, text: str) -> None:
        """Show something a person should know."""
        self._show(text)

    def problem(self, text: str) -> None:
        """Show what went wrong."""
        self._show(f"problem: {text}")

    def begin(self, movies: int, already_done: int) -> None:
        """Work begins."""
        self._movies, self._finished, self._began = movies, 0, time.monotonic()
        done = f", {plural(already_done, 'is', 'are')} done already" if already_done else ""
        self._show(f"{plural(movies, 'movie')} to process{done}")

    def movie(self, name: str, summary: str, *, failed: bool) -> None:
        """One movie is finished."""
        self._finished += 1
        self._show(f"[{self._finished}/{self._movies}] {name}: {'FAILED: ' if failed else ''}{summary}")
        if self._finished < self._movies and (self._finished % 10 == 0 or self._finished == 1):
            self._show(f"    {self._rate():.0f} movies per hour, {_duration(self._left_s())} left")

    def end(self) -> None:
        """All movies are finished."""

    def summary(self, result: ProcessResult) -> None:
        """Show the last words."""
        self._show(f"{plural(len(result.done), 'movie')} done, {len(result.failed):,} failed")
        alike: dict[str, list[str]] = {}
        for name, reason in result.failed.items():
            alike.setdefault(reason, []).append(name)
        for reason, (first, *others) in list(alike.items())[:_SHOWN_FAILURES]:
            more = f" and {plural(len(others), 'other')}" if others else ""
            self._show(f"  {first}{more}: {reason}")
        if left := sum(map(len, list(alike.values())[_SHOWN_FAILURES:])):
            self._show(f"  … and {left:,} more; see logs/preprocess.jsonl")

    def _rate(self) -> float:
        return 3600.0 * self._finished / max(time.monotonic() - self._began, 1e-3)

    def _left_s(self) -> float:
        return (self._movies - self._finished) * 3600.0 / max(self._rate(), 1e-9)

    def _show(self, text: str) -> None:
        typer.echo(text, err=True)


class BarReporter(PlainReporter):
    """A progress bar with rate and time left."""

    def __init__(self) -> None:
        super().__init__()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def begin(self, movies: int, already_done: int) -> None:
        """Work begins."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        super().begin(movies, already_done)
        if not movies:
            return
        self._bar = Progress(
            TextColumn("movies"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task("movies", total=movies, rate="")
        self._bar.start()

    def movie(self, name: str, summary: str, *, failed: bool) -> None:
        """One movie is finished."""
        super().movie(name, summary, failed=failed)
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self._finished, rate=f"{self._rate():.0f}/h")

    def end(self) -> None:
        """All movies are finished."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _show(self, text: str) -> None:
        if self._bar is None:
            super()._show(text)
        else:
            self._bar.console.print(text, markup=False, highlight=False)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
