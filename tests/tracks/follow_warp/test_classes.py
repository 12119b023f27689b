"""2D classification of what Follow Warp takes in: jobs, new data sets, and particles that Warp replaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.tracks.classify2d.particle_work import cycle, known_keys, stream
from tests.tracks.follow_warp.test_body import begun as follow_begun
from tests.tracks.follow_warp.test_body import follow, some
from tests.tracks.harness import Bench, make_bench

from frazil.microscope.warp_output import WarpOutput
from frazil.store.catalogue import class_updates
from frazil.tracks.classify2d import ClassifyBody

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def warp(tmp_path: Path) -> WarpOutput:
    made = WarpOutput(tmp_path / "warp")
    made.save_settings()
    return made


@pytest.fixture
def bench(tmp_path: Path, warp: WarpOutput) -> Iterator[Bench]:
    made = make_bench(
        tmp_path,
        kind="warp",
        warp_folder=str(warp.folder),
        mode="abinit",
        start_particles=20,
        update_particles=10,
        startup_cycles=2,
        refinement_cycles=1,
        class_count=2,
        stream_start_particles=200,
        listen_period_s=5,
    )
    yield made
    made.close()


def settle(bench: Bench, body: ClassifyBody, turns: int = 12) -> None:
    for _ in range(turns):
        bench.turn(body, 5.0)
        while bench.executor.run_next():
            bench.turn(body, 0.1)


def kinds(bench: Bench) -> list[tuple[int, str, int]]:
    with bench.catalogue.read() as connection:
        entries = class_updates.listed(connection, bench.session_id)
    return [(entry["run"], entry["kind"], entry["particles"]) for entry in entries]


def test_another_threshold_forces_ab_initio_and_keeps_the_history(bench: Bench, warp: WarpOutput) -> None:
    for movie in range(4):
        warp.process(f"m{movie}", some(movie))
    track = follow_begun(bench)
    follow(bench, track)
    body = ClassifyBody(bench.context(), stream, cycle)
    body.begin(anew=False)
    settle(bench, body)
    first = [(1, "random_seed", 20), (1, "startup", 20), (1, "startup", 20), (1, "refinement", 20)]
    assert kinds(bench) == first
    warp.process("m4", some(4))
    follow(bench, track)
    settle(bench, body)
    assert kinds(bench) == first
    warp.change(threshold=0.8)
    follow(bench, track)
    settle(bench, body)
    again = [(run + 1, kind, 25) for run, kind, _ in first]
    assert kinds(bench) == first + again
    warp.process("m5", some(5, 10))
    follow(bench, track)
    settle(bench, body)
    assert kinds(bench)[8:] == [(2, "startup", 35), (2, "startup", 35), (2, "refinement", 35)]


def test_another_box_begins_anew_with_what_warp_has_exported_again(bench: Bench, warp: WarpOutput) -> None:
    for movie in range(4):
        warp.process(f"m{movie}", some(movie))
    track = follow_begun(bench)
    follow(bench, track)
    body = ClassifyBody(bench.context(), stream, cycle)
    body.begin(anew=False)
    settle(bench, body)
    warp.change(box_px=64)
    warp.process("m0", some(0, 5, box=64))
    follow(bench, track)
    settle(bench, body)
    assert len(kinds(bench)) == 4
    warp.process("m1", some(1, 6, box=64))
    follow(bench, track)
    settle(bench, body)
    assert kinds(bench)[4:] == [(2, "random_seed", 11)] + [(2, "startup", 11)] * 2 + [(2, "refinement", 11)]


def test_replaced_particles_are_exchanged_in_a_stream(bench: Bench, warp: WarpOutput) -> None:
    bench.save_settings(mode="streaming")
    for movie in range(4):
        warp.process(f"m{movie}", some(movie, 60))
    track = follow_begun(bench)
    follow(bench, track)
    body = ClassifyBody(bench.context(), stream, cycle)
    body.begin(anew=False)
    settle(bench, body)
    state = bench.folder.path / "classes" / "run001" / "checkpoint"
    before = known_keys(state)
    assert len(before) == 240
    warp.process("m2", some(2, 50, version=1))
    follow(bench, track)
    settle(bench, body)
    after = known_keys(state)
    number = bench.row("m2")["number"]
    assert {key for key in before if key >> 20 != number} == {key for key in after if key >> 20 != number}
    own = {key for key in after if key >> 20 == number}
    assert len(own) == 50 and not own & before
