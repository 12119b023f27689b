"""The track with the real classifier, on simulated particles of two specimens."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.tracks.harness import Bench, make_bench

from frazil.formats.mrc import write_mrc
from frazil.microscope.particles import simulate_particles
from frazil.model.errors import PassingError
from frazil.stages.classify_stream import stream_batch
from frazil.stages.classify_stream_state import StateFolder
from frazil.stages.record import MovieRecord
from frazil.store.catalogue import class_updates, movies, particle_changes
from frazil.tracks.classify2d import ClassifyBody
from frazil.tracks.classify2d.messages import FinalPass

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.microscope.particles import SimulatedParticles
    from frazil.stages.classify_stream_task import StreamResult, StreamTask

BOX_PX, PIXEL_A, PER_MOVIE = 40, 6.0, 60


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = make_bench(
        tmp_path, stream_start_particles=240, class_count=4, publish_s=5, final_resolution_a=15.0
    )
    yield made
    made.close()


def add(bench: Bench, particles: SimulatedParticles, first: int, count: int) -> None:
    """Deliver movies whose extraction gave these particles."""
    names = bench.add_movies(count, first=first)
    folder = bench.folder.path
    for place, name in enumerate(names):
        rows = slice((first - 1 + place) * PER_MOVIE, (first + place) * PER_MOVIE)
        write_mrc(folder / "particles" / f"{name}.mrcs", particles.images[rows], PIXEL_A)
        ctf = {
            column: getattr(particles.ctf, column)[rows]
            for column in ("defocus_u_a", "defocus_v_a", "astigmatism_angle_deg", "phase_shift_deg")
        }
        table = pa.table({"stack_index": np.arange(PER_MOVIE), **ctf})
        extra = {"pixel_size_a": repr(PIXEL_A), "micrograph_pixel_size_a": "1.0"}
        pq.write_table(table.replace_schema_metadata(extra), folder / "particles" / f"{name}.parquet")
        record = MovieRecord(name=name, source=name, numbers={"particle_diameter_a": 160.0})
        row = bench.row(name)
        with bench.catalogue.write() as connection:
            movies.change(
                connection,
                bench.session_id,
                row["number"],
                state="done",
                particles=PER_MOVIE,
                particles_token="a",
                ctf_resolution_a=4.0,
                settings_revision=1,
                record=record.model_dump(mode="json"),
            )
            particle_changes.mark(connection, bench.session_id, [row["number"]])


def settle(bench: Bench, body: ClassifyBody, turns: int = 20) -> None:
    for _ in range(turns):
        bench.turn(body, 10.0)
        while bench.executor.run_next():
            bench.turn(body, 1.0)


def log_lines(bench: Bench) -> list[dict[str, Any]]:
    files = sorted((bench.folder.path / "logs").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def newest(bench: Bench) -> dict[str, Any]:
    with bench.catalogue.read() as connection:
        return class_updates.get(connection, bench.session_id)


def assigned(bench: Bench, update: dict[str, Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Place in the simulated stack and who the class is of each particle, in the order of the places."""
    folder = bench.folder.path / update["folder"]
    table = pq.read_table(folder / "assignments.parquet")
    entries = json.loads((folder / "summary.json").read_text())["classes"]
    stable_id = {entry["class_id"]: entry["stable_id"] for entry in entries}
    keys = table.column("key").to_numpy()
    classes = np.array([stable_id[c] for c in table.column("class_id").to_pylist()])
    place = ((keys >> 20) - 1) * PER_MOVIE + (keys & 0xFFFF)
    order = np.argsort(place)
    return place[order], classes[order]


def view_of_class(
    bench: Bench, particles: SimulatedParticles, update: dict[str, Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each particle the true view, and the one that most members of its class show."""
    place, class_id = assigned(bench, update)
    truth = particles.truth.view_id[place].astype(np.int64)
    shown = np.empty_like(truth)
    for c in np.unique(class_id):
        shown[class_id == c] = np.bincount(truth[class_id == c]).argmax()
    return truth, shown


def purity(bench: Bench, particles: SimulatedParticles, update: dict[str, Any]) -> float:
    truth, shown = view_of_class(bench, particles, update)
    return float((truth == shown).mean())


@pytest.fixture(scope="module")
def particles() -> SimulatedParticles:
    return simulate_particles(
        ["proteasome", "beta-galactosidase"], 480, BOX_PX, PIXEL_A, views_per_specimen=1, snr=0.4, seed=11
    )


@pytest.mark.slow
def test_a_stream_sorts_two_specimens_and_goes_on_after_a_restart(
    bench: Bench, particles: SimulatedParticles
) -> None:
    body = ClassifyBody(bench.context())
    body.begin(anew=False)
    add(bench, particles, 1, 4)
    settle(bench, body, 5)
    first = newest(bench)
    assert first["particles"] == 240
    assert (bench.folder.path / first["folder"] / "classes.jpg").exists()
    assert first["summary"]["contrast"] == "right"
    # Another server goes on with the same run.
    body = ClassifyBody(bench.context())
    body.begin(anew=False)
    add(bench, particles, 5, 4)
    settle(bench, body)
    last = newest(bench)
    assert (last["run"], last["particles"]) == (first["run"], 480)
    assert purity(bench, particles, last) > 0.9
    # Stopped with a final pass, it writes one more.
    body.receive(FinalPass())
    body.drain()
    while body.in_flight:
        bench.executor.run_next()
        bench.deliver(body)
    final = newest(bench)
    assert final["number"] == last["number"] + 1 and final["particles"] == 480
    assert purity(bench, particles, final) > 0.9
    # Classes of one view may become one in it, so that many particles move, but not to the other view.
    moved = assigned(bench, last)[1] != assigned(bench, final)[1]
    assert final["summary"]["moved_share"] == pytest.approx(moved.mean(), abs=1e-4)
    before, after = (view_of_class(bench, particles, update)[1] for update in (last, final))
    assert (before != after).mean() < 0.1
    row = bench.row("movie_0001")
    assert row["particles_classified"] == PER_MOVIE and row["class_yield"] > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["streaming", "abinit"])
def test_inverted_contrast_is_told_once_and_not_of_right_ones(
    bench: Bench, particles: SimulatedParticles, mode: str
) -> None:
    bench.save_settings(mode=mode, start_particles=200, startup_cycles=2, refinement_cycles=1)
    dark = replace(particles, images=-particles.images)
    body = ClassifyBody(bench.context())
    body.begin(anew=False)
    add(bench, dark, 1, 4)
    settle(bench, body, 3)
    assert newest(bench)["summary"]["contrast"] == "inverted"
    add(bench, dark, 5, 2)
    settle(bench, body, 3)
    told = [line for line in log_lines(bench) if "contrast looks inverted" in line["message"]]
    assert [line["level"] for line in told] == ["warning"]


@pytest.mark.slow
def test_an_ab_initio_job_and_the_seeded_one_after_it(bench: Bench, particles: SimulatedParticles) -> None:
    bench.save_settings(
        mode="abinit", start_particles=200, update_particles=200, startup_cycles=3, refinement_cycles=1
    )
    body = ClassifyBody(bench.context())
    body.begin(anew=False)
    add(bench, particles, 1, 4)
    settle(bench, body, 5)
    add(bench, particles, 5, 4)
    settle(bench, body, 5)
    with bench.catalogue.read() as connection:
        entries = class_updates.listed(connection, bench.session_id)
    seeded = ["startup", "startup", "startup", "refinement"]
    assert [entry["kind"] for entry in entries] == ["random_seed", *seeded, *seeded]
    assert [entry["particles"] for entry in entries][-1] == 480
    assert entries[-1]["limit_a"] == 15.0


_CHILD = """
import pickle, sys
from frazil.stages.classify_stream import stream_batch
task = pickle.loads(open(sys.argv[1], "rb").read())
print("begins", flush=True)
stream_batch(task)
"""


class MortalWorker:
    """Does batches in this process; some are begun by another one, which is killed in the middle."""

    def __init__(self, folder: Path, kills: dict[int, float]) -> None:
        self.folder, self.kills, self.batches = folder, kills, 0

    def __call__(self, task: StreamTask) -> StreamResult:
        self.batches += 1
        after_s = self.kills.pop(self.batches, None)
        if after_s is None:
            return stream_batch(task)
        file = self.folder / "task"
        file.write_bytes(pickle.dumps(task))
        with subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(file)], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None and child.stdout.readline() == "begins\n"
            time.sleep(after_s)
            child.kill()
        raise PassingError("the worker was killed")


def state_of(bench: Bench) -> dict[str, NDArray[np.generic]]:
    folder = StateFolder(bench.folder.path / "classes/run001/checkpoint", (1, 1))
    columns = {name: np.array(values[: folder.bank.count]) for name, values in folder.bank.columns.items()}
    return columns | folder.arrays


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_of_a_batch_changes_nothing(
    tmp_path: Path, particles: SimulatedParticles
) -> None:
    values: dict[str, Any] = {
        "stream_start_particles": 200,
        "class_count": 2,
        "final_resolution_a": 20.0,
        "random_seed": 3,
    }
    found = []
    for name, kills in (("quiet", {}), ("killed", {1: 0.4, 4: 0.2})):
        (tmp_path / name).mkdir()
        bench = make_bench(tmp_path / name, publish_s=5, **values)
        worker = MortalWorker(tmp_path, kills)
        body = ClassifyBody(bench.context(), worker)
        body.begin(anew=False)
        add(bench, particles, 1, 4)
        settle(bench, body)
        # A server that begins anew goes on where the last commit was.
        body = ClassifyBody(bench.context(), worker)
        body.begin(anew=False)
        add(bench, particles, 5, 1)
        settle(bench, body)
        assert not kills and newest(bench)["particles"] == 300
        table = pq.read_table(bench.folder.path / newest(bench)["folder"] / "assignments.parquet")
        found.append((state_of(bench), table.drop_columns(["stack"])))
        bench.close()
    (quiet, first), (killed, second) = found
    for name, expected in quiet.items():
        np.testing.assert_array_equal(killed[name], expected, err_msg=name)
    assert first.equals(second)
