"""What has just changed, for everybody who watches: numbered, bounded, told in few messages.

Nothing waits for a watcher. All changes stand in one ring; a watcher is only a position in it and takes what
it has not seen when it can. Changes that a later one makes stale are left out; who was away for longer than
the ring remembers is told to read everything anew.
"""

from __future__ import annotations

import secrets
import threading
from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

REMEMBERED = 4096
MOST_NAMES = 200
"""Of movies in one message; where more have changed, it only says so."""
_MANY: Mapping[str, Any] = {"names": [], "many": True}


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes
    ----------
    sequence
        Counts up from 1 since the server's start.
    session_id
        Whose; None: of the server.
    kind
        session, track, movies, strip, classes, settings, alerts, exports, server.
    data
        Small: what is new, or what to read anew.
    """

    sequence: int
    session_id: int | None
    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Delta:
    """What a watcher has missed; ``resync``: too much, read everything anew."""

    sequence: int
    changes: tuple[Change, ...] = ()
    resync: bool = False


class Feed:
    """All changes since the server's start. Safe to use from any thread.

    Parameters
    ----------
    remembered
        How many changes a watcher may be behind.
    """

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self.epoch = secrets.token_hex(8)
        """Differs from start to start: numbers of another one mean nothing."""
        self._ring: deque[Change] = deque(maxlen=remembered)
        self._sequence = 0
        self._rights = 0
        self._lock = threading.Lock()
        self._listeners: dict[object, Callable[[], None]] = {}

    @property
    def sequence(self) -> int:
        """Number of the newest change."""
        return self._sequence

    @property
    def rights(self) -> int:
        """Rises whenever rights may have changed."""
        return self._rights

    def publish(self, session_id: int | None, kind: str, data: Mapping[str, Any]) -> None:
        """Tell a change; never waits."""
        if kind == "movies" and len(data.get("names", ())) > MOST_NAMES:
            data = _MANY
        with self._lock:
            self._sequence += 1
            self._ring.append(Change(self._sequence, session_id, kind, data))
            listeners = list(self._listeners.values())
        for listener in listeners:
            listener()

    def rights_changed(self) -> None:
        """Tell that accounts, roles, links or groups of sessions changed: watchers are judged anew."""
        with self._lock:
            self._rights += 1
            listeners = list(self._listeners.values())
        for listener in listeners:
            listener()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Have ``listener`` called after each change, from any thread; it must return at once.

        Returns a function that ends it.
        """
        key = object()
        with self._lock:
            self._listeners[key] = listener

        def end() -> None:
            with self._lock:
                self._listeners.pop(key, None)

        return end

    def position(self, since: str | None) -> int | None:
        """Return the place to go on from for ``epoch:sequence``; None where only a new reading helps.

        Without ``since`` it is the present.
        """
        if since is None:
            return self._sequence
        epoch, _, number = since.partition(":")
        if epoch != self.epoch or not number.isascii() or not number.isdigit() or len(number) > 15:
            return None
        return int(number) if int(number) <= self._sequence else None

    def take(self, position: int, wanted: Callable[[Change], bool]) -> Delta:
        """Return what came after ``position``, without what is stale.

        Parameters
        ----------
        position
            The last `Delta.sequence`.
        wanted
            Which changes a watcher wants and may see.
        """
        with self._lock:
            newest = self._sequence
            missed = newest - position
            if missed > len(self._ring):
                return Delta(newest, resync=True)
            new = list(islice(reversed(self._ring), missed))
        return Delta(newest, _fresh([change for change in reversed(new) if wanted(change)]))


def _fresh(changes: list[Change]) -> tuple[Change, ...]:
    """Only the last of those that replace each other; names of movies are collected."""
    last: dict[tuple[object, ...], Change] = {}
    for change in changes:
        key = (change.session_id, change.kind, change.data.get("track"))
        before = last.pop(key, None)
        last[key] = change if before is None or change.kind != "movies" else _together(before, change)
    return tuple(last.values())


def _together(first: Change, second: Change) -> Change:
    names = dict.fromkeys((*first.data.get("names", ()), *second.data.get("names", ())))
    many = bool(first.data.get("many") or second.data.get("many") or len(names) > MOST_NAMES)
    data = _MANY if many else {"names": list(names)}
    return Change(second.sequence, second.session_id, second.kind, data)
