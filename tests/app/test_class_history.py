"""The history of class averages, as it is shown."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from frazil.app import class_history, controls, sessions
from frazil.app.access import SERVER, Actor
from frazil.app.errors import NotFoundError
from frazil.formats.mrc import write_mrc
from frazil.model.errors import InputError
from frazil.store.catalogue import class_updates

if TYPE_CHECKING:
    from pathlib import Path

    from frazil.app.hub import Hub


@pytest.fixture
def session(hub: Hub, tmp_path: Path) -> int:
    """A session with one entry of two classes: one strong, one weak."""
    number: int = sessions.create(hub, SERVER, {"folder": str(tmp_path / "s")})["id"]
    folder = tmp_path / "s" / "classes" / "run001" / "update001"
    folder.mkdir(parents=True)
    chance = np.random.default_rng(1)
    averages = chance.standard_normal((3, 16, 16)).astype(np.float32)
    averages[1] *= 0.1
    averages[2] = 0.0
    write_mrc(folder / "classes.mrcs", averages, 4.0)
    (folder / "classes.jpg").write_bytes(b"a sheet")
    classes = [{"class_id": k + 1, "particles": count} for k, count in enumerate((70, 20, 0))]
    values: dict[str, Any] = {
        "run": 1,
        "update_in_run": 1,
        "kind": "streaming",
        "finished_at": 5.0,
        "seconds": 2.0,
        "particles": 100,
        "class_count": 3,
        "settings_revision": 1,
        "folder": "classes/run001/update001",
        "summary": {
            "classes": classes,
            "unassigned": 10,
            "moved_share": 0.25,
            "classes_in_use": 3,
            "contrast": "inverted",
        },
    }
    with hub.catalogue.write() as connection:
        class_updates.add(connection, number, 1, values)
    return number


def test_entries_are_listed_and_shown(hub: Hub, session: int) -> None:
    (entry,) = class_history.list_updates(hub, SERVER, session)
    assert entry["particles"] == 100 and "summary" not in entry
    assert (entry["moved_share"], entry["classes_in_use"], entry["contrast"]) == (0.25, 3, "inverted")
    # An entry of an older version.
    assert entry["mean_noise"] is None
    assert class_history.show_update(hub, SERVER, session)["number"] == 1
    told = class_history.assignments(hub, SERVER, session, 1)
    assert [item["particles"] for item in told["classes"]] == [70, 20, 0]
    assert told["unassigned"] == 10
    for number in (2, 0):
        with pytest.raises(NotFoundError):
            class_history.show_update(hub, SERVER, session, number)


def test_a_run_is_cleared_alone_if_there_is_one(hub: Hub, session: int) -> None:
    told = controls.clear_preview(hub, SERVER, session, "classify2d")
    (run,) = told["runs"]
    assert (run["run"], run["updates"], run["particles"], run["mode"]) == (1, 1, 100, "streaming")
    assert run["bytes"] >= len(b"a sheet")
    with pytest.raises(InputError, match="no run 2"):
        controls.clear(hub, SERVER, session, "classify2d", [1, 2])
    with pytest.raises(InputError, match="has none"):
        controls.clear(hub, SERVER, session, "preprocess", [1])
    assert controls.clear(hub, SERVER, session, "classify2d", [1])["track"] == "classify2d"


def test_weak_classes_look_weak_and_empty_ones_empty(hub: Hub, session: int) -> None:
    spreads = []
    for class_id in (1, 2, 3):
        picture = class_history.class_picture(hub, SERVER, session, 1, class_id)
        assert picture is not None
        pixels = np.asarray(Image.open(io.BytesIO(picture.content)), dtype=float)
        assert pixels.shape == (16, 16)
        spreads.append(pixels.std())
        known = class_history.class_picture(hub, SERVER, session, 1, class_id, picture.version)
        assert known is None
    assert 5.0 * spreads[1] < spreads[0] and spreads[2] == 0.0
    with pytest.raises(NotFoundError, match="no class 4"):
        class_history.class_picture(hub, SERVER, session, 1, 4)


def test_the_sheet_comes_once_and_only_to_those_who_may_see_it(hub: Hub, session: int) -> None:
    sheet = class_history.sheet(hub, SERVER, session, 1)
    assert sheet is not None and sheet.content == b"a sheet"
    assert class_history.sheet(hub, SERVER, session, 1, sheet.version) is None
    with pytest.raises(NotFoundError):
        class_history.sheet(hub, Actor(9, "stranger"), session, 1)


def test_all_averages_come_in_one_picture(hub: Hub, session: int) -> None:
    product = class_history.averages_sheet(hub, SERVER, session, 1)
    assert product is not None
    with Image.open(io.BytesIO(product.content)) as picture:
        assert picture.size == (10 * 16, 16)
        tiles = np.asarray(picture, np.float64).reshape(16, 10, 16).transpose(1, 0, 2)
    strong, weak = tiles[0].std(), tiles[1].std()
    assert strong > 5 * weak, "one scale of grey for all"
    assert class_history.averages_sheet(hub, SERVER, session, 1, product.version) is None
