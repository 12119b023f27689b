"""Scheduled classification: what a job consists of, and when one starts. Events in, instructions out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from frazil.model.track import ControlRefusedError
from frazil.tracks.classify2d.memory import JobMemory, JobsMemory

if TYPE_CHECKING:
    from frazil.model.settings_classes import ClassificationSettings
    from frazil.tracks.classify2d.memory import JobMode

CycleKind = Literal["random_seed", "startup", "refinement"]


@dataclass(frozen=True)
class Cycle:
    """One cycle of a job.

    Attributes
    ----------
    kind, limit_a
        What it does, up to which resolution.
    place, of
        Place in its block, from 1, and how many the block has.
    last
        It is the job's last: all particles get a class.
    """

    kind: CycleKind
    limit_a: float
    place: int
    of: int
    last: bool = False


def plan_job(mode: JobMode, settings: ClassificationSettings) -> tuple[Cycle, ...]:
    """Return the cycles of a job.

    The limit goes from the initial to the final one in equal steps over the start-up block and stays there in
    the refinement block; a start-up block of one cycle has the final limit.
    """
    first, last = settings.initial_resolution_a, settings.final_resolution_a
    cycles: list[Cycle] = []
    startup = 0
    if mode == "abinit":
        cycles.append(Cycle("random_seed", first, 1, 1))
        startup = settings.startup_cycles
    elif mode == "seeded":
        seeded = settings.seeded_startup_cycles
        startup = settings.startup_cycles if seeded is None else seeded
    for place in range(startup):
        share = 1.0 if startup == 1 else place / (startup - 1)
        cycles.append(Cycle("startup", first - (first - last) * share, place + 1, startup))
    count = settings.refinement_cycles
    cycles += [Cycle("refinement", last, place + 1, count) for place in range(count)]
    if len(cycles) == (1 if mode == "abinit" else 0):
        # A refinement without cycles would be no job.
        cycles.append(Cycle("refinement", last, 1, 1))
    cycles[-1] = replace(cycles[-1], last=True)
    return tuple(cycles)


def fraction(mode: JobMode, cycle: Cycle, settings: ClassificationSettings, particles: int) -> float:
    """Share of the particles that a cycle visits: less than all only at the start-up of Ab initio."""
    if mode != "abinit" or cycle.kind != "startup" or particles == 0:
        return 1.0
    if settings.startup_fraction is not None:
        return settings.startup_fraction
    return min(1.0, settings.particles_per_class * settings.class_count / particles)


def most_particles(mode: JobMode, settings: ClassificationSettings) -> int:
    """Most particles that a cycle visits; 0: no limit."""
    return {
        "abinit": settings.max_particles_abinit,
        "seeded": settings.max_particles_seeded,
        "refine": settings.max_particles_refine,
    }[mode]


@dataclass(frozen=True)
class Situation:
    """What decides about the next job.

    Attributes
    ----------
    mode
        As set; Ab initio takes its place where there are no classes or a new data set began.
    revision
        Of the settings.
    eligible
        Particles that are wanted.
    has_classes, new_data_set
        Whether any class ever existed; whether the particles are others than those of the classes.
    cycles
        Of each mode, with these settings.
    """

    mode: JobMode
    revision: int
    eligible: int
    has_classes: bool
    new_data_set: bool
    cycles: dict[JobMode, int]
    start_particles: int
    update_particles: int
    start_after_minutes: int = 0


@dataclass(frozen=True)
class RunCycle:
    """Run the cycle of this place in the job's plan."""

    job: JobMemory


@dataclass(frozen=True)
class SaveMode:
    """The kind of classification is another one from now on."""

    mode: JobMode


Instruction = RunCycle | SaveMode


class JobMachine:
    """Stopped, listening, running, stopping. ``memory`` is all it knows; every method returns what to do."""

    def __init__(self, memory: JobsMemory) -> None:
        self.memory = memory

    def begin(self) -> list[Instruction]:
        """Go on after a start of the server: an interrupted job goes on with its next cycle."""
        if self.memory.job is not None:
            self._now(state="running")
            return self._next_cycle()
        self._now(state="listening")
        return []

    def start_job(self, situation: Situation) -> list[Instruction]:
        """Begin a job at once; `ControlRefusedError` while one runs."""
        if self.memory.state in ("running", "stopping"):
            raise ControlRefusedError(
                "Start job now", "running" if self.memory.state == "running" else "stopping", "stop it first"
            )
        return self._begin_job(situation)

    def listen(self, situation: Situation, now: float) -> list[Instruction]:
        """See whether a job should begin."""
        if self.memory.state != "listening":
            return []
        new = situation.eligible - self.memory.last_particles
        first = not situation.has_classes
        if first or situation.new_data_set:
            new = situation.eligible
        enough = new >= (situation.start_particles if first else situation.update_particles)
        if self.memory.failed_at_particles is not None:
            # No crash loop: only more particles, or a person, begin the next job.
            since = situation.eligible - self.memory.failed_at_particles
            enough = since >= situation.update_particles
        elif not (enough or first or situation.new_data_set) and situation.start_after_minutes > 0:
            ended = self.memory.ended_at
            # Where the clock was set back nobody knows how long it was.
            waited = ended is not None and not 0.0 <= now - ended < 60.0 * situation.start_after_minutes
            enough = waited and new > 0
        return self._begin_job(situation) if enough else []

    def stop(self) -> None:
        """Stop after the present cycle; the rest of the job is dropped."""
        if self.memory.state == "running":
            self._now(state="stopping")
        elif self.memory.state == "listening":
            self._now(state="stopped")

    def cycle_done(self, particles: int, now: float) -> list[Instruction]:
        """Take in that the present cycle is complete."""
        job = self.memory.job
        if job is None:
            return []
        job = job.model_copy(update={"cycles_done": job.cycles_done + 1})
        self._now(job=job, cycle=self.memory.cycle + 1, last_particles=particles)
        if job.cycles_done >= job.cycles:
            return self._end_job(job, now)
        if self.memory.state == "stopping":
            self._now(state="stopped", job=None, ended_at=now)
            return []
        return self._next_cycle()

    def cycle_failed(self, reason: str, eligible: int, now: float) -> None:
        """Take in that the present cycle failed: the job ends, its error is kept."""
        state: Literal["stopped", "listening"] = "listening"
        if self.memory.state == "stopping":
            state = "stopped"
        self._now(state=state, job=None, error=reason, failed_at_particles=eligible, ended_at=now)

    def cycle_cancelled(self) -> None:
        """Take in that the present cycle was thrown away: the job is dropped, what was complete stays."""
        self._now(state="stopped", job=None)

    def _begin_job(self, situation: Situation) -> list[Instruction]:
        forced = not situation.has_classes or situation.new_data_set
        mode: JobMode = "abinit" if forced else situation.mode
        job = JobMemory(mode=mode, revision=situation.revision, cycles=situation.cycles[mode])
        self._now(state="running", job=job, error="", failed_at_particles=None)
        return self._next_cycle()

    def _next_cycle(self) -> list[Instruction]:
        return [] if self.memory.job is None else [RunCycle(self.memory.job)]

    def _end_job(self, job: JobMemory, now: float) -> list[Instruction]:
        state: Literal["stopped", "listening"] = "stopped" if self.memory.state == "stopping" else "listening"
        self._now(state=state, job=None, ended_at=now)
        return [SaveMode("seeded")] if job.mode == "abinit" else []

    def _now(self, **values: object) -> None:
        self.memory = self.memory.model_copy(update=values)
