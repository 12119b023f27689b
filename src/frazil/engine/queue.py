"""Tasks that wait, the most urgent first."""

from __future__ import annotations

import heapq
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Place = tuple[tuple[float, ...], int]


class PriorityQueue:
    """Keys in order of priority (smaller first), equal ones in the order in which they came.

    Moving or dropping a key leaves its old place in the heap, to be skipped later: both cost no more
    than adding one.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[Place, str]] = []
        self._places: dict[str, Place] = {}
        self._number = count()
        self._number_before = count(-1, -1)

    def add(self, key: str, priority: tuple[float, ...] = (), *, in_front: bool = False) -> None:
        """Add a key; ``in_front`` puts it before all others of its priority."""
        if key in self._places:
            raise ValueError(f"{key} is in the queue already")
        self._put(key, (priority, next(self._number_before if in_front else self._number)))

    def move(self, key: str, priority: tuple[float, ...]) -> bool:
        """Change a key's priority; among equals it keeps its age. False where it is not in the queue."""
        place = self._places.get(key)
        if place is None:
            return False
        self._put(key, (priority, place[1]))
        return True

    def drop(self, key: str) -> bool:
        """Take a key out; False where it is not in the queue."""
        if self._places.pop(key, None) is None:
            return False
        self._tidy()
        return True

    def pop(self) -> str | None:
        """Take out the most urgent key; None where there is none."""
        while self._heap:
            place, key = heapq.heappop(self._heap)
            if self._places.get(key) == place:
                del self._places[key]
                return key
        return None

    def _put(self, key: str, place: Place) -> None:
        self._places[key] = place
        heapq.heappush(self._heap, (place, key))
        self._tidy()

    def _tidy(self) -> None:
        """Forget old places before they outnumber the keys."""
        if len(self._heap) > 2 * len(self._places) + 16:
            self._heap = [(place, key) for key, place in self._places.items()]
            heapq.heapify(self._heap)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def __iter__(self) -> Iterator[str]:
        """Iterate over the keys in no particular order."""
        return iter(self._places)
