"""Tasks for the tests of the engine, importable by its workers."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

from frazil.model.errors import InputError, PassingError


def square(x: int) -> int:
    return x * x


def refuse(name: str) -> None:
    raise InputError(f"{name}: no such thing")


def not_now() -> None:
    raise PassingError("the share is gone")


def stumble() -> None:
    raise ZeroDivisionError("by zero")


def no_space(path: str) -> None:
    raise OSError(28, "No space left on device", path)


def no_memory() -> None:
    raise MemoryError


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(marker: Path) -> str:
    if not marker.exists():
        marker.touch()
        die()
    return "second try"


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def environment(*names: str) -> dict[str, str]:
    return {name: os.environ.get(name, "") for name in names}


def niceness() -> int:
    return os.nice(0)


def folder() -> str:
    return str(Path.cwd())


def unpicklable() -> object:
    return threading.Lock()


def touch(path: Path) -> int:
    path.touch()
    return os.getpid()


def leave_a_trace(part: Path) -> None:
    part.touch()
    try:
        while True:
            time.sleep(0.01)
    finally:
        part.unlink()


def cannot_initialise() -> None:
    raise InputError("torch is not installed")


def imported(name: str) -> bool:
    return name in sys.modules


def initialise() -> None:
    import colorsys  # noqa: F401


def echo(data: bytes) -> bytes:
    return data


def eat_memory(size: int) -> None:
    eaten = b"x" * size
    time.sleep(60 if eaten else 0)
