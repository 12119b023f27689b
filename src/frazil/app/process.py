"""``frazil process``: a folder of movies becomes micrographs, CTF fits, picks, particles and 2D classes."""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from frazil import __version__
from frazil.app.inputs import find_inputs
from frazil.app.process_request import ProcessResult
from frazil.app.process_settings import require_complete
from frazil.engine.batch import Batch
from frazil.engine.pipes import pipe_executor
from frazil.engine.task import describe_error
from frazil.engine.worker import Pool
from frazil.model.errors import FrazilError, InputError
from frazil.model.settings_stages import stage_fingerprints
from frazil.model.words import plural
from frazil.stages.movie_task import MovieTask
from frazil.stages.plan import stages_to_do
from frazil.stages.record import MovieRecord, StageRecord
from frazil.stages.tasks import (
    classify_particles,
    find_device,
    load_libraries,
    movie_size,
    preprocess_movie,
)
from frazil.store.log import TrackLog
from frazil.store.session import SessionFolder, assign_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from frazil.app.process_request import ProcessRequest, Reporter
    from frazil.app.session_classes import ClassUpdate
    from frazil.engine.executor import Executor, Outcome

_PROBED_MOVIES = 5
_FEWEST_TO_COMPARE = 3
"""Of two movies of different size nobody can say which is the odd one."""
T = TypeVar("T")


def process(
    request: ProcessRequest, report: Reporter, start: Callable[[int, int], Executor] | None = None
) -> ProcessResult:
    """Do what is missing for these movies, then classify and write RELION's tables.

    Parameters
    ----------
    request
        What to do.
    report
        Who is told.
    start
        Makes the executor for so many workers and threads; by default worker processes.

    Raises
    ------
    InputError
        Nothing was done: wrong settings, no movies, a session folder or device that can't be used.
    """
    require_complete(request.settings)
    inputs = find_inputs(request.patterns, request.settings, request.session)
    with SessionFolder(request.session) as session:
        session.save_settings(request.settings)
        if request.settings.gain.gain_path:
            session.link_raw("gain", Path(request.settings.gain.gain_path))
        with TrackLog(session.path, "preprocess") as log:
            log.info("start", version=__version__, movies=len(inputs.sources), settings=session.revision)
            for path, rule in inputs.ignored:
                log.info(f"left out: {rule}", path=str(path))
            if inputs.ignored:
                path, rule = inputs.ignored[0]
                others = f" and {len(inputs.ignored) - 1} others" if len(inputs.ignored) > 1 else ""
                report.message(f"left out: {path.name}{others} ({rule})")
            run = _Run(request, session, log, report, start)
            for text in inputs.closed:
                run.problem(text)
            try:
                return run.process(inputs.sources)
            finally:
                run.close()
                session.sweep()
                log.info("end")


class _Run:
    """One run of ``frazil process``."""

    def __init__(
        self,
        request: ProcessRequest,
        session: SessionFolder,
        log: TrackLog,
        report: Reporter,
        start: Callable[[int, int], Executor] | None,
    ) -> None:
        self.request, self.session, self.log, self.report = request, session, log, report
        self.settings = request.settings
        self.result = ProcessResult()
        self.records = {record.name: record for record in session.records()}
        self._start_executor = start or _start_workers
        self._executor: Batch | None = None
        self._device = ""

    def problem(self, text: str, step: str = "look") -> None:
        """Tell what concerns the whole session."""
        self.result.problems.append(text)
        self.report.problem(text)
        self.log.error(text, step=step)

    def close(self) -> None:
        if self._executor is not None:
            self._executor.close()
            self._executor = None

    def process(self, sources: list[Path]) -> ProcessResult:
        taken = {record.source: record.name for record in self.records.values()}
        names = assign_names(self._nameable(sources), taken)
        todo, unreachable = self._plan(names)
        self.report.begin(len(todo), len(names) - len(todo) - unreachable)
        try:
            if todo:
                self._preprocess(todo)
        finally:
            self.report.end()
        chosen = [self.records[name] for name in names.values() if name in self.records]
        self._sort_out(chosen)
        movies = [record for record in self._valid() if record.stage("sum").state == "done"]
        self._attempt("relion", lambda: self._write_micrographs(movies))
        extracted = [record for record in movies if record.stage("extract").state == "done"]
        update = self._attempt("classes", lambda: self._classes(extracted))
        self._attempt("particles", lambda: self._write_particles(extracted, update))
        return self.result

    def _nameable(self, sources: list[Path]) -> list[Path]:
        """Files whose names can stand in tables and records; the others fail."""
        good = []
        for source in sources:
            shown = os.fsencode(source).decode("utf-8", "backslashreplace")
            if shown == str(source):
                good.append(source)
            else:
                self.result.failed[Path(shown).name] = f"{shown}: its name is not UTF-8; rename the file"
                self.log.error(self.result.failed[Path(shown).name])
        return good

    def _plan(self, names: dict[Path, str]) -> tuple[dict[str, Path], int]:
        """Return what is left to do, and how many files can't even be looked at."""
        todo, unreachable = {}, 0
        for source, name in names.items():
            record = self.records.setdefault(name, MovieRecord(name=name, source=str(source)))
            by_hand = self.session.manual_picks(name).token
            try:
                wanted = stages_to_do(record, self.settings, self.session.path, source, by_hand)
            except OSError as error:
                record.stages["align"] = StageRecord(state="failed", reason=_out_of_reach(source, error))
                self.log.error(record.reason, movie=name, stage="align")
                unreachable += 1
                continue
            if wanted:
                todo[name] = source
        return todo, unreachable

    def _preprocess(self, todo: dict[str, Path]) -> None:
        executor = self._start(len(todo))
        size = self._expected_size(executor, list(todo.values()))
        tasks = {}
        for name, source in todo.items():
            task = MovieTask(
                self.session.path, name, source, self.settings, self.records[name], self._device, size
            )
            task = replace(task, manual_picks=self.session.manual_picks(name))
            tasks[name] = task
            executor.submit(name, preprocess_movie, task)
        _load_what_follows()
        while (outcome := executor.wait()) is not None:
            self._collect(outcome, tasks[outcome.key])

    def _start(self, tasks: int) -> Batch:
        """Start workers and ask the first one for the device."""
        if self._executor is None:
            cores = len(os.sched_getaffinity(0))
            workers = min(self.request.workers or 1, max(tasks, 1))
            threads = min(self.request.threads or max(1, cores // workers), cores)
            resources = self.settings.resources
            self._executor = Batch(
                self._start_executor(workers, threads),
                attempts=min(resources.max_attempts, 2),
                timeout_s=60.0 * resources.movie_timeout_min,
            )
            self._executor.submit("device", find_device, self.request.device)
            outcome = self._executor.wait()
            if outcome is None or outcome.error:
                raise InputError(outcome.error if outcome else "no worker process could be started")
            self._device = str(outcome.value)
            self.log.info("workers", workers=workers, threads=threads, device=self._device)
        return self._executor

    def _expected_size(self, executor: Batch, sources: list[Path]) -> tuple[int, int] | None:
        """Size of most movies, judged by a few of them and by those that were processed before."""
        known = [record for record in self._valid() if record.numbers.get("source_width_px")]
        if len(sources) + len(known) < _FEWEST_TO_COMPARE:
            return None
        sizes: Counter[tuple[int, int]] = Counter()
        step = max(1, len(sources) // _PROBED_MOVIES)
        for number, source in enumerate(sources[::step][:_PROBED_MOVIES]):
            executor.submit(str(number), movie_size, source, self.settings)
        while (outcome := executor.wait()) is not None:
            if outcome.value is not None:
                sizes[outcome.value] += 1
        for record in known:
            sizes[int(record.number("source_width_px")), int(record.number("source_height_px"))] += 1
        common = sizes.most_common(2)
        if not common or (len(common) == 2 and common[0][1] == common[1][1]):
            return None
        return common[0][0]

    def _collect(self, outcome: Outcome, task: MovieTask) -> None:
        if isinstance(outcome.value, MovieRecord):
            record = outcome.value
        else:
            record = task.record.model_copy(deep=True)
            record.stages["align"] = StageRecord(state="failed", reason=f"{task.source}: {outcome.error}")
            self.log.error(outcome.error, movie=record.name, trace=outcome.trace)
        record.source = str(task.source)
        self.records[record.name] = record
        failed = record.failed_stage is not None
        try:
            self.session.link_raw(record.name, task.source)
            self.session.save_record(record)
        except OSError as error:
            self.result.failed[record.name] = (
                f"{task.source}: its record can't be written: {describe_error(error)}"
            )
            failed = True
        for note in record.notes:
            self.log.warning(note, movie=record.name)
        if failed:
            self.log.error(record.reason, movie=record.name, stage=record.failed_stage)
        self.log.info("movie", movie=record.name, seconds=record.number("seconds_total"), failed=failed)
        text = record.reason or self.result.failed.get(record.name, "") if failed else summary_line(record)
        self.report.movie(record.name, text, failed=failed)

    def _sort_out(self, chosen: list[MovieRecord]) -> None:
        for record in chosen:
            if record.failed_stage is not None:
                self.result.failed[record.name] = record.reason
            elif record.name not in self.result.failed:
                self.result.done.append(record.name)

    def _valid(self) -> list[MovieRecord]:
        """All movies of the session that were averaged with the present settings, in the order of names."""
        valid = []
        for name in sorted(self.records):
            record = self.records[name]
            wanted = stage_fingerprints(self.settings, record.source_signature)
            if record.is_done("sum", wanted["sum"]) and self.session.products(name).micrograph.exists():
                valid.append(record)
        return valid

    def _attempt(self, what: str, work: Callable[[], T]) -> T | None:
        """Do what concerns the whole session; trouble there is told and does not lose the rest."""
        try:
            return work()
        except (FrazilError, OSError) as error:
            self.problem(describe_error(error), step=what)
            return None

    def _write_micrographs(self, movies: list[MovieRecord]) -> None:
        from frazil.app.relion_tables import write_micrograph_tables

        pairs = [(record, self.session.products(record.name)) for record in movies]
        write_micrograph_tables(self.session.path, pairs, self.settings)

    def _write_particles(self, extracted: list[MovieRecord], update: ClassUpdate | None) -> None:
        from frazil.app.relion_tables import write_particle_table
        from frazil.store.particles import read_particle_tables

        particles = read_particle_tables([self.session.products(record.name) for record in extracted])
        write_particle_table(self.session.path, particles, extracted, self.settings, update)

    def _classes(self, extracted: list[MovieRecord]) -> ClassUpdate | None:
        """Class averages of all good particles, computed only if there are new ones or new settings."""
        if self.settings.detection.picking_method == "none" or not self.request.classify:
            return None
        from frazil.app.session_classes import (
            FEWEST_PARTICLES,
            classify_task,
            fingerprint,
            good_micrographs,
            newest_update,
        )
        from frazil.store.particles import read_particle_tables

        good = good_micrographs(extracted, self.settings)
        count = int(sum(record.number("particles") for record in good))
        left_out = [
            record.name for record in extracted if record not in good and record.number("particles") > 0
        ]
        if left_out:
            limit = self.settings.classification.max_ctf_resolution_a
            told = plural(len(left_out), "micrograph is", "micrographs are")
            self.report.message(
                f"2D: {told} left out, CTF fit worse than {limit:g} Å "
                f"(max_ctf_resolution_a): {', '.join(left_out[:5])}{', …' if len(left_out) > 5 else ''}"
            )
        if count < FEWEST_PARTICLES:
            if movies_failed := len(self.result.failed):
                reason = f"{plural(movies_failed, 'movie')} failed"
            else:
                reason = "no micrograph has more" if count else "none were found"
            raise InputError(
                f"{self.session.path}: {plural(count, 'particle')} can't be classified, "
                f"{FEWEST_PARTICLES} are needed ({reason}); look at pictures/*.picks.jpg "
                "and check the diameter"
            )
        update = newest_update(self.session)
        if update is not None and update.summary.get("fingerprint") == fingerprint(good, self.settings):
            self.report.message(f"2D: {count} particles are classified already: {update.folder}")
            return update
        particles = read_particle_tables([self.session.products(record.name) for record in good])
        if particles is None:
            return None
        executor = self._start(1)
        task = classify_task(self.session, particles, good, self.settings, self._device)
        self.report.message(f"2D: classifying {count} particles into {task.classes} classes")
        began = time.monotonic()
        executor.submit("classify", classify_particles, task)
        outcome = executor.wait()
        if outcome is None or outcome.error:
            raise InputError(f"{task.folder}: {outcome.error if outcome else 'nothing came back'}")
        for note in outcome.value["notes"]:
            self.report.message(f"2D: {note}")
        seconds = time.monotonic() - began
        self.report.message(f"2D: done in {seconds:.0f} s: {task.folder / 'classes.jpg'}")
        with TrackLog(self.session.path, "classify2d") as log:
            log.info("classified", particles=count, seconds=round(seconds, 1), folder=str(task.folder))
        return newest_update(self.session)


def _load_what_follows() -> None:
    """Load what writes tables while workers are busy: before their start it would make them wait."""
    import frazil.app.relion_tables
    import frazil.app.session_classes  # noqa: F401
    from frazil.store.particles import load_libraries

    load_libraries()


def _out_of_reach(source: Path, error: OSError) -> str:
    """Say why a file can't even be looked at."""
    if source.is_symlink():
        return f"{source}: a link to {source.readlink()}, which can't be followed: {error.strerror}"
    return describe_error(error)


def _start_workers(workers: int, threads: int) -> Executor:
    return pipe_executor({"movies": Pool(workers, threads, initialise=load_libraries)})


def summary_line(record: MovieRecord) -> str:
    """One line about a finished movie."""
    parts = []
    if record.number("frames_used") < record.number("frames"):
        parts.append(f"{record.number('frames_used'):.0f} of {record.number('frames'):.0f} frames used")
    if record.numbers.get("motion_total_a") is not None:
        parts.append(f"motion {record.number('motion_total_a'):.1f} Å")
    if record.stage("ctf").state == "done":
        if record.number("ctf_has_rings") == 1.0:
            doubt = ", doubtful" if record.number("ctf_doubtful") == 1.0 else ""
            parts.append(
                f"defocus {record.number('defocus_mean_a') / 1e4:.2f} µm "
                f"(fits to {record.number('ctf_resolution_a'):.1f} Å{doubt})"
            )
        else:
            parts.append("no Thon rings")
    if record.stage("pick").state == "done":
        parts.append(plural(round(record.number("picks")), "pick"))
    parts.append(f"{record.number('seconds_total'):.1f} s")
    return ", ".join(parts)
