"""Live2D's folder beside Warp's files, as the 2D track keeps it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.tracks.classify2d.particle_work import cycle, stream
from tests.tracks.follow_warp.test_body import begun as follow_begun
from tests.tracks.follow_warp.test_body import follow, some
from tests.tracks.follow_warp.test_classes import settle
from tests.tracks.harness import Bench, make_bench

from frazil.formats.cistem import read_cistem_star
from frazil.formats.live2d import RUN_NAME, cycles_of, read_live2d_run
from frazil.formats.mrc import write_mrc
from frazil.microscope.warp_output import WarpOutput
from frazil.store.catalogue import class_updates
from frazil.tracks.classify2d import ClassifyBody

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from frazil.stages.classify_stream_task import CycleResult, CycleTask

_FROM: dict[int, tuple[str, int]] = {}
"""Stack and place of the particles by key."""


def full_cycle(task: CycleTask) -> CycleResult:
    """Do a cycle that leaves averages and poses, too."""
    if task.particles is not None:
        given = task.particles
        stacks = zip(given.keys.tolist(), given.stack_of.tolist(), given.index.tolist(), strict=True)
        _FROM.update({key: (given.names[of], index) for key, of, index in stacks})
    result = cycle(task)
    folder = task.publish.folder
    write_mrc(folder / "classes.mrcs", np.ones((2, 48, 48), np.float32), 2.0)
    table = pq.read_table(folder / "assignments.parquet")
    places = [_FROM[key] for key in table.column("key").to_pylist()]
    more: dict[str, Any] = {
        "stack": pa.array([name for name, _ in places]).dictionary_encode(),
        "stack_index": np.array([index for _, index in places]),
        **{name: np.zeros(len(places)) for name in ("psi_deg", "shift_x_a", "shift_y_a", "log_evidence")},
        "posterior": np.ones(len(places)),
    }
    for name, values in more.items():
        table = table.append_column(name, pa.array(values) if isinstance(values, np.ndarray) else values)
    pq.write_table(table, folder / "assignments.parquet")
    return result


@pytest.fixture
def warp(tmp_path: Path) -> WarpOutput:
    made = WarpOutput(tmp_path / "warp")
    made.save_settings()
    for movie in range(4):
        made.process(f"m{movie}", some(movie))
    return made


@pytest.fixture
def bench(tmp_path: Path, warp: WarpOutput) -> Iterator[Bench]:
    made = make_bench(
        tmp_path,
        kind="warp",
        warp_folder=str(warp.folder),
        write_live2d_folder="on",
        mode="abinit",
        start_particles=20,
        update_particles=10,
        startup_cycles=2,
        refinement_cycles=1,
        class_count=2,
        listen_period_s=5,
    )
    follow(made, follow_begun(made))
    yield made
    made.close()


def classified(bench: Bench) -> ClassifyBody:
    body = ClassifyBody(bench.context(), stream, full_cycle)
    body.begin(anew=False)
    settle(bench, body)
    return body


def cycles(warp: WarpOutput) -> list[tuple[str, str, int]]:
    document = read_live2d_run(warp.folder / "classification") or {}
    return [(each.name, each.kind, each.particles) for each in cycles_of(document)]


def test_every_cycle_of_a_job_is_one_of_live2d(bench: Bench, warp: WarpOutput) -> None:
    body = classified(bench)
    kinds = ["random_seed", "startup", "startup", "refinement"]
    assert cycles(warp) == [(f"cycle_{n}", kind, 20) for n, kind in enumerate(kinds)]
    document = json.loads((warp.folder / "classification" / RUN_NAME).read_text())
    settings = document["cycles"][0]["settings"]
    assert settings["classification_type"] == "abinit" and settings["run_count_startup"] == "2"
    assert settings["neural_net"] == "BoxNet2Mask_20180918" and settings["box_size"] == "48"
    assert settings["pixel_size"] == 2.0 and settings["warp_value_cutoff"] == "0.95"
    assert document["cycles"][0]["cycle_number_in_block"] == 1
    assert [each["cycle_number_in_block"] for each in document["cycles"]] == [1, 1, 2, 1]
    star = read_cistem_star(warp.folder / "classification/cycle_3.star")
    assert set(star["Best2DClass"].tolist()) == {1.0, 2.0}
    body.drain()
    body.clear()
    assert not (warp.folder / "classification").exists()
    assert (warp.folder / "previous.settings").exists()


@pytest.mark.parametrize(
    ("choice", "there", "written"), [("off", True, 1), ("auto", True, 5), ("auto", False, 0)]
)
def test_auto_writes_where_such_files_are(
    bench: Bench, warp: WarpOutput, choice: str, there: bool, written: int
) -> None:
    bench.save_settings(write_live2d_folder=choice)
    folder = warp.folder / "classification"
    if there:
        folder.mkdir()
        (folder / RUN_NAME).write_text(json.dumps({"cycles": [{"number": 0, "particle_count": 0}]}))
    classified(bench)
    assert len(cycles(warp)) == written


def test_a_folder_that_can_not_be_written_does_not_stop_the_classes(bench: Bench, warp: WarpOutput) -> None:
    (warp.folder / "classification").write_text("in the way")
    classified(bench)
    with bench.catalogue.read() as connection:
        assert len(class_updates.listed(connection, bench.session_id)) == 4
    log = (bench.folder.path / "logs/track.jsonl").read_text()
    assert "Live2D's files are not up to date" in log


def test_a_server_that_was_killed_writes_what_is_missing(bench: Bench, warp: WarpOutput) -> None:
    bench.save_settings(write_live2d_folder="off")
    body = classified(bench)
    body.drain()
    bench.save_settings(write_live2d_folder="on")
    classified(bench)
    assert cycles(warp) == [("cycle_0", "refinement", 20)]
