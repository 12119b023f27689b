"""Folders of sessions that somebody must not know: they are neither shown nor read on their behalf."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from frazil.app.errors import DeniedError
from frazil.app.session_paths import PATH_SETTINGS, fixed_part
from frazil.store.catalogue import sessions

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from frazil.app.access import Actor
    from frazil.model.settings import Settings


def foreign_folders(connection: Connection, actor: Actor) -> frozenset[Path]:
    """Return the folders of sessions that somebody can't see."""
    rows = sessions.listed(connection)
    return frozenset(Path(row.folder) for row in rows if actor.role_for(row) is None)


def refuse_foreign(connection: Connection, actor: Actor, settings: Settings) -> None:
    """Make sure that no path in the settings lies in, or around, a session that somebody can't see.

    Otherwise a source could be another group's movies. Raises `DeniedError`.
    """
    foreign = foreign_folders(connection, actor)
    if not foreign:
        return
    for name in PATH_SETTINGS:
        value = settings.value(name)
        if value is None:
            continue
        path = fixed_part(Path(str(value))).resolve()
        if any(path.is_relative_to(folder) or folder.is_relative_to(path) for folder in foreign):
            raise DeniedError(
                f"{name}={value}: a session of another group lies there; give a folder without one"
            )
