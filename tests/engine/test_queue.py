"""Whatever is done to the queue, it hands out its keys by priority and then by age."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from frazil.engine.queue import PriorityQueue

KEYS = st.sampled_from([f"movie-{number}" for number in range(8)])
PRIORITIES = st.lists(st.sampled_from([-1.0, 0.0, 2.5]), max_size=2).map(tuple)


class QueueMachine(RuleBasedStateMachine):
    """The queue beside a plain list that is searched from end to end."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = PriorityQueue()
        self.entries: list[tuple[tuple[float, ...], str]] = []  # oldest first

    def _find(self, key: str) -> tuple[tuple[float, ...], str] | None:
        return next((entry for entry in self.entries if entry[1] == key), None)

    @rule(key=KEYS, priority=PRIORITIES, in_front=st.booleans())
    def add(self, key: str, priority: tuple[float, ...], in_front: bool) -> None:
        if self._find(key):
            with pytest.raises(ValueError, match=key):
                self.queue.add(key, priority)
            return
        self.queue.add(key, priority, in_front=in_front)
        self.entries.insert(0 if in_front else len(self.entries), (priority, key))

    @rule(key=KEYS, priority=PRIORITIES)
    def move(self, key: str, priority: tuple[float, ...]) -> None:
        entry = self._find(key)
        assert self.queue.move(key, priority) == (entry is not None)
        if entry:
            self.entries[self.entries.index(entry)] = (priority, key)

    @rule(key=KEYS)
    def drop(self, key: str) -> None:
        entry = self._find(key)
        assert self.queue.drop(key) == (entry is not None)
        if entry:
            self.entries.remove(entry)

    @rule()
    def pop(self) -> None:
        if not self.entries:
            assert self.queue.pop() is None
            return
        expected = min(self.entries, key=lambda entry: entry[0])  # of equal ones the first, so the oldest
        assert self.queue.pop() == expected[1]
        self.entries.remove(expected)

    @precondition(lambda self: len(self.entries) > 0)
    @rule(times=st.integers(1, 60))
    def move_often(self, times: int) -> None:
        """Old places are forgotten without losing the present ones."""
        for number in range(times):
            self.move(self.entries[0][1], (float(number % 3),))

    @invariant()
    def holds_the_same_keys(self) -> None:
        assert len(self.queue) == len(self.entries)
        assert set(self.queue) == {key for _, key in self.entries}


TestQueue = QueueMachine.TestCase
