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

from frazil.formats.cistem import read_cistem_star, write_cistem_star
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


def leave_history(warp: WarpOutput, *, box_px: int = 48) -> Path:
    """What Live2D left: a cycle of all particles, and one of which the table has a row too few."""
    folder = warp.folder / "classification"
    folder.mkdir()
    settings = {"mask_radius": "35", "classification_type": "seeded", "box_size": str(box_px)}
    images = np.concatenate([some(movie).images for movie in range(4)])
    write_mrc(folder / "combined_stack.mrcs", images, 2.0, depth="float32")
    listed = []
    for number, counted in ((3, 20), (4, 21)):
        write_mrc(folder / f"cycle_{number}.mrc", np.ones((2, 48, 48), np.float32), 2.0, depth="float32")
        write_cistem_star(
            folder / f"cycle_{number}.star",
            {"PositionInStack": np.arange(1, 21), "Best2DClass": np.where(np.arange(20) % 2, -1, 2)},
        )
        listed.append(
            {
                "name": f"cycle_{number}",
                "number": number,
                "settings": settings,
                "high_res_limit": "8",
                "block_type": "refinement",
                "cycle_number_in_block": number,
                "time": "2019-08-12 11:22:33.123456",
                "process_number": 32,
                "particle_count": counted,
                "particle_count_per_class": [counted - 20, 10, 10],
            }
        )
    (folder / RUN_NAME).write_text(json.dumps({"settings": settings, "cycles": listed}))
    return folder


@pytest.mark.parametrize(("box_px", "mode"), [(48, "refine"), (64, "abinit")])
def test_a_history_of_live2d_is_taken_over_and_gone_on_with(
    bench: Bench, warp: WarpOutput, box_px: int, mode: str
) -> None:
    leave_history(warp, box_px=box_px)
    bench.save_settings(mode="refine", write_live2d_folder="auto", update_particles=5)
    tasks: list[CycleTask] = []

    def noted(task: CycleTask) -> CycleResult:
        tasks.append(task)
        return full_cycle(task)

    body = ClassifyBody(bench.context(), stream, noted)
    body.begin(anew=False)
    settle(bench, body)
    with bench.catalogue.read() as connection:
        first, second = (class_updates.get(connection, bench.session_id, number) for number in (1, 2))
    assert [first[key] for key in ("run", "kind", "particles", "class_count")] == [1, "refinement", 20, 2]
    assert first["summary"]["entry"]["live2d_settings"]["mask_radius"] == "35"
    assert [item["particles"] for item in first["summary"]["classes"]] == [10, 10]
    table = pq.read_table(bench.folder.path / first["folder"] / "assignments.parquet").to_pydict()
    number = bench.row("m1")["number"]
    assert table["class_id"] == [2, 1] * 10
    assert table["key"][5:10] == [(number << 20) + index for index in range(5)]
    assert table["stack"][5] == "particles/m1.mrcs"
    # A row is missing: pictures and counts only.
    assert pq.read_table(bench.folder.path / second["folder"] / "assignments.parquet").num_rows == 0
    assert any("20 rows and says 21" in note for note in second["summary"]["notes"])
    assert (bench.folder.path / second["folder"] / "classes.jpg").exists()
    if mode == "refine":
        # As many particles as in the last cycle: nothing to do, until some come.
        assert not tasks
        warp.process("m4", some(4, 6))
        follow(bench, follow_begun(bench))
        settle(bench, body)
        assert tasks[0].source == bench.folder.path / "classes/run001/update002"
    assert [each.kind for each in tasks][:1] == ["refinement" if mode == "refine" else "random_seed"]
    names = [each.name for each in cycles_of(read_live2d_run(warp.folder / "classification") or {})]
    # The stack never had the row that the other one counts.
    assert names[:2] == ["cycle_3", "cycle_5"]
    again = ClassifyBody(bench.context(), stream, noted)
    again.begin(anew=False)
    with bench.catalogue.read() as connection:
        assert len(class_updates.listed(connection, bench.session_id)) == 2 + len(tasks)
