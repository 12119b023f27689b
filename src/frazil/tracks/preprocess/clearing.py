"""Clear of pre-processing: what goes, and doing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, or_, select

from frazil.stages.products import PRODUCT_FOLDERS
from frazil.store.catalogue import movies as movie_rows
from frazil.store.catalogue import particle_changes
from frazil.store.catalogue.schema import movies
from frazil.store.trash import throw_away
from frazil.tracks.preprocess.inventory import NOT_DELIVERED
from frazil.tracks.preprocess.results import RECORD_COLUMNS

if TYPE_CHECKING:
    from frazil.tracks.context import TrackContext

CLEARED_FOLDERS = (*PRODUCT_FOLDERS, "records", ".tests")
"""Folders that hold nothing but products of pre-processing."""

_KNOWN = or_(movies.c.raw_path.is_not(None), movies.c.settings_revision.is_not(None))
_DELIVERED = and_(movies.c.raw_path.is_not(None), movies.c.state.not_in(NOT_DELIVERED))
# With results, and their file taken away since: now they have neither.
_ABSENT = and_(
    movies.c.raw_path.is_(None),
    movies.c.settings_revision.is_not(None),
    movies.c.state.not_in(NOT_DELIVERED),
)


def clear_products(context: TrackContext) -> None:
    """Remove all products; movies wait as if they had just come, those without a file for file transfer.

    Done again it does no harm.

    The files go first: movies without products are found as missing when the track begins.
    """
    throw_away(context.folder, [context.folder / name for name in CLEARED_FOLDERS])
    for name in (*PRODUCT_FOLDERS, "records"):
        (context.folder / name).mkdir(exist_ok=True)
    empty: dict[str, Any] = dict.fromkeys(RECORD_COLUMNS)
    empty.update(record=None, failed_stage=None, settings_revision=None, particles_token=None)
    empty.update(attempts=0, next_try_at=None, done_at=None, latency_s=None, priority=2)
    session = context.session_id
    with context.catalogue.write() as connection:
        had = select(movies.c.number).where(
            movies.c.session_id == session, movies.c.particles_token.is_not(None)
        )
        numbers = list(connection.scalars(had))
        movie_rows.change_where(connection, session, _ABSENT, state="waiting")
        movie_rows.change_where(connection, session, _KNOWN, **empty)
        movie_rows.change_where(connection, session, movies.c.raw_path.is_not(None), reason=None)
        movie_rows.change_where(connection, session, _DELIVERED, state="queued")
        particle_changes.mark(connection, session, numbers)
    context.log.info("cleared", movies_with_particles=len(numbers))
