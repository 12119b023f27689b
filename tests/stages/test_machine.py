"""What a worker process may use of its machine."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# A megabyte is made and dropped again and again: how many pages had to be fetched from the system.
_FETCHED = """
import resource, sys
import numpy as np
from frazil.stages.machine import reuse_memory
if sys.argv[1] == "reuse":
    reuse_memory()
np.ones(1 << 18, np.float32)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(100):
    held = [np.ones(1 << 18, np.float32) for _ in range(3)]
    del held
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_freed_memory_is_used_again() -> None:
    fetched = {
        how: int(
            subprocess.run([sys.executable, "-c", _FETCHED, how], capture_output=True, check=True).stdout
        )
        for how in ("reuse", "not")
    }
    assert fetched["reuse"] < 0.2 * fetched["not"], fetched


# Arrays of the size of frames, made and dropped again and again; then what the process still holds of them.
_FRAMES = """
import contextlib, resource, sys
import numpy as np
import frazil
from frazil.stages.machine import large_arrays_reused

def held_pages():
    return int(open("/proc/self/statm").read().split()[1])

before = held_pages()
with large_arrays_reused() if sys.argv[1] == "reuse" else contextlib.nullcontext():
    np.ones(1 << 23, np.float32)
    fetched = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        np.ones(1 << 23, np.float32)
    fetched = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - fetched
print(fetched, held_pages() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_memory_of_frames_is_used_again_and_handed_back() -> None:
    fetched, kept = {}, {}
    for how in ("reuse", "not"):
        told = subprocess.run([sys.executable, "-c", _FRAMES, how], capture_output=True, check=True).stdout
        fetched[how], kept[how] = map(int, told.split())
    assert fetched["reuse"] < 0.2 * fetched["not"], fetched
    # One array is 8,192 pages.
    assert kept["reuse"] < kept["not"] + 2000, kept


_GIVEN_BACK = """
import numpy as np
from frazil.stages.machine import give_back_memory, large_arrays_reused

def held_bytes():
    return 4096 * int(open("/proc/self/statm").read().split()[1])

with large_arrays_reused():
    arrays = [np.ones(1 << 23, np.float32) for _ in range(8)]
    del arrays[1::2]
    full = held_bytes()
    give_back_memory(beyond_bytes=1e12)
    still = held_bytes()
    give_back_memory(beyond_bytes=1e8)
    print(full, still, held_bytes())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="malloc_trim is glibc's")
def test_gaps_between_arrays_are_given_back_if_the_process_is_large() -> None:
    told = subprocess.run([sys.executable, "-c", _GIVEN_BACK], capture_output=True, check=True).stdout
    full, still, after = map(int, told.split())
    assert still > full - 1e7
    assert after < full - 3.5 * (4 << 23)
