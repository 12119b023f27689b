"""An export whose process is killed in the middle leaves nothing that could be mistaken for a whole one."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

from tests.stages.export.world import make_world

from frazil.formats.star import read_star
from frazil.stages.export.request import CONTENTS, ExportRequest
from frazil.stages.export.run import run_export

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = (
    "import sys; from pathlib import Path; from frazil.stages.export.request import ExportTask; "
    "from frazil.stages.export.run import run_export; "
    "run_export(ExportTask(session=Path(sys.argv[1]), name='e'))"
)


def test_a_killed_export_is_not_there_and_the_next_try_finishes_it(tmp_path: Path) -> None:
    world = make_world(tmp_path / "s", movies=60)
    task = world.prepare(ExportRequest(contents=CONTENTS, files="copy"))
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(world.folder)])
    deadline = time.monotonic() + 120
    # In the middle of the files.
    while sum(1 for _ in task.part.glob("micrographs/*.mrc")) < 5:
        assert process.poll() is None and time.monotonic() < deadline
    process.kill()
    assert process.wait() != 0
    assert not task.final.exists()
    assert not list(task.part.glob("*.star"))
    result = run_export(task)
    assert result["counts"]["micrographs"] == 60
    assert len(read_star(task.final / "micrographs_ctf.star")["micrographs"]) == 60
    assert [path.name for path in task.final.parent.iterdir()] == ["e"]
