"""Pre-processing without its thread: everything is done once, nothing is lost, whatever happens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.tracks.harness import make_bench
from tests.tracks.preprocess.movie_work import PRODUCT, work

from frazil.model.errors import InputError
from frazil.store.catalogue import alerts, movies, particle_changes
from frazil.tracks.preprocess import PreprocessBody, rows
from frazil.tracks.runner import BlockedError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tracks.harness import Bench

    from frazil.stages.movie_task import MovieTask
    from frazil.stages.record import MovieRecord


def begun(bench: Bench, *, anew: bool = False) -> PreprocessBody:
    body = PreprocessBody(bench.context(), work)
    body.begin(anew=anew)
    return body


def test_every_movie_is_done_and_its_row_says_so(bench: Bench) -> None:
    names = bench.add_movies(5)
    body = begun(bench)
    assert bench.work(body) == 5
    assert set(bench.states().values()) == {"done"}
    row = bench.row(names[0])
    assert (row["particles"], row["ctf_resolution_a"], row["settings_revision"]) == (10, 4.0, 1)
    assert row["latency_s"] == row["done_at"] - row["transferred_at"]
    told = [name for kind, data in bench.published if kind == "movies" for name in data["names"]]
    assert set(told) == set(names)
    assert "classify2d" in bench.nudged
    assert bench.work(body) == 0


def test_no_more_tasks_are_submitted_than_can_begin_and_one_to_wait(bench: Bench) -> None:
    bench.add_movies(10)
    body = begun(bench)
    bench.turn(body)
    assert body.in_flight == 3
    bench.executor.begin_next()
    bench.executor.begin_next()
    bench.turn(body)
    assert body.in_flight == 3


def test_a_session_can_have_fewer_workers_than_there_are(bench: Bench) -> None:
    bench.add_movies(5)
    bench.save_settings(preprocess_workers=1)
    body = begun(bench)
    for _ in range(5):
        bench.turn(body)
        assert body.in_flight == 1
        bench.executor.run_next()
    bench.turn(body)
    assert set(bench.states().values()) == {"done"}


def test_a_movie_that_comes_later_goes_first(bench: Bench) -> None:
    bench.add_movies(6)
    body = begun(bench)
    bench.turn(body)
    late = bench.add_movies(1, first=7)
    for _ in range(3):
        bench.executor.run_next()
    bench.turn(body)
    bench.executor.run_next()
    bench.turn(body)
    assert bench.states()[late[0]] == "done"


def test_settings_are_those_of_the_moment_work_begins(bench: Bench) -> None:
    bench.add_movies(4)
    body = begun(bench)
    bench.turn(body)
    revision = bench.save_settings(ctf_low_a=40.0)
    bench.work(body)
    assert sorted({bench.row(name)["settings_revision"] for name in bench.states()}) == [1, revision]


def test_passing_failures_wait_and_are_tried_again_until_there_were_enough(bench: Bench) -> None:
    (name,) = bench.add_movies(1, source=b"passing")
    body = begun(bench)
    for wait in (30.0, 120.0):
        assert bench.work(body) == 1
        row = bench.row(name)
        assert row["state"] == "queued" and "share is gone" in row["reason"]
        assert row["next_try_at"] == pytest.approx(bench.clock.now + wait, abs=5.0)
        bench.clock.now += wait
    bench.work(body)
    row = bench.row(name)
    assert (row["state"], row["attempts"], row["failed_stage"]) == ("failed", 3, "align")


def test_a_clock_that_is_set_back_keeps_no_movie_waiting(bench: Bench) -> None:
    bench.add_movies(1, source=b"passing")
    bench.work(begun(bench))
    with bench.catalogue.read() as connection:
        found = [len(rows.waiting(connection, bench.session_id, now, set(), 5)) for now in (1000.0, -8e4)]
    assert found == [0, 1]


def test_a_passing_failure_that_passes_leaves_no_trace(bench: Bench) -> None:
    (name,) = bench.add_movies(1, source=b"passing")
    body = begun(bench)
    bench.work(body)
    bench.raw(name).write_bytes(b"frames")
    bench.clock.now += 30.0
    bench.work(body)
    row = bench.row(name)
    assert (row["state"], row["attempts"], row["reason"], row["failed_stage"]) == ("done", 0, None, None)


def test_lasting_failures_are_final_at_once_and_stop_nobody(bench: Bench) -> None:
    (bad,) = bench.add_movies(1, source=b"worthless")
    (half,) = bench.add_movies(1, first=2, source=b"bad ctf")
    good = bench.add_movies(3, first=3)
    bench.work(begun(bench))
    states = bench.states()
    assert states[bad] == states[half] == "failed"
    assert {states[name] for name in good} == {"done"}
    assert bench.row(bad)["reason"] == "not a movie"
    assert bench.row(half)["failed_stage"] == "ctf"
    # What came before the failure is kept.
    assert bench.row(half)["record"]["stages"]["sum"]["state"] == "done"


def test_out_of_memory_is_tried_with_one_thread(bench: Bench) -> None:
    (name,) = bench.add_movies(1, source=b"memory")
    body = begun(bench)
    bench.work(body)
    bench.clock.now += 30.0
    bench.work(body)
    assert "1 thread" in bench.row(name)["reason"]


def test_a_lost_worker_costs_only_its_movie(bench: Bench) -> None:
    bench.add_movies(3)
    body = begun(bench)
    bench.turn(body)
    bench.executor.lose_next()
    bench.work(body)
    states = list(bench.states().values())
    assert sorted(states) == ["done", "done", "queued"]
    bench.clock.now += 30.0
    bench.work(body)
    assert set(bench.states().values()) == {"done"}


def leave_unfinished(bench: Bench, name: str) -> set[str]:
    """What workers leave that are killed while they write a movie's products; returns all that lies there."""
    for file in (f"micrographs/.{name}_odd.mrc", f"pictures/.{name}.picks.jpg", f"records/.{name}.json"):
        (bench.folder.path / f"{file}.4711-0123abcd.part").write_bytes(b"half")
    return unfinished(bench)


def unfinished(bench: Bench) -> set[str]:
    return {path.name for path in bench.folder.path.rglob("*.part")}


def test_what_a_lost_worker_left_half_written_goes_and_nothing_of_others(bench: Bench) -> None:
    names = bench.add_movies(2)
    body = begun(bench)
    bench.turn(body)
    bench.executor.begin_next()
    bench.deliver(body)
    (first,) = body.details["movies"]
    others = leave_unfinished(bench, f"{first}_2") | leave_unfinished(bench, f"a_{first}")
    assert len(leave_unfinished(bench, first)) == len(others) + 3
    bench.executor.lose_next()
    bench.deliver(body)
    assert unfinished(bench) == others
    bench.work(body)
    leave_unfinished(bench, first)
    bench.clock.now += 30.0
    bench.work(body)
    assert set(bench.states()) == set(names) and set(bench.states().values()) == {"done"}
    # Nobody was killed: nobody looks.
    assert len(unfinished(bench)) == len(others) + 3


def test_what_workers_of_a_killed_server_left_half_written_goes_with_the_next_result(bench: Bench) -> None:
    (name,) = bench.add_movies(1)
    body = begun(bench)
    bench.turn(body)
    assert bench.states() == {name: "processing"}
    bench.mail.clear()
    bench.executor.close()
    after = make_again(bench)
    body = begun(after)
    leave_unfinished(after, name)
    after.work(body)
    assert after.states() == {name: "done"}
    assert not unfinished(after)


def test_drain_gives_back_what_has_not_begun_and_kill_the_rest(bench: Bench) -> None:
    bench.add_movies(5)
    body = begun(bench)
    bench.turn(body)
    bench.executor.begin_next()
    bench.deliver(body)
    body.drain()
    bench.deliver(body)
    assert body.in_flight == 1
    body.kill()
    bench.deliver(body)
    assert body.in_flight == 0
    assert set(bench.states().values()) == {"queued"}
    assert {bench.row(name)["attempts"] for name in bench.states()} == {0}


def test_stopping_stores_what_was_finished(bench: Bench) -> None:
    bench.add_movies(2)
    body = begun(bench)
    bench.turn(body)
    bench.executor.begin_next()
    bench.deliver(body)
    body.drain()
    bench.executor.run_next()
    bench.deliver(body)
    assert sorted(bench.states().values()) == ["done", "queued"]


def test_what_a_killed_server_left_is_found(bench: Bench) -> None:
    names = bench.add_movies(4)
    body = begun(bench)
    bench.turn(body)
    # Two results came and were never written; a third movie is said to be processed.
    bench.executor.run_next()
    bench.executor.run_next()
    assert sorted(bench.states().values()).count("processing") == 3
    bench.mail.clear()
    bench.executor.close()
    after = make_again(bench)
    body = begun(after)
    assert sorted(after.states().values()) == ["done", "done", "queued", "queued"]
    assert after.work(body) == 2
    assert set(after.states()) == set(names) and set(after.states().values()) == {"done"}


def make_again(bench: Bench) -> Bench:
    """The same session under a new server."""
    from tests.tracks.harness import Bench as Again

    from frazil.engine.inline import InlineExecutor

    again = Again(bench.catalogue, bench.folder, InlineExecutor({"movies": 2}), bench.session_id, bench.clock)
    again.logs = bench.logs
    return again


def test_a_lost_product_is_made_again_and_nothing_else(bench: Bench) -> None:
    names = bench.add_movies(3)
    bench.work(begun(bench))
    lost = bench.folder.path / PRODUCT["pick"].format(names[1])
    lost.unlink()
    kept = bench.folder.path / PRODUCT["ctf"].format(names[1])
    before = kept.stat().st_mtime_ns
    assert bench.work(begun(bench)) == 1
    assert lost.exists() and kept.stat().st_mtime_ns == before


def test_start_tries_passing_failures_again_and_restart_all(bench: Bench) -> None:
    (passing,) = bench.add_movies(1, source=b"passing")
    (lasting,) = bench.add_movies(1, first=2, source=b"worthless")
    body = begun(bench)
    for _ in range(3):
        bench.work(body)
        bench.clock.now += 700.0
    assert set(bench.states().values()) == {"failed"}
    begun(bench)
    assert bench.states() == {passing: "queued", lasting: "failed"}
    begun(bench, anew=True)
    assert bench.states() == {passing: "queued", lasting: "queued"}
    assert bench.row(lasting)["attempts"] == 0


def test_start_leaves_results_of_older_settings_and_restart_redoes_what_they_touch(bench: Bench) -> None:
    names = bench.add_movies(3)
    bench.work(begun(bench))
    revision = bench.save_settings(ctf_low_a=40.0)
    assert bench.work(begun(bench)) == 0
    assert bench.work(begun(bench, anew=True)) == 3
    for name in names:
        row = bench.row(name)
        assert row["settings_revision"] == revision
        revisions = {stage: done["revision"] for stage, done in row["record"]["stages"].items()}
        assert revisions == {"align": 1, "sum": 1, "ctf": revision, "pick": revision, "extract": revision}
        assert (bench.folder.path / PRODUCT["sum"].format(name)).read_text() == "revision 1"


def test_restart_takes_results_over_that_the_new_settings_do_not_touch(bench: Bench) -> None:
    (name,) = bench.add_movies(1)
    bench.work(begun(bench))
    before = bench.row(name)
    revision = bench.save_settings(class_count=20)
    assert bench.work(begun(bench, anew=True)) == 0
    changed = {"settings_revision": revision, "target_revision": revision}
    assert bench.row(name) == {**before, **changed}


def test_a_redo_confirmed_while_a_movie_is_in_work_is_done_afterwards(bench: Bench) -> None:
    (name,) = bench.add_movies(1)
    body = begun(bench)
    bench.turn(body)
    revision = bench.save_settings(ctf_low_a=40.0)
    bench.change(name, target_revision=revision)
    assert bench.work(body) == 2
    assert (bench.row(name)["state"], bench.row(name)["settings_revision"]) == ("done", revision)


def test_clear_removes_the_products_and_keeps_the_movies(bench: Bench) -> None:
    names = bench.add_movies(2)
    body = begun(bench)
    bench.work(body)
    bench.change(names[0], override="exclude")
    body.clear()
    row = bench.row(names[0])
    assert (row["state"], row["particles"], row["record"], row["override"]) == (
        "queued",
        None,
        None,
        "exclude",
    )
    assert not any((bench.folder.path / "particles").iterdir())
    assert all(bench.raw(name).exists() for name in names)
    with bench.catalogue.read() as connection:
        assert all(m.token is None for m in particle_changes.since(connection, bench.session_id, 0))
    assert bench.work(begun(bench)) == 2


def test_a_movie_whose_file_was_taken_away_waits_until_it_is_there_again(bench: Bench) -> None:
    away, there = bench.add_movies(2)
    body = begun(bench)
    bench.work(body)
    raw_path = bench.row(away)["raw_path"]
    revision = bench.save_settings(ctf_low_a=40.0)
    for name in (away, there):
        bench.change(name, state="queued", target_revision=revision)
    bench.change(away, raw_path=None, reason="raw absent")
    body = begun(bench)
    assert bench.work(body) == 1
    assert (bench.row(away)["state"], bench.row(there)["settings_revision"]) == ("queued", revision)
    bench.change(away, raw_path=raw_path, reason=None)
    assert bench.work(body) == 1
    assert bench.row(away)["settings_revision"] == revision


def test_clear_forgets_the_results_of_movies_whose_files_were_taken_away(bench: Bench) -> None:
    away, queued, there = bench.add_movies(3)
    body = begun(bench)
    bench.work(body)
    bench.change(queued, state="queued")
    for name in (away, queued):
        bench.change(name, raw_path=None, reason="raw absent", override="exclude")
    body.clear()
    for name in (away, queued):
        row = bench.row(name)
        assert (row["particles"], row["ctf_resolution_a"], row["particles_token"], row["record"]) == (
            None,
        ) * 4
        # Only file transfer can bring it back, and takes it for a new one then.
        assert (row["state"], row["settings_revision"], row["override"]) == ("waiting", None, "exclude")
    assert bench.row(there)["state"] == "queued"
    assert bench.work(begun(bench)) == 1


def pick_by_hand(bench: Bench, name: str) -> None:
    change = {"added": [[100.0, 200.0]], "removed": []}
    with bench.catalogue.write() as connection:
        movies.change(
            connection, bench.session_id, bench.row(name)["number"], manual_picks=change, state="queued"
        )


def test_particles_changed_by_hand_are_picked_again_and_nothing_else(bench: Bench) -> None:
    first, second = bench.add_movies(2)
    body = begun(bench)
    bench.work(body)
    before = bench.row(first)
    pick_by_hand(bench, first)
    assert bench.work(body) == 1
    after = bench.row(first)
    assert after["state"] == "done" and after["particles_token"] != before["particles_token"]
    for stage, same in (("align", True), ("ctf", True), ("pick", False), ("extract", False)):
        records = [row["record"]["stages"][stage]["fingerprint"] for row in (before, after)]
        assert (records[0] == records[1]) is same, stage
    bench.work(begun(bench, anew=True))
    assert bench.row(first)["record"] == after["record"]
    assert bench.row(second)["record"]["manual_picks"] == ""


def test_particles_changed_by_hand_while_a_movie_is_in_work_are_not_lost(bench: Bench) -> None:
    (name,) = bench.add_movies(1)
    body = begun(bench)
    bench.turn(body)
    pick_by_hand(bench, name)
    with bench.catalogue.write() as connection:
        movies.change(connection, bench.session_id, 1, state="processing")
    bench.work(body)
    row = bench.row(name)
    assert row["state"] == "done" and row["record"]["manual_picks"] != ""


def test_clear_keeps_what_was_changed_by_hand(bench: Bench) -> None:
    (name,) = bench.add_movies(1)
    body = begun(bench)
    bench.work(body)
    pick_by_hand(bench, name)
    bench.work(body)
    token = bench.row(name)["particles_token"]
    body.clear()
    assert bench.row(name)["manual_picks"]["added"] == [[100.0, 200.0]]
    bench.work(begun(bench))
    assert bench.row(name)["particles_token"] == token


def test_relion_is_told_the_real_name_of_a_movie(bench: Bench) -> None:
    tasks: list[MovieTask] = []

    def note(task: MovieTask) -> MovieRecord:
        tasks.append(task)
        return work(task)

    bench.add_movies(3)
    for name, path in (("movie_0002", "/far/sub/b.mrc"), ("movie_0003", "/far away/c.mrc")):
        bench.change(name, raw_path=path)
    body = PreprocessBody(bench.context(), note)
    body.begin(anew=False)
    bench.work(body)
    told = {task.name: task.listed_as for task in tasks}
    assert told == {"movie_0001": "raw/movie_0001.mrc", "movie_0002": "/far/sub/b.mrc", "movie_0003": ""}


def test_2d_reads_only_what_changed(bench: Bench) -> None:
    names = bench.add_movies(2)
    body = begun(bench)
    bench.work(body)
    with bench.catalogue.read() as connection:
        known = particle_changes.since(connection, bench.session_id, 0)
    assert [movie.name for movie in sorted(known, key=lambda m: m.number)] == names
    last = max(movie.change for movie in known)
    bench.save_settings(output_depth="float32")
    bench.work(begun(bench, anew=True))
    with bench.catalogue.read() as connection:
        assert list(particle_changes.since(connection, bench.session_id, last)) == []
    bench.save_settings(box_size_px=64)
    bench.work(begun(bench, anew=True))
    with bench.catalogue.read() as connection:
        assert len(particle_changes.since(connection, bench.session_id, last)) == 2


def test_many_failures_raise_one_alarm_that_clears_itself(bench: Bench) -> None:
    bench.add_movies(10, source=b"worthless")
    body = begun(bench)
    bench.work(body)
    with bench.catalogue.read() as connection:
        (alarm,) = alerts.listed(connection, bench.session_id, only_open=True)
    assert "not a movie" in alarm["message"]
    bench.add_movies(20, first=11)
    bench.work(body)
    with bench.catalogue.read() as connection:
        assert alerts.listed(connection, bench.session_id, only_open=True) == []


def test_a_missing_setting_or_a_full_disk_pauses_with_the_reason(bench: Bench) -> None:
    bench.add_movies(1)
    body = begun(bench)
    bench.save_settings(min_free_gb=1e6)
    with pytest.raises(BlockedError, match="reserve of 1e\\+06 GB"):
        body.step()
    assert "reserve" in body.blocked()
    bench.save_settings(min_free_gb=1.0, pixel_size_a=None)
    assert "pixel_size_a" in body.blocked()
    with pytest.raises(BlockedError, match="pixel_size_a"):
        begun(bench)
    bench.save_settings(pixel_size_a=2.0)
    assert body.blocked() == ""
    bench.clock.now += 10.0
    assert bench.work(body) == 1


def test_a_warp_folder_is_not_processed(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, kind="warp")
    with pytest.raises(InputError, match="Warp"):
        begun(bench)
    bench.close()


def test_a_movie_ignored_while_in_work_stays_ignored(bench: Bench) -> None:
    (name,) = bench.add_movies(1)
    body = begun(bench)
    bench.turn(body)
    bench.change(name, state="ignored")
    bench.work(body)
    assert bench.row(name)["state"] == "ignored"


def test_records_without_a_row_in_the_catalogue_are_taken_over(bench: Bench) -> None:
    (name,) = bench.add_movies(1)
    bench.work(begun(bench))
    row = bench.row(name)
    bench.change(name, record=None, state="queued", settings_revision=None, particles_token=None)
    assert json.loads((bench.folder.path / "records" / f"{name}.json").read_text())["name"] == name
    assert bench.work(begun(bench)) == 0
    again = bench.row(name)
    assert (again["state"], again["particles_token"]) == ("done", row["particles_token"])
