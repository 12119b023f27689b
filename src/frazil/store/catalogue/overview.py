"""The newest of many sessions at once: what a list of sessions shows, each in one query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, select

from frazil.store.catalogue.schema import class_updates, movies, settings_revisions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection


def newest_settings(
    connection: Connection, session_ids: Sequence[int]
) -> dict[int, tuple[int, dict[str, Any]]]:
    """Return number and values of the newest settings."""
    table = settings_revisions
    newest = (
        select(table.c.session_id, func.max(table.c.revision).label("revision"))
        .where(table.c.session_id.in_(session_ids))
        .group_by(table.c.session_id)
        .subquery()
    )
    query = select(table.c.session_id, table.c.revision, table.c.settings).join(
        newest, and_(table.c.session_id == newest.c.session_id, table.c.revision == newest.c.revision)
    )
    return {row.session_id: (row.revision, dict(row.settings)) for row in connection.execute(query)}


def last_movies(connection: Connection, session_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return name and time of the movie that was done last."""
    newest = (
        select(movies.c.session_id, func.max(movies.c.done_at).label("done_at"))
        .where(movies.c.session_id.in_(session_ids))
        .group_by(movies.c.session_id)
        .subquery()
    )
    query = select(movies.c.session_id, movies.c.name, movies.c.done_at).join(
        newest, and_(movies.c.session_id == newest.c.session_id, movies.c.done_at == newest.c.done_at)
    )
    return {row.session_id: {"name": row.name, "done_at": row.done_at} for row in connection.execute(query)}


def last_classes(connection: Connection, session_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return the newest class averages, without their summary."""
    table = class_updates
    newest = (
        select(table.c.session_id, func.max(table.c.number).label("number"))
        .where(table.c.session_id.in_(session_ids))
        .group_by(table.c.session_id)
        .subquery()
    )
    shown = (
        table.c.number,
        table.c.run,
        table.c.kind,
        table.c.finished_at,
        table.c.particles,
        table.c.class_count,
    )
    query = select(table.c.session_id, *shown).join(
        newest, and_(table.c.session_id == newest.c.session_id, table.c.number == newest.c.number)
    )
    return {
        row["session_id"]: {name: value for name, value in row.items() if name != "session_id"}
        for row in connection.execute(query).mappings()
    }
