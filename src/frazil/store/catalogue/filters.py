"""Rows of named filters, and filters as conditions of the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, insert, not_, or_, select, true

from frazil.model.errors import InputError
from frazil.model.movie_filter import MovieFilter
from frazil.store.catalogue.schema import filters, movies

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from frazil.model.movie_filter import Range


def get(connection: Connection, session_id: int, name: str) -> MovieFilter:
    """Return a named filter; `InputError` where there is none."""
    query = select(filters.c.definition).where(filters.c.session_id == session_id, filters.c.name == name)
    definition = connection.scalar(query)
    if definition is None:
        raise InputError(f"S{session_id} has no filter called {name}")
    return MovieFilter.model_validate(definition)


def listed(connection: Connection, session_id: int) -> list[dict[str, Any]]:
    """All filters by name: name, definition, saved_at, saved_by."""
    columns = [column for column in filters.c if column.name != "session_id"]
    query = select(*columns).where(filters.c.session_id == session_id).order_by(filters.c.name)
    return [dict(row) for row in connection.execute(query).mappings()]


def save(
    connection: Connection,
    session_id: int,
    name: str,
    content: MovieFilter,
    *,
    saved_by: str,
    saved_at: float,
) -> None:
    """Store a filter under a name, in place of one that had it."""
    remove(connection, session_id, name)
    connection.execute(
        insert(filters).values(
            session_id=session_id,
            name=name,
            definition=content.model_dump(mode="json", exclude_defaults=True),
            saved_at=saved_at,
            saved_by=saved_by,
        )
    )


def remove(connection: Connection, session_id: int, name: str) -> bool:
    """Forget a filter; whether there was one."""
    result = connection.execute(
        delete(filters).where(filters.c.session_id == session_id, filters.c.name == name)
    )
    return bool(result.rowcount)


def kept(content: MovieFilter) -> ColumnElement[bool]:
    """Return the condition on rows of movies that says which are kept."""
    passes = passing(content)
    return or_(movies.c.override == "include", and_(movies.c.override != "exclude", passes))


def passing(content: MovieFilter) -> ColumnElement[bool]:
    """Return the condition without regard to overrides; it is never unknown, also for missing values."""
    conditions: list[ColumnElement[bool]] = [
        _in_range(name, limits, content.keep_missing) for name, limits in content.ranges.items()
    ]
    if content.text:
        conditions.append(
            or_(
                movies.c.name.icontains(content.text, autoescape=True),
                movies.c.path.icontains(content.text, autoescape=True),
            )
        )
    if content.states:
        conditions.append(movies.c.state.in_(content.states))
    if content.grid_squares:
        conditions.append(func.coalesce(movies.c.grid_square, "").in_(content.grid_squares))
    if content.foil_holes:
        conditions.append(func.coalesce(movies.c.foil_hole, "").in_(content.foil_holes))
    if content.optics_groups:
        conditions.append(func.coalesce(movies.c.optics_group, -1).in_(content.optics_groups))
    together = and_(true(), *conditions)
    return not_(together) if content.negate else together


def _in_range(name: str, limits: Range, keep_missing: bool) -> ColumnElement[bool]:
    column = movies.c[name]
    inside: list[ColumnElement[bool]] = [column.is_not(None)]
    if limits.low is not None:
        inside.append(column >= limits.low)
    if limits.high is not None:
        inside.append(column <= limits.high)
    return or_(column.is_(None), and_(*inside)) if keep_missing else and_(*inside)
