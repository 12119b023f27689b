"""A Warp folder that was moved or is reached by another path: the session follows it there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from frazil.formats.warp_settings import SETTINGS_NAME
from frazil.model.errors import InputError
from frazil.store.catalogue.schema import movies

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SAMPLES = 50


def refuse_another_warp_folder(
    connection: Connection, session_id: int, before: str, after: str | None
) -> None:
    """Make sure that a Warp folder is the one that a session followed, in another place.

    Raises `InputError` where none is named, where the old one is still there under a place of its own, or
    where the new one lacks movies of the session.
    """
    another = "a session follows one Warp folder; make another session for this one"
    if after is None:
        raise InputError(f"warp_folder: {another}")
    old, new = Path(before), Path(after)
    if not (new / SETTINGS_NAME).is_file():
        raise InputError(f"warp_folder {new}: holds no {SETTINGS_NAME}; {another}")
    if (old / SETTINGS_NAME).is_file() and not old.samefile(new):
        raise InputError(f"warp_folder: {old} is still there; {another}")
    query = select(movies.c.path).where(movies.c.session_id == session_id).limit(_SAMPLES)
    missing = [path for path in connection.scalars(query) if not (new / Path(path).name).is_file()]
    if missing:
        raise InputError(f"warp_folder {new}: has no {missing[0]}, which the session knows; {another}")
