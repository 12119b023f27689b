"""A stream of particles through a worker that may die at any moment."""

from __future__ import annotations

import errno
import json
import shutil
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
import pytest

from frazil.compute.classify2d.classify import some_ctf
from frazil.formats.mrc import MrcStack, write_mrc
from frazil.microscope.particles import SimulatedParticles, simulate_particles
from frazil.model.errors import InputError
from frazil.stages import classify_stream_state
from frazil.stages.classify_stream import batch_cycle, stream_batch
from frazil.stages.classify_stream_state import StateFolder
from frazil.stages.classify_stream_task import (
    CycleKind,
    CycleTask,
    Publication,
    StreamParticles,
    StreamSettings,
    StreamTask,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

PIXEL_A = 6.0
SETTINGS = StreamSettings(
    pixel_size_a=PIXEL_A,
    mask_radius_a=95.0,
    class_count=6,
    final_resolution_a=15.0,
    start_particles=200,
    revisits=1.0,
)


@cache
def made() -> SimulatedParticles:
    return simulate_particles(
        ["proteasome", "beta-galactosidase"], 500, 40, PIXEL_A, views_per_specimen=2, snr=0.3, seed=5
    )


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stream") / "particles.mrcs"
    write_mrc(path, made().images, PIXEL_A)
    return path


def some(stack: Path, first: int, last: int) -> StreamParticles:
    places = np.arange(first, last)
    return StreamParticles(
        keys=1000 + places,
        stacks=(stack,),
        names=("particles.mrcs",),
        stack_of=np.zeros(len(places), np.int64),
        index=places,
        ctf=some_ctf(made().ctf, places),
    )


def tasks(stack: Path, state: Path) -> list[StreamTask]:
    edges = (0, 100, 260, 380, 500)
    parts = [StreamTask(state, SETTINGS, some(stack, a, b)) for a, b in pairwise(edges)]
    return [*parts, StreamTask(state, SETTINGS, final_pass=True)]


@pytest.fixture(scope="module")
def streamed(stack: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; tests work on copies."""
    folder = tmp_path_factory.mktemp("run")
    state, previous, phases = folder / "state", None, []
    for number, task in enumerate(tasks(stack, state)):
        publication = Publication(folder / f"update{number}", previous=previous)
        phases.append(stream_batch(replace(task, publish=publication)).phase)
        previous = publication.folder
    assert phases[0] == "waiting"
    assert phases[-1] == "seeding"
    return state


def contents(state: Path) -> dict[str, NDArray[np.generic]]:
    folder = StateFolder(state, (1, 1))
    columns = {name: np.array(values[: folder.bank.count]) for name, values in folder.bank.columns.items()}
    return columns | folder.arrays


def purity(labels: NDArray[np.int32], class_id: NDArray[np.int32]) -> float:
    return sum(int(np.bincount(labels[class_id == c]).max()) for c in np.unique(class_id)) / len(labels)


def test_a_stream_ends_with_the_views_and_publishes_them(streamed: Path, tmp_path: Path) -> None:
    state = shutil.copytree(streamed, tmp_path / "state")
    folder = tmp_path / "classes" / "run001" / "update001"
    folder.parent.mkdir(parents=True)
    task = StreamTask(state, SETTINGS, publish=Publication(folder, "abc", {"update": 1}))
    result = stream_batch(task)
    table = pq.read_table(folder / "assignments.parquet")
    key, class_id = (table.column(name).to_numpy() for name in ("key", "class_id"))
    np.testing.assert_array_equal(key, 1000 + np.arange(500))
    assert purity(made().truth.view_id, class_id) > 0.95
    summary = json.loads((folder / "summary.json").read_bytes())
    assert summary == result.summary
    assert summary["fingerprint"] == "abc" and summary["update"] == 1 and summary["particles"] == 500
    averages = MrcStack(folder / "classes.mrcs")
    for entry in summary["classes"]:
        members = int((class_id == entry["class_id"]).sum())
        assert entry["particles"] == members
        assert (entry["stable_id"] > 0) == (members > 0)
        assert averages.read_section(entry["class_id"] - 1).any() == (members > 0)
    stable = [entry["stable_id"] for entry in summary["classes"] if entry["particles"]]
    assert len(set(stable)) == len(stable) >= 4
    good = [entry for entry in summary["classes"] if entry["particles"] > 60]
    assert all(entry["selected"] and entry["quality"] > 0.8 for entry in good)
    assert 0 < summary["median_resolution_a"] < 40 and summary["good_share"] > 0.7
    assert summary["mean_log_evidence"] > 5 and summary["mean_noise"] > 0
    assert summary["classes_in_use"] == len(stable) and summary["moved_share"] is None
    defocus = made().ctf.defocus_u_a + made().ctf.defocus_v_a
    for entry in summary["classes"]:
        mine = class_id == entry["class_id"]
        assert not mine.any() or entry["mean_defocus_a"] == pytest.approx(0.5 * defocus[mine].mean(), abs=0.1)
    averages.close()
    # The same again, as after a lost answer; but another state doesn't replace it.
    assert stream_batch(task).summary == summary
    with pytest.raises(FileExistsError):
        stream_batch(replace(task, idle_visits=20))


def test_classes_keep_who_they_are_and_where_they_stand_across_updates(
    streamed: Path, tmp_path: Path
) -> None:
    place: dict[int, int] = {}
    gone: set[int] = set()
    was: dict[int, int] = {}
    folders = sorted(streamed.parent.glob("update*"))
    # Nothing was there to be published while it waited for particles.
    assert [folder.name for folder in folders] == ["update1", "update2", "update3", "update4"]
    for folder in folders:
        summary = json.loads((folder / "summary.json").read_bytes())
        filled = [entry for entry in summary["classes"] if entry["particles"]]
        for entry in filled:
            assert place.get(entry["stable_id"], entry["class_id"]) == entry["class_id"]
            # Those that came after the first ones were split off others.
            assert entry["stable_id"] in place or not place or entry["parents"]
        now = {entry["stable_id"]: entry["class_id"] for entry in filled}
        assert not gone & set(now)
        assert all(stable > max(place, default=0) for stable in set(now) - set(place))
        gone |= set(place) - set(now)
        place |= now
        table = pq.read_table(folder / "assignments.parquet")
        who = {class_id: stable for stable, class_id in now.items()}
        keys, classes = (table.column(name).to_pylist() for name in ("key", "class_id"))
        is_in = {key: who.get(class_id, 0) for key, class_id in zip(keys, classes, strict=True)}
        both = [key for key in is_in if key in was]
        moved = sum(is_in[key] != was[key] for key in both) / len(both) if both else None
        assert summary["moved_share"] == (None if moved is None else pytest.approx(moved, abs=1e-4))
        was = is_in
    assert len(place) >= 4
    # Whoever cleared the entry before is not told how many moved since.
    state = shutil.copytree(streamed, tmp_path / "state")
    publication = Publication(tmp_path / "late", previous=tmp_path / "cleared")
    last = stream_batch(StreamTask(state, SETTINGS, publish=publication)).summary
    assert last is not None and last["moved_share"] is None


def test_a_worker_that_dies_costs_one_batch_and_nothing_else(
    stack: Path, streamed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    for number, task in enumerate(tasks(stack, state)):
        # Dies before the commit, and in its middle: the checkpoint is there, the columns aren't.
        for moment in ("commit", "_write_columns") if number in (1, 3) else ():
            with monkeypatch.context() as patched:

                def die(*_: object) -> None:
                    raise KeyboardInterrupt

                patched.setattr(StateFolder, moment, die)
                with pytest.raises(KeyboardInterrupt):
                    stream_batch(task)
            # kill -9 while the checkpoint was written: nobody removes what is half of it.
            (state / ".checkpoint.npz.4711-0123abcd.part").write_bytes(b"half")
        stream_batch(task)
        if number == 2:
            stream_batch(task)
    assert not list(state.glob(".*"))
    one, two = contents(streamed), contents(state)
    assert one.keys() == two.keys()
    for name, values in one.items():
        np.testing.assert_array_equal(values, two[name], err_msg=name)


def test_a_commit_stays_until_the_disk_has_what_it_can_do_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(files: list[Path]) -> None:
        if any(file.suffix == ".column" for file in files):
            raise OSError(errno.EIO, "no disk")

    folder = StateFolder(tmp_path, (1, 1))
    monkeypatch.setattr(classify_stream_state, "_flush_files", refuse)
    rows = folder.bank.add(3)
    folder.bank.column("evidence")[rows] = 1.0
    folder.commit([], {"commit": 1}, {})
    folder.bank.column("evidence")[rows] = 2.0
    with pytest.raises(OSError, match="no disk"):
        folder.commit([rows], {"commit": 2}, {})
    # In the next batch's process, too, where the disk is asked beside the computation.
    with pytest.raises(OSError, match="no disk"):
        StateFolder(tmp_path, (1, 1)).commit([rows], {"commit": 3}, {})
    monkeypatch.undo()
    again = StateFolder(tmp_path, (1, 1))
    assert again.numbers == {"commit": 1}
    assert again.bank.column("evidence").tolist() == [1.0] * 3


def test_withdrawn_particles_leave_nothing_behind(streamed: Path, tmp_path: Path) -> None:
    state = shutil.copytree(streamed, tmp_path / "state")
    keys = 1000 + np.arange(0, 500)
    weight = contents(state)["weight"].astype(np.float64)
    result = stream_batch(StreamTask(state, SETTINGS, withdrawn=np.append(keys[:200], 7)))
    assert result.withdrawn == 200 and result.particles == 300
    assert stream_batch(StreamTask(state, SETTINGS, withdrawn=keys[:200])).withdrawn == 0
    assert contents(state)["weight"].astype(np.float64).sum() < weight.sum() - 150
    stream_batch(StreamTask(state, SETTINGS, withdrawn=keys[200:]))
    left = contents(state)
    before = contents(streamed)
    for name in ("num", "den", "weight"):
        assert np.abs(left[name]).max() < 1e-5 * np.abs(before[name]).max()


def test_changed_ctf_and_moved_images_replace_what_was_there(
    stack: Path, streamed: Path, tmp_path: Path
) -> None:
    state = shutil.copytree(streamed, tmp_path / "state")
    again = some(stack, 0, 40)
    same = stream_batch(StreamTask(state, SETTINGS, again))
    assert same.added == 0 and same.visits == 0
    other = replace(again.ctf, defocus_u_a=again.ctf.defocus_u_a + 50.0)
    changed = stream_batch(StreamTask(state, SETTINGS, replace(again, ctf=other)))
    assert changed.added == 0 and changed.visits == 40 and changed.particles == 500
    moved = stream_batch(
        StreamTask(state, SETTINGS, replace(again, ctf=other, index=again.index[::-1].copy()))
    )
    assert moved.added == 40 and moved.particles == 500


def test_idle_time_is_spent_on_old_particles(streamed: Path, tmp_path: Path) -> None:
    state = shutil.copytree(streamed, tmp_path / "state")
    assert stream_batch(StreamTask(state, SETTINGS, idle_visits=30)).visits == 30


def test_a_limit_finer_than_the_run_can_have_is_told_and_a_coarser_one_obeyed(
    streamed: Path, tmp_path: Path
) -> None:
    state = shutil.copytree(streamed, tmp_path / "state")
    finer = stream_batch(StreamTask(state, replace(SETTINGS, final_resolution_a=13.0)))
    assert any("goes no further" in note and "13.0 Å" in note for note in finer.notes)
    coarser = stream_batch(StreamTask(state, replace(SETTINGS, final_resolution_a=20.0), idle_visits=30))
    assert not any("goes no further" in note for note in coarser.notes) and coarser.visits == 30


def test_a_run_that_does_not_fit_is_refused(stack: Path, streamed: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="class_count = 6, not 7"):
        stream_batch(StreamTask(streamed, replace(SETTINGS, class_count=7)))
    with pytest.raises(InputError, match="needs particles"):
        stream_batch(StreamTask(tmp_path / "new", SETTINGS))
    with pytest.raises(InputError, match="holds 500 images"):
        far = some(stack, 0, 10)
        stream_batch(StreamTask(tmp_path / "far", SETTINGS, replace(far, index=far.index + 495)))
    state = shutil.copytree(streamed, tmp_path / "torn")
    torn = state / "checkpoint.npz"
    torn.write_bytes(torn.read_bytes()[:1000])
    with pytest.raises(InputError, match="damaged checkpoint"):
        stream_batch(StreamTask(state, SETTINGS))


def test_cycles_from_random_seeds_and_from_an_earlier_update(stack: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    limits = (40.0, 32.0, 26.0, 22.0, 20.0, 18.0, 15.0, 15.0)

    def cycle(number: int, kind: CycleKind, limit: float, where: Path = state) -> CycleTask:
        return CycleTask(
            where,
            SETTINGS,
            kind,
            limit,
            number,
            Publication(tmp_path / where.name / f"update{number:03d}"),
            some(stack, 0, 400) if number == 0 else None,
            fraction=0.8 if kind == "startup" else 1.0,
            assign_all=number == len(limits),
        )

    (tmp_path / "state").mkdir()
    seeds = batch_cycle(cycle(0, "random_seed", 40.0))
    assert seeds.visits == 0 and seeds.particles == 400
    # What the history says of them is what their averages hold.
    assert seeds.summary["particles"] == sum(item["particles"] for item in seeds.summary["classes"]) == 400
    for number, limit in enumerate(limits, 1):
        result = batch_cycle(cycle(number, "startup" if number < 8 else "refinement", limit))
        assert result.visits >= 320
    table = pq.read_table(tmp_path / "state" / "update008" / "assignments.parquet")
    assert purity(made().truth.view_id[:400], table.column("class_id").to_numpy()) > 0.85
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    task = replace(cycle(0, "refinement", 15.0, fresh), source=tmp_path / "state" / "update008")
    refined = batch_cycle(task)
    table = pq.read_table(fresh / "update000" / "assignments.parquet")
    assert purity(made().truth.view_id[:400], table.column("class_id").to_numpy()) > 0.85
    assert refined.classes_in_use >= 4
    with pytest.raises(InputError, match="no averages to begin from"):
        batch_cycle(replace(task, state=tmp_path / "none", source=None))


@pytest.mark.slow
def test_probabilities_that_a_stream_states_are_hit_rates(tmp_path: Path) -> None:
    """Reliability diagram of four specimens, at a limit at which they are often taken for each other."""
    specimens = ["proteasome", "beta-galactosidase", "groel", "apoferritin"]
    many = simulate_particles(specimens, 1200, 40, PIXEL_A, views_per_specimen=1, snr=0.08, seed=51)
    file = tmp_path / "particles.mrcs"
    write_mrc(file, many.images, PIXEL_A)
    settings = replace(SETTINGS, class_count=4, final_resolution_a=30.0, start_particles=300)
    for first in range(0, 1200, 300):
        keys = np.arange(first, first + 300)
        ctf = some_ctf(many.ctf, keys)
        particles = StreamParticles(keys, (file,), ("p",), np.zeros(300, np.int64), keys, ctf)
        stream_batch(StreamTask(tmp_path / "state", settings, particles))
    folder = tmp_path / "update"
    stream_batch(StreamTask(tmp_path / "state", settings, final_pass=True, publish=Publication(folder)))
    table = pq.read_table(folder / "assignments.parquet")
    key, class_id, stated = (table.column(name).to_numpy() for name in ("key", "class_id", "posterior"))
    view = many.truth.view_id[key]
    shows = {c: int(np.bincount(view[class_id == c]).argmax()) for c in np.unique(class_id[class_id > 0])}
    assert set(shows.values()) == {0, 1, 2, 3}
    hit = np.array([shows.get(c) == v for c, v in zip(class_id.tolist(), view.tolist(), strict=True)])
    assert 0.05 < np.mean(stated[class_id > 0] < 0.9) < 0.5
    for low, high in ((0.25, 0.7), (0.7, 0.9), (0.9, 1.01)):
        inside = (class_id > 0) & (stated >= low) & (stated < high)
        assert inside.sum() > 25
        # Five points, and two standard errors of so few particles.
        rate = float(stated[inside].mean())
        assert abs(rate - hit[inside].mean()) < 0.05 + 2.0 * np.sqrt(rate * (1.0 - rate) / inside.sum())
