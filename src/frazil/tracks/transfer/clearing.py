"""Clear of file transfer: copies and links go whose source is still there, unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, select, update

from frazil.store.catalogue import source_files
from frazil.store.catalogue.schema import movies
from frazil.store.trash import throw_away
from frazil.tracks.transfer.ledger import RAW_ABSENT, forget_files
from frazil.tracks.transfer.names import from_storable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from frazil.tracks.context import TrackContext


def clear_raw(context: TrackContext, source_of: Callable[[str], Path | None]) -> int:
    """Remove what Frazil delivered and can deliver again; returns how many files.

    Never a moved file, never a source, never what somebody else put into ``raw/``. Movies with results keep
    them; those without are forgotten. Done again after a crash it does the rest.

    Parameters
    ----------
    context
        The session.
    source_of
        Where a file of the ledger is at the microscope; None where nobody knows any more.
    """
    with context.catalogue.read() as connection:
        rows = list(source_files.every(connection, context.session_id))
    going = [row for row in rows if _may_go(row, source_of)]
    places = [row["delivered_path"] for row in going if row["delivered_mode"] in ("link", "copy")]
    throw_away(context.folder, [context.folder / place for place in places])
    session = context.session_id
    numbers = [
        {"key": row["movie_number"]} for row in going if row["kind"] == "movie" and row["movie_number"]
    ]
    with context.catalogue.write() as connection:
        forget_files(connection, session, [from_storable(row["path"]) for row in going])
        if numbers:
            ours = (movies.c.session_id == session, movies.c.number == bindparam("key"))
            connection.execute(delete(movies).where(*ours, movies.c.settings_revision.is_(None)), numbers)
            connection.execute(update(movies).where(*ours).values(raw_path=None, reason=RAW_ABSENT), numbers)
        left = connection.execute(
            select(movies.c.number).where(movies.c.session_id == session, movies.c.raw_path.is_not(None))
        ).all()
    context.log.info("cleared", files=len(places), movies_left=len(left))
    return len(places)


def _may_go(row: dict[str, Any], source_of: Callable[[str], Path | None]) -> bool:
    if row["state"] in ("settling", "waiting", "transferring", "failed", "forgotten"):
        # Nothing was delivered, or nothing that the ledger knows of.
        return row["delivered_path"] is None
    if row["delivered_mode"] == "in_place":
        return True
    if row["delivered_mode"] not in ("link", "copy") or not row["delivered_path"]:
        return False
    source = source_of(row["path"])
    if source is None:
        return False
    try:
        status = source.stat()
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (row["delivered_size_bytes"], row["delivered_mtime_ns"])
