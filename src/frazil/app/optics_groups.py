"""Optics groups of a session, and the beam shifts that tell them apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from frazil.app.access import session_for
from frazil.formats.optics_groups import GroupsState
from frazil.store.catalogue import tracks
from frazil.store.catalogue.schema import movies

if TYPE_CHECKING:
    from frazil.app.access import Actor
    from frazil.app.hub import Hub


def list_optics_groups(hub: Hub, actor: Actor, session_id: int) -> dict[str, Any]:
    """Return the optics groups that file transfer has told apart.

    Returns
    -------
        groups: number, key (what they have in common), movies (how many), shifts (x, y) of members that stand
        for all of them, in the microscope's own unit, none where groups are not told apart by beam shift;
        waiting: shifts of exposures whose group can't be told yet.
    """
    with hub.catalogue.read() as connection:
        session_for(connection, actor, session_id, "viewer")
        memory = tracks.get(connection, session_id, "transfer").memory
        counted = (
            select(movies.c.optics_group, func.count())
            .where(movies.c.session_id == session_id, movies.c.optics_group.is_not(None))
            .group_by(movies.c.optics_group)
        )
        counts = {int(number): int(count) for number, count in connection.execute(counted)}
    state = GroupsState.model_validate(memory.get("optics_groups", {}))
    return {
        "groups": [
            {
                "number": group.number,
                "key": group.key,
                "movies": counts.get(group.number, 0),
                "shifts": [list(point) for point in group.points],
            }
            for group in state.groups
        ],
        "waiting": [list(item.shift) for mode in state.modes.values() for item in mode.waiting],
    }
