"""How far a session is: counts and times for its strip and its alerts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

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
    resolutions_a
        CTF resolution of every movie that has one.
    """

    by_state: dict[str, int]
    particles: int
    settled_last_hour: int
    done_last_hour: int
    oldest_unfinished_at: float | None
    newest_found_at: float | None
    newest_done_at: float | None
    mean_seconds: float | None
    resolutions_a: list[float]


def progress(connection: Connection, session_id: int, now: float) -> Progress:
    """Read how far a session is."""
    mine = movies.c.session_id == session_id
    states = connection.execute(select(movies.c.state, func.count()).where(mine).group_by(movies.c.state))
    by_state = {state: int(count) for state, count in states}
    settled = select(func.count()).where(
        mine, movies.c.found_at >= now - HOUR_S, movies.c.state != "settling"
    )
    done = select(func.count()).where(mine, movies.c.done_at >= now - HOUR_S)
    oldest = select(func.min(movies.c.found_at)).where(mine, movies.c.state.in_(UNFINISHED))
    newest = select(
        func.coalesce(func.sum(movies.c.particles), 0),
        func.max(movies.c.found_at),
        func.max(movies.c.done_at),
    ).where(mine)
    last = (
        select(movies.c.seconds_total)
        .where(mine, movies.c.done_at.is_not(None), movies.c.seconds_total.is_not(None))
        .order_by(movies.c.done_at.desc())
        .limit(_LAST)
    )
    resolutions = select(movies.c.ctf_resolution_a).where(mine, movies.c.ctf_resolution_a.is_not(None))
    particles, found_at, done_at = connection.execute(newest).one()
    seconds = list(connection.scalars(last))
    return Progress(
        by_state=by_state,
        particles=int(particles),
        settled_last_hour=int(connection.scalar(settled) or 0),
        done_last_hour=int(connection.scalar(done) or 0),
        oldest_unfinished_at=connection.scalar(oldest),
        newest_found_at=found_at,
        newest_done_at=done_at,
        mean_seconds=sum(seconds) / len(seconds) if seconds else None,
        resolutions_a=list(connection.scalars(resolutions)),
    )


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
