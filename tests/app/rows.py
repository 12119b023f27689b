"""Movies of a session as if they had been processed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frazil.model.settings import STAGES
from frazil.store.catalogue import movies

if TYPE_CHECKING:
    from frazil.app.hub import Hub


def add_done(hub: Hub, session: int, count: int, *, first: int = 1, **values: Any) -> list[str]:
    """Add movies that are done with revision 1, one second for each stage."""
    names = [f"movie_{number:04d}" for number in range(first, first + count)]
    row = {
        "state": "done",
        "found_at": 1.0,
        "transferred_at": 1.0,
        "done_at": 2.0,
        "target_revision": 1,
        "settings_revision": 1,
        "particles_token": "a",
        "particles": 10,
        **{f"seconds_{stage}": 1.0 for stage in STAGES},
        **values,
    }
    with hub.catalogue.write() as connection:
        movies.add_many(
            connection,
            session,
            [{"name": name, "path": f"{name}.tif", "raw_path": f"/raw/{name}.tif", **row} for name in names],
        )
    return names


def row_of(hub: Hub, session: int, name: str) -> dict[str, Any]:
    """Row of a movie."""
    with hub.catalogue.read() as connection:
        return movies.get(connection, session, name)
