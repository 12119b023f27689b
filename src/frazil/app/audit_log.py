"""Who changed what, for admins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frazil.app.access import require_admin
from frazil.store.catalogue import audit

if TYPE_CHECKING:
    from frazil.app.access import Actor
    from frazil.app.hub import Hub


def list_changes(
    hub: Hub,
    actor: Actor,
    *,
    session_id: int | None = None,
    before_id: int | None = None,
    limit: int = 200,
) -> list[dict[str, Any]]:
    """Return changes (of a session), newest first: id, at, who, what, session_id, before, after."""
    require_admin(actor)
    with hub.catalogue.read() as connection:
        return audit.listed(connection, session_id=session_id, before_id=before_id, limit=limit)
