"""The track with the real classifier, on simulated particles of two specimens."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.tracks.harness import Bench, make_bench

from frazil.formats.mrc import write_mrc
from frazil.microscope.particles import simulate_particles
from frazil.stages.record import MovieRecord
from frazil.store.catalogue import class_updates, movies, particle_changes
from frazil.tracks.classify2d import ClassifyBody

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from frazil.microscope.particles import SimulatedParticles

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
    table = pq.read_table(bench.folder.path / last["folder"] / "assignments.parquet")
    keys, class_id = table.column("key").to_numpy(), table.column("class_id").to_numpy()
    truth = particles.truth.view_id[((keys >> 20) - 1) * PER_MOVIE + (keys & 0xFFFF)]
    hits = sum(int(np.bincount(truth[class_id == c]).max()) for c in np.unique(class_id))
    assert hits / len(truth) > 0.9
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
