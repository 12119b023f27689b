"""Streaming: every particle that is wanted is in the run once, whatever happens; entries are kept."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.tracks.classify2d.particle_work import add_particles, change, cycle, known_keys, stream
from tests.tracks.harness import Bench, make_bench

from frazil.engine.inline import InlineExecutor
from frazil.model.errors import InputError
from frazil.model.movie_filter import MovieFilter
from frazil.store.catalogue import class_overrides, class_selections, class_updates, filters, tracks
from frazil.tracks.classify2d import ClassifyBody, yields
from frazil.tracks.classify2d.messages import FinalPass, Keep
from frazil.tracks.classify2d.pool import movie_of_keys
from frazil.tracks.runner import BlockedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from frazil.stages.classify_stream_task import StreamResult, StreamTask


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = make_bench(tmp_path, stream_start_particles=200, class_count=10, publish_s=5)
    yield made
    made.close()


def begun(bench: Bench, *, anew: bool = False) -> ClassifyBody:
    body = ClassifyBody(bench.context(), stream, cycle, growth=0.05)
    body.begin(anew=anew)
    return body


def run_of(bench: Bench) -> int:
    with bench.catalogue.read() as connection:
        memory = tracks.get(connection, bench.session_id, "classify2d").memory
    return int(memory["run"]["number"])


def particles_of(bench: Bench) -> dict[int, int]:
    """Particles of each movie that the run has."""
    keys = known_keys(bench.folder.path / f"classes/run{run_of(bench):03d}/checkpoint")
    numbers, counts = np.unique(movie_of_keys(np.array(sorted(keys), dtype=np.int64)), return_counts=True)
    return dict(zip(numbers.tolist(), counts.tolist(), strict=True))


def updates(bench: Bench) -> list[dict[str, Any]]:
    with bench.catalogue.read() as connection:
        return class_updates.listed(connection, bench.session_id)


def settle(bench: Bench, body: ClassifyBody, seconds: float = 600.0) -> int:
    """Let time pass until nothing is left to do; returns how many tasks ran."""
    ran, until = 0, bench.clock.now + seconds
    while bench.clock.now < until:
        bench.turn(body, 5.0)
        while bench.executor.run_next():
            ran += 1
            bench.turn(body, 0.1)
    return ran


def test_nothing_begins_before_there_are_enough_particles(bench: Bench) -> None:
    first, second = bench.add_movies(2)
    add_particles(bench, first, 150)
    body = begun(bench)
    assert settle(bench, body, 60.0) == 0
    assert body.details["waits_for"] == "150 of 200 particles"
    add_particles(bench, second, 100)
    settle(bench, body, 60.0)
    assert particles_of(bench) == {1: 150, 2: 100}
    (entry,) = updates(bench)
    assert (entry["number"], entry["run"], entry["update_in_run"], entry["kind"]) == (1, 1, 1, "streaming")
    assert entry["particles"] == 250 and entry["folder"] == "classes/run001/update001"


def test_only_good_micrographs_that_nobody_excluded_are_classified(bench: Bench) -> None:
    names = bench.add_movies(6)
    for name in names:
        add_particles(bench, name, 100)
    change(bench, names[1], ctf_resolution_a=12.0)
    change(bench, names[2], override="exclude")
    change(bench, names[3], ctf_resolution_a=None)
    change(bench, names[4], ctf_resolution_a=12.0, override="include")
    settle(bench, begun(bench), 60.0)
    assert particles_of(bench) == {1: 100, 5: 100, 6: 100}


def test_the_named_filter_is_the_input_filter_also_when_it_changes(bench: Bench) -> None:
    names = bench.add_movies(4)
    for place, name in enumerate(names):
        add_particles(bench, name, 100, defocus_mean_a=10_000.0 * place)
    body = begun(bench)
    settle(bench, body, 60.0)
    assert set(particles_of(bench)) == {1, 2, 3, 4}
    keep = MovieFilter.model_validate({"ranges": {"defocus_mean_a": {"high": 15_000.0}}})
    with bench.catalogue.write() as connection:
        filters.save(connection, bench.session_id, "2D input", keep, saved_by="t", saved_at=1.0)
    settle(bench, body, 60.0)
    assert set(particles_of(bench)) == {1, 2}


def test_particles_that_stayed_are_neither_withdrawn_nor_doubled(bench: Bench) -> None:
    """Only their CTF is new, or others were picked besides: they keep their keys."""
    (name,) = bench.add_movies(1)
    add_particles(bench, name, 250, lineage="one")
    body = begun(bench)
    settle(bench, body, 60.0)
    state = bench.folder.path / "classes/run001/checkpoint"
    old = sorted(known_keys(state))
    add_particles(bench, name, 250, token="b", lineage="one")
    assert settle(bench, body, 60.0) > 0
    assert sorted(known_keys(state)) == old
    # The second one is gone, and a new one lies in its place.
    ids = [0, 250, *range(2, 250)]
    add_particles(bench, name, 250, token="c", lineage="one", ids=ids)
    settle(bench, body, 60.0)
    assert sorted(known_keys(state)) == [old[0], *old[2:], old[0] + 250]
    # A track that starts again knows it, too.
    body = begun(bench)
    add_particles(bench, name, 249, token="d", lineage="one", ids=ids[:-1])
    settle(bench, body, 60.0)
    assert sorted(known_keys(state)) == [old[0], *old[2:-1], old[0] + 250]
    # Cut out in another way they are others.
    add_particles(bench, name, 250, token="e", lineage="two")
    settle(bench, body, 60.0)
    assert len(known_keys(state)) == 250 and not known_keys(state) & {*old, old[0] + 250}
    assert run_of(bench) == 1


def test_every_particle_has_the_amplitude_contrast_of_its_own_ctf(bench: Bench) -> None:
    """Another one redoes the CTF, movie by movie, and the run goes on."""
    first, second = bench.add_movies(2)
    add_particles(bench, first, 200)
    seen: dict[int, float] = {}

    def note(task: StreamTask) -> StreamResult:
        if task.particles is not None:
            ctf, numbers = task.particles.ctf, movie_of_keys(task.particles.keys).tolist()
            phases = np.radians(ctf.phase_shift_deg) + math.asin(ctf.optics.amplitude_contrast)
            seen.update(zip(numbers, phases.tolist(), strict=True))
        return stream(task)

    body = ClassifyBody(bench.context(), note, cycle, growth=0.05)
    body.begin(anew=False)
    settle(bench, body, 60.0)
    revision = bench.save_settings(amplitude_contrast=0.1)
    add_particles(bench, second, 200, settings_revision=revision, defocus_mean_a=1.0)
    change(bench, first, override="exclude")
    settle(bench, body, 60.0)
    change(bench, first, override="auto")
    settle(bench, body, 60.0)
    number = {name: bench.row(name)["number"] for name in (first, second)}
    assert seen.keys() == set(number.values())
    # The tables give phase shifts of zero.
    assert seen == pytest.approx({number[first]: math.asin(0.07), number[second]: math.asin(0.1)})
    assert run_of(bench) == 1


def test_withdrawn_and_extracted_anew_particles_are_exchanged_and_never_share_a_key(bench: Bench) -> None:
    names = bench.add_movies(3)
    for name in names:
        add_particles(bench, name, 100)
    body = begun(bench)
    settle(bench, body, 60.0)
    state = bench.folder.path / "classes/run001/checkpoint"
    old = known_keys(state)
    change(bench, names[0], override="exclude")
    add_particles(bench, names[1], 70, token="b")
    settle(bench, body, 60.0)
    assert particles_of(bench) == {2: 70, 3: 100}
    new = known_keys(state)
    assert {key for key in new & old if key >> 20 == 2} == set()
    change(bench, names[0], override="auto")
    settle(bench, body, 60.0)
    assert particles_of(bench) == {1: 100, 2: 70, 3: 100}


def test_an_entry_is_written_for_every_twentieth_particle_more_and_numbers_go_up(bench: Bench) -> None:
    names = bench.add_movies(12)
    for name in names[:10]:
        add_particles(bench, name, 100)
    body = begun(bench)
    settle(bench, body, 60.0)
    first = [entry["particles"] for entry in updates(bench)]
    assert first[-1] == 1000
    add_particles(bench, names[10], 30)
    settle(bench, body, 60.0)
    assert [entry["particles"] for entry in updates(bench)] == first
    add_particles(bench, names[11], 30)
    settle(bench, body, 60.0)
    assert [entry["particles"] for entry in updates(bench)] == [*first, 1060]
    assert [entry["number"] for entry in updates(bench)] == list(range(1, len(first) + 2))


def test_the_rest_is_published_when_all_is_quiet(bench: Bench) -> None:
    names = bench.add_movies(4)
    for name in names[:3]:
        add_particles(bench, name, 100)
    body = begun(bench)
    settle(bench, body, 60.0)
    add_particles(bench, names[3], 5)
    settle(bench, body, 100.0)
    assert updates(bench)[-1]["particles"] == 300
    settle(bench, body, 600.0)
    assert [entry["particles"] for entry in updates(bench)][-1] == 305
    count = len(updates(bench))
    settle(bench, body, 2000.0)
    assert len(updates(bench)) == count


def test_movies_know_how_many_of_their_particles_are_in_good_classes(bench: Bench) -> None:
    names = bench.add_movies(3)
    for name in names:
        add_particles(bench, name, 100)
    settle(bench, begun(bench), 60.0)
    row = bench.row(names[0])
    # Class 2 has three times the resolution limit of class 1; every second particle is in class 1.
    assert (row["particles_classified"], row["particles_good"], row["class_yield"]) == (100, 50, 0.5)


def test_what_a_person_decided_counts_in_later_updates_and_in_a_run_that_begins_with_these_classes(
    bench: Bench,
) -> None:
    names = bench.add_movies(4)
    for name in names[:3]:
        add_particles(bench, name, 100)
    body = begun(bench)
    settle(bench, body, 60.0)
    with bench.catalogue.write() as connection:
        choices = {2: False, 3: True}
        class_overrides.change(connection, bench.session_id, 1, choices, saved_by="t", saved_at=1.0)
        yields.recount(connection, bench.session_id, bench.folder.path)
    # The class that is good by itself is rejected, the other one kept: every second particle.
    assert (bench.row(names[0])["particles_good"], bench.row(names[3])["particles_good"]) == (50, None)
    add_particles(bench, names[3], 101)
    settle(bench, body, 60.0)
    assert [bench.row(name)["particles_good"] for name in (names[0], names[3])] == [50, 50]
    bench.save_settings(mode="refine", update_particles=1, refinement_cycles=1)
    settle(bench, begun(bench), 60.0)
    assert run_of(bench) == 2
    with bench.catalogue.read() as connection:
        assert class_overrides.of_run(connection, bench.session_id, 2) == {6: False, 7: True}
    assert bench.row(names[3])["particles_good"] == 50


def test_start_goes_on_and_restart_begins_a_new_run(bench: Bench) -> None:
    for name in bench.add_movies(3):
        add_particles(bench, name, 100)
    settle(bench, begun(bench), 60.0)
    assert settle(bench, begun(bench), 60.0) == 0
    settle(bench, begun(bench, anew=True), 60.0)
    assert run_of(bench) == 2
    assert [(entry["run"], entry["number"]) for entry in updates(bench)] == [(1, 1), (2, 2)]
    assert particles_of(bench) == {1: 100, 2: 100, 3: 100}


def test_numbers_are_never_used_again_after_clear(bench: Bench) -> None:
    for name in bench.add_movies(3):
        add_particles(bench, name, 100)
    body = begun(bench)
    settle(bench, body, 60.0)
    body.clear()
    assert updates(bench) == []
    assert not (bench.folder.path / "classes").exists()
    assert bench.row("movie_0001")["class_yield"] is None
    settle(bench, begun(bench), 60.0)
    assert [(entry["run"], entry["number"]) for entry in updates(bench)] == [(2, 2)]


@pytest.mark.parametrize("values", [{"class_count": 20}, {"mask_radius_a": 30.0}])
def test_what_a_run_can_not_change_begins_a_new_one(bench: Bench, values: dict[str, Any]) -> None:
    for name in bench.add_movies(3):
        add_particles(bench, name, 100)
    body = begun(bench)
    settle(bench, body, 60.0)
    bench.save_settings(**values)
    settle(bench, body, 60.0)
    assert run_of(bench) == 2


def test_a_clock_that_is_set_back_hides_no_classes(bench: Bench) -> None:
    shift = [0.0]
    first, second = bench.add_movies(2)
    add_particles(bench, first, 300)
    context = replace(bench.context(), wall_clock=lambda: bench.clock.now + shift[0])
    body = ClassifyBody(context, stream, cycle, growth=0.05)
    body.begin(anew=False)
    settle(bench, body, 60.0)
    assert len(updates(bench)) == 1
    shift[0] = -86_400.0
    add_particles(bench, second, 300)
    settle(bench, body, 120.0)
    assert len(updates(bench)) == 2


def test_a_finer_limit_goes_on_and_is_published(bench: Bench) -> None:
    for name in bench.add_movies(3):
        add_particles(bench, name, 100)
    body = begun(bench)
    settle(bench, body, 60.0)
    bench.save_settings(final_resolution_a=12.0)
    settle(bench, body, 60.0)
    assert run_of(bench) == 1
    assert [entry["settings_revision"] for entry in updates(bench)] == [1, 2]


def test_a_new_box_begins_a_new_run_once_there_are_enough_of_it(bench: Bench) -> None:
    names = bench.add_movies(6)
    for name in names[:3]:
        add_particles(bench, name, 100)
    body = begun(bench)
    settle(bench, body, 60.0)
    revision = bench.save_settings(box_size_px=32)
    add_particles(bench, names[0], 100, token="b", box=32, settings_revision=revision)
    settle(bench, body, 60.0)
    assert run_of(bench) == 1 and set(particles_of(bench)) == {2, 3}
    add_particles(bench, names[1], 100, token="b", box=32, settings_revision=revision)
    settle(bench, body, 60.0)
    assert run_of(bench) == 2 and set(particles_of(bench)) == {1, 2}


def test_damaged_particles_cost_only_their_movie(bench: Bench) -> None:
    names = bench.add_movies(4)
    for name in names:
        add_particles(bench, name, 100)
    (bench.folder.path / "particles" / f"{names[2]}.parquet").write_bytes(b"nonsense")
    (bench.folder.path / "particles" / f"{names[3]}.mrcs").unlink()
    body = begun(bench)
    settle(bench, body, 60.0)
    assert set(particles_of(bench)) == {1, 2}
    add_particles(bench, names[2], 50, token="b")
    settle(bench, body, 60.0)
    assert particles_of(bench) == {1: 100, 2: 100, 3: 50}


def test_a_passing_failure_is_tried_again_and_a_lasting_one_is_told(bench: Bench) -> None:
    for name in bench.add_movies(3):
        add_particles(bench, name, 100)
    (bench.folder.path / "passing").touch()
    body = begun(bench)
    bench.turn(body)
    bench.executor.run_next()
    assert bench.turn(body, 0.1) == pytest.approx(30.0)
    (bench.folder.path / "passing").unlink()
    settle(bench, body, 120.0)
    assert len(updates(bench)) == 1
    (poison,) = bench.add_movies(1, first=4)
    change(bench, poison, name="poison")
    add_particles(bench, "poison", 200)
    with pytest.raises(InputError, match="poisonous"):
        settle(bench, body, 120.0)


def test_a_stack_that_is_being_replaced_is_no_error(bench: Bench) -> None:
    (poison,) = bench.add_movies(1)
    change(bench, poison, name="poison")
    add_particles(bench, "poison", 200)
    body = begun(bench)
    bench.turn(body)
    bench.executor.run_next()
    assert bench.turn(body, 0.1) == pytest.approx(5.0)
    lines = [
        json.loads(line) for line in (bench.folder.path / "logs" / "track.jsonl").read_text().splitlines()
    ]
    assert [line["level"] for line in lines if "poisonous" in json.dumps(line)] == ["info"]
    change(bench, "poison", name=poison)
    add_particles(bench, poison, 250, token="b")
    settle(bench, body, 60.0)
    assert particles_of(bench) == {1: 250}


def test_a_lost_worker_costs_a_batch_and_nothing_else(bench: Bench) -> None:
    for name in bench.add_movies(3):
        add_particles(bench, name, 100)
    body = begun(bench)
    bench.turn(body)
    bench.executor.lose_next()
    settle(bench, body, 120.0)
    assert particles_of(bench) == {1: 100, 2: 100, 3: 100}


def test_stop_now_throws_the_batch_away_and_start_gives_it_again(bench: Bench) -> None:
    for name in bench.add_movies(3):
        add_particles(bench, name, 100)
    body = begun(bench)
    bench.turn(body)
    assert body.in_flight == 1
    body.kill()
    bench.deliver(body)
    assert body.in_flight == 0 and updates(bench) == []
    settle(bench, begun(bench), 60.0)
    assert particles_of(bench) == {1: 100, 2: 100, 3: 100}


def stopped(bench: Bench, body: ClassifyBody, *messages: object) -> int:
    """Stop as the runner does; returns how many tasks ran before it was at rest."""
    for message in messages:
        body.receive(message)
    body.drain()
    ran = 0
    bench.deliver(body)
    while body.in_flight and ran < 5:
        ran += bench.executor.run_next()
        bench.deliver(body)
    assert body.in_flight == 0
    return ran


def test_stop_writes_a_last_entry_of_what_is_new_and_nothing_else(bench: Bench) -> None:
    first, second = bench.add_movies(2)
    add_particles(bench, first, 300)
    body = begun(bench)
    settle(bench, body, 60.0)
    add_particles(bench, second, 5)
    settle(bench, body, 60.0)
    assert [entry["particles"] for entry in updates(bench)] == [300]
    assert stopped(bench, body) == 1
    assert [entry["particles"] for entry in updates(bench)] == [300, 305]
    body = begun(bench)
    settle(bench, body, 60.0)
    assert stopped(bench, body) == 0
    assert len(updates(bench)) == 2


def test_stop_lets_the_present_batch_end_before_the_last_entry(bench: Bench) -> None:
    first, second = bench.add_movies(2)
    add_particles(bench, first, 300)
    body = begun(bench)
    settle(bench, body, 60.0)
    add_particles(bench, second, 12)
    bench.turn(body, 1.0)
    bench.turn(body, 40.0)
    assert body.in_flight == 1
    assert stopped(bench, body) == 2
    assert [entry["particles"] for entry in updates(bench)] == [300, 312]


def test_stop_with_a_final_pass_visits_all_and_stop_now_throws_it_away(bench: Bench) -> None:
    tasks: list[StreamTask] = []

    def noted(task: StreamTask) -> StreamResult:
        tasks.append(task)
        return stream(task)

    (name,) = bench.add_movies(1)
    add_particles(bench, name, 300)
    body = ClassifyBody(bench.context(), noted, cycle, growth=0.05)
    body.begin(anew=False)
    settle(bench, body, 60.0)
    grace_s = body.grace_s
    assert stopped(bench, body, FinalPass()) == 1
    assert tasks[-1].final_pass and tasks[-1].publish is not None
    assert body.grace_s > 60 * grace_s
    assert [entry["particles"] for entry in updates(bench)] == [300, 300]
    body.begin(anew=False)
    assert body.grace_s == grace_s
    body.receive(FinalPass())
    body.drain()
    assert body.in_flight == 1
    body.kill()
    bench.deliver(body)
    assert body.in_flight == 0 and len(updates(bench)) == 2


def test_a_person_may_keep_an_entry_at_any_time(bench: Bench) -> None:
    first, second = bench.add_movies(2)
    add_particles(bench, first, 300)
    body = begun(bench)
    settle(bench, body, 60.0)
    assert len(updates(bench)) == 1
    body.receive(Keep())
    add_particles(bench, second, 7)
    settle(bench, body, 60.0)
    settle(bench, body, 60.0)
    assert [entry["particles"] for entry in updates(bench)] == [300, 300]


def test_a_run_of_the_history_can_be_cleared_alone(bench: Bench) -> None:
    for name in bench.add_movies(3):
        add_particles(bench, name, 100)
    settle(bench, begun(bench), 60.0)
    settle(bench, begun(bench, anew=True), 60.0)
    settle(bench, begun(bench, anew=True), 60.0)
    with bench.catalogue.write() as connection:
        for name, number in (("old", 2), ("new", 3)):
            class_selections.save(connection, bench.session_id, name, number, [1], saved_by="t", saved_at=1.0)
        for run in (2, 3):
            class_overrides.change(connection, bench.session_id, run, {1: True}, saved_by="t", saved_at=1.0)
    begun(bench).clear((2,))
    with bench.catalogue.read() as connection:
        assert set(class_overrides.listed(connection, bench.session_id)) == {3}
    assert [entry["run"] for entry in updates(bench)] == [1, 3] and run_of(bench) == 3
    assert sorted(path.name for path in (bench.folder.path / "classes").iterdir()) == ["run001", "run003"]
    with bench.catalogue.read() as connection:
        assert [row["name"] for row in class_selections.listed(connection, bench.session_id)] == ["new"]
    # What goes on does so.
    assert settle(bench, begun(bench), 60.0) == 0
    # Without the newest one, movies know of the one before; the next run has a new number.
    bench.change("movie_0001", class_yield=0.1, particles_good=10)
    begun(bench).clear((3,))
    assert bench.row("movie_0001")["class_yield"] == 0.5
    settle(bench, begun(bench), 60.0)
    assert [(entry["run"], entry["number"]) for entry in updates(bench)] == [(1, 1), (4, 4)]


def again(bench: Bench) -> Bench:
    """The same session under a new server."""
    new = Bench(bench.catalogue, bench.folder, InlineExecutor(), bench.session_id, bench.clock)
    new.logs = bench.logs
    return new


def test_an_entry_whose_answer_was_lost_is_taken_over(bench: Bench) -> None:
    for name in bench.add_movies(3):
        add_particles(bench, name, 100)
    body = begun(bench)
    bench.turn(body)
    bench.executor.run_next()
    # The server dies before it hears of the batch; another worker leaves something half-written.
    half = bench.folder.path / "classes/run001/.update002.part"
    half.mkdir()
    after = again(bench)
    body = begun(after)
    assert [entry["number"] for entry in updates(after)] == [1]
    assert not half.exists()
    settle(after, body, 60.0)
    assert [entry["number"] for entry in updates(after)] == [1]
    assert particles_of(after) == {1: 100, 2: 100, 3: 100}


def test_a_full_disk_pauses(bench: Bench) -> None:
    body = begun(bench)
    bench.save_settings(min_free_gb=1e6)
    with pytest.raises(BlockedError, match="reserve"):
        body.step()
