"""How far a session is: counts and times for its strip and its alerts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, select

from frazil.store.catalogue.schema import class_updates, movies

if TYPE_CHECKING:
    from sqlalchemy import Connection

UNFINISHED = ("waiting", "transferring", "queued", "processing")
"""States of movies that are settled and neither done nor failed."""
HOUR_S = 3600.0
_LAST = 50


@dataclass(frozen=True)
class Progress:
    """Counts and times of one session; times are seconds since 1970.

    Attributes
    ----------
    by_state
        Movies in each state.
    particles
        Of all movies.
    settled_last_hour, done_last_hour
        Movies that were found, and are no longer settling; movies that were done.
    oldest_unfinished_at
        When the oldest unfinished settled movie was found.
    newest_found_at, newest_done_at
        Of the movie that was found or done last.
    mean_seconds
        Of all stages, mean of the last 50 movies.
    resolution_median_a
        Median CTF resolution of the movies that have one.
    """

    by_state: dict[str, int]
    particles: int
    settled_last_hour: int
    done_last_hour: int
    oldest_unfinished_at: float | None
    newest_found_at: float | None
    newest_done_at: float | None
    mean_seconds: float | None
    resolution_median_a: float | None


def progress(connection: Connection, session_id: int, now: float) -> Progress:
    """Read how far a session is: one pass over its movies, and a look at the last ones."""
    mine = movies.c.session_id == session_id
    per_state = (
        select(
            movies.c.state,
            func.count().label("movies"),
            func.coalesce(func.sum(movies.c.particles), 0).label("particles"),
            func.count(case((movies.c.found_at >= now - HOUR_S, 1))).label("found_last_hour"),
            func.count(case((movies.c.done_at >= now - HOUR_S, 1))).label("done_last_hour"),
            func.min(movies.c.found_at).label("oldest_at"),
            func.max(movies.c.found_at).label("newest_found_at"),
            func.max(movies.c.done_at).label("newest_done_at"),
            func.count(movies.c.ctf_resolution_a).label("resolutions"),
        )
        .where(mine)
        .group_by(movies.c.state)
    )
    rows = list(connection.execute(per_state))
    last = (
        select(movies.c.seconds_total)
        .where(mine, movies.c.done_at.is_not(None), movies.c.seconds_total.is_not(None))
        .order_by(movies.c.done_at.desc())
        .limit(_LAST)
    )
    seconds = list(connection.scalars(last))
    oldest = [row.oldest_at for row in rows if row.state in UNFINISHED]
    return Progress(
        by_state={row.state: int(row.movies) for row in rows},
        particles=sum(int(row.particles) for row in rows),
        settled_last_hour=sum(int(row.found_last_hour) for row in rows if row.state != "settling"),
        done_last_hour=sum(int(row.done_last_hour) for row in rows),
        oldest_unfinished_at=min(oldest, default=None),
        newest_found_at=max((row.newest_found_at for row in rows), default=None),
        newest_done_at=max(
            (row.newest_done_at for row in rows if row.newest_done_at is not None), default=None
        ),
        mean_seconds=sum(seconds) / len(seconds) if seconds else None,
        resolution_median_a=_median(connection, session_id, sum(int(row.resolutions) for row in rows)),
    )


def _median(connection: Connection, session_id: int, count: int) -> float | None:
    """Return the median CTF resolution of so many movies."""
    if not count:
        return None
    column = movies.c.ctf_resolution_a
    query = (
        select(column)
        .where(movies.c.session_id == session_id, column.is_not(None))
        .order_by(column)
        .offset((count - 1) // 2)
        .limit(2 - count % 2)
    )
    middle = [float(value) for value in connection.scalars(query)]
    return sum(middle) / len(middle)


def last_values(connection: Connection, session_id: int, column: str, count: int) -> list[float | None]:
    """Values of a column for the movies that were done last, newest first."""
    query = (
        select(movies.c[column])
        .where(movies.c.session_id == session_id, movies.c.done_at.is_not(None))
        .order_by(movies.c.done_at.desc())
        .limit(count)
    )
    return list(connection.scalars(query))


def last_update(connection: Connection, session_id: int) -> dict[str, Any] | None:
    """Return the newest class averages with their summary; None where there are none."""
    query = (
        select(class_updates)
        .where(class_updates.c.session_id == session_id)
        .order_by(class_updates.c.number.desc())
        .limit(1)
    )
    row = connection.execute(query).mappings().first()
    return None if row is None else dict(row)
