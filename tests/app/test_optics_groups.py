"""Optics groups are shown with the beam shifts that tell them apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frazil.app import sessions
from frazil.app.access import SERVER
from frazil.app.optics_groups import list_optics_groups
from frazil.formats.optics_groups import Group, GroupsState, ModeState, Waiting
from frazil.store.catalogue import movies, tracks

if TYPE_CHECKING:
    from pathlib import Path

    from frazil.app.hub import Hub


def test_groups_have_shifts_and_movies(hub: Hub, tmp_path: Path) -> None:
    number = sessions.create(hub, SERVER, {"folder": str(tmp_path / "s")})["id"]
    assert list_optics_groups(hub, SERVER, number) == {"groups": [], "waiting": []}
    state = GroupsState(
        groups=[
            Group(number=1, mode="", key="shift 1", points=[(0.1, 0.2), (0.11, 0.2)]),
            Group(number=2, mode="", key="shift 2", points=[(-0.4, 0.0)]),
        ],
        modes={"": ModeState(division="shift", waiting=[Waiting(name="m9", area="", shift=(3.0, 4.0))])},
    )
    rows = [
        {
            "name": f"m{k}",
            "path": f"m{k}.tif",
            "state": "done",
            "found_at": 1.0,
            "target_revision": 1,
            "optics_group": group,
        }
        for k, group in enumerate((1, 1, 2, None))
    ]
    with hub.catalogue.write() as connection:
        movies.add_many(connection, number, rows)
        memory = {"optics_groups": state.model_dump(mode="json")}
        tracks.remember(connection, number, "transfer", memory)
    told = list_optics_groups(hub, SERVER, number)
    assert [(group["number"], group["movies"]) for group in told["groups"]] == [(1, 2), (2, 1)]
    assert told["groups"][0]["shifts"] == [[0.1, 0.2], [0.11, 0.2]]
    assert told["waiting"] == [[3.0, 4.0]]
