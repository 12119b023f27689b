"""A session that is copied or moved is whole in one place at every moment, whatever dies meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import xxhash

from frazil.model.errors import InputError, PassingError
from frazil.stages import deliver_copy, relocate
from frazil.stages.relocation import CHECKSUMS, JOURNAL, RelocationTask

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _two_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relocate, "on_one_disk", lambda *_: False)


IDENTITY = "11111111-2222-3333-4444-555555555555"


def make_session(folder: Path, microscope: Path, files: int = 3) -> dict[str, bytes]:
    """Make something like a session; returns the content of its files."""
    microscope.mkdir(parents=True)
    (microscope / "movie.tif").write_bytes(b"precious")
    content = {f"micrographs/m {n}.mrc": bytes([n % 251]) * (1000 + n) for n in range(files)}
    content |= {"session.json": b"{}", "notes.txt": b"mine", "logs/a.jsonl": b"{}\n"}
    for name, data in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "raw").mkdir()
    (folder / "raw" / "far.tif").symlink_to(os.path.relpath(microscope / "movie.tif", folder / "raw"))
    (folder / "raw" / "near.mrc").symlink_to("../micrographs/m 0.mrc")
    (folder / "raw" / "absolute.mrc").symlink_to(folder / "micrographs" / "m 0.mrc")
    (folder / "exports").mkdir()
    (folder / "exports" / "m.mrc").hardlink_to(folder / "micrographs" / "m 1.mrc")
    (folder / ".lock").touch()
    return content


@pytest.fixture
def task(tmp_path: Path) -> RelocationTask:
    make_session(tmp_path / "s", tmp_path / "microscope")
    return RelocationTask(tmp_path / "s", tmp_path / "far" / "away" / "s", IDENTITY, move=True)


def seen(folder: Path) -> dict[str, bytes]:
    """Files of a folder with what they hold; links as what they lead to."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (".lock", JOURNAL)
    }


def test_a_copy_holds_the_same_and_says_so(task: RelocationTask) -> None:
    before = seen(task.source)
    result = relocate.copy_session(task)
    after = seen(task.target)
    sums = after.pop(CHECKSUMS).decode().splitlines()
    assert after == before == seen(task.source)
    assert result == {"files": 7, "links": 3, "bytes": 4013, "copied": 10}
    assert len(sums) == 7
    for line in sums:
        checksum, _, name = line.partition("  ")
        assert xxhash.xxh3_128_hexdigest((task.target / name).read_bytes()) == checksum
    assert not task.staging.exists()


def test_links_lead_to_the_copy_or_to_where_they_led(task: RelocationTask) -> None:
    relocate.copy_session(task)
    raw = task.target / "raw"
    assert (raw / "far.tif").read_bytes() == b"precious"
    assert (raw / "near.mrc").resolve() == (raw / "absolute.mrc").resolve()
    assert (raw / "near.mrc").resolve() == task.target / "micrographs" / "m 0.mrc"
    assert (task.target / "exports" / "m.mrc").samefile(task.target / "micrographs" / "m 1.mrc")


def test_the_original_goes_and_nothing_else(task: RelocationTask, tmp_path: Path) -> None:
    relocate.copy_session(task)
    (task.source / "notes.txt").write_bytes(b"written meanwhile")
    (task.source / "new.txt").write_bytes(b"new")
    assert relocate.remove_original(task) == {"left": 2}
    assert set(seen(task.source)) == {"notes.txt", "new.txt"}
    assert (tmp_path / "microscope" / "movie.tif").read_bytes() == b"precious"
    assert not (task.target / JOURNAL).exists()
    assert relocate.remove_original(task) == {"left": 0}


def test_nothing_is_left_of_an_untouched_original(task: RelocationTask, tmp_path: Path) -> None:
    (task.source / ".trash" / "old").mkdir(parents=True)
    (task.source / ".trash" / "old" / "link").symlink_to(tmp_path / "microscope")
    relocate.copy_session(task)
    assert not (task.target / ".trash").exists()
    assert relocate.remove_original(task) == {"left": 0}
    assert not task.source.exists()
    assert (tmp_path / "microscope" / "movie.tif").exists()


def test_a_disk_that_lies_is_found_out(task: RelocationTask, monkeypatch: pytest.MonkeyPatch) -> None:
    write = deliver_copy.write_copy

    def spoilt(*arguments: object) -> tuple[Path, str]:
        part, checksum = write(*arguments)  # type: ignore[arg-type]
        part.write_bytes(b"\0" * part.stat().st_size)
        return part, checksum

    monkeypatch.setattr(relocate, "write_copy", spoilt)
    with pytest.raises(PassingError, match="failing"):
        relocate.copy_session(task)
    assert not task.target.exists()
    assert len(seen(task.source)) == 10


def test_the_next_try_goes_on(task: RelocationTask, monkeypatch: pytest.MonkeyPatch) -> None:
    write, calls = deliver_copy.write_copy, []

    def full(*arguments: object) -> tuple[Path, str]:
        calls.append(arguments)
        if len(calls) == 4:
            raise PassingError("no space")
        return write(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(relocate, "write_copy", full)
    with pytest.raises(PassingError, match="no space"):
        relocate.copy_session(task)
    # Half a line of the book, as a crash leaves it, and a file that is no longer what it was.
    with (task.staging / JOURNAL).open("ab") as book:
        book.write(b'{"path": "micrographs/m 2')
    (task.source / "logs" / "a.jsonl").write_bytes(b"longer than before")
    done = relocate.copy_session(task)
    assert 10 > done["copied"] >= 7
    assert (task.target / "logs" / "a.jsonl").read_bytes() == b"longer than before"
    # Named, but nobody noted it.
    assert relocate.copy_session(task)["files"] == 7


def test_a_file_that_is_written_to_is_copied_anew(
    task: RelocationTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = deliver_copy.write_copy
    once: list[Path] = []

    def growing(source: Path, *more: object) -> tuple[Path, str]:
        if source.name == "a.jsonl" and not once:
            once.append(source)
            source.write_bytes(b"{}\n{}\n")
        return write(source, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(relocate, "write_copy", growing)
    relocate.copy_session(task)
    assert (task.target / "logs" / "a.jsonl").read_bytes() == b"{}\n{}\n"


def test_what_is_gone_from_the_original_is_not_in_the_copy(
    task: RelocationTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(relocate, "_finish", lambda *_: (_ for _ in ()).throw(PassingError("away")))
        with pytest.raises(PassingError):
            relocate.copy_session(task)
    (task.source / "notes.txt").unlink()
    relocate.copy_session(task)
    assert not (task.target / "notes.txt").exists()


def test_somebody_elses_folder_is_left_alone(task: RelocationTask) -> None:
    task.target.mkdir(parents=True)
    (task.target / "theirs.txt").touch()
    with pytest.raises(InputError, match="not empty"):
        relocate.copy_session(task)
    assert [path.name for path in task.target.iterdir()] == ["theirs.txt"]
    other = RelocationTask(task.source, task.target, "another", move=True)
    with pytest.raises(InputError, match="another session"):
        relocate.copy_session(other)


def test_a_killed_copy_leaves_the_original_whole_and_no_copy(tmp_path: Path) -> None:
    content = make_session(tmp_path / "s", tmp_path / "microscope", files=400)
    task = RelocationTask(tmp_path / "s", tmp_path / "t", IDENTITY, move=False)
    script = (
        "from pathlib import Path; from frazil.stages.relocation import RelocationTask as T; "
        "from frazil.stages.relocate import copy_session as c; import sys; "
        f"c(T(Path(sys.argv[1]), Path(sys.argv[2]), {IDENTITY!r}, move=False))"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(task.source), str(task.target)])
    deadline = time.monotonic() + 120
    while sum(1 for _ in task.staging.glob("micrographs/*")) < 20:
        assert process.poll() is None
        assert time.monotonic() < deadline
    process.kill()
    process.wait()
    assert not task.target.exists()
    assert {name: (task.source / name).read_bytes() for name in content} == content
    result = relocate.copy_session(task)
    assert 0 < result["copied"] < len(content) + 4
    assert {name: (task.target / name).read_bytes() for name in content} == content
