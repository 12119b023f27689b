"""Which movies are next. Pure: candidates in, their order out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Order = Literal["newest", "oldest", "alternate"]

TEST_OR_RETRY, NEW, REDO = 1, 2, 3
"""Priorities: the smaller goes first."""


@dataclass(frozen=True)
class Candidate:
    """A movie that waits to be processed; ``number`` counts up with the time it was found."""

    number: int
    priority: int


def next_movies(candidates: Iterable[Candidate], order: Order, room: int, turn: int = 0) -> list[Candidate]:
    """Return the movies to take, at most ``room``, the most urgent first.

    New ones go in the order that is wished for; with ``alternate`` the newest and the oldest take turns, and
    an even ``turn`` (how many were taken so far) begins with the newest. Others go newest first.
    """
    waiting = sorted(set(candidates), key=lambda movie: (movie.priority, -movie.number))
    chosen: list[Candidate] = []
    for priority in dict.fromkeys(movie.priority for movie in waiting):
        group = [movie for movie in waiting if movie.priority == priority]
        if priority == NEW:
            group = _ordered(group, order, turn)
        chosen += group[: room - len(chosen)]
        if len(chosen) >= room:
            break
    return chosen


def _ordered(newest_first: list[Candidate], order: Order, turn: int) -> list[Candidate]:
    if order == "newest":
        return newest_first
    if order == "oldest":
        return newest_first[::-1]
    result, rest = [], list(newest_first)
    while rest:
        result.append(rest.pop(0 if turn % 2 == 0 else -1))
        turn += 1
    return result
