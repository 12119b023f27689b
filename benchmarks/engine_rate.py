"""How much the engine itself costs: tasks per second, delay of one task, start, cancel, idle load.

    python benchmarks/engine_rate.py [--tasks 2000]

Both adapters run in one go, on the same tasks.
"""

from __future__ import annotations

import argparse
import queue
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]

from frazil.engine.dask_local import dask_executor
from frazil.engine.executor import Outcome, Task
from frazil.engine.pipes import pipe_executor
from frazil.engine.worker import Pool

if TYPE_CHECKING:
    from frazil.engine.local import LocalExecutor

ADAPTERS = {"pipes": pipe_executor, "dask": dask_executor}
IDLE_S = 10.0
PROGRAM = """
import queue
from frazil.engine.executor import Task
from frazil.engine.worker import Pool
from {module} import {function} as start

if __name__ == "__main__":
    outcomes = queue.Queue()
    executor = start({{"movies": Pool()}})
    executor.submit(Task("a", abs, (-1,), done=outcomes.put))
    outcomes.get()
    executor.close()
"""


def square(number: int) -> int:
    return number * number


def rate(executor: LocalExecutor, tasks: int) -> float:
    """Tasks per second through one worker."""
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    began = time.perf_counter()
    for number in range(tasks):
        executor.submit(Task(str(number), square, (number,), done=outcomes.put))
    found = {outcome.key: outcome.value for outcome in (outcomes.get() for _ in range(tasks))}
    seconds = time.perf_counter() - began
    if found != {str(number): number * number for number in range(tasks)}:
        raise RuntimeError("tasks were lost or mixed up")
    return tasks / seconds


def delay_ms(executor: LocalExecutor, times: int = 200) -> float:
    """Median time from submitting one task to its outcome."""
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    delays = []
    for _ in range(times):
        began = time.perf_counter()
        executor.submit(Task("a", square, (3,), done=outcomes.put))
        outcomes.get()
        delays.append(1e3 * (time.perf_counter() - began))
    return statistics.median(delays)


def cancel_ms(executor: LocalExecutor, times: int = 5) -> tuple[float, float]:
    """Median time from cancelling a running task to its outcome, and until the next one runs."""
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    started: queue.SimpleQueue[str] = queue.SimpleQueue()
    ended, next_began = [], []
    for _ in range(times):
        for key, seconds in (("runs", 60.0), ("next", 0.0)):
            task = Task(
                key, time.sleep, (seconds,), done=outcomes.put, started=lambda key, _worker: started.put(key)
            )
            executor.submit(task)
        started.get()
        began = time.perf_counter()
        executor.cancel("runs")
        outcomes.get()
        ended.append(1e3 * (time.perf_counter() - began))
        started.get()
        next_began.append(1e3 * (time.perf_counter() - began))
        outcomes.get()
    return statistics.median(ended), statistics.median(next_began)


def idle_percent(executor: LocalExecutor) -> float:
    """Load of this process and the worker while nothing happens, per cent of one core."""
    processes = [psutil.Process(), *(psutil.Process(worker.pid) for worker in executor.workers())]
    before = [float(sum(process.cpu_times()[:2])) for process in processes]
    time.sleep(IDLE_S)
    after = [float(sum(process.cpu_times()[:2])) for process in processes]
    return 100.0 * (sum(after) - sum(before)) / IDLE_S


def whole_program_s(module: str, function: str, times: int = 5) -> float:
    """Least time of a program that runs one trivial task."""
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        program = PROGRAM.format(module=module, function=function)
        subprocess.run([sys.executable, "-c", program], check=True, cwd=Path.home())
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tasks", type=int, default=2000)
    tasks = parser.parse_args().tasks
    for name, adapter in ADAPTERS.items():
        executor = adapter({"movies": Pool()})
        delay_ms(executor, 20)
        per_second, one_ms = rate(executor, tasks), delay_ms(executor)
        cancelled_ms, next_ms = cancel_ms(executor)
        idle = idle_percent(executor)
        executor.close()
        program_s = whole_program_s(adapter.__module__, adapter.__name__)
        print(f"{name}: {per_second:.0f} tasks/s, {one_ms:.2f} ms for one", end=", ")
        print(f"cancelled after {cancelled_ms:.0f} ms, the next one runs after {next_ms:.0f} ms", end=", ")
        print(f"idle {idle:.2f} % of a core, a program with one task {program_s:.2f} s", flush=True)


if __name__ == "__main__":
    main()
