"""Sessions of a server that hold something to export."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.stages.export.world import SETTINGS, World, add_classes, make_world

from frazil.app import settings_changes
from frazil.app.access import SERVER
from frazil.store.catalogue import class_updates, movies, revisions, sessions

if TYPE_CHECKING:
    from frazil.app.hub import Hub


def fill_session(hub: Hub, session: int) -> World:
    """Give a session three movies of five particles; the second's CTF is bad, the third is excluded."""
    with hub.catalogue.read() as connection:
        folder = Path(sessions.get(connection, session).folder)
        newest = revisions.newest(connection, session)
    if newest.settings().microscope.pixel_size_a is None:
        settings_changes.save(hub, SERVER, session, SETTINGS, newest.revision)
        newest = replace(newest, revision=newest.revision + 1)
    world = make_world(folder)
    rows = [
        {
            "name": movie.name,
            "path": f"{movie.name}.tif",
            "raw_path": movie.raw_path,
            "state": "done",
            "found_at": 1.0,
            "target_revision": 1,
            "settings_revision": newest.revision,
            "particles": 5,
            "ctf_resolution_a": 9.0 if movie.number == 2 else 4.0,
            "override": "exclude" if movie.number == 3 else "auto",
        }
        for movie in world.movies
    ]
    with hub.catalogue.write() as connection:
        movies.add_many(connection, session, rows)
    return world


def add_update(hub: Hub, session: int, world: World) -> None:
    """Add an entry of the class history with three classes."""
    chosen = add_classes(world, 5)
    values: dict[str, Any] = {
        "run": 1,
        "update_in_run": 1,
        "kind": "streaming",
        "finished_at": 5.0,
        "seconds": 2.0,
        "particles": 12,
        "class_count": 3,
        "settings_revision": 1,
        "folder": chosen.folder,
        "summary": json.loads((world.folder / chosen.folder / "summary.json").read_bytes()),
    }
    with hub.catalogue.write() as connection:
        class_updates.add(connection, session, 1, values)
