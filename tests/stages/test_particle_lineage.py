"""Particles that are still there when a micrograph is picked again keep number, place and image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil.formats.mrc import read_mrc
from frazil.model.settings import Settings, with_values
from frazil.stages.movie_task import MovieTask
from frazil.stages.particle_lineage import MOST_NUMBERS, Lineage, arrange, match, new_lineage
from frazil.stages.preprocess import preprocess
from frazil.stages.products import FOLDERS
from frazil.stages.record import MovieRecord

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

VALUES = {
    "kind": "micrographs",
    "pixel_size_a": 2.0,
    "voltage_kv": 300.0,
    "particle_diameter_min_a": 128.0,
}


def lineage_of(x: list[float], next_id: int | None = None) -> Lineage:
    places = np.arange(len(x))
    last = len(x) if next_id is None else next_id
    return Lineage("as", "as-1", last, np.array(x), np.zeros(len(x)), places, places)


def matched(lineage: Lineage, x: list[float]) -> NDArray[np.int64]:
    return match(lineage, np.array(x), np.zeros(len(x)))


def test_a_pick_within_a_pixel_is_the_particle_that_was_there() -> None:
    rows = matched(lineage_of([10.0, 50.0, 90.0]), [90.9, 11.1, 50.0, 50.4])
    assert rows.tolist() == [2, -1, 1, -1]


def test_those_that_stay_keep_their_places_and_others_fill_the_gaps() -> None:
    lineage = lineage_of([10.0, 50.0, 90.0, 130.0], next_id=9)
    rows = matched(lineage, [300.0, 130.0, 10.0, 50.0])
    after, order, ids = arrange(lineage, rows)
    assert order.tolist() == [2, 3, 0, 1] and ids.tolist() == [0, 1, 9, 3]
    assert (after.name, after.next_id) == ("as-1", 10)


def test_numbers_that_are_used_up_begin_anew_under_another_name() -> None:
    lineage = lineage_of([10.0], next_id=MOST_NUMBERS)
    after, _, ids = arrange(lineage, matched(lineage, [10.0, 20.0]))
    assert after.name != lineage.name and ids.tolist() == [0, 1]


@given(st.lists(st.sets(st.integers(0, 12), max_size=10), max_size=6))
def test_whatever_is_picked_a_number_always_means_the_same_particle(rounds: list[set[int]]) -> None:
    lineage, meant = new_lineage("as"), dict[int, float]()
    for wanted in rounds:
        x = np.array(sorted(wanted, key=lambda n: n * 7 % 13), dtype=np.float64) * 10.0
        lineage, order, ids = arrange(lineage, match(lineage, x, np.zeros(x.size)))
        assert sorted(order.tolist()) == list(range(x.size)) and np.unique(ids).size == ids.size
        for number, place in zip(ids.tolist(), x[order].tolist(), strict=True):
            assert meant.setdefault(number, place) == place
        lineage = Lineage(
            "as", lineage.name, lineage.next_id, x[order], np.zeros(x.size), np.arange(x.size), ids
        )


@pytest.fixture
def session(tmp_path: Path) -> Path:
    for name in FOLDERS:
        (tmp_path / "s" / name).mkdir(parents=True)
    return tmp_path / "s"


def test_a_new_ctf_changes_the_ctf_of_particles_and_not_the_particles(
    session: Path, virtual_micrographs: Path
) -> None:
    source = sorted(virtual_micrographs.glob("*.mrc"))[0]

    def process(**values: Any) -> tuple[Any, Any, Any]:
        settings = with_values(Settings(), {**VALUES, **values})
        record = preprocess(
            MovieTask(session, "a", source, settings, MovieRecord(name="a", source=str(source)))
        )
        assert record.reason == ""
        table = pq.read_table(session / "particles" / "a.parquet")
        return table, table.schema.metadata, read_mrc(session / "particles" / "a.mrcs").data

    before, extra, images = process()
    assert before.column("particle_id").to_pylist() == list(range(len(images)))
    after, new_extra, new_images = process(amplitude_contrast=0.1, fit_astigmatism=False)
    old = {number: place for place, number in enumerate(before.column("particle_id").to_pylist())}
    stayed = [(old[n], place) for place, n in enumerate(after.column("particle_id").to_pylist()) if n in old]
    assert extra[b"lineage"] == new_extra[b"lineage"] and len(stayed) >= 0.8 * len(images)
    for was, now in stayed:
        assert was == now or was >= len(new_images)
        assert np.array_equal(images[was], new_images[now])
    assert after.column("defocus_u_a")[0] != before.column("defocus_u_a")[0]
    _, other, _ = process(box_size_px=128)
    assert other[b"lineage"] != extra[b"lineage"]
