"""Tasks end with an outcome, whatever they do; a dying worker takes no other task with it."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from frazil.engine.batch import Batch
from frazil.engine.inline import InlineExecutor
from frazil.engine.process_pool import ProcessPool
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from frazil.engine.executor import Outcome


def square(x: int) -> int:
    return x * x


def refuse(name: str) -> None:
    raise InputError(f"{name}: no such thing")


def stumble() -> None:
    raise ZeroDivisionError("by zero")


def no_space(path: str) -> None:
    raise OSError(28, "No space left on device", path)


def die_once(marker: Path) -> str:
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "second try"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def threads() -> str:
    return os.environ["FRAZIL_THREADS"] + os.environ["OMP_NUM_THREADS"]


def leave_a_trace(folder: Path) -> None:
    part = folder / "half"
    part.touch()
    try:
        time.sleep(60)
    finally:
        part.unlink()


def outcomes(executor: Batch | ProcessPool) -> dict[str, Outcome]:
    found = {}
    while (outcome := executor.wait()) is not None:
        found[outcome.key] = outcome
    return found


@pytest.fixture(params=["inline", "processes"])
def executor(request: pytest.FixtureRequest) -> Iterator[Batch | ProcessPool]:
    made = Batch(InlineExecutor(eager=True)) if request.param == "inline" else ProcessPool(2)
    yield made
    made.close()


def test_every_task_has_its_outcome(executor: Batch | ProcessPool) -> None:
    for number in range(6):
        executor.submit(str(number), square, number)
    executor.submit("input", refuse, "a.tif")
    executor.submit("bug", stumble)
    executor.submit("disk", no_space, "/data/a.mrc")
    found = outcomes(executor)
    assert [found[str(n)].value for n in range(6)] == [0, 1, 4, 9, 16, 25]
    assert found["input"].error == "a.tif: no such thing"
    assert found["input"].input_error
    assert "ZeroDivisionError" in found["bug"].error
    assert "stumble" in found["bug"].trace
    assert not found["bug"].input_error
    assert found["disk"].error == "/data/a.mrc: No space left on device"


def test_a_killed_worker_costs_only_its_own_task(tmp_path: Path) -> None:
    pool = ProcessPool(2, threads=3)
    try:
        pool.submit("dies", die)
        pool.submit("dies once", die_once, tmp_path / "marker")
        for number in range(4):
            pool.submit(str(number), square, number)
        pool.submit("threads", threads)
        found = outcomes(pool)
    finally:
        pool.close()
    assert found["dies"].attempts == 2
    assert "SIGKILL" in found["dies"].error
    assert "2 times" in found["dies"].error
    assert found["dies once"].value == "second try"
    assert found["dies once"].attempts == 2
    assert [found[str(n)].value for n in range(4)] == [0, 1, 4, 9]
    assert found["threads"].value == "31"


def test_a_task_that_takes_too_long_is_stopped() -> None:
    pool = ProcessPool(1, attempts=1, timeout_s=1.0)
    try:
        pool.submit("slow", sleep, 60)
        pool.submit("next", square, 3)
        found = outcomes(pool)
    finally:
        pool.close()
    assert "took longer than 1 s" in found["slow"].error
    assert found["next"].value == 9


def test_waiting_can_be_limited() -> None:
    pool = ProcessPool(1)
    try:
        pool.submit("slow", sleep, 60)
        began = time.monotonic()
        assert pool.wait(0.2) is None
        assert time.monotonic() - began < 5
        assert pool.unfinished == 1
    finally:
        pool.close()


def test_closing_lets_a_task_clean_up(tmp_path: Path) -> None:
    pool = ProcessPool(1)
    pool.submit("long", leave_a_trace, tmp_path)
    deadline = time.monotonic() + 30
    while not (tmp_path / "half").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    pool.close()
    assert not (tmp_path / "half").exists()
