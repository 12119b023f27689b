"""Bring results up to date with a settings revision: which rows wait again, which are outdated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, not_, true

from frazil.model.redo import compare
from frazil.store.catalogue import movies as movie_rows
from frazil.store.catalogue import redo_counts, revisions
from frazil.store.catalogue.schema import movies
from frazil.tracks.preprocess.planner import REDO

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from frazil.model.settings import Settings


def apply_revision(
    connection: Connection,
    session_id: int,
    revision: int,
    settings: Settings,
    kept: ColumnElement[bool] | None,
) -> int:
    """Have everything redone that the revision touches; returns how many movies.

    Parameters
    ----------
    revision, settings
        The revision, which is the newest, and its settings.
    kept
        Only movies for which this holds; the others that are touched are marked outdated.
    """
    chosen = true() if kept is None else kept
    again = {"state": "queued", "priority": REDO, "attempts": 0, "next_try_at": None}
    redone = 0
    for group in redo_counts.result_groups(connection, session_id):
        stages = _touched(connection, session_id, group.revision, settings)
        if not stages:
            continue
        of_group = and_(
            movies.c.state.in_(redo_counts.WITH_RESULTS),
            movies.c.settings_revision == group.revision,
            movies.c.raw_path.is_not(None),
        )
        redone += movie_rows.change_where(
            connection, session_id, and_(of_group, chosen), target_revision=revision, **again
        )
        if kept is not None:
            movie_rows.change_where(connection, session_id, and_(of_group, not_(chosen)), state="outdated")
    for target, stage, _ in redo_counts.failed_targets(connection, session_id):
        if stage in _touched(connection, session_id, target, settings):
            of_group = and_(
                movies.c.state == "failed",
                movies.c.target_revision == target,
                movies.c.failed_stage == stage,
            )
            redone += movie_rows.change_where(
                connection, session_id, and_(of_group, chosen), target_revision=revision, **again
            )
    # What is in work or waits to be redone is compared with these settings when it is done.
    pending = movies.c.state.in_(("processing", "queued"))
    movie_rows.change_where(connection, session_id, and_(pending, chosen), target_revision=revision)
    return redone


def _touched(connection: Connection, session_id: int, revision: int, settings: Settings) -> tuple[str, ...]:
    return compare(revisions.get(connection, session_id, revision).settings(), settings).stages
