"""Exports that lie in a session folder of another server: listed like those that this one made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from frazil.app.export_jobs import FOLDER
from frazil.stages.export.manifest import LINKED, MANIFEST, read_manifest
from frazil.stages.export.request import OVERLAYS, ExportRequest
from frazil.store.catalogue import exports

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

_FACTS = "settings.json"


def export_rows(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """Names and rows of the whole exports in a session folder, oldest first.

    What holds no manifest, or facts that this Frazil can't read, is no export that it could say anything of.
    """
    found = []
    for place in sorted((folder / FOLDER).glob(f"*/{MANIFEST}")):
        if place.parent.is_symlink() or place.parent.name.startswith("."):
            continue
        try:
            row = _row(place.parent)
        except (OSError, ValueError, KeyError, TypeError, ValidationError):
            continue
        found.append((place.parent.name, row))
    return sorted(found, key=lambda item: item[1]["created_at"])


def add_exports(connection: Connection, session_id: int, found: list[tuple[str, dict[str, Any]]]) -> None:
    """Add them to the catalogue, numbered from 1."""
    for number, (name, row) in enumerate(found, 1):
        result = row.pop("result")
        exports.add_numbered(connection, session_id, number, name, **row)
        exports.change(connection, session_id, number, result=result)


def _row(folder: Path) -> dict[str, Any]:
    facts = json.loads((folder / _FACTS).read_bytes())
    request = ExportRequest.model_validate(facts["request"])
    files = list(read_manifest(folder))
    made_at = float(facts["created_at"])
    return {
        "state": "done",
        "request": request.model_dump(mode="json", exclude_defaults=True),
        "created_at": made_at,
        "created_by": str(facts["created_by"])[:200],
        "started_at": made_at,
        "ended_at": (folder / MANIFEST).stat().st_mtime,
        "reason": "",
        "result": {
            "counts": dict(facts["counts"]),
            "files": len(files) + 1,
            "bytes": sum(size for _, size, checksum in files if checksum != LINKED),
            "notes": list(facts["notes"]),
            "overlays": sorted(f"{OVERLAYS}/{file.name}" for file in (folder / OVERLAYS).glob("*.jpg")),
        },
    }
