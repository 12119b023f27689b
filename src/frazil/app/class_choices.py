"""Which classes are kept: by a threshold that is a setting, and by hand.

What a person decides about a class holds for that class in all entries of its run, as long as it lives: where
its place is seeded anew, another class stands there, which is judged by itself.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from frazil.app.changes import changeable, note
from frazil.app.errors import NotFoundError
from frazil.model.errors import InputError
from frazil.store.catalogue import class_overrides, class_updates
from frazil.tracks.classify2d import yields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from frazil.app.access import Actor
    from frazil.app.hub import Hub
    from frazil.store.catalogue.sessions import SessionRow

Choice = Literal["keep", "reject", "auto"]
_KEEP: dict[Choice, bool | None] = {"keep": True, "reject": False, "auto": None}

server_log = logging.getLogger("frazil.server")


def with_choices(connection: Connection, update: dict[str, Any]) -> dict[str, Any]:
    """Say of each class of an entry what holds now.

    ``selected`` (as the threshold says), ``choice`` (keep or reject by hand, else auto) and ``kept`` (at
    last).
    """
    session_id, run, classes = update["session_id"], update["run"], update["summary"]["classes"]
    by_hand = class_overrides.of_run(connection, session_id, run)
    automatic = class_overrides.kept_classes(
        connection, session_id, run, [_unknown(item) for item in classes]
    )
    kept = class_overrides.kept_classes(connection, session_id, run, classes)
    told = [
        {
            **item,
            "selected": item["class_id"] in automatic,
            "choice": _word(by_hand.get(int(item.get("stable_id") or 0))),
            "kept": item["class_id"] in kept,
        }
        for item in classes
    ]
    return {**update, "summary": {**update["summary"], "classes": told}}


def choose(
    hub: Hub, actor: Actor, session_id: int, update_number: int, choices: Mapping[int, Choice]
) -> dict[str, Any]:
    """Keep or reject classes by hand, by their numbers in an entry; ``auto`` leaves it to the threshold.

    Returns
    -------
        The entry, as `frazil.app.class_history.show_update`.

    Raises
    ------
    InputError
        A class is not in that entry, or is empty there, or its run has no lasting classes.
    NotFoundError
        There is no such entry.
    ConflictError
        The session is archived.
    """
    with hub.catalogue.write() as connection:
        session = changeable(connection, actor, session_id)
        try:
            update = class_updates.get(connection, session_id, update_number)
        except InputError as error:
            raise NotFoundError(str(error)) from None
        who = {item["class_id"]: int(item.get("stable_id") or 0) for item in update["summary"]["classes"]}
        if unknown := sorted(set(choices) - set(who)):
            raise InputError(f"update {update_number} has no class {unknown[0]}")
        if nobody := sorted(class_id for class_id in choices if not who[class_id]):
            raise InputError(
                f"class {nobody[0]} of update {update_number} is empty, or lasts no longer than it"
            )
        before = class_overrides.of_run(connection, session_id, update["run"])
        wanted = {who[class_id]: _KEEP[choice] for class_id, choice in choices.items()}
        class_overrides.change(
            connection, session_id, update["run"], wanted, saved_by=actor.login, saved_at=hub.now()
        )
        words = {k: _word(before.get(who[k])) for k in choices}
        note(
            hub,
            connection,
            actor,
            session_id,
            "classes.choose",
            {"update": update_number, "classes": words},
            {"update": update_number, "classes": dict(choices)},
        )
        recount(connection, session)
        told = with_choices(connection, update)
    tell(hub, session_id)
    return {name: value for name, value in told.items() if name != "session_id"}


def recount(connection: Connection, session: SessionRow) -> None:
    """Let the movies know how many of their particles are in kept classes of the newest entry."""
    try:
        yields.recount(connection, session.id, Path(session.folder))
    except OSError as error:
        # Where the folder is away, the next entry tells.
        server_log.warning("S%d: classes were chosen, but yields can't be counted: %s", session.id, error)


def tell(hub: Hub, session_id: int) -> None:
    """Tell those who watch that other classes are kept."""
    hub.write_through(session_id)
    hub.feed.publish(session_id, "classes", {"number": None})
    hub.feed.publish(session_id, "movies", {"names": [], "many": True})


def _unknown(item: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a class as if nobody had decided about it."""
    return {name: value for name, value in item.items() if name != "stable_id"}


def _word(keep: bool | None) -> Choice:
    return "auto" if keep is None else "keep" if keep else "reject"
