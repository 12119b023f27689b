"""Rows of movies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, insert, or_, select, update

from frazil.model.errors import InputError
from frazil.model.manual_picks import UNCHANGED, ManualPicks
from frazil.model.movie_columns import COLUMN_BY_NAME
from frazil.stages.record import MovieRecord
from frazil.store.catalogue.schema import movies

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, RowMapping

MOVIE_STATES = (
    "failed",
    "settling",
    "waiting",
    "transferring",
    "processing",
    "queued",
    "outdated",
    "done",
    "ignored",
)
_ROWS_AT_ONCE = 300


@dataclass(frozen=True)
class Page:
    """Part of a list; ``cursor`` asks for the part behind it, None at the end."""

    rows: list[dict[str, Any]]
    cursor: str | None
    total: int


def add_many(connection: Connection, session_id: int, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Add movies; returns their numbers.

    Each row gives at least ``name``, ``path``, ``state``, ``found_at``, ``target_revision``; a ``number``
    only where the movie had it before and no other can have it.
    """
    if not rows:
        return []
    top = connection.scalar(select(func.max(movies.c.number)).where(movies.c.session_id == session_id))
    first = int(top or 0) + 1
    defaults = {"attempts": 0, "override": "auto", "session_id": session_id}
    numbered = [{**defaults, "number": first + place, **row} for place, row in enumerate(rows)]
    keys = {key for row in numbered for key in row}
    connection.execute(insert(movies), [{key: row.get(key) for key in keys} for row in numbered])
    return [int(row["number"]) for row in numbered]


def names(connection: Connection, session_id: int) -> dict[str, str]:
    """Product name of every movie by its path."""
    query = select(movies.c.path, movies.c.name).where(movies.c.session_id == session_id)
    return {row.path: row.name for row in connection.execute(query)}


def get(connection: Connection, session_id: int, name: str) -> dict[str, Any]:
    """Return one movie's row; `InputError` where there is none."""
    row = (
        connection.execute(select(movies).where(movies.c.session_id == session_id, movies.c.name == name))
        .mappings()
        .first()
    )
    if row is None:
        raise InputError(f"S{session_id} has no movie called {name}")
    return dict(row)


def by_number(connection: Connection, session_id: int, numbers: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Rows of these movies."""
    query = select(movies).where(movies.c.session_id == session_id, movies.c.number.in_(list(numbers)))
    return {int(row["number"]): dict(row) for row in connection.execute(query).mappings()}


def in_states(
    connection: Connection,
    session_id: int,
    states: Sequence[str],
    *,
    newest_first: bool = True,
    limit: int | None = None,
    ready_at: float | None = None,
) -> list[dict[str, Any]]:
    """Rows of movies in these states; with ``ready_at`` only those that may be tried again by then."""
    query = select(movies).where(movies.c.session_id == session_id, movies.c.state.in_(states))
    if ready_at is not None:
        query = query.where(or_(movies.c.next_try_at.is_(None), movies.c.next_try_at <= ready_at))
    query = query.order_by(movies.c.number.desc() if newest_first else movies.c.number)
    if limit is not None:
        query = query.limit(limit)
    return [dict(row) for row in connection.execute(query).mappings()]


def change(connection: Connection, session_id: int, number: int, **values: Any) -> None:
    """Change a movie's row."""
    connection.execute(
        update(movies).where(movies.c.session_id == session_id, movies.c.number == number).values(values)
    )


def change_where(
    connection: Connection, session_id: int, condition: ColumnElement[bool], **values: Any
) -> int:
    """Change many rows; returns how many."""
    result = connection.execute(
        update(movies).where(and_(movies.c.session_id == session_id, condition)).values(values)
    )
    return int(result.rowcount)


def record_of(row: Mapping[str, Any] | RowMapping) -> MovieRecord:
    """Return what was done with the movie of a row."""
    if row["record"] is None:
        return MovieRecord(name=row["name"], source=row["raw_path"] or row["path"])
    return MovieRecord.model_validate(row["record"])


def manual_picks_of(row: Mapping[str, Any] | RowMapping) -> ManualPicks:
    """Return what a person changed about the picks of the movie of a row."""
    return UNCHANGED if row["manual_picks"] is None else ManualPicks.model_validate(row["manual_picks"])


def record_columns(record: MovieRecord) -> dict[str, Any]:
    """Columns that follow from what was done with a movie."""
    values: dict[str, Any] = {"record": record.model_dump(mode="json")}
    for name, column in COLUMN_BY_NAME.items():
        if name in record.numbers and column.kind in ("number", "integer"):
            number = record.numbers[name]
            values[name] = int(number) if number is not None and column.kind == "integer" else number
    values["failed_stage"] = record.failed_stage
    values["reason"] = record.reason or None
    return values


def page(
    connection: Connection,
    session_id: int,
    *,
    columns: Sequence[str] = (),
    sort: str = "number",
    descending: bool = True,
    limit: int = 200,
    cursor: str | None = None,
    condition: ColumnElement[bool] | None = None,
    search: str = "",
) -> Page:
    """Return part of the table.

    Parameters
    ----------
    columns
        Names of `MOVIE_COLUMNS`; none: all. ``number`` and ``name`` always come.
    sort, descending
        By which column; missing values come last; equal ones by number.
    limit, cursor
        How many rows, and the last page's cursor.
    condition
        A filter's SQL.
    search
        Part of the name or path.

    Raises `InputError` for an unknown column or a cursor that is none.
    """
    for name in (*columns, *([sort] if sort != "number" else [])):
        if name not in COLUMN_BY_NAME:
            raise InputError(f"there is no column called {name!r}")
    chosen = [movies.c[name] for name in dict.fromkeys(("number", "name", *(columns or COLUMN_BY_NAME)))]
    where = [movies.c.session_id == session_id]
    if condition is not None:
        where.append(condition)
    if search:
        where.append(
            or_(
                movies.c.name.icontains(search, autoescape=True),
                movies.c.path.icontains(search, autoescape=True),
            )
        )
    total = connection.scalar(select(func.count()).select_from(movies).where(*where)) or 0
    try:
        offset = int(cursor) if cursor else 0
    except ValueError:
        raise InputError(f"cursor {cursor!r}: ask again without it") from None
    if offset < 0 or offset > 10**9:
        raise InputError(f"cursor {cursor!r}: ask again without it")
    key = movies.c[sort]
    order = key.desc() if descending else key.asc()
    # A number is never missing, and by numbers alone rows need no sorting.
    missing_last = [] if sort == "number" else [key.is_(None)]
    ordered = (*missing_last, order, movies.c.number.desc() if descending else movies.c.number)
    # Sorting whole rows takes longer than sorting numbers and fetching the few rows that are shown.
    shown = select(movies.c.number).where(*where).order_by(*ordered).offset(offset).limit(limit)
    query = (
        select(*chosen)
        .where(movies.c.session_id == session_id, movies.c.number.in_(shown.scalar_subquery()))
        .order_by(*ordered)
    )
    rows = [dict(row) for row in connection.execute(query).mappings()]
    following = offset + len(rows)
    return Page(rows, str(following) if following < total else None, int(total))


def series(
    connection: Connection,
    session_id: int,
    columns: Sequence[str],
    condition: ColumnElement[bool] | None = None,
) -> dict[str, list[Any]]:
    """Whole columns in the order of numbers, for plots; ``number`` comes first. `InputError` if unknown."""
    for name in columns:
        if name not in COLUMN_BY_NAME:
            raise InputError(f"there is no column called {name!r}")
    wanted = list(dict.fromkeys(("number", *columns)))
    query = select(*(movies.c[name] for name in wanted)).where(movies.c.session_id == session_id)
    if condition is not None:
        query = query.where(condition)
    found: dict[str, list[Any]] = {name: [] for name in wanted}
    # In small parts: many thousand rows at once make Python look through all of its memory for garbage.
    for rows in connection.execute(query.order_by(movies.c.number)).partitions(_ROWS_AT_ONCE):
        for values, more in zip(found.values(), zip(*rows, strict=True), strict=True):
            values.extend(more)
    return found


def finite(value: float | None) -> float | None:
    """None for what is not a finite number: the catalogue knows no NaN."""
    return value if value is not None and math.isfinite(value) else None
