"""A movie's record in its session folder, ``records/<name>.json``: written after the products it lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from frazil.formats.atomic import atomic_path
from frazil.stages.products import Products
from frazil.stages.record import MovieRecord

if TYPE_CHECKING:
    from pathlib import Path


def store_record(session: Path, record: MovieRecord) -> None:
    """Write the record; `OSError` where that is not possible."""
    path = Products(session, record.name).record
    path.parent.mkdir(exist_ok=True)
    with atomic_path(path) as part:
        part.write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")


def stored_record(session: Path, name: str) -> MovieRecord | None:
    """Read the record of a movie; None where there is none or it is damaged: then nothing counts as done.

    Raises `OSError` where it is there and can't be read.
    """
    try:
        content = Products(session, name).record.read_bytes()
    except FileNotFoundError:
        return None
    try:
        record = MovieRecord.model_validate_json(content)
    except ValidationError:
        return None
    return record if record.name == name else None
