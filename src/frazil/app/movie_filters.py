"""Named filters of movies: listed with live counts, saved, renamed, removed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from sqlalchemy import func, select

from frazil.app.access import session_for
from frazil.app.changes import changeable, checked_name, note
from frazil.app.errors import ConflictError, NotFoundError
from frazil.model.errors import InputError
from frazil.model.movie_filter import MovieFilter
from frazil.store.catalogue import filters, particle_changes
from frazil.store.catalogue.schema import movies as table

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from frazil.app.access import Actor
    from frazil.app.hub import Hub

MOST_FILTERS = 100


def read_filter(text: str) -> MovieFilter:
    """Read a filter that is not saved, given as JSON; `InputError` says what is wrong with it."""
    try:
        content = json.loads(text)
        return MovieFilter.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        why = first["msg"].removeprefix("Value error, ")
        raise InputError(f"the filter can't be used: {place}: {why}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"the filter can't be read: {error}") from error


def list_filters(hub: Hub, actor: Actor, session_id: int) -> list[dict[str, Any]]:
    """All named filters; each has: name, definition, saved_at, saved_by, kept (how many movies)."""
    with hub.catalogue.read() as connection:
        session_for(connection, actor, session_id, "viewer")
        rows = filters.listed(connection, session_id)
        for row in rows:
            content = MovieFilter.model_validate(row["definition"])
            row["definition"] = content
            row["kept"] = _count(connection, session_id, filters.kept(content))
    return rows


def count_kept(
    hub: Hub, actor: Actor, session_id: int, *, where: str = "", filter_name: str | None = None
) -> dict[str, int]:
    """Count what a filter keeps: ``kept`` of ``total``, and how many a person included or excluded."""
    with hub.catalogue.read() as connection:
        session_for(connection, actor, session_id, "viewer")
        content = read_filter(where) if where else MovieFilter()
        if filter_name:
            content = _get(connection, session_id, filter_name)
        return {
            "kept": _count(connection, session_id, filters.kept(content)),
            "total": _count(connection, session_id),
            "included": _count(connection, session_id, table.c.override == "include"),
            "excluded": _count(connection, session_id, table.c.override == "exclude"),
        }


def save_filter(hub: Hub, actor: Actor, session_id: int, name: str, content: MovieFilter) -> None:
    """Store a filter under a name, in place of one that had it.

    Raises `InputError` for a name that is none and for too many filters.
    """
    name = checked_name(name, "the filter")
    with hub.catalogue.write() as connection:
        changeable(connection, actor, session_id)
        known = {row["name"]: row["definition"] for row in filters.listed(connection, session_id)}
        if name not in known and len(known) >= MOST_FILTERS:
            raise InputError(f"a session has at most {MOST_FILTERS} filters; delete one first")
        filters.save(connection, session_id, name, content, saved_by=actor.login, saved_at=hub.now())
        after = {"filter": name, "definition": content.model_dump(mode="json", exclude_defaults=True)}
        before = {"filter": name, "definition": known[name]} if name in known else None
        note(hub, connection, actor, session_id, "filter.save", before, after)
    _tell(hub, session_id)


def rename_filter(hub: Hub, actor: Actor, session_id: int, name: str, to: str) -> None:
    """Give a filter another name; `ConflictError` where another one has it."""
    to = checked_name(to, "the filter")
    with hub.catalogue.write() as connection:
        changeable(connection, actor, session_id)
        content = _get(connection, session_id, name)
        if to != name:
            if any(row["name"] == to for row in filters.listed(connection, session_id)):
                raise ConflictError(f"there is a filter called {to} already")
            filters.remove(connection, session_id, name)
            filters.save(connection, session_id, to, content, saved_by=actor.login, saved_at=hub.now())
            note(hub, connection, actor, session_id, "filter.rename", {"filter": name}, {"filter": to})
    _tell(hub, session_id)


def remove_filter(hub: Hub, actor: Actor, session_id: int, name: str) -> None:
    """Forget a filter; `NotFoundError` where there is none."""
    with hub.catalogue.write() as connection:
        changeable(connection, actor, session_id)
        content = _get(connection, session_id, name)
        filters.remove(connection, session_id, name)
        before = {"filter": name, "definition": content.model_dump(mode="json", exclude_defaults=True)}
        note(hub, connection, actor, session_id, "filter.delete", before, None)
    _tell(hub, session_id)


def reset_overrides(hub: Hub, actor: Actor, session_id: int) -> int:
    """Leave all movies to the filters again; returns how many a person had decided about."""
    with hub.catalogue.write() as connection:
        changeable(connection, actor, session_id)
        decided = table.c.session_id == session_id, table.c.override != "auto"
        columns = (table.c.number, table.c.name, table.c.override, table.c.particles_token)
        rows = connection.execute(select(*columns).where(*decided)).all()
        connection.execute(table.update().where(*decided).values(override="auto"))
        with_particles = [row.number for row in rows if row.particles_token is not None]
        particle_changes.mark(connection, session_id, with_particles)
        before = {row.name: row.override for row in rows}
        note(hub, connection, actor, session_id, "movie.overrides_reset", before, None)
    hub.write_through(session_id)
    hub.feed.publish(session_id, "movies", {"names": [], "many": True})
    return len(rows)


def _count(connection: Connection, session_id: int, condition: ColumnElement[bool] | None = None) -> int:
    query = select(func.count()).select_from(table).where(table.c.session_id == session_id)
    if condition is not None:
        query = query.where(condition)
    return connection.scalar(query) or 0


def _get(connection: Connection, session_id: int, name: str) -> MovieFilter:
    try:
        return filters.get(connection, session_id, name)
    except InputError as error:
        raise NotFoundError(str(error)) from None


def _tell(hub: Hub, session_id: int) -> None:
    hub.write_through(session_id)
    hub.feed.publish(session_id, "filters", {})
