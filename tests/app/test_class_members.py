"""Who is in a class: examples, squares, defocus, times."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from frazil.app import class_members, sessions
from frazil.app.access import SERVER
from frazil.app.errors import NotFoundError
from frazil.formats.mrc import write_mrc
from frazil.store.catalogue import class_updates, movies

if TYPE_CHECKING:
    from pathlib import Path

    from frazil.app.hub import Hub


@pytest.fixture
def session(hub: Hub, tmp_path: Path) -> int:
    """Three micrographs of ten particles each; class 2 has all of the first, half of the second."""
    number: int = sessions.create(hub, SERVER, {"folder": str(tmp_path / "s")})["id"]
    random = np.random.default_rng(1)
    rows = []
    for place, (square, defocus) in enumerate((("A", 9900.0), ("B", 10_100.0), ("B", None))):
        name = f"m{place}"
        rows.append(
            {
                "name": name,
                "path": f"{name}.tif",
                "state": "done",
                "target_revision": 1,
                "found_at": 1000.0 + 100 * place,
                "grid_square": square,
                "defocus_mean_a": defocus,
            }
        )
        images = random.normal(size=(10, 32, 32)).astype(np.float32)
        images[:, 8:24, 8:24] += 3.0 * (place + 1)
        write_mrc(tmp_path / "s" / "particles" / f"{name}.mrcs", images, 2.0, depth="float16")
    folder = tmp_path / "s" / "classes" / "run001" / "update0001"
    folder.mkdir(parents=True)
    stacks = [f"particles/m{place}.mrcs" for place in range(3) for _ in range(10)]
    table = {
        "stack": pa.array(stacks).dictionary_encode(),
        "stack_index": np.tile(np.arange(10), 3),
        "class_id": np.repeat([2, 2, 1, 1], [10, 5, 5, 10]).astype(np.int32),
        **{name: np.zeros(30, np.float32) for name in ("psi_deg", "shift_x_a", "shift_y_a")},
    }
    pq.write_table(pa.table(table), folder / "assignments.parquet")
    with hub.catalogue.write() as connection:
        movies.add_many(connection, number, rows)
        for update in (1, 2):
            values: dict[str, Any] = {
                "run": 1,
                "update_in_run": update,
                "kind": "streaming",
                "finished_at": 5.0,
                "seconds": 2.0,
                "particles": 30,
                "class_count": 2,
                "settings_revision": 1,
                "folder": f"classes/run001/update{update:04d}",
                "summary": {"classes": []},
            }
            class_updates.add(connection, number, update, values)
    return number


def test_members_say_where_they_come_from(hub: Hub, session: int) -> None:
    told = class_members.class_members(hub, SERVER, session, 1, 2)
    assert (told["particles"], told["micrographs"], told["examples"]) == (15, 2, 15)
    assert told["squares"] == [
        {"grid_square": "A", "particles": 10},
        {"grid_square": "B", "particles": 5},
    ]
    assert told["defocus"] == [
        {"low_a": 7500.0, "high_a": 10_000.0, "particles": 10},
        {"low_a": 10_000.0, "high_a": 12_500.0, "particles": 5},
    ]
    times = told["times"]
    assert (times[0]["begin"], times[-1]["end"]) == (1000.0, 1100.0)
    assert (times[0]["particles"], times[-1]["particles"]) == (10, 5)
    other = class_members.class_members(hub, SERVER, session, 1, 1)
    assert other["squares"] == [{"grid_square": "B", "particles": 15}]


def test_examples_are_their_images(hub: Hub, session: int, tmp_path: Path) -> None:
    picture = class_members.members_sheet(hub, SERVER, session, 1, 2)
    assert picture is not None
    sheet = np.asarray(Image.open(io.BytesIO(picture.content)), np.float32)
    assert sheet.shape == (2 * 96, 8 * 96)
    # Each has its bright square in the middle; the last place of 16 is empty.
    assert sheet[24:72, 24:72].mean() > sheet[:20, :96].mean() + 50
    assert sheet[100:190, 7 * 96 + 10 :].max() < 20
    assert class_members.members_sheet(hub, SERVER, session, 1, 2, picture.version) is None
    # A stack that is a link, perhaps out of the session, is not followed.
    for place in range(2):
        stack = tmp_path / "s" / "particles" / f"m{place}.mrcs"
        stack.rename(tmp_path / stack.name)
        stack.symlink_to(tmp_path / stack.name)
    with pytest.raises(NotFoundError):
        class_members.members_sheet(hub, SERVER, session, 1, 2)


def test_examples_lie_on_their_average(hub: Hub, session: int, tmp_path: Path) -> None:
    """A spot at (+8, 0) px of the average: where each particle has it says ``r' = R(psi) (r + shift)``."""
    psi_deg, shift_px = np.array([0.0, 90.0, 180.0, -37.0]), np.array([[0, 0], [3, 1], [-2, 4], [1.5, -3]])
    images = np.zeros((4, 32, 32), np.float32)
    y, x = np.mgrid[:32, :32] - 16
    for image, psi, (shift_x, shift_y) in zip(images, np.deg2rad(psi_deg), shift_px, strict=True):
        there_x, there_y = 8 * np.cos(psi) - shift_x, -8 * np.sin(psi) - shift_y
        image += np.exp(-((x - there_x) ** 2 + (y - there_y) ** 2) / 4)
    write_mrc(tmp_path / "s" / "particles" / "m2.mrcs", images, 2.0, depth="float16")
    table = {
        "stack": pa.array(["particles/m2.mrcs"] * 4).dictionary_encode(),
        "stack_index": np.arange(4),
        "class_id": np.ones(4, np.int32),
        "psi_deg": psi_deg,
        "shift_x_a": 2.0 * shift_px[:, 0],
        "shift_y_a": 2.0 * shift_px[:, 1],
    }
    folder = tmp_path / "s" / "classes" / "run001" / "update0001"
    pq.write_table(pa.table(table), folder / "assignments.parquet")
    picture = class_members.members_sheet(hub, SERVER, session, 1, 1)
    assert picture is not None
    sheet = np.asarray(Image.open(io.BytesIO(picture.content)), np.float32)
    for place in range(4):
        tile = np.clip(sheet[:, 96 * place : 96 * (place + 1)] - 160, 0, None)
        weights = tile / tile.sum()
        found = (weights * np.arange(96)).sum(axis=1).sum(), (weights.T * np.arange(96)).sum()
        # The middle of a tile of three-fold size is 3 * 16.5 - 0.5.
        assert found == pytest.approx((49 + 24, 49), abs=1.0)


def test_who_is_not_known_is_nobody(hub: Hub, session: int) -> None:
    nobody = class_members.class_members(hub, SERVER, session, 1, 7)
    assert (nobody["particles"], nobody["examples"], nobody["squares"]) == (0, 0, [])
    assert class_members.class_members(hub, SERVER, session, 2, 1)["particles"] == 0
    for update, number in ((2, 1), (1, 7)):
        with pytest.raises(NotFoundError):
            class_members.members_sheet(hub, SERVER, session, update, number)
