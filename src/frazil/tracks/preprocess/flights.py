"""Movies that the engine has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from frazil.engine.executor import Executor, Outcome


@dataclass
class Flight:
    """A movie that was given to the engine; ``began`` says that a worker has it."""

    number: int
    name: str
    key: str
    revision: int
    began: bool = False


@dataclass(frozen=True)
class Began:
    """Message of the engine: a worker has begun with a task."""

    key: str


class Flights:
    """Keeps them by the key of their task."""

    def __init__(self) -> None:
        self._by_key: dict[str, Flight] = {}

    def __len__(self) -> int:
        return len(self._by_key)

    def __contains__(self, number: int) -> bool:
        return number in self.numbers

    @property
    def numbers(self) -> set[int]:
        """Numbers of the movies."""
        return {flight.number for flight in self._by_key.values()}

    @property
    def working(self) -> list[str]:
        """Names of those that a worker has."""
        # Asked for by other threads, too.
        return [flight.name for flight in list(self._by_key.values()) if flight.began]

    @property
    def waiting(self) -> int:
        """How many no worker has begun."""
        return sum(not flight.began for flight in self._by_key.values())

    def add(self, flight: Flight) -> None:
        """Note what is given to the engine."""
        self._by_key[flight.key] = flight

    def note(self, message: Began) -> None:
        """Note that a worker has begun."""
        if message.key in self._by_key:
            self._by_key[message.key].began = True

    def landed(self, outcome: Outcome) -> Flight | None:
        """Return the movie an outcome belongs to, no longer in flight; None for a stranger's."""
        return self._by_key.pop(outcome.key, None)

    def give_back(self, executor: Executor, which: Callable[[Flight], bool]) -> None:
        """Cancel tasks; their outcomes say when they are gone."""
        for flight in [flight for flight in self._by_key.values() if which(flight)]:
            executor.cancel(flight.key)
