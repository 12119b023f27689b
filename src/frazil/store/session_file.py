"""``session.json``: what a session folder says about itself, enough for another server to go on with it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from frazil.formats.atomic import atomic_path
from frazil.model.errors import InputError
from frazil.model.manual_picks import ManualPicks  # noqa: TC001 - pydantic reads annotations

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "session.json"
SCHEMA_VERSION = 4
"""2 added who saved settings, group, kind, overrides and filters, 3 manual picks, 4 classes kept by hand;
older ones are read as they are."""


class Revision(BaseModel):
    """Settings as they were saved at one time: those that differ from the default."""

    model_config = ConfigDict(extra="forbid")

    revision: int
    saved_at: str
    saved_by: str = ""
    values: dict[str, Any]


class ChosenClasses(BaseModel):
    """Classes of one entry of the class history that a person chose."""

    model_config = ConfigDict(extra="forbid")

    update_number: int
    classes: list[int]


class SessionFile(BaseModel):
    """Content of ``session.json``.

    Attributes
    ----------
    id
        Never changes, also when the folder is moved.
    name, group, kind, created_at
        As shown; ``kind`` is movies, micrographs or warp.
    settings
        Every revision, oldest first.
    overrides
        ``include`` or ``exclude`` by movie, where a person decided.
    filters
        Definition of each named filter.
    selections
        Of classes, by name.
    manual_picks
        Particles that a person added or removed, by movie.
    kept_classes
        Classes that a person keeps (true) or rejects, by run and stable id.
    """

    model_config = ConfigDict(extra="forbid")

    schema_version: int = SCHEMA_VERSION
    id: str
    name: str
    group: str = ""
    kind: str = "movies"
    created_at: str
    settings: list[Revision] = Field(default_factory=list)
    overrides: dict[str, str] = Field(default_factory=dict)
    filters: dict[str, Any] = Field(default_factory=dict)
    selections: dict[str, ChosenClasses] = Field(default_factory=dict)
    manual_picks: dict[str, ManualPicks] = Field(default_factory=dict)
    kept_classes: dict[int, dict[int, bool]] = Field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write it whole or not at all; `OSError` as the system raised it."""
        content = self.model_copy(update={"schema_version": SCHEMA_VERSION})
        with atomic_path(folder / FILE_NAME) as part:
            part.write_text(content.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_session_file(folder: Path) -> SessionFile:
    """Read ``session.json``; `InputError` where it can't be read, is damaged or of a newer Frazil."""
    file = folder / FILE_NAME
    try:
        text = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: can't be read: {error.strerror}") from error
    version = _version(text)
    if version is not None and version > SCHEMA_VERSION:
        raise InputError(f"{file}: written by a newer Frazil (schema {version}); use that one")
    try:
        return SessionFile.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{file}: damaged ({f'{where}: ' if where else ''}{first['msg']}); give a new folder"
        ) from error


def time_text(seconds: float) -> str:
    """Seconds since 1970 as text, UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def time_seconds(text: str) -> float:
    """Seconds since 1970 of such a text; `InputError` where it is none."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise InputError(f"{text!r} is no time") from error


def _version(text: bytes) -> int | None:
    try:
        content = json.loads(text)
    except ValueError:
        return None
    version = content.get("schema_version") if isinstance(content, dict) else None
    return version if isinstance(version, int) else None
