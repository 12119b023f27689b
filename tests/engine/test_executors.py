"""Tasks end with one outcome, whatever they do; a dying worker takes no other task with it."""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import psutil  # type: ignore[import-untyped]
import pytest
from tests.engine import chores

from frazil.engine.dask_local import dask_executor
from frazil.engine.executor import Outcome, Task
from frazil.engine.pipes import pipe_executor
from frazil.engine.worker import Pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from frazil.engine.local import LocalExecutor

    Start = Callable[..., LocalExecutor]

PATIENCE_S = 60.0


class Client:
    """Submits tasks and collects what the engine says about them."""

    def __init__(self, executor: LocalExecutor) -> None:
        self.executor = executor
        self.outcomes: queue.Queue[Outcome] = queue.Queue()
        self.started: queue.Queue[tuple[str, str]] = queue.Queue()

    def submit(self, key: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> None:
        self.executor.submit(
            Task(
                key,
                function,
                arguments,
                **options,
                done=self.outcomes.put,
                started=lambda key, worker: self.started.put((key, worker)),
            )
        )

    def next(self) -> Outcome:
        return self.outcomes.get(timeout=PATIENCE_S)

    def wait(self, count: int) -> dict[str, Outcome]:
        found = [self.next() for _ in range(count)]
        assert max(Counter(outcome.key for outcome in found).values()) == 1
        return {outcome.key: outcome for outcome in found}

    def wait_started(self, key: str) -> str:
        while (begun := self.started.get(timeout=PATIENCE_S))[0] != key:
            pass
        return begun[1]

    def pid_of(self, key: str) -> int:
        (worker,) = [worker for worker in self.executor.workers() if worker.task == key]
        assert worker.pid is not None
        return worker.pid


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that nobody reports."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def exists(path: Path) -> Callable[[], bool]:
    return path.exists


@pytest.fixture(scope="module", params=["pipes", "dask"])
def adapter(request: pytest.FixtureRequest) -> Start:
    return {"pipes": pipe_executor, "dask": dask_executor}[request.param]


@pytest.fixture
def start(adapter: Start) -> Iterator[Start]:
    made: list[LocalExecutor] = []

    def _start(pools: dict[str, Pool] | None = None, **settings: Any) -> LocalExecutor:
        made.append(adapter(pools or {"movies": Pool(**settings)}))
        return made[-1]

    yield _start
    for executor in made:
        executor.close()


def test_every_task_has_its_outcome(start: Start) -> None:
    client = Client(start(workers=2))
    for number in range(6):
        client.submit(str(number), chores.square, number)
    client.submit("input", chores.refuse, "a.tif")
    client.submit("passing", chores.not_now)
    client.submit("bug", chores.stumble)
    client.submit("disk", chores.no_space, "/data/a.mrc")
    client.submit("memory", chores.no_memory)
    client.submit("unpicklable", chores.unpicklable)
    client.submit("unpicklable argument", chores.square, threading.Lock())
    found = client.wait(13)
    assert client.executor.unfinished() == 0
    assert [found[str(n)].value for n in range(6)] == [0, 1, 4, 9, 16, 25]
    assert found["0"].worker in ("movies-0", "movies-1")
    assert found["0"].seconds >= 0
    assert found["input"].error == "a.tif: no such thing"
    assert {key for key, outcome in found.items() if outcome.input_error} == {"input"}
    assert {key for key, outcome in found.items() if outcome.passing} == {"passing", "disk", "memory"}
    assert "ZeroDivisionError" in found["bug"].error
    assert "stumble" in found["bug"].trace
    assert found["disk"].error == "/data/a.mrc: No space left on device"
    assert "can't be sent back" in found["unpicklable"].error
    assert "can't be sent to a worker" in found["unpicklable argument"].error
    assert not any(outcome.cancelled or outcome.lost for outcome in found.values())


def test_urgent_tasks_overtake_those_that_wait(start: Start, tmp_path: Path) -> None:
    client = Client(start())
    client.submit("first", chores.leave_a_trace, tmp_path / "first")
    client.wait_started("first")
    for key, priority in (("c", (2.0,)), ("a", (1.0,)), ("b", (1.0,)), ("d", (3.0,))):
        client.submit(key, chores.square, 1, priority=priority)
    assert client.executor.reprioritise("d", (0.0,))
    assert not client.executor.reprioritise("first", (0.0,))
    assert client.executor.free("movies") == 0
    client.executor.cancel("first")
    assert client.next().key == "first"
    assert [client.next().key for _ in range(4)] == ["d", "a", "b", "c"]


def test_many_small_tasks_pass_through_one_worker(start: Start) -> None:
    client = Client(start())
    for number in range(2000):
        client.submit(str(number), chores.square, number)
    found = client.wait(2000)
    assert {key: outcome.value for key, outcome in found.items()} == {str(n): n * n for n in range(2000)}
    assert (client.executor.unfinished(), client.executor.free("movies")) == (0, 1)


def test_keys_and_pools_are_checked(start: Start, tmp_path: Path) -> None:
    client = Client(start())
    client.submit("a", chores.leave_a_trace, tmp_path / "a")
    with pytest.raises(ValueError, match="unfinished"):
        client.submit("a", chores.square, 1)
    with pytest.raises(ValueError, match="no pool 'class'"):
        client.submit("b", chores.square, 1, pool="class")
    client.executor.cancel("a")
    assert client.next().cancelled
    client.submit("a", chores.square, 3)
    assert client.next().value == 9


def test_cancelling_drops_what_waits_and_stops_what_runs(start: Start, tmp_path: Path) -> None:
    client = Client(start())
    part = tmp_path / "half"
    client.submit("runs", chores.leave_a_trace, part)
    client.submit("waits", chores.touch, tmp_path / "never")
    client.submit("next", chores.square, 5)
    until(part.exists)
    before = client.pid_of("runs")
    assert client.executor.cancel("waits")
    assert client.next() == Outcome("waits", cancelled=True, attempts=0)
    assert client.executor.cancel("runs")
    assert not client.executor.cancel("runs")
    outcome = client.next()
    assert (outcome.key, outcome.cancelled, outcome.lost, outcome.attempts) == ("runs", True, False, 1)
    assert not part.exists()
    assert not psutil.pid_exists(before)
    assert client.next().value == 25
    assert not client.executor.cancel("next")
    assert not (tmp_path / "never").exists()


def test_a_killed_worker_costs_only_its_own_task(start: Start, tmp_path: Path) -> None:
    client = Client(start(workers=2))
    client.submit("dies", chores.die)
    client.submit("dies once", chores.die_once, tmp_path / "marker")
    for number in range(4):
        client.submit(str(number), chores.square, number)
    found = client.wait(6)
    dead = found["dies"]
    assert (dead.attempts, dead.lost, dead.passing, dead.cancelled) == (2, True, True, False)
    assert "SIGKILL: perhaps out of memory" in dead.error
    assert "2 times" in dead.error
    assert (found["dies once"].value, found["dies once"].attempts) == ("second try", 2)
    assert [found[str(n)].value for n in range(4)] == [0, 1, 4, 9]


def test_an_idle_worker_that_is_killed_is_replaced(start: Start) -> None:
    client = Client(start())
    client.submit("a", chores.square, 2)
    client.next()
    (worker,) = client.executor.workers()
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    client.submit("b", chores.square, 3)
    outcome = client.next()
    assert outcome.value == 9
    assert worker.pid not in [other.pid for other in client.executor.workers()]


def test_a_task_that_takes_too_long_is_stopped(start: Start) -> None:
    client = Client(start())
    client.submit("slow", chores.sleep, 60, attempts=1, timeout_s=0.5)
    client.submit("next", chores.square, 3)
    slow = client.next()
    assert "took longer than 0.5 s" in slow.error
    assert (slow.lost, slow.passing) == (True, True)
    assert client.next().value == 9


def test_workers_are_started_when_needed_and_set_up_for_their_pool(start: Start, tmp_path: Path) -> None:
    pools = {
        "movies": Pool(gpus=("0", "GPU-7f"), threads=3, initialise=chores.initialise),
        "classes": Pool(workers=2, nice=10, threads=2),
        "files": Pool(),
    }
    executor = start(pools)
    client = Client(executor)
    assert executor.workers() == []
    assert [executor.free(pool) for pool in ("movies", "classes", "files")] == [2, 2, 1]
    for number in range(2):
        client.submit(f"gpu {number}", chores.environment, "CUDA_VISIBLE_DEVICES", "FRAZIL_THREADS")
    client.submit("libraries", chores.imported, "colorsys")
    client.submit("nice", chores.niceness, pool="classes")
    client.submit("threads", chores.environment, "FRAZIL_THREADS", "OMP_NUM_THREADS", pool="classes")
    found = client.wait(5)
    seen = {found[f"gpu {number}"].value["CUDA_VISIBLE_DEVICES"] for number in range(2)}
    assert seen <= {"0", "GPU-7f"}
    assert found["gpu 0"].value["FRAZIL_THREADS"] == "3"
    assert found["libraries"].value is True
    assert found["nice"].value == os.nice(0) + 10
    assert found["threads"].value == {"FRAZIL_THREADS": "2", "OMP_NUM_THREADS": "1"}
    pools_with_workers = {worker.pool for worker in executor.workers()}
    assert pools_with_workers == {"movies", "classes"}
    client.submit("busy", chores.leave_a_trace, tmp_path / "busy")
    name = client.wait_started("busy")
    (busy,) = [worker for worker in executor.workers() if worker.task == "busy"]
    assert busy.name == name
    assert busy.gpu == {"movies-0": "0", "movies-1": "GPU-7f"}[name]
    assert busy.memory_bytes > 1_000_000
    assert abs(busy.since - time.time()) < PATIENCE_S


def test_idle_workers_are_stopped(start: Start) -> None:
    client = Client(start(idle_s=0.05))
    client.submit("a", chores.square, 2)
    client.next()
    until(lambda: client.executor.workers() == [])
    client.submit("b", chores.square, 3)
    assert client.next().value == 9


def test_resizing_waits_for_busy_workers(start: Start, tmp_path: Path) -> None:
    client = Client(start(threads=1))
    client.submit("old", chores.touch, tmp_path / "old")
    old = client.next().value
    client.executor.resize("movies", 3, 4)
    assert client.executor.free("movies") == 3
    parts = [tmp_path / f"part-{number}" for number in range(3)]
    for part in parts:
        client.submit(part.name, chores.leave_a_trace, part)
    until(lambda: all(part.exists() for part in parts))
    assert not psutil.pid_exists(old)
    client.executor.resize("movies", 1, 2)
    assert len(client.executor.workers()) == 3
    for part in parts:
        client.executor.cancel(part.name)
    client.wait(3)
    client.submit("threads", chores.environment, "FRAZIL_THREADS")
    assert client.next().value == {"FRAZIL_THREADS": "2"}
    until(lambda: len(client.executor.workers()) == 1)


def test_tasks_are_given_up_where_no_worker_can_be_started(start: Start) -> None:
    client = Client(start(initialise=chores.cannot_initialise))
    client.submit("a", chores.square, 1)
    outcome = client.next()
    assert "torch is not installed" in outcome.error
    assert (outcome.lost, outcome.passing) == (True, True)


def test_closing_lets_tasks_clean_up_and_leaves_no_process(start: Start, tmp_path: Path) -> None:
    client = Client(start(workers=2))
    parts = [tmp_path / "a", tmp_path / "b"]
    for part in parts:
        client.submit(part.name, chores.leave_a_trace, part)
    client.submit("waits", chores.square, 1)
    until(lambda: all(part.exists() for part in parts))
    pids = [worker.pid for worker in client.executor.workers()]
    client.executor.close()
    assert all(outcome.cancelled for outcome in client.wait(3).values())
    assert not any(part.exists() for part in parts)
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert client.executor.unfinished() == 0
    with pytest.raises(ValueError, match="closed"):
        client.submit("late", chores.square, 1)


def test_a_broken_event_loop_is_replaced_and_its_tasks_are_begun_again(start: Start, tmp_path: Path) -> None:
    client = Client(start())
    client.submit("runs", chores.leave_a_trace, tmp_path / "runs")
    client.submit("waits", chores.square, 4)
    client.wait_started("runs")
    loop = client.executor._loop
    assert loop is not None
    loop.call_soon_threadsafe(loop.stop)
    client.wait_started("runs")
    assert client.executor.cancel("runs")
    found = client.wait(2)
    assert (found["runs"].cancelled, found["runs"].attempts) == (True, 2)
    assert found["waits"].value == 16


def test_a_client_that_stumbles_does_not_end_the_engine(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    executor = start()

    def stumble(_outcome: Outcome) -> None:
        raise RuntimeError("full")

    executor.submit(Task("a", chores.square, (2,), done=stumble))
    client = Client(executor)
    client.submit("b", chores.square, 3)
    assert client.next().value == 9
    assert "stumbled" in caplog.text


def test_workers_leave_the_working_folder_alone(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    client = Client(start())
    client.submit("folder", chores.folder)
    client.next()
    client.executor.close()
    assert list(tmp_path.iterdir()) == []
