"""Scheduled classification: the exact schedule, and when jobs begin and end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.tracks.classify2d.particle_work import add_particles, change, cycle, stream
from tests.tracks.harness import Bench, make_bench

from frazil.model.settings_classes import ClassificationSettings
from frazil.model.track import ControlRefusedError
from frazil.store.catalogue import class_updates, revisions, tracks
from frazil.tracks.classify2d import ClassifyBody, StartJobNow
from frazil.tracks.classify2d.jobs import (
    JobMachine,
    RunCycle,
    SaveMode,
    Situation,
    fraction,
    most_particles,
    plan_job,
)
from frazil.tracks.classify2d.memory import JobsMemory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from frazil.stages.classify_stream_task import CycleResult, CycleTask
    from frazil.tracks.classify2d.jobs import Instruction
    from frazil.tracks.classify2d.memory import JobMode

DEFAULTS = ClassificationSettings()


def test_ab_initio_seeds_ramps_from_40_to_8_in_15_cycles_and_refines_in_5() -> None:
    plan = plan_job("abinit", DEFAULTS)
    assert [cycle.kind for cycle in plan] == ["random_seed"] + ["startup"] * 15 + ["refinement"] * 5
    limits = [cycle.limit_a for cycle in plan]
    assert limits[:2] == [40.0, 40.0]
    assert limits[1] - limits[2] == pytest.approx(2.29, abs=0.01)
    assert limits[15:] == pytest.approx([8.0] * 6)
    assert [cycle.last for cycle in plan] == [False] * 20 + [True]


def test_other_modes_begin_with_the_last_classes() -> None:
    seeded = DEFAULTS.model_copy(update={"seeded_startup_cycles": 3})
    assert [cycle.kind for cycle in plan_job("seeded", seeded)] == ["startup"] * 3 + ["refinement"] * 5
    assert len(plan_job("seeded", DEFAULTS)) == 20
    assert [cycle.limit_a for cycle in plan_job("refine", DEFAULTS)] == [8.0] * 5


def test_a_start_up_of_one_cycle_has_the_final_limit_and_empty_blocks_are_left_out() -> None:
    one = DEFAULTS.model_copy(update={"startup_cycles": 1, "refinement_cycles": 0})
    assert [(c.kind, c.limit_a, c.last) for c in plan_job("abinit", one)] == [
        ("random_seed", 40.0, False),
        ("startup", 8.0, True),
    ]
    none = DEFAULTS.model_copy(update={"startup_cycles": 0})
    assert [cycle.kind for cycle in plan_job("abinit", none)][:2] == ["random_seed", "refinement"]


def test_only_the_start_up_of_ab_initio_visits_a_fraction() -> None:
    plan = plan_job("abinit", DEFAULTS)
    # 300 particles for each of 50 classes, of 60,000.
    assert fraction("abinit", plan[1], DEFAULTS, 60_000) == 0.25
    assert fraction("abinit", plan[1], DEFAULTS, 10_000) == 1.0
    assert fraction("abinit", plan[-1], DEFAULTS, 60_000) == 1.0
    assert fraction("seeded", plan_job("seeded", DEFAULTS)[0], DEFAULTS, 60_000) == 1.0
    given = DEFAULTS.model_copy(update={"startup_fraction": 0.1, "max_particles_refine": 500})
    assert fraction("abinit", plan[1], given, 60_000) == 0.1
    assert most_particles("refine", given) == 500 and most_particles("seeded", given) == 0


def situation(
    eligible: int, *, has_classes: bool = True, new: bool = False, mode: JobMode = "refine", minutes: int = 0
) -> Situation:
    cycles: dict[JobMode, int] = {"abinit": 4, "seeded": 3, "refine": 2}
    return Situation(mode, 1, eligible, has_classes, new, cycles, 1000, 500, minutes)


def machine(**memory: object) -> JobMachine:
    return JobMachine(JobsMemory.model_validate({"state": "listening", **memory}))


def test_the_first_job_waits_for_enough_particles_and_is_ab_initio() -> None:
    jobs = machine()
    assert jobs.listen(situation(999, has_classes=False), 0.0) == []
    (instruction,) = jobs.listen(situation(1000, has_classes=False), 0.0)
    assert isinstance(instruction, RunCycle) and instruction.job.mode == "abinit"
    assert jobs.memory.state == "running"


def test_the_next_job_waits_for_so_many_more() -> None:
    jobs = machine(last_particles=1000)
    assert jobs.listen(situation(1499), 0.0) == []
    (instruction,) = jobs.listen(situation(1500), 0.0)
    assert isinstance(instruction, RunCycle) and instruction.job.mode == "refine"


def test_a_new_data_set_forces_ab_initio_at_the_threshold_of_updates() -> None:
    jobs = machine(last_particles=5000)
    assert jobs.listen(situation(499, new=True), 0.0) == []
    (instruction,) = jobs.listen(situation(500, new=True), 0.0)
    assert isinstance(instruction, RunCycle) and instruction.job.mode == "abinit"


def test_time_may_start_a_job_too() -> None:
    jobs = machine(last_particles=1000, ended_at=0.0)
    assert jobs.listen(situation(1001, minutes=10), 599.0) == []
    assert jobs.listen(situation(1000, minutes=10), 600.0) == []
    assert len(jobs.listen(situation(1001, minutes=10), 600.0)) == 1


def test_after_ab_initio_the_mode_is_seeded_start_up() -> None:
    jobs = machine()
    jobs.listen(situation(1000, has_classes=False), 0.0)
    for _ in range(3):
        assert isinstance(jobs.cycle_done(1000, 1.0)[0], RunCycle)
    assert jobs.cycle_done(1000, 1.0) == [SaveMode("seeded")]
    assert jobs.memory.state == "listening" and jobs.memory.cycle == 4


def test_stop_ends_after_the_present_cycle_and_drops_the_rest() -> None:
    jobs = machine(last_particles=0)
    jobs.listen(situation(1500), 0.0)
    jobs.stop()
    states: list[str] = [jobs.memory.state]
    assert jobs.cycle_done(1500, 1.0) == []
    states.append(jobs.memory.state)
    assert states == ["stopping", "stopped"] and jobs.memory.job is None


def test_a_failed_job_listens_again_but_only_more_particles_begin_the_next() -> None:
    jobs = machine()
    jobs.listen(situation(1500), 0.0)
    jobs.cycle_failed("no memory", 1500, 1.0)
    assert (jobs.memory.state, jobs.memory.error) == ("listening", "no memory")
    assert jobs.listen(situation(1999), 2.0) == []
    assert len(jobs.listen(situation(2000), 2.0)) == 1


def test_start_job_now_is_refused_while_one_runs() -> None:
    jobs = machine()
    jobs.start_job(situation(100))
    with pytest.raises(ControlRefusedError, match="running"):
        jobs.start_job(situation(100))


def test_an_interrupted_job_goes_on_with_its_next_cycle() -> None:
    jobs = machine()
    jobs.start_job(situation(100))
    jobs.cycle_done(100, 1.0)
    (instruction,) = JobMachine(jobs.memory).begin()
    assert isinstance(instruction, RunCycle) and instruction.job.cycles_done == 1


class JobsInAnyOrder(RuleBasedStateMachine):
    """Whatever comes: at most one cycle at a time, none after Stop, never more than the job has."""

    @initialize()
    def begin(self) -> None:
        self.jobs = JobMachine(JobsMemory())
        self.cycles: list[RunCycle] = []
        self.eligible = 0
        self._do(self.jobs.begin())

    def _do(self, instructions: list[Instruction]) -> None:
        for instruction in instructions:
            if isinstance(instruction, RunCycle):
                assert not self.cycles, "two cycles at once"
                assert instruction.job.cycles_done < instruction.job.cycles
                self.cycles.append(instruction)

    def _now(self) -> Situation:
        return situation(self.eligible, has_classes=self.jobs.memory.cycle > 0, mode="seeded")

    @rule(more=st.integers(0, 2000))
    def particles(self, more: int) -> None:
        self.eligible += more
        self._do(self.jobs.listen(self._now(), 0.0))

    @rule()
    def start_job(self) -> None:
        if self.jobs.memory.state in ("running", "stopping"):
            with pytest.raises(ControlRefusedError):
                self.jobs.start_job(self._now())
        else:
            self._do(self.jobs.start_job(self._now()))

    @rule()
    def stop(self) -> None:
        self.jobs.stop()

    @precondition(lambda self: self.cycles)
    @rule()
    def cycle_ends(self) -> None:
        self.cycles.pop()
        self._do(self.jobs.cycle_done(self.eligible, 0.0))

    @precondition(lambda self: self.cycles)
    @rule()
    def cycle_fails(self) -> None:
        self.cycles.pop()
        self.jobs.cycle_failed("failed", self.eligible, 0.0)

    @precondition(lambda self: self.jobs.memory.state == "stopped" or self.cycles)
    @rule()
    def server_starts_again(self) -> None:
        self.cycles.clear()
        self.jobs = JobMachine(self.jobs.memory)
        self._do(self.jobs.begin())

    @invariant()
    def a_cycle_is_in_work_exactly_while_a_job_is(self) -> None:
        working = self.jobs.memory.state in ("running", "stopping")
        assert bool(self.cycles) == working == (self.jobs.memory.job is not None)


TestJobsInAnyOrder = JobsInAnyOrder.TestCase
TestJobsInAnyOrder.settings = hypothesis_settings(max_examples=60, deadline=None)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = make_bench(
        tmp_path,
        mode="abinit",
        start_particles=200,
        update_particles=100,
        startup_cycles=2,
        refinement_cycles=1,
        class_count=10,
    )
    yield made
    made.close()


def begun(bench: Bench, *, anew: bool = False) -> ClassifyBody:
    body = ClassifyBody(bench.context(), stream, cycle)
    body.begin(anew=anew)
    return body


def kinds(bench: Bench) -> list[tuple[int, str, int]]:
    with bench.catalogue.read() as connection:
        entries = class_updates.listed(connection, bench.session_id)
    return [(entry["run"], entry["kind"], entry["particles"]) for entry in entries]


def settle(bench: Bench, body: ClassifyBody) -> None:
    for _ in range(30):
        bench.turn(body, 5.0)
        while bench.executor.run_next():
            bench.turn(body, 0.1)


def test_a_job_runs_its_cycles_and_the_next_one_waits_and_is_seeded(bench: Bench) -> None:
    names = bench.add_movies(3)
    add_particles(bench, names[0], 150)
    body = begun(bench)
    settle(bench, body)
    assert kinds(bench) == []
    add_particles(bench, names[1], 100)
    settle(bench, body)
    first = [(1, "random_seed", 250), (1, "startup", 250), (1, "startup", 250), (1, "refinement", 250)]
    assert kinds(bench) == first
    with bench.catalogue.read() as connection:
        assert revisions.newest(connection, bench.session_id).settings().classification.mode == "seeded"
    add_particles(bench, names[2], 100)
    settle(bench, body)
    assert kinds(bench) == [*first, (1, "startup", 350), (1, "startup", 350), (1, "refinement", 350)]


def test_particles_that_come_during_a_job_are_absorbed_between_cycles(bench: Bench) -> None:
    names = bench.add_movies(2)
    add_particles(bench, names[0], 250)
    body = begun(bench)
    bench.turn(body)
    bench.executor.run_next()
    add_particles(bench, names[1], 50)
    settle(bench, body)
    assert [particles for _, _, particles in kinds(bench)] == [250, 300, 300, 300]


def test_stop_ends_after_the_present_cycle(bench: Bench) -> None:
    (name,) = bench.add_movies(1)
    add_particles(bench, name, 250)
    body = begun(bench)
    bench.turn(body)
    body.drain()
    bench.executor.run_next()
    bench.deliver(body)
    assert body.in_flight == 0 and len(kinds(bench)) == 1


def test_stop_drops_a_job_that_waits_to_try_again_and_one_whose_cycle_has_just_ended(bench: Bench) -> None:
    (name,) = bench.add_movies(1)
    add_particles(bench, name, 250)
    body = begun(bench)
    bench.turn(body)
    bench.executor.lose_next()
    bench.turn(body, 0.1)
    assert body.in_flight == 0 and body.details["jobs"] == "running"
    body.drain()
    assert body.details["jobs"] == "stopped"
    body = begun(bench)
    bench.turn(body)
    bench.executor.run_next()
    bench.deliver(body)
    body.drain()
    assert body.details["jobs"] == "stopped" and len(kinds(bench)) == 1
    settle(bench, begun(bench))
    assert [kind for _, kind, _ in kinds(bench)] == ["random_seed"]


def test_stop_now_throws_the_cycle_away(bench: Bench) -> None:
    (name,) = bench.add_movies(1)
    add_particles(bench, name, 250)
    body = begun(bench)
    bench.turn(body)
    body.kill()
    bench.deliver(body)
    assert body.in_flight == 0 and kinds(bench) == []
    settle(bench, begun(bench))
    assert len(kinds(bench)) == 4


def test_start_job_now_begins_at_once(bench: Bench) -> None:
    (name,) = bench.add_movies(1)
    add_particles(bench, name, 120)
    body = begun(bench)
    settle(bench, body)
    assert kinds(bench) == []
    body.receive(StartJobNow())
    settle(bench, body)
    assert len(kinds(bench)) == 4


def set_mode(bench: Bench, mode: str) -> None:
    """Save another kind of classification, as a start button or the Settings tab does."""
    with bench.catalogue.write() as connection:
        newest = revisions.newest(connection, bench.session_id)
        revisions.add(
            connection, bench.session_id, {**newest.values, "mode": mode}, saved_by="ann", saved_at=1.0
        )


@pytest.mark.parametrize("asked", ["now", "automatic"])
def test_a_stream_that_runs_gives_way_to_jobs(tmp_path: Path, asked: str) -> None:
    bench = make_bench(
        tmp_path,
        mode="streaming",
        stream_start_particles=200,
        update_particles=100,
        startup_cycles=2,
        refinement_cycles=1,
        class_count=10,
    )
    first, second = bench.add_movies(2)
    add_particles(bench, first, 250)
    body = begun(bench)
    bench.turn(body, 5.0)
    assert body.in_flight == 1 and body.details["mode"] == "streaming"
    # The batch that is under way comes to its end before.
    set_mode(bench, "refine" if asked == "automatic" else "abinit")
    if asked == "now":
        body.receive(StartJobNow())
    settle(bench, body)
    streamed = [kind for _, kind, _ in kinds(bench)].count("streaming")
    if asked == "now":
        assert [kind for _, kind, _ in kinds(bench)][streamed:] == [
            "random_seed",
            "startup",
            "startup",
            "refinement",
        ]
    assert body.details["jobs"] == "listening"
    add_particles(bench, second, 120)
    settle(bench, body)
    assert kinds(bench)[-1][1:] == ("refinement", 370)
    bench.close()


def test_a_job_that_runs_gives_way_to_a_stream_after_its_cycle(bench: Bench) -> None:
    (name,) = bench.add_movies(1)
    add_particles(bench, name, 250)
    body = begun(bench)
    bench.turn(body)
    set_mode(bench, "streaming")
    settle(bench, body)
    kept = [kind for _, kind, _ in kinds(bench)]
    assert kept[0] == "random_seed" and "startup" not in kept
    # No job is left that would go on when jobs are wanted again.
    set_mode(bench, "abinit")
    settle(bench, body)
    assert body.details["jobs"] == "listening" and body.details["cycles"] == 0


def test_a_crash_between_cycle_and_catalogue_repeats_no_cycle(bench: Bench) -> None:
    (name,) = bench.add_movies(1)
    add_particles(bench, name, 250)
    body = begun(bench)
    bench.turn(body)
    bench.executor.run_next()
    bench.mail.clear()
    settle(bench, begun(bench))
    assert [kind for _, kind, _ in kinds(bench)] == ["random_seed", "startup", "startup", "refinement"]


def test_a_failed_job_is_told_and_does_not_begin_again_by_itself(bench: Bench) -> None:
    (name,) = bench.add_movies(1)
    add_particles(bench, name, 250)
    (bench.folder.path / "failing").touch()
    body = begun(bench)
    settle(bench, body)
    assert body.details["jobs"] == "listening" and body.details["error"] == "the averages are empty"
    (bench.folder.path / "failing").unlink()
    settle(bench, body)
    assert kinds(bench) == []
    with bench.catalogue.read() as connection:
        memory = tracks.get(connection, bench.session_id, "classify2d").memory
    assert memory["jobs"]["failed_at_particles"] == 250


def test_restart_is_ab_initio_at_once(bench: Bench) -> None:
    (name,) = bench.add_movies(1)
    add_particles(bench, name, 250)
    settle(bench, begun(bench))
    settle(bench, begun(bench, anew=True))
    assert [(run, kind) for run, kind, _ in kinds(bench)][4:] == [
        (2, "random_seed"),
        (2, "startup"),
        (2, "startup"),
        (2, "refinement"),
    ]


def begun_with(bench: Bench, tasks: list[CycleTask]) -> ClassifyBody:
    def noted(task: CycleTask) -> CycleResult:
        tasks.append(task)
        return cycle(task)

    body = ClassifyBody(bench.context(), stream, noted)
    body.begin(anew=False)
    return body


@pytest.mark.parametrize(
    ("values", "runs"),
    [({"mask_radius_a": 25.0}, 2), ({"final_resolution_a": 8.1}, 2), ({"final_resolution_a": 20.0}, 1)],
)
def test_what_a_run_can_not_change_begins_another_one_with_the_last_classes(
    bench: Bench, values: dict[str, Any], runs: int
) -> None:
    bench.save_settings(final_resolution_a=10.0)
    for name in bench.add_movies(2):
        add_particles(bench, name, 150)
    tasks: list[CycleTask] = []
    body = begun_with(bench, tasks)
    settle(bench, body)
    bench.save_settings(**values)
    body.receive(StartJobNow())
    settle(bench, body)
    assert [kind for _, kind, _ in kinds(bench)][4:] == ["startup", "startup", "refinement"]
    assert {run for run, _, _ in kinds(bench)[4:]} == {runs}
    source = bench.folder.path / "classes/run001/update004" if runs == 2 else None
    assert tasks[4].source == source and tasks[4].settings.class_count == 10


def test_a_job_takes_at_most_so_many_and_absorbs_nothing_if_so_wished(bench: Bench) -> None:
    bench.save_settings(max_particles_abinit=120, absorb_between_cycles=False)
    names = bench.add_movies(2)
    add_particles(bench, names[0], 250)
    tasks: list[CycleTask] = []
    body = begun_with(bench, tasks)
    bench.turn(body)
    bench.executor.run_next()
    add_particles(bench, names[1], 50)
    settle(bench, body)
    assert [particles for _, _, particles in kinds(bench)] == [250, 250, 250, 250]
    assert {task.max_particles for task in tasks} == {120}
    assert [task.assign_all for task in tasks] == [False, False, False, True]


def test_ab_initio_is_proposed_and_not_forced_when_most_particles_are_gone(bench: Bench) -> None:
    names = bench.add_movies(3)
    for name in names:
        add_particles(bench, name, 100)
    body = begun(bench)
    settle(bench, body)
    assert body.details["advice"] == ""
    change(bench, names[0], override="exclude")
    settle(bench, body)
    assert body.details["advice"] == ""
    change(bench, names[1], override="exclude")
    settle(bench, body)
    assert "Ab initio is advised" in body.details["advice"]
    body.receive(StartJobNow())
    settle(bench, body)
    assert [kind for _, kind, _ in kinds(bench)][4:] == ["startup", "startup", "refinement"]
    assert body.details["advice"] == ""


def test_particles_are_counted_at_each_change_and_time_now_and_then(bench: Bench) -> None:
    first, second = bench.add_movies(2)
    add_particles(bench, first, 250)
    body = begun(bench)
    settle(bench, body)
    bench.save_settings(mode="refine", start_after_minutes=10, listen_period_s=3600, update_particles=1000)
    add_particles(bench, second, 20)
    for _ in range(5):
        settle(bench, body)
    # Time would have begun a job since, but nobody looked.
    assert len(kinds(bench)) == 4
    bench.clock.now += 3600.0
    settle(bench, body)
    assert len(kinds(bench)) == 5
    # Enough particles begin one at once.
    bench.save_settings(mode="refine", start_after_minutes=0, listen_period_s=3600, update_particles=30)
    (third,) = bench.add_movies(1, first=3)
    add_particles(bench, third, 40)
    settle(bench, body)
    assert len(kinds(bench)) == 6
