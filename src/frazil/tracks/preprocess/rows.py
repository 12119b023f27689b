"""What pre-processing reads and writes in the catalogue."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select, update

from frazil.store.catalogue import movies as movie_rows
from frazil.store.catalogue.schema import movies
from frazil.tracks.preprocess.planner import Candidate
from frazil.tracks.preprocess.retry import RETRY_DELAYS_S

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from sqlalchemy import ColumnElement, Connection

_AT_ONCE = 500
# What file transfer took away, or a person, waits until it is there again.
_CAN_BEGIN = (movies.c.state == "queued", movies.c.raw_path.is_not(None))
_SHORT = (
    movies.c.number,
    movies.c.name,
    movies.c.path,
    movies.c.raw_path,
    movies.c.state,
    movies.c.target_revision,
    movies.c.settings_revision,
    movies.c.transferred_at,
    movies.c.done_at,
    movies.c.attempts,
    movies.c.particles_token,
    movies.c.record,
    movies.c.manual_picks,
)


def waiting(
    connection: Connection, session_id: int, now: float, skip: Collection[int], room: int
) -> list[Candidate]:
    """Movies that wait and may be tried by now: of each priority the newest and the oldest ones.

    At most ``room`` of either end, besides those to ``skip``.
    """
    found: set[Candidate] = set()
    condition: list[ColumnElement[bool]] = [
        movies.c.session_id == session_id,
        *_CAN_BEGIN,
        or_(
            movies.c.next_try_at.is_(None),
            movies.c.next_try_at <= now,
            # Later than anybody waits: the clock was set back.
            movies.c.next_try_at > now + max(RETRY_DELAYS_S),
        ),
    ]
    limit = room + len(skip)
    for priority in (1, 2, 3):
        query = select(movies.c.number).where(*condition, movies.c.priority == priority).limit(limit)
        for order in (movies.c.number.desc(), movies.c.number.asc()):
            numbers = connection.scalars(query.order_by(order)).all()
            found.update(Candidate(number, priority) for number in numbers if number not in skip)
            if len(numbers) < limit:
                break
        if len(found) >= room:
            break
    return list(found)


def next_try_at(connection: Connection, session_id: int) -> float | None:
    """When the first of the movies that wait for another try may be tried."""
    query = select(func.min(movies.c.next_try_at)).where(movies.c.session_id == session_id, *_CAN_BEGIN)
    at: float | None = connection.scalar(query)
    return at


def rows(connection: Connection, session_id: int, numbers: Collection[int]) -> dict[int, dict[str, Any]]:
    """Return what is needed of these movies' rows."""
    query = select(*_SHORT).where(movies.c.session_id == session_id, movies.c.number.in_(list(numbers)))
    return {row["number"]: dict(row) for row in connection.execute(query).mappings()}


def every_row(connection: Connection, session_id: int) -> Iterable[dict[str, Any]]:
    """All movies of the session, in the order of their numbers."""
    query = select(*_SHORT).where(movies.c.session_id == session_id).order_by(movies.c.number)
    for row in connection.execute(query).mappings():
        yield dict(row)


def change_many(connection: Connection, session_id: int, changes: Mapping[int, Mapping[str, Any]]) -> None:
    """Change rows; those that get the same few values are changed together."""
    alike: dict[tuple[tuple[str, Any], ...], list[int]] = defaultdict(list)
    for number, values in changes.items():
        if "record" in values:
            movie_rows.change(connection, session_id, number, **values)
        elif values:
            alike[tuple(sorted(values.items()))].append(number)
    for pairs, numbers in alike.items():
        for first in range(0, len(numbers), _AT_ONCE):
            connection.execute(
                update(movies)
                .where(
                    movies.c.session_id == session_id, movies.c.number.in_(numbers[first : first + _AT_ONCE])
                )
                .values(dict(pairs))
            )
