"""Move a session within one file system: its folder gets another name, and nothing is copied."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frazil.formats.atomic import flush_directory
from frazil.model.errors import InputError, PassingError
from frazil.stages.relocation import JOURNAL, session_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from frazil.stages.relocation import Entry, RelocationTask

_RENAMED = "renamed"
_TAKEN = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR})


def on_one_disk(source: Path, target: Path) -> bool:
    """Whether both lie in one file system, so that a folder can go from one to the other by its name."""
    place = target
    while not place.exists():
        place = place.parent
    try:
        return source.stat().st_dev == place.stat().st_dev
    except OSError:
        return False


def rename_session(task: RelocationTask) -> dict[str, Any] | None:
    """Give the folder its new name; at every moment the session is whole under one of the two.

    Links are made to lead to the same under both names before. A book in the folder says what was done, for
    who finds it there after a crash.

    Returns
    -------
        As of `frazil.stages.relocate.copy_session`; None where the system refuses, because a part of the
        folder lies on another disk.

    Raises
    ------
    InputError
        The target is not empty.
    PassingError
        The session is not there, or a disk fails.
    """
    entries = session_files(task.source)
    if not any(entry.path == "session.json" for entry in entries):
        raise PassingError(f"{task.source}: the session folder is not there; is its disk mounted?")
    _prepare_links(task, entries)
    book = task.source / JOURNAL
    task.target.parent.mkdir(parents=True, exist_ok=True)
    book.write_text(json.dumps({"session": task.identity, _RENAMED: True}) + "\n", encoding="utf-8")
    try:
        task.source.rename(task.target)
    except OSError as error:
        book.unlink(missing_ok=True)
        if error.errno in _TAKEN:
            raise InputError(
                f"{task.target}: is not empty any more ({error.strerror}); give another folder"
            ) from error
        return None
    for folder in {task.source.parent, task.target.parent}:
        flush_directory(folder)
    return _counts(entries)


def was_renamed(task: RelocationTask) -> bool:
    """Whether this session lies at its target by its name alone; `InputError` where another one does."""
    try:
        first = (task.target / JOURNAL).read_bytes().partition(b"\n")[0]
        content: dict[str, Any] = json.loads(first)
    except (OSError, ValueError):
        return False
    if content.get("session") != task.identity and content.get(_RENAMED):
        raise InputError(f"{task.target}: another session lies there; choose another folder")
    return bool(content.get(_RENAMED))


def counts_there(task: RelocationTask) -> dict[str, Any]:
    """Count what lies at the target."""
    return _counts(session_files(task.target))


def take_back(task: RelocationTask) -> bool:
    """Give the folder its old name again, if it has the new one already and the old one is free."""
    if task.source.exists() or not was_renamed(task):
        return False
    task.target.rename(task.source)
    (task.source / JOURNAL).unlink(missing_ok=True)
    return True


def _prepare_links(task: RelocationTask, entries: Sequence[Entry]) -> None:
    """Make links within the session relative, and all others absolute."""
    for entry in entries:
        if entry.link is None:
            continue
        path = task.source / entry.path
        place = Path(os.path.normpath(path.parent / entry.link))
        inside = place.is_relative_to(task.source)
        if inside != Path(entry.link).is_absolute():
            continue
        fresh = path.with_name(f".{path.name}.part")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(os.path.relpath(place, path.parent) if inside else place)
        fresh.replace(path)


def _counts(entries: Sequence[Entry]) -> dict[str, Any]:
    sizes = [entry.form.size for entry in entries if entry.link is None]
    return {"files": len(sizes), "links": len(entries) - len(sizes), "bytes": sum(sizes), "copied": 0}
