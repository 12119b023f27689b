"""What ``frazil process`` is asked, what it tells on the way, and how it went."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from frazil.model.settings import Settings


class Reporter(Protocol):
    """Who is told how it goes."""

    def message(self, text: str) -> None:
        """Something a person should know."""

    def problem(self, text: str) -> None:
        """Something went wrong; the rest goes on."""

    def begin(self, movies: int, already_done: int) -> None:
        """Work on ``movies`` begins."""

    def movie(self, name: str, summary: str, *, failed: bool) -> None:
        """One movie is finished."""

    def end(self) -> None:
        """All movies are finished."""


@dataclass(frozen=True)
class ProcessRequest:
    """What to process, where to, and with what."""

    patterns: Sequence[str]
    session: Path
    settings: Settings
    device: str = "auto"
    workers: int | None = None
    threads: int | None = None
    classify: bool = True


@dataclass
class ProcessResult:
    """How it went: movies by name, and problems that concern the whole session."""

    done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def exit_status(self) -> int:
        """0: all is well; 1: something failed, the rest was processed."""
        return 1 if self.failed or self.problems else 0
