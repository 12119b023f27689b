"""What every change to a session begins and ends with: may it be, and who made it, for the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frazil.app.access import session_for
from frazil.app.errors import ConflictError
from frazil.model.errors import InputError
from frazil.store.catalogue import audit

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from frazil.app.access import Actor
    from frazil.app.hub import Hub
    from frazil.store.catalogue.sessions import SessionRow

_LONGEST_NAME = 100


def changeable(connection: Connection, actor: Actor, session_id: int) -> SessionRow:
    """Return a session that somebody may change.

    Raises `ConflictError` if it is archived, else errors as of `session_for` an operator.
    """
    session = session_for(connection, actor, session_id, "operator")
    if session.life == "archived":
        raise ConflictError(f"S{session_id} is archived: nothing in it can be changed")
    return session


def note(
    hub: Hub, connection: Connection, actor: Actor, session_id: int, what: str, before: Any, after: Any
) -> None:
    """Write down who changed what of a session."""
    audit.add(
        connection,
        at=hub.now(),
        who=actor.login,
        what=what,
        session_id=session_id,
        before=before,
        after=after,
    )


def checked_name(name: str, of: str) -> str:
    """Return the name of a filter or selection without spaces around it; `InputError` if it will not do."""
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable() or "/" in name:
        raise InputError(f"{of} needs a name of 1 to {_LONGEST_NAME} printable characters, without a slash")
    return name
