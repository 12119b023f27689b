"""A new worker decodes frames before torch is there."""

from __future__ import annotations

import subprocess
import sys

DECODES_FIRST = """
import sys
from frazil.stages import load_frames, movie_task, preprocess
print([name for name in ("torch", "pyarrow", "scipy.ndimage", "PIL") if name in sys.modules])
from frazil.stages.tasks import find_device, load_libraries
load_libraries()
from frazil.stages import loading
loading.finish()
print("torch" in sys.modules, "frazil.stages.picking" in sys.modules, find_device("cpu"))
"""


def test_what_reads_movies_loads_without_torch_and_the_rest_follows() -> None:
    run = subprocess.run(
        [sys.executable, "-c", DECODES_FIRST], capture_output=True, text=True, check=True, timeout=120
    )
    assert run.stdout.splitlines() == ["[]", "True True cpu"]
