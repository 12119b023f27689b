"""Selections of classes: what a person would keep of an entry of the history, under a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frazil.app.access import session_for
from frazil.app.changes import changeable, checked_name, note
from frazil.app.errors import NotFoundError
from frazil.model.errors import InputError
from frazil.store.catalogue import class_selections, class_updates

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from frazil.app.access import Actor
    from frazil.app.hub import Hub

MOST_SELECTIONS = 100


def list_selections(hub: Hub, actor: Actor, session_id: int) -> list[dict[str, Any]]:
    """All selections by name; each has: name, update_number, classes, particles, saved_at, saved_by."""
    with hub.catalogue.read() as connection:
        session_for(connection, actor, session_id, "viewer")
        rows = class_selections.listed(connection, session_id)
        counts = {
            number: _particles(connection, session_id, number)
            for number in {row["update_number"] for row in rows}
        }
    for row in rows:
        row["particles"] = sum(counts[row["update_number"]].get(k, 0) for k in row["classes"])
    return rows


def save_selection(
    hub: Hub, actor: Actor, session_id: int, name: str, update_number: int, classes: Collection[int]
) -> None:
    """Store a selection under a name, in place of one that had it.

    Raises
    ------
    InputError
        The name is none, a class is not in that entry, or there are too many selections.
    NotFoundError
        There is no such entry.
    """
    name = checked_name(name, "the selection")
    with hub.catalogue.write() as connection:
        changeable(connection, actor, session_id)
        known = _particles(connection, session_id, update_number)
        if not known:
            raise NotFoundError(f"S{session_id} has no update {update_number} of its class averages")
        unknown = sorted(set(classes) - set(known))
        if unknown:
            raise InputError(f"update {update_number} has no class {unknown[0]}")
        rows = {row["name"]: row for row in class_selections.listed(connection, session_id)}
        if name not in rows and len(rows) >= MOST_SELECTIONS:
            raise InputError(f"a session has at most {MOST_SELECTIONS} selections; delete one first")
        class_selections.save(
            connection,
            session_id,
            name,
            update_number,
            classes,
            saved_by=actor.login,
            saved_at=hub.now(),
        )
        after = {"selection": name, "update": update_number, "classes": sorted(set(classes))}
        note(hub, connection, actor, session_id, "classes.select", rows.get(name), after)
    _tell(hub, session_id)


def remove_selection(hub: Hub, actor: Actor, session_id: int, name: str) -> None:
    """Forget a selection; `NotFoundError` where there is none."""
    with hub.catalogue.write() as connection:
        changeable(connection, actor, session_id)
        rows = {row["name"]: row for row in class_selections.listed(connection, session_id)}
        if not class_selections.remove(connection, session_id, name):
            raise NotFoundError(f"S{session_id} has no selection called {name}")
        note(hub, connection, actor, session_id, "classes.selection_delete", rows[name], None)
    _tell(hub, session_id)


def _particles(connection: Connection, session_id: int, number: int) -> dict[int, int]:
    """Particles by class of an entry; empty where there is none."""
    try:
        entry = class_updates.get(connection, session_id, number)
    except InputError:
        return {}
    return {item["class_id"]: item["particles"] for item in entry["summary"]["classes"]}


def _tell(hub: Hub, session_id: int) -> None:
    hub.write_through(session_id)
    hub.feed.publish(session_id, "filters", {})
