"""Take away what Frazil has written into a Live2D folder, and nothing else."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from frazil.formats.live2d import (
    BACKUP_NAME,
    LOG_NAME,
    PICTURES_NAME,
    RUN_NAME,
    STACK_NAME,
    TABLE_NAME,
    read_live2d_run,
    write_live2d_run,
)
from frazil.stages.live2d.own import HISTORY_NAME, OWN_NAME, cycle_files, read_own, remove, write_own

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


def remove_cycles(folder: Path, session_id: str, entries: Collection[int] | None = None) -> int:
    """Remove the cycles of a session's entries, all of them by default; returns how many went.

    Where no cycle of anybody is left, stack, table and state that Frazil made go as well, and the folder if
    it made that and nothing else lies in it. Files of Live2D's own stay. Raises `InputError` where the state
    is damaged.
    """
    own = read_own(folder)
    if own is None or own.session_id != session_id:
        return 0
    gone = {name for name, entry in own.cycles.items() if entries is None or entry in entries}
    if entries is None:
        gone |= set(own.history)
    document = read_live2d_run(folder)
    left = []
    if document is not None:
        cycles = document.get("cycles")
        listed = cycles if isinstance(cycles, list) else []
        left = [each for each in listed if not isinstance(each, dict) or each.get("name") not in gone]
        write_live2d_run(folder, {**document, "cycles": left})
    for name in gone:
        for place in (folder, folder / HISTORY_NAME):
            for path in cycle_files(place, name):
                remove(path)
    kept = {name: entry for name, entry in own.cycles.items() if name not in gone}
    history = tuple(name for name in own.history if name not in gone)
    own = own.model_copy(update={"cycles": kept, "history": history})
    write_own(folder, own)
    if not left and entries is None:
        _remove_rest(folder, made_folder=own.made_folder, made_stack=own.made_stack)
    return len(gone)


def cycles_of_session(folder: Path, session_id: str) -> list[Path]:
    """Return the files and folders of the cycles that `remove_cycles` would remove; errors as of it."""
    own = read_own(folder)
    if own is None or own.session_id != session_id:
        return []
    places = [(folder, name) for name in own.cycles] + [(folder / HISTORY_NAME, n) for n in own.history]
    return [path for place, name in places for path in cycle_files(place, name) if path.exists()]


def _remove_rest(folder: Path, *, made_folder: bool, made_stack: bool) -> None:
    names = [OWN_NAME]
    if made_stack:
        names += [STACK_NAME, TABLE_NAME]
    if made_folder:
        names += [RUN_NAME, BACKUP_NAME, f"{RUN_NAME}.damaged", LOG_NAME]
    for name in names:
        (folder / name).unlink(missing_ok=True)
    empty = [folder / HISTORY_NAME / PICTURES_NAME, folder / HISTORY_NAME, folder / PICTURES_NAME]
    for place in (*empty, *([folder] if made_folder else [])):
        # What holds files of somebody else stays.
        with contextlib.suppress(OSError):
            place.rmdir()
