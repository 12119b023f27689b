"""A file is there whole or not at all."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from frazil.formats.atomic import atomic_path

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
