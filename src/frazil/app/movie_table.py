"""The table of movies: pages, whole columns, one movie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, not_, select

from frazil.app.access import session_for
from frazil.app.errors import NotFoundError
from frazil.app.movie_filters import read_filter
from frazil.app.six_digits import six_digits
from frazil.model.errors import InputError
from frazil.model.movie_columns import COLUMN_BY_NAME
from frazil.model.settings_field import STAGES
from frazil.store.catalogue import filters, movies
from frazil.store.catalogue.schema import movies as table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

    from frazil.app.access import Actor
    from frazil.app.hub import Hub
    from frazil.store.catalogue.movies import Page

MOST_ROWS = 1000


def list_movies(
    hub: Hub,
    actor: Actor,
    session_id: int,
    *,
    columns: Sequence[str] = (),
    sort: str = "number",
    descending: bool = True,
    limit: int = 200,
    cursor: str | None = None,
    search: str = "",
    filter_name: str | None = None,
    states: Sequence[str] = (),
    where: str = "",
    rejected: bool = False,
) -> Page:
    """Return part of the table; parameters as of `frazil.store.catalogue.movies.page`.

    ``filter_name`` leaves only what that filter keeps, ``where`` what a filter keeps that is given as JSON
    (with ``rejected`` what they don't keep), ``states`` only movies in one of these.
    """
    with hub.catalogue.read() as connection:
        session_for(connection, actor, session_id, "viewer")
        return movies.page(
            connection,
            session_id,
            columns=columns,
            sort=sort,
            descending=descending,
            limit=min(limit, MOST_ROWS),
            cursor=cursor,
            condition=_condition(connection, session_id, filter_name, states, where, rejected=rejected),
            search=search,
        )


def series(
    hub: Hub,
    actor: Actor,
    session_id: int,
    columns: Sequence[str],
    *,
    filter_name: str | None = None,
    states: Sequence[str] = (),
) -> dict[str, list[Any]]:
    """Whole columns by number of movie, for plots: six significant digits, times to a tenth of a second."""
    with hub.catalogue.read() as connection:
        session_for(connection, actor, session_id, "viewer")
        condition = _condition(connection, session_id, filter_name, states)
        found = movies.series(connection, session_id, columns, condition)
    return {name: _short(name, values) for name, values in found.items()}


def place(
    hub: Hub, actor: Actor, session_id: int, name: str, *, where: str = "", rejected: bool = False
) -> dict[str, Any]:
    """Tell where a movie stands in the order of numbers among those that a filter leaves.

    Returns
    -------
        place (how many come before it), total, and kept: whether it is one of them.
    """
    with hub.catalogue.read() as connection:
        session_for(connection, actor, session_id, "viewer")
        number = movie_row(connection, session_id, name)["number"]
        conditions = [table.c.session_id == session_id]
        condition = _condition(connection, session_id, None, (), where, rejected=rejected)
        if condition is not None:
            conditions.append(condition)

        def count(*more: ColumnElement[bool]) -> int:
            query = select(func.count()).select_from(table).where(*conditions, *more)
            return connection.scalar(query) or 0

        return {
            "place": count(table.c.number < number),
            "total": count(),
            "kept": count(table.c.number == number) == 1,
        }


def show_movie(hub: Hub, actor: Actor, session_id: int, name: str) -> dict[str, Any]:
    """Return everything about one movie: its columns, and what each stage did."""
    with hub.catalogue.read() as connection:
        session_for(connection, actor, session_id, "viewer")
        row = movie_row(connection, session_id, name)
    record = movies.record_of(row)
    shown = {key: value for key, value in row.items() if key not in ("record", "session_id", "raw_path")}
    stages = {stage: record.stage(stage).model_dump(mode="json") for stage in STAGES}
    return {**shown, "stages": stages, "notes": record.notes, "numbers": record.numbers}


def movie_row(connection: Connection, session_id: int, name: str) -> dict[str, Any]:
    """Return a movie's row; `NotFoundError` where there is none."""
    try:
        return movies.get(connection, session_id, name)
    except InputError as error:
        raise NotFoundError(str(error)) from None


def _condition(
    connection: Connection,
    session_id: int,
    filter_name: str | None,
    states: Sequence[str],
    where: str = "",
    *,
    rejected: bool = False,
) -> ColumnElement[bool] | None:
    conditions = []
    if where:
        conditions.append(filters.kept(read_filter(where)))
    if filter_name:
        try:
            conditions.append(filters.kept(filters.get(connection, session_id, filter_name)))
        except InputError as error:
            raise NotFoundError(str(error)) from None
    if rejected and conditions:
        conditions = [not_(and_(*conditions))]
    if states:
        unknown = sorted(set(states) - set(movies.MOVIE_STATES))
        if unknown:
            raise InputError(f"there is no state {unknown[0]}; states are {', '.join(movies.MOVIE_STATES)}")
        conditions.append(table.c.state.in_(states))
    return and_(*conditions) if conditions else None


def _short(name: str, values: list[Any]) -> list[Any]:
    kind = COLUMN_BY_NAME[name].kind if name in COLUMN_BY_NAME else "integer"
    if kind == "time":
        return [None if value is None else round(value, 1) for value in values]
    if kind == "number":
        return six_digits(values)
    return values
