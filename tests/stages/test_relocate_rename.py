"""A session that moves within one file system gets another name, and is whole under one of the two."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.stages.test_relocate import IDENTITY, make_session, seen

from frazil.model.errors import InputError
from frazil.stages import relocate, relocate_rename
from frazil.stages.relocation import JOURNAL, RelocationTask

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def task(tmp_path: Path) -> RelocationTask:
    make_session(tmp_path / "s", tmp_path / "microscope")
    return RelocationTask(tmp_path / "s", tmp_path / "far" / "away" / "s", IDENTITY, move=True)


def test_the_very_same_files_lie_there_and_links_lead_where_they_led(task: RelocationTask) -> None:
    before = seen(task.source)
    number = (task.source / "micrographs" / "m 1.mrc").stat().st_ino
    result = relocate.copy_session(task)
    assert result == {"files": 7, "links": 3, "bytes": 4013, "copied": 0}
    assert seen(task.target) == before and not task.source.exists()
    assert (task.target / "micrographs" / "m 1.mrc").stat().st_ino == number
    raw = task.target / "raw"
    assert (raw / "far.tif").read_bytes() == b"precious"
    inside = task.target / "micrographs" / "m 0.mrc"
    assert (raw / "near.mrc").resolve() == (raw / "absolute.mrc").resolve() == inside
    # Named, but nobody noted it.
    assert relocate.copy_session(task) == result
    assert relocate.remove_original(task) == {"left": 0}
    assert not (task.target / JOURNAL).exists() and seen(task.target) == before


def test_what_somebody_makes_in_the_old_place_stays(task: RelocationTask) -> None:
    relocate.copy_session(task)
    (task.source / ".trash").mkdir(parents=True)
    (task.source / ".trash" / "theirs.txt").touch()
    relocate.remove_original(task)
    assert (task.source / ".trash" / "theirs.txt").exists()


def test_it_can_be_taken_back_until_it_is_noted(task: RelocationTask) -> None:
    before = seen(task.source)
    assert not relocate_rename.take_back(task)
    relocate.copy_session(task)
    assert relocate_rename.take_back(task)
    assert seen(task.source) == before and not task.target.exists()
    assert not (task.source / JOURNAL).exists()


def test_a_target_that_is_somebodys_is_left_alone(task: RelocationTask) -> None:
    before = seen(task.source)
    task.target.mkdir(parents=True)
    (task.target / "theirs.txt").touch()
    with pytest.raises(InputError, match="not empty"):
        relocate.copy_session(task)
    assert seen(task.source) == before and not (task.source / JOURNAL).exists()


def test_where_the_system_refuses_everything_is_copied(
    task: RelocationTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = seen(task.source)
    rename: Callable[[Path, Path], Path] = Path.rename

    def refused(path: Path, target: Path) -> Path:
        if path == task.source:
            raise OSError(errno.EXDEV, "another device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refused)
    assert relocate.copy_session(task)["copied"] == 10
    assert seen(task.source) == before
    assert set(seen(task.target)) == {*before, "logs/copied.xxh128"}
    assert relocate.remove_original(task) == {"left": 0}


def test_disks_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    assert relocate_rename.on_one_disk(tmp_path / "s", tmp_path / "a" / "b" / "c")
    assert not relocate_rename.on_one_disk(tmp_path / "s", Path("/proc/self/a"))
    assert not relocate_rename.on_one_disk(tmp_path / "gone", tmp_path / "a")
