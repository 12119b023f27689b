"""What is special about workers that Dask looks after: who can reach them, and what Dask may not touch."""

from __future__ import annotations

import asyncio
import os
import queue
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import dask
import psutil  # type: ignore[import-untyped]
import pytest
from tests.engine import chores

from frazil.engine.dask_comm import SCHEME, address_host
from frazil.engine.dask_local import dask_executor
from frazil.engine.dask_process import CONFIG, CallWorker, OneWorkerNanny, QuietScheduler
from frazil.engine.executor import Outcome, Task
from frazil.engine.pipes import pipe_executor
from frazil.engine.worker import Pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from frazil.engine.local import LocalExecutor

PATIENCE_S = 60.0


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short one: the paths of sockets may have about 100 characters."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def run(executor: LocalExecutor, function: Callable[..., object], *arguments: object) -> Outcome:
    outcomes: queue.Queue[Outcome] = queue.Queue()
    executor.submit(Task("a", function, arguments, attempts=1, done=outcomes.put))
    return outcomes.get(timeout=PATIENCE_S)


@pytest.mark.parametrize(("kill", "exit_code"), [(True, -signal.SIGKILL), (False, 128 + signal.SIGTERM)])
def test_the_private_handles_of_the_nanny_are_still_there(folder: Path, kill: bool, exit_code: int) -> None:
    """Dask can change them with any version: how a worker process ended, and killing it."""

    async def scene() -> None:
        place = {"host": address_host(folder), "protocol": SCHEME}
        with dask.config.set(CONFIG):
            async with QuietScheduler(**place, dashboard=False) as scheduler:
                nanny = OneWorkerNanny(
                    scheduler.address,
                    **place,
                    local_directory=str(folder),
                    worker_class=CallWorker,
                    pool=Pool(),
                    gpu="",
                )
                async with nanny:
                    process = psutil.Process(nanny.pid)
                    nanny.signal_worker(kill=kill)
                    async with asyncio.timeout(PATIENCE_S):
                        assert await nanny.worker_gone == exit_code
                    assert not process.is_running()
                    assert nanny.pid is None  # and no other one was started instead

    asyncio.run(scene())


def test_only_this_user_can_reach_the_workers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    executor = dask_executor({"movies": Pool()})
    try:
        pid = run(executor, os.getpid).value
        for process in (psutil.Process(), psutil.Process(pid)):
            ports = [c for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN]
            assert ports == []
        (sockets,) = folder.glob("frazil-*")
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        assert any(path.is_socket() for path in sockets.iterdir())
    finally:
        executor.close()
    assert list(folder.glob("frazil-*")) == []


def test_long_messages_pass() -> None:
    executor = dask_executor({"movies": Pool()})
    data = os.urandom(20_000_000)
    try:
        assert run(executor, chores.echo, data).value == data
    finally:
        executor.close()


def test_a_worker_that_takes_too_much_memory_is_ended() -> None:
    executor = dask_executor({"movies": Pool(memory_limit_bytes=600_000_000)})
    try:
        outcome = run(executor, chores.eat_memory, 900_000_000)
    finally:
        executor.close()
    assert outcome.lost
    assert "died" in outcome.error
    with pytest.raises(ValueError, match="memory limit"):
        pipe_executor({"movies": Pool(memory_limit_bytes=600_000_000)})


PROGRAM = """
import logging, os, queue, signal, sys, warnings
import numpy, frazil  # they have filters and an environment variable of their own

def state():
    names = ["", "distributed", "tornado", "tornado.application", "asyncio", "bokeh"]
    loggers = [logging.getLogger(name or None) for name in names]
    return {
        "loggers": [(l.name, l.level, l.propagate) for l in loggers if l.name != "distributed"],
        "handlers": [l.handlers[:] for l in loggers if l.name != "distributed"],
        "signals": [signal.getsignal(s) for s in signal.valid_signals()],
        "filters": warnings.filters[:],
        "environment": {k: v for k, v in os.environ.items() if not k.startswith("__DASK")},
        "hooks": (sys.excepthook, sys.unraisablehook),
        "folder": (os.getcwd(), os.listdir()),
    }

if __name__ == "__main__":
    before = state()
    from frazil.engine.dask_local import dask_executor
    from frazil.engine.executor import Task
    from frazil.engine.worker import Pool
    executor = dask_executor({"movies": Pool()})
    outcomes = queue.Queue()
    for key in ("lives", "dies"):
        function = {"lives": os.getpid, "dies": os.abort}[key]
        executor.submit(Task(key, function, attempts=1, done=outcomes.put))
        outcomes.get(timeout=60)
    executor.close()
    after = state()
    print([name for name in before if before[name] != after[name]])
"""


def test_dask_changes_nothing_in_the_process_and_says_nothing(tmp_path: Path) -> None:
    program = tmp_path / "server.py"
    program.write_text(PROGRAM)
    run = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, cwd=tmp_path)
    assert (run.returncode, run.stdout) == (0, "[]\n"), run.stderr
    assert [line for line in run.stderr.splitlines() if "distributed" in line or "tornado" in line] == []
