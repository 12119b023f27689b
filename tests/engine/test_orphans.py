"""Workers don't outlive the process that started them."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]
import pytest

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import sys, time
from pathlib import Path
from frazil.engine.{module} import {name} as start
from frazil.engine.executor import Task
from frazil.engine.worker import Pool
from tests.engine import chores

if __name__ == "__main__":
    executor = start({{"movies": Pool(workers=2)}})
    parts = [Path(sys.argv[1]) / name for name in "ab"]
    for part in parts:
        executor.submit(Task(part.name, chores.leave_a_trace, (part,), done=print))
    while not all(part.exists() for part in parts):
        time.sleep(0.01)
    print(*(worker.pid for worker in executor.workers()), flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize(("module", "name"), [("pipes", "pipe_executor"), ("dask_local", "dask_executor")])
def test_workers_end_when_their_parent_is_killed(tmp_path: Path, module: str, name: str) -> None:
    program = tmp_path / "server.py"
    program.write_text(PROGRAM.format(module=module, name=name))
    parts = tmp_path / "parts"
    parts.mkdir()
    bootstrap = f"import sys, runpy; sys.path.insert(0, ''); sys.argv = [{str(program)!r}, {str(parts)!r}]; "
    bootstrap += f"runpy.run_path({str(program)!r}, run_name='__main__')"
    with subprocess.Popen([sys.executable, "-c", bootstrap], stdout=subprocess.PIPE, text=True) as parent:
        try:
            assert parent.stdout is not None
            workers = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        finally:
            parent.kill()
    gone, alive = psutil.wait_procs(workers, timeout=5)
    assert (len(gone), alive) == (2, [])
