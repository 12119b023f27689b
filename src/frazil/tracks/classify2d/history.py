"""Entries of the class history: on the disk first, then in the catalogue; what a crash left is put right."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from frazil.store.catalogue import class_updates
from frazil.store.catalogue.schema import class_updates as table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sqlalchemy import Connection

_UPDATE = re.compile(r"run(\d+)/update(\d+)")
ENTRY = "entry"
"""Key of `summary.json` below which the session keeps what it knows of an entry."""


def entry_values(summary: Mapping[str, Any], folder: str) -> dict[str, Any] | None:
    """Columns of an entry's row, from its summary; None where it was not written by a track."""
    entry = summary.get(ENTRY)
    if not isinstance(entry, dict) or "number" not in entry:
        return None
    return {
        "run": int(entry["run"]),
        "update_in_run": int(entry["update_in_run"]),
        "kind": str(entry["kind"]),
        "finished_at": float(summary.get("finished_at", entry["begun_at"])),
        "seconds": float(summary.get("seconds", 0.0)),
        "particles": int(summary["particles"]),
        "class_count": int(summary["class_count"]),
        "limit_a": entry.get("limit_a", summary.get("limit_a")),
        "fraction": entry.get("fraction"),
        "settings_revision": int(entry["settings_revision"]),
        "folder": folder,
        "summary": dict(summary),
    }


def update_folders(session: Path) -> Iterator[tuple[str, Path]]:
    """Finished entries on the disk: name relative to the session folder, and path."""
    for path in sorted((session / "classes").glob("run*/update*/summary.json")):
        folder = path.parent
        if _UPDATE.fullmatch(folder.relative_to(session / "classes").as_posix()):
            yield folder.relative_to(session).as_posix(), folder


def remove_unfinished(session: Path) -> None:
    """Remove entries that a killed worker left half-written."""
    for part in (session / "classes").glob("run*/.*.part"):
        shutil.rmtree(part, ignore_errors=True)


def adopt(connection: Connection, session_id: int, session: Path) -> list[dict[str, Any]]:
    """Add rows for finished entries that have none; returns them with their ``number``, oldest first."""
    known = set(connection.scalars(select(table.c.folder).where(table.c.session_id == session_id)))
    numbers = set(connection.scalars(select(table.c.number).where(table.c.session_id == session_id)))
    found = []
    for name, folder in update_folders(session):
        if name in known:
            continue
        try:
            summary = json.loads((folder / "summary.json").read_bytes())
        except ValueError:
            continue
        values = entry_values(summary, name) if isinstance(summary, dict) else None
        if values is not None and summary[ENTRY]["number"] not in numbers:
            found.append({"number": int(summary[ENTRY]["number"]), **values})
    found.sort(key=lambda entry: int(entry["number"]))
    for entry in found:
        values = {name: value for name, value in entry.items() if name != "number"}
        class_updates.add(connection, session_id, entry["number"], values)
    return found
