"""Scheduled jobs: Ab initio, Seeded start-up, Refinement, cycle by cycle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from frazil.model.errors import InputError
from frazil.model.redo import run_token
from frazil.model.settings import with_values
from frazil.stages.classify_stream_task import CycleTask
from frazil.store.catalogue import revisions
from frazil.tracks.classify2d.flight import NOTHING, next_ration, publication, submit
from frazil.tracks.classify2d.jobs import (
    JobMachine,
    RunCycle,
    SaveMode,
    Situation,
    fraction,
    most_particles,
    plan_job,
)
from frazil.tracks.classify2d.memory import JobMode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from frazil.stages.classify_stream_task import CycleResult
    from frazil.tracks.classify2d.desk import Desk
    from frazil.tracks.classify2d.entries import Entries
    from frazil.tracks.classify2d.flight import Flight
    from frazil.tracks.classify2d.jobs import Instruction
    from frazil.tracks.classify2d.memory import RunMemory

_ALL = 1 << 60
_MOST_LEAVING = 0.5


class JobsMode:
    """Does what the `JobMachine` says.

    Parameters
    ----------
    desk, entries
        What it works with.
    run_cycle
        What a worker does with a cycle.
    """

    def __init__(self, desk: Desk, entries: Entries, run_cycle: Callable[[CycleTask], CycleResult]) -> None:
        self._desk, self._entries, self._run_cycle = desk, entries, run_cycle
        self.machine = JobMachine(desk.memory.jobs)
        self._todo: list[Instruction] = []
        self._seen: tuple[int, int, int] | None = None
        self._listen_at = 0.0

    @property
    def details(self) -> dict[str, Any]:
        """What those who watch may want to know."""
        memory = self.machine.memory
        job = memory.job
        return {
            "jobs": memory.state,
            "mode": None if job is None else job.mode,
            "cycles_done": 0 if job is None else job.cycles_done,
            "cycles": 0 if job is None else job.cycles,
            "error": memory.error,
            "advice": self._advice(),
        }

    def begin(self, *, anew: bool) -> None:
        """Go on, or begin a job at once if that is wished for."""
        desk = self._desk
        self.machine = JobMachine(desk.memory.jobs)
        self._todo = [] if anew else self.machine.begin()
        if anew or (desk.memory.wish == "job" and not self._todo):
            self.machine.memory = self.machine.memory.model_copy(update={"state": "listening", "job": None})
            if anew:
                with desk.context.catalogue.write() as connection:
                    desk.remember(connection, new_data_set=True)
            self._todo = self.machine.start_job(self._situation())
        self._save(wish="")

    def start_job(self) -> None:
        """Begin a job at once; nothing where one runs."""
        if self.machine.memory.state == "listening":
            self._todo += self.machine.start_job(self._situation())
            self._save()

    def stop(self) -> None:
        """End after the present cycle."""
        self.machine.stop()
        self._save()

    def give_up(self) -> None:
        """Drop what is left of a job and listen no more, because the classification is a stream."""
        self.machine = JobMachine(self._desk.memory.jobs)
        self._todo.clear()
        self.cancelled()

    def rest(self) -> None:
        """End at once a job that is to stop, because no cycle is under way: it waited to try one again."""
        if self.machine.memory.state == "stopping":
            self._todo.clear()
            self.cancelled()

    def step(self) -> Flight | float:
        """Begin a cycle, or return the seconds after which to look again."""
        desk = self._desk
        if not self._todo and self._is_time_to_listen():
            self._todo = self.machine.listen(self._situation(), desk.context.wall_clock())
            self._save()
        while self._todo:
            instruction = self._todo.pop(0)
            if isinstance(instruction, SaveMode):
                self._change_mode(instruction.mode)
                continue
            try:
                return self._begin_cycle(instruction)
            except InputError as error:
                self._failed(str(error))
        return float(desk.settings.classification.listen_period_s)

    def _is_time_to_listen(self) -> bool:
        """Whether something has changed, or the last look is long ago."""
        desk = self._desk
        seen = (desk.pool.last_change, desk.pool.eligible_particles, desk.revision)
        now = desk.context.clock()
        if seen == self._seen and now < self._listen_at:
            return False
        self._seen, self._listen_at = seen, now + float(desk.settings.classification.listen_period_s)
        return True

    def _advice(self) -> str:
        """Propose Ab initio to a person where most of what made the classes is gone."""
        run, listens = self._desk.memory.run, self.machine.memory.state == "listening"
        if run is None or not listens or self._desk.settings.classification.mode == "abinit":
            return ""
        if self._desk.pool.leaving_share <= _MOST_LEAVING:
            return ""
        return "more than half of the particles in the classes were withdrawn: Ab initio is advised"

    def succeeded(self, result: CycleResult) -> None:
        """Take in that a cycle is complete."""
        self._seen = None
        self._todo += self.machine.cycle_done(result.particles, self._desk.context.wall_clock())
        self._entries.add(result.summary, jobs=self.machine.memory)

    def failed(self, reason: str) -> None:
        """Take in that a cycle failed."""
        self._failed(reason)

    def cancelled(self) -> None:
        """Take in that a cycle was thrown away by a person."""
        self.machine.cycle_cancelled()
        self._save()

    def taken_over(self, entries: Sequence[dict[str, Any]]) -> None:
        """Take in cycles that were complete before a crash, and are known only now."""
        desk = self._desk
        machine = JobMachine(desk.memory.jobs)
        for entry in entries:
            job = machine.memory.job
            place = entry["summary"]["entry"].get("job_cycle")
            if job is None or place != job.cycles_done:
                continue
            machine.cycle_done(int(entry["particles"]), float(entry["finished_at"]))
        with desk.context.catalogue.write() as connection:
            desk.remember(connection, jobs=machine.memory)

    def _failed(self, reason: str) -> None:
        desk = self._desk
        desk.context.log.error(f"the job failed: {reason}")
        self._todo.clear()
        self._seen = None
        self.machine.cycle_failed(reason, desk.pool.eligible_particles, desk.context.wall_clock())
        self._save()

    def _situation(self) -> Situation:
        desk = self._desk
        settings, memory = desk.settings.classification, desk.memory
        mode: JobMode = "seeded" if settings.mode == "streaming" else settings.mode
        run = memory.run
        other_particles = run is not None and run.token != desk.token
        modes: tuple[JobMode, ...] = get_args(JobMode)
        return Situation(
            mode=mode,
            revision=desk.revision,
            eligible=desk.pool.eligible_particles,
            has_classes=run is not None and run.updates > 0,
            new_data_set=memory.new_data_set or other_particles,
            cycles={each: len(plan_job(each, settings)) for each in modes},
            start_particles=settings.start_particles,
            update_particles=settings.update_particles,
            start_after_minutes=settings.start_after_minutes,
        )

    def _begin_cycle(self, instruction: RunCycle) -> Flight:
        """Begin a cycle of a job, with the settings that the job was begun with."""
        desk, job = self._desk, instruction.job
        settings = desk.revisions(job.revision)
        wanted = settings.classification
        cycle = plan_job(job.mode, wanted)[job.cycles_done]
        source = self._prepare_run(job.mode) if job.cycles_done == 0 else None
        # Where a new data set has begun meanwhile, a job ends with the particles that it has.
        same = job.cycles_done > 0 and run_token(desk.settings) == desk.run.token
        absorbs = job.cycles_done == 0 or (wanted.absorb_between_cycles and same)
        ration = next_ration(desk, _ALL, settings) if absorbs else NOTHING
        count = desk.pool.fed_particles + ration.added - int(ration.withdrawn.size)
        share = fraction(job.mode, cycle, wanted, count)
        number, where = publication(
            desk,
            cycle.kind,
            job.revision,
            begun_at=desk.context.wall_clock(),
            limit_a=cycle.limit_a,
            fraction=share,
            job_cycle=job.cycles_done,
            cycle=self.machine.memory.cycle + 1,
            cycle_in_block=cycle.place,
            cycles_in_block=cycle.of,
            job_mode=job.mode,
        )
        task = CycleTask(
            state=desk.run_folder / "checkpoint",
            settings=desk.stream_settings(settings),
            kind=cycle.kind,
            limit_a=max(cycle.limit_a, 2.0 * desk.run.pixel_size_a),
            cycle=desk.run.updates,
            publish=where,
            particles=ration.particles,
            withdrawn=ration.withdrawn,
            fraction=share,
            max_particles=most_particles(job.mode, wanted),
            assign_all=cycle.last,
            source=None if source is None else desk.folder / source,
            device=desk.context.device,
        )
        return submit(
            desk,
            self._run_cycle,
            task,
            kind=cycle.kind,
            revision=job.revision,
            fed=ration.fed,
            added=ration.added,
            publishes=number,
        )

    def _prepare_run(self, mode: JobMode) -> str | None:
        """Make sure that there is a run for a job; returns the folder of the entry that begins a new one."""
        desk = self._desk
        run = desk.memory.run
        last = None if run is None or run.updates == 0 else f"{run.folder}/update{run.updates:03d}"
        goes_on = mode != "abinit" and run is not None and run.mode != "streaming"
        if goes_on and (last is None or not self._outgrows(run)):
            return None
        count = run.class_count if run is not None and mode != "abinit" else None
        with desk.context.catalogue.write() as connection:
            desk.remember(connection, run=None)
        desk.pool.begin_run({})
        if not desk.new_run(mode, count, last if mode != "abinit" else None):
            raise InputError("there are no particles to classify yet")
        return last if mode != "abinit" else None

    def _outgrows(self, run: RunMemory | None) -> bool:
        """Whether mask or limit are such as the run can't have: the last classes begin another one.

        So they do where they were taken over, and there is nothing else to go on from.
        """
        if run is None or run.foreign:
            return run is not None
        begun, now = self._desk.revisions(run.revision).classification, self._desk.settings.classification
        least = 2.0 * run.pixel_size_a
        finer = max(now.final_resolution_a, least) < max(begun.final_resolution_a, least)
        return finer or now.mask_radius_a != begun.mask_radius_a

    def _change_mode(self, mode: JobMode) -> None:
        """Save the kind of classification that follows as a settings revision, so that everybody sees it."""
        desk, context = self._desk, self._desk.context
        with context.catalogue.write() as connection:
            newest = revisions.newest(connection, context.session_id)
            if newest.settings().classification.mode != "abinit":
                return
            values = with_values(newest.settings(), {"mode": mode}).changed()
            kept = {**newest.values, "mode": values["mode"]}
            now = context.wall_clock()
            number = revisions.add(connection, context.session_id, kept, saved_by="Frazil", saved_at=now)
        context.publish("settings", {"revision": number, "saved_by": "Frazil"})
        desk.look()

    def _save(self, **values: Any) -> None:
        desk = self._desk
        if desk.memory.jobs == self.machine.memory and all(
            getattr(desk.memory, name) == value for name, value in values.items()
        ):
            return
        with desk.context.catalogue.write() as connection:
            desk.remember(connection, jobs=self.machine.memory, **values)
        desk.context.publish("classes", {"number": desk.memory.last_number or None})
