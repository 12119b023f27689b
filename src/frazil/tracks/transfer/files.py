"""What is known about a file in the watched folder, and the queue of those that may be delivered."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from frazil.tracks.transfer.patterns import Kind

FileState = Literal["settling", "waiting", "transferring", "done", "failed", "changed", "forgotten"]
ProcessingOrder = Literal["newest", "oldest", "alternate"]


class FileForm(NamedTuple):
    """Size (bytes) and time of a file: while they stay, nobody writes to it."""

    size: int
    mtime_ns: int


@dataclass(slots=True)
class File:
    """One file; times are seconds of a clock that never goes back.

    Attributes
    ----------
    path, kind, form
        Relative to the watched folder; what it is; how it looked last.
    movie
        Of an extra file: the path of its movie.
    state, reason
        Where it is on its way, and why, for a person.
    attempts
        Tries that failed for a passing reason.
    form_since, seen_at
        When it was first and last seen in this form; ``seen_at`` None: only known from the ledger.
    next_try_at
        No try before then.
    delivered, delivered_at
        In which form it was delivered, and when.
    is_there
        Whether the last look found it.
    side_file
        Of a movie: its side file was seen.
    replaces
        The user wants an older version replaced.
    to_be_removed
        It was moved, so what is still at the source has to go.
    """

    path: str
    kind: Kind
    form: FileForm
    movie: str = ""
    state: FileState = "settling"
    reason: str = ""
    attempts: int = 0
    form_since: float = 0.0
    seen_at: float | None = None
    next_try_at: float | None = None
    delivered: FileForm | None = None
    delivered_at: float | None = None
    is_there: bool = True
    side_file: bool = False
    replaces: bool = False
    to_be_removed: bool = False


class Waiting:
    """Paths in the order in which they are to be delivered, by the microscope's time."""

    def __init__(self) -> None:
        self._keys: list[tuple[int, str]] = []
        self._oldest_next = False

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, file: File) -> None:
        """Put a file in."""
        insort(self._keys, (file.form.mtime_ns, file.path))

    def discard(self, file: File) -> None:
        """Take a file out; nothing happens if it is not in."""
        key = (file.form.mtime_ns, file.path)
        place = bisect_left(self._keys, key)
        if place < len(self._keys) and self._keys[place] == key:
            del self._keys[place]

    def pop(self, order: ProcessingOrder) -> str:
        """Take out the next one."""
        oldest = order == "oldest" or (order == "alternate" and self._oldest_next)
        self._oldest_next = not self._oldest_next
        return self._keys.pop(0 if oldest else -1)[1]


@dataclass
class FrameCounts:
    """How many frames movies of this session have, to notice one that is cut short.

    A count below the usual one is accepted once three movies that nobody writes to have it: then the
    microscope was set to fewer frames.
    """

    _recent: deque[int] = field(default_factory=lambda: deque(maxlen=50))
    _short: dict[int, set[str]] = field(default_factory=dict)

    def delivered(self, frames: int) -> None:
        """Count a movie that was delivered."""
        self._recent.append(frames)

    def short(self, path: str, frames: int) -> None:
        """Count a movie that was held because it has fewer frames than usual."""
        self._short.setdefault(frames, set()).add(path)

    @property
    def usual(self) -> int:
        """Frames of most of the last movies; 0 where there is none."""
        return Counter(self._recent).most_common(1)[0][0] if self._recent else 0

    @property
    def accepted(self) -> frozenset[int]:
        """Counts that are taken although they are below what is expected."""
        return frozenset(frames for frames, paths in self._short.items() if len(paths) >= 3)
