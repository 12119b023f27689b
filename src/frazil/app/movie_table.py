"""The table of movies: pages, whole columns, one movie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_

from frazil.app.access import session_for
from frazil.app.errors import NotFoundError
from frazil.model.errors import InputError
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
) -> Page:
    """Return part of the table; parameters as of `frazil.store.catalogue.movies.page`.

    ``filter_name`` leaves only what that filter keeps, ``states`` only movies in one of these.
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
            condition=_condition(connection, session_id, filter_name, states),
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
    """Whole columns by number of movie, for plots."""
    with hub.catalogue.read() as connection:
        session_for(connection, actor, session_id, "viewer")
        condition = _condition(connection, session_id, filter_name, states)
        return movies.series(connection, session_id, columns, condition)


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
    connection: Connection, session_id: int, filter_name: str | None, states: Sequence[str]
) -> ColumnElement[bool] | None:
    conditions = []
    if filter_name:
        try:
            conditions.append(filters.kept(filters.get(connection, session_id, filter_name)))
        except InputError as error:
            raise NotFoundError(str(error)) from None
    if states:
        unknown = sorted(set(states) - set(movies.MOVIE_STATES))
        if unknown:
            raise InputError(f"there is no state {unknown[0]}; states are {', '.join(movies.MOVIE_STATES)}")
        conditions.append(table.c.state.in_(states))
    return and_(*conditions) if conditions else None
