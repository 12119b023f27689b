"""Bring a Live2D folder up to date: the stack first, then cycles, then the state that lists them."""

from __future__ import annotations

import re
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from frazil.formats.live2d import (
    LOG_NAME,
    RUN_NAME,
    cycle_name,
    cycles_of,
    read_live2d_run,
    write_live2d_run,
)
from frazil.model.errors import InputError
from frazil.stages.live2d.cycle import append_rows, write_cycle
from frazil.stages.live2d.own import HISTORY_NAME, OwnState, cycle_files, read_own, remove, write_own
from frazil.stages.live2d.stack import parts_of, rows_that_stay, write_stack
from frazil.stages.live2d.task import Live2dResult

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from frazil.stages.live2d.stack import Part
    from frazil.stages.live2d.task import Live2dEntry, Live2dTask

_CYCLE = re.compile(r"cycle_(\d{1,9})(?:_appended)?\.(?:mrc|star)")


def bring_up_to_date(task: Live2dTask) -> Live2dResult:
    """Write what a Live2D folder lacks. Done again it does nothing, and after a crash it goes on.

    Raises `InputError` where Warp's table or what lies in the folder can't be read, `OSError` where the disk
    fails or is full.
    """
    began = time.monotonic()
    made_folder = not task.folder.exists()
    task.folder.mkdir(exist_ok=True)
    own = read_own(task.folder) or OwnState(session_id=task.session_id, made_folder=made_folder)
    if own.session_id != task.session_id:
        # What another session wrote is nothing of this one's.
        own = own.model_copy(update={"session_id": task.session_id, "cycles": {}, "history": (), "newest": 0})
    document = _document(task)
    if own.made_folder:
        document |= {"warp_folder": str(task.warp), "working_directory": str(task.folder)}
    own = _without_unfinished(task, own, document)
    parts = parts_of(task)
    if not parts:
        return Live2dResult((), 0, False, 0, time.monotonic() - began)
    had = max(own.rows, _rows_listed(document))
    stay = rows_that_stay(task, own, parts)
    out = [cycle.name for cycle in cycles_of(document) if cycle.particles > stay]
    # What is said of the stack is never more than what it holds.
    own = own.model_copy(
        update={
            "pieces": _first(own, stay),
            "cycles": {name: entry for name, entry in own.cycles.items() if name not in out},
            "history": (*own.history, *(name for name in out if name in own.cycles)),
        }
    )
    write_own(task.folder, own)
    if out:
        document = _move_away(task.folder, document, out)
    rebuilt = write_stack(task, parts, stay, had)
    pieces = tuple(part.piece for part in parts)
    own = own.model_copy(update={"pieces": pieces, "made_stack": own.made_stack or rebuilt})
    write_own(task.folder, own)
    written = []
    for entry in _missing(task, own):
        own, document, name = _add(task, own, document, entry, parts)
        written.append(name)
    return Live2dResult(tuple(written), own.rows, rebuilt and had > 0, len(out), time.monotonic() - began)


def _document(task: Live2dTask) -> dict[str, Any]:
    """State of the folder; where it is damaged and has no backup, that one is set aside."""
    try:
        found = read_live2d_run(task.folder)
    except InputError:
        aside = task.folder / f"{RUN_NAME}.damaged"
        (task.folder / RUN_NAME).replace(aside)
        found = None
    found = found or {}
    return {
        "warp_folder": str(task.warp),
        "working_directory": str(task.folder),
        "logfile": LOG_NAME,
        "settings": {},
        "counting": False,
        "force_abinit": False,
        "next_run_new_particles": False,
        "kill_job": False,
        **found,
        "cycles": [each for each in _listed(found) if isinstance(each, dict)],
        "job_status": "stopped",
    }


def _listed(document: dict[str, Any]) -> list[Any]:
    cycles = document.get("cycles")
    return cycles if isinstance(cycles, list) else []


def _missing(task: Live2dTask, own: OwnState) -> list[Live2dEntry]:
    """Entries that are not there: of a folder that has none of this session's, only the newest."""
    if not own.newest:
        return list(task.entries[-1:])
    newest = own.newest
    return [entry for entry in task.entries if entry.number > newest]


def _add(
    task: Live2dTask, own: OwnState, document: dict[str, Any], entry: Live2dEntry, parts: Sequence[Part]
) -> tuple[OwnState, dict[str, Any], str]:
    cycles = cycles_of(document)
    number = _next_number(task.folder, cycles[-1].number if cycles else -1)
    cycle_of = {**own.cycles, cycle_name(number): entry.number}
    own = own.model_copy(update={"cycles": cycle_of})
    write_own(task.folder, own)
    if cycles:
        append_rows(task, cycles[-1].name, cycles[-1].particles, parts)
    said = write_cycle(task, entry, number, parts)
    document = {**document, "settings": dict(said["settings"]), "cycles": [*document["cycles"], said]}
    write_live2d_run(task.folder, document)
    own = own.model_copy(update={"newest": entry.number})
    write_own(task.folder, own)
    _log(task.folder, said)
    return own, document, str(said["name"])


def _next_number(folder: Path, last: int) -> int:
    """Return the number after all that were ever used here."""
    for place in (folder, folder / HISTORY_NAME):
        if place.is_dir():
            found = [_CYCLE.fullmatch(path.name) for path in place.iterdir()]
            last = max([last, *(int(match[1]) for match in found if match)])
    return last + 1


def _without_unfinished(task: Live2dTask, own: OwnState, document: dict[str, Any]) -> OwnState:
    """Remove cycles of Frazil's that a crash left half-written."""
    listed = {cycle.name for cycle in cycles_of(document)}
    unfinished = [name for name in own.cycles if name not in listed]
    for name in unfinished:
        for path in cycle_files(task.folder, name):
            remove(path)
    done = {name: entry for name, entry in own.cycles.items() if name in listed}
    return own.model_copy(update={"cycles": done})


def _move_away(folder: Path, document: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Move cycles into ``history``, of which rows are others in the stack to come; returns the state then."""
    history = folder / HISTORY_NAME
    for name in names:
        for path in cycle_files(folder, name):
            if path.exists():
                target = history / path.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)
    left = [each for each in document["cycles"] if f"cycle_{each.get('number')}" not in names]
    document = {**document, "cycles": left}
    write_live2d_run(folder, document)
    return document


def _first(own: OwnState, rows: int) -> tuple[Any, ...]:
    """Pieces that lie within the first rows."""
    found, end = [], 0
    for piece in own.pieces:
        end += piece.rows
        if end > rows:
            break
        found.append(piece)
    return tuple(found)


def _rows_listed(document: dict[str, Any]) -> int:
    return max((cycle.particles for cycle in cycles_of(document)), default=0)


def _log(folder: Path, said: dict[str, Any]) -> None:
    limit, count = said["high_res_limit"], said["particle_count"]
    now = datetime.now().strftime("%Y-%m-%d %H:%M:%S")
    shown = "" if limit is None else f", limit {limit:g} A"
    with (folder / LOG_NAME).open("a", encoding="utf-8") as file:
        file.write(f"{now} Frazil: {said['name']}, {said['block_type']}, {count} particles{shown}\n")
