"""A file is there whole or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from frazil.formats.atomic import atomic_path
from frazil.formats.mrc import write_mrc

if TYPE_CHECKING:
    from pathlib import Path


def test_the_file_appears_at_the_end_only(tmp_path: Path) -> None:
    target = tmp_path / "result.star"
    with atomic_path(target) as part:
        part.write_text("new")
        assert part.parent == tmp_path
        assert not target.exists()
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["result.star"]  # noqa: PTH208


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "result.star"
    target.write_text("old")
    with pytest.raises(KeyError), atomic_path(target) as part:
        part.write_text("half")
        raise KeyError
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["result.star"]


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    target = tmp_path / "result.star"
    with pytest.raises(OSError, match=r"result\.star") as caught, atomic_path(target) as part:
        part.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.errno == errno.ENOSPC
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_named_by_the_file(tmp_path: Path) -> None:
    target = tmp_path / "nowhere" / "result.mrc"
    with pytest.raises(FileNotFoundError) as caught:
        write_mrc(target, np.ones((4, 4)), 1.0)
    assert caught.value.filename == str(target)


@pytest.mark.parametrize(
    "write",
    [
        "mrc.write_mrc(path, np.ones((3, 500, 500)), 1.0)",
        "star.write_star(path, {'x': {'rlnA': np.arange(1e5)}})",
        "star.write_star(path, {'x': {'rlnA': [1] * 1000, 'rlnB': ['b' * 100] * 1000}})",
    ],
)
def test_a_disk_that_fills_while_writing_leaves_nothing(tmp_path: Path, write: str) -> None:
    # A limit on the size of files is the nearest thing to a full disk that needs no rights.
    code = f"""
import resource, signal
from pathlib import Path
import numpy as np
from frazil.formats import mrc, star
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path({str(tmp_path / "result")!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    {write}
except OSError as error:
    print(error.filename == str(path), error.strerror)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True File too large", done.stderr
    assert not list(tmp_path.iterdir())
