"""How many movies have results of which settings, and how long their stages took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select, true

from frazil.model.settings import STAGES
from frazil.store.catalogue.schema import movies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

    from frazil.model.settings import Stage

WITH_RESULTS = ("done", "outdated")
_LAST = 50


@dataclass(frozen=True)
class ResultGroup:
    """Movies with results of one settings revision: all of them, and those that are kept."""

    revision: int
    movies: int
    kept: int


def result_groups(
    connection: Connection, session_id: int, kept: ColumnElement[bool] | None = None
) -> Sequence[ResultGroup]:
    """Movies that have results, by the revision of the settings that these were made with.

    Only those whose file is there: the results of others can't be made again.
    """
    condition = true() if kept is None else kept
    query = (
        select(
            movies.c.settings_revision,
            func.count(),
            func.count().filter(condition),
        )
        .where(
            movies.c.session_id == session_id,
            movies.c.state.in_(WITH_RESULTS),
            movies.c.settings_revision.is_not(None),
            movies.c.raw_path.is_not(None),
        )
        .group_by(movies.c.settings_revision)
        .order_by(movies.c.settings_revision)
    )
    return [ResultGroup(int(revision), all_, kept_) for revision, all_, kept_ in connection.execute(query)]


def failed_targets(connection: Connection, session_id: int) -> Sequence[tuple[int, str, int]]:
    """Movies whose processing failed: (target revision, failed stage, how many)."""
    query = (
        select(movies.c.target_revision, movies.c.failed_stage, func.count())
        .where(
            movies.c.session_id == session_id, movies.c.state == "failed", movies.c.failed_stage.in_(STAGES)
        )
        .group_by(movies.c.target_revision, movies.c.failed_stage)
    )
    return [(int(revision), str(stage), int(count)) for revision, stage, count in connection.execute(query)]


def mean_seconds(connection: Connection, session_id: int) -> dict[Stage, float]:
    """Mean seconds of each stage over the 50 movies that were done last."""
    columns = [movies.c[f"seconds_{stage}"] for stage in STAGES]
    last = (
        select(*columns)
        .where(movies.c.session_id == session_id, movies.c.done_at.is_not(None))
        .order_by(movies.c.done_at.desc())
        .limit(_LAST)
        .subquery()
    )
    row = connection.execute(select(*(func.avg(last.c[column.name]) for column in columns))).one()
    return {stage: float(row[place] or 0.0) for place, stage in enumerate(STAGES)}


def last_done(connection: Connection, session_id: int, count: int) -> Sequence[str]:
    """Names of the movies that were done last."""
    query = (
        select(movies.c.name)
        .where(movies.c.session_id == session_id, movies.c.done_at.is_not(None))
        .order_by(movies.c.done_at.desc())
        .limit(count)
    )
    return list(connection.scalars(query))
