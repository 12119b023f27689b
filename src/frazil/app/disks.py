"""Disks: how full, how fast they fill, when they will be full. A disk that does not answer blocks nobody."""

from __future__ import annotations

import shutil
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

REMEMBERED_S = 3600.0
SHORTEST_S = 300.0
"""A trend is told only after so long."""
_ANSWERS_WITHIN_S = 5.0


@dataclass(frozen=True)
class Space:
    """A disk at one moment; ``device`` tells disks apart."""

    device: int
    total_bytes: int
    free_bytes: int


@dataclass(frozen=True)
class DiskState:
    """A disk that sessions lie on.

    Attributes
    ----------
    path
        A folder on it.
    users
        Who uses it: labels of sessions, or "catalogue".
    total_bytes, free_bytes
        Zero where it does not answer.
    fill_bytes_per_h
        How fast it fills by the last hour; None before five minutes, negative where it empties.
    hours_left
        When it is full at this speed; None where it does not fill.
    problem
        Why it can't be looked at.
    """

    path: str
    users: tuple[str, ...]
    total_bytes: int = 0
    free_bytes: int = 0
    fill_bytes_per_h: float | None = None
    hours_left: float | None = None
    problem: str = ""


def measure(path: Path) -> Space:
    """Look at the disk of a folder; `OSError` as the system raised it."""
    usage = shutil.disk_usage(path)
    return Space(path.stat().st_dev, usage.total, usage.free)


class Disks:
    """Remembers how full the disks were. One thread looks, any may ask.

    Parameters
    ----------
    measure
        Looks at the disk of a folder.
    """

    def __init__(self, measure: Callable[[Path], Space] = measure) -> None:
        self._measure = measure
        self._samples: dict[int, deque[tuple[float, int]]] = {}
        self._states: list[DiskState] = []
        self._stuck: dict[Path, threading.Thread] = {}

    def look(self, folders: Mapping[Path, str], now: float) -> list[DiskState]:
        """Look at the disks of these folders (and who uses each); ``now`` never goes back."""
        by_device: dict[int, tuple[Path, list[str], Space]] = {}
        states = []
        for path, user in folders.items():
            space = self._ask(path)
            if isinstance(space, str):
                states.append(DiskState(str(path), (user,), problem=space))
            elif space.device in by_device:
                by_device[space.device][1].append(user)
            else:
                by_device[space.device] = (path, [user], space)
        for device, (path, users, space) in by_device.items():
            samples = self._samples.setdefault(device, deque())
            samples.append((now, space.free_bytes))
            while now - samples[0][0] > REMEMBERED_S:
                samples.popleft()
            speed = fill_speed(list(samples))
            left = space.free_bytes / speed if speed is not None and speed > 0 else None
            states.append(
                DiskState(str(path), tuple(users), space.total_bytes, space.free_bytes, speed, left)
            )
        self._states = states
        return states

    def states(self) -> list[DiskState]:
        """Tell what the last look saw."""
        return self._states

    def problem_of(self, user: str) -> str:
        """Why the folder of ``user`` could not be looked at the last time; empty where it could."""
        return next((state.problem for state in self._states if user in state.users and state.problem), "")

    def _ask(self, path: Path) -> Space | str:
        """Look at one disk, in a thread of its own: a share that is gone may never answer."""
        if path in self._stuck and self._stuck[path].is_alive():
            return f"{path}: does not answer"
        answer: list[Space | str] = []

        def ask() -> None:
            try:
                answer.append(self._measure(path))
            except OSError as error:
                answer.append(f"{path}: {error.strerror or error}")

        thread = threading.Thread(target=ask, name="frazil-disk", daemon=True)
        thread.start()
        thread.join(_ANSWERS_WITHIN_S)
        if not answer:
            self._stuck[path] = thread
            return f"{path}: does not answer"
        self._stuck.pop(path, None)
        return answer[0]


def fill_speed(samples: list[tuple[float, int]]) -> float | None:
    """Bytes per hour by which free space shrinks: the straight line through (seconds, free bytes)."""
    if len(samples) < 2 or samples[-1][0] - samples[0][0] < SHORTEST_S:
        return None
    times = [time for time, _ in samples]
    mean_t = sum(times) / len(times)
    mean_f = sum(free for _, free in samples) / len(samples)
    above = sum((time - mean_t) * (free - mean_f) for time, free in samples)
    below = sum((time - mean_t) ** 2 for time in times)
    return -3600.0 * above / below
