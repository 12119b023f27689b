"""Copy a session folder so that the copy is whole or has no name, and remove an original that was copied."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frazil.formats.atomic import atomic_path, flush_directory
from frazil.model.errors import InputError, PassingError
from frazil.stages.bandwidth import Bandwidth
from frazil.stages.deliver_copy import Form, Stream, verify, write_copy
from frazil.stages.deliver_errors import SourceChangedError
from frazil.stages.export.lead import lead_exports
from frazil.stages.export.manifest import checksum
from frazil.stages.relocate_rename import counts_there, on_one_disk, rename_session, was_renamed
from frazil.stages.relocation import CHECKSUMS, JOURNAL, PROGRESS, RUBBISH, Entry, Journal, session_files

if TYPE_CHECKING:
    from frazil.stages.relocation import RelocationTask

_PASSES = 4
_TELL_EVERY_S = 0.5


def copy_session(task: RelocationTask) -> dict[str, Any]:
    """Copy every file of a session, read it back from the disk, and name the copy when all are there.

    A session that moves within one file system only gets another name (`rename_session`).
    What an earlier try copied is not copied again. Files that changed meanwhile are copied anew. Names of one
    file (hard links) stay names of one file; links inside the session lead to the copy.

    Returns
    -------
        files, links, bytes of the copy; copied: files of this try.

    Raises
    ------
    InputError
        The target is somebody's, or a file can't be copied.
    PassingError
        A disk is full, away or failing; the session keeps changing. The next try goes on.
    """
    staging = task.staging
    if was_renamed(task):
        return counts_there(task)
    if (task.target / JOURNAL).exists():
        # It got its name, and nobody was there to note so.
        arrived = Journal(task.target, task.identity).arrived
        return _counts(arrived.values(), 0)
    try:
        if task.move and not staging.exists() and on_one_disk(task.source, task.target):
            renamed = rename_session(task)
            if renamed is not None:
                return renamed
        staging.mkdir(parents=True, exist_ok=True)
        journal = Journal(staging, task.identity)
        copied = _copy_all(task, journal)
        _finish(task, journal)
    except OSError as error:
        raise PassingError(f"{error.filename or staging}: {error.strerror}") from error
    return _counts(journal.arrived.values(), copied)


def remove_original(task: RelocationTask) -> dict[str, Any]:
    """Remove what was copied from the original; what changed since, or came, stays.

    ``session.json`` goes first: what is left is no session. Links are removed, never what they lead to.

    Returns
    -------
        left: how many files stay in the old folder.
    """
    if not (task.target / JOURNAL).exists():
        return {"left": 0}
    if was_renamed(task):
        try:
            lead_exports(task.target, task.source, task.target)
            (task.target / JOURNAL).unlink()
        except OSError as error:
            raise PassingError(f"{error.filename or task.target}: {error.strerror}") from error
        return {"left": 0}
    arrived = Journal(task.target, task.identity).arrived
    try:
        if task.source.is_dir():
            _remove(task.source, arrived)
        left = len(session_files(task.source)) if task.source.is_dir() else 0
        (task.target / JOURNAL).unlink()
    except OSError as error:
        raise PassingError(f"{error.filename or task.source}: {error.strerror}") from error
    return {"left": left}


def _copy_all(task: RelocationTask, journal: Journal) -> int:
    copied = 0
    for _ in range(_PASSES):
        entries = session_files(task.source)
        if not any(entry.path == "session.json" for entry in entries):
            raise PassingError(f"{task.source}: the session folder is not there; is its disk mounted?")
        for path in set(journal.arrived) - {entry.path for entry in entries}:
            (task.staging / path).unlink(missing_ok=True)
            del journal.arrived[path]
        missing = [entry for entry in entries if not journal.holds(entry, task.staging)]
        if not missing:
            return copied
        progress = _Progress(task.staging, entries, missing)
        first_name = {entry.inode: entry for entry in reversed(entries) if entry.link is None}
        for entry in missing:
            progress.tell()
            try:
                checksum = _copy(task, journal, entry, first_name.get(entry.inode), progress)
            except SourceChangedError:
                # The next round takes it as it is then.
                continue
            journal.note(entry, checksum)
            progress.files += 1
            copied += 1
    raise PassingError(f"{task.source}: files there keep changing; end what writes there, then try again")


def _copy(
    task: RelocationTask, journal: Journal, entry: Entry, first: Entry | None, progress: _Progress
) -> str:
    target = task.staging / entry.path
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() or target.exists():
        target.unlink()
    if entry.link is not None:
        target.symlink_to(_led(task, entry.path, entry.link))
        return ""
    if first is not None and first.path != entry.path and journal.holds(first, task.staging):
        os.link(task.staging / first.path, target)
        progress.bytes += entry.form.size
        return journal.arrived[first.path][2]
    source = task.source / entry.path
    stream = Stream(Bandwidth(), threading.Event(), progress.add)
    part, checksum = write_copy(source, task.source, entry.form, target, task.staging, stream)
    try:
        verify(part, task.staging, entry.form.size, checksum, Stream(Bandwidth(), threading.Event(), _nobody))
        part.chmod(source.stat().st_mode & 0o777)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return checksum


def _led(task: RelocationTask, path: str, link: str) -> str:
    """Say where a link leads in the copy: to the same file, or to the copy of one of the session."""
    place = Path(os.path.normpath(task.source / Path(path).parent / link))
    if place.is_relative_to(task.source):
        return str(task.target / place.relative_to(task.source)) if Path(link).is_absolute() else link
    return str(place)


def _finish(task: RelocationTask, journal: Journal) -> None:
    (task.staging / PROGRESS).unlink(missing_ok=True)
    sums = [(path, known[2]) for path, known in sorted(journal.arrived.items()) if known[1] is None]
    led = {
        path.relative_to(task.staging).as_posix(): checksum(path)
        for path in lead_exports(task.staging, task.source, task.target)
    }
    sums = [(path, led.get(path, known)) for path, known in sums]
    (task.staging / CHECKSUMS).parent.mkdir(exist_ok=True)
    with atomic_path(task.staging / CHECKSUMS) as part:
        part.write_text("".join(f"{checksum}  {path}\n" for path, checksum in sums), encoding="utf-8")
    for folder, _, _ in os.walk(task.staging):
        flush_directory(Path(folder))
    if not task.move:
        (task.staging / JOURNAL).unlink()
    try:
        task.staging.rename(task.target)
    except OSError as error:
        raise InputError(
            f"{task.target}: is not empty any more ({error.strerror}); give another folder"
        ) from error
    flush_directory(task.target.parent)


def _remove(source: Path, arrived: dict[str, tuple[Form, str | None, str]]) -> None:
    for path in sorted(arrived, key=lambda path: (path != "session.json", path)):
        file = source / path
        try:
            same = Form.of(file.lstat()) == arrived[path][0]
        except FileNotFoundError:
            continue
        # Nothing may make a session of what is left.
        if same or path == "session.json":
            file.unlink()
    (source / ".lock").unlink(missing_ok=True)
    for name in RUBBISH:
        if not (source / name).is_symlink():
            shutil.rmtree(source / name, ignore_errors=True)
    for folder, _, _ in os.walk(source, topdown=False):
        if next(Path(folder).iterdir(), None) is None:
            Path(folder).rmdir()


def _counts(arrived: Any, copied: int) -> dict[str, Any]:
    files = [form.size for form, link, _ in arrived if link is None]
    return {
        "files": len(files),
        "links": len(arrived) - len(files),
        "bytes": sum(files),
        "copied": copied,
    }


def _nobody(_count: int) -> None:
    """Count nothing: what is read back was counted when it was written."""


class _Progress:
    """Tells beside the growing copy how far it is."""

    def __init__(self, folder: Path, entries: list[Entry], missing: list[Entry]) -> None:
        self._file = folder / PROGRESS
        self._told = 0.0
        self.of_files, self.of_bytes = len(entries), sum(entry.form.size for entry in entries)
        self.files = len(entries) - len(missing)
        self.bytes = self.of_bytes - sum(entry.form.size for entry in missing)

    def add(self, count: int) -> None:
        """Count bytes that were read."""
        self.bytes += count
        self.tell()

    def tell(self) -> None:
        """Write it down, at most twice a second."""
        if time.monotonic() - self._told < _TELL_EVERY_S:
            return
        self._told = time.monotonic()
        content = {
            "files": self.files,
            "bytes": self.bytes,
            "of_files": self.of_files,
            "of_bytes": self.of_bytes,
        }
        fresh = self._file.with_name(f"{PROGRESS}.new")
        fresh.write_text(json.dumps(content), encoding="utf-8")
        fresh.replace(self._file)
