"""One movie from its frames to particle images, in one task: all that its record does not call done."""

from __future__ import annotations

import time
import traceback
from typing import TYPE_CHECKING

from frazil import __version__
from frazil.model.errors import FrazilError, InputError, PassingError
from frazil.model.settings import STAGES, Stage
from frazil.model.settings_stages import stage_fingerprints
from frazil.stages import loading
from frazil.stages.exposure import Exposure, SkippedError
from frazil.stages.machine import at_most_threads, large_arrays_reused, worker_name
from frazil.stages.plan import stages_to_do
from frazil.stages.record import StageRecord
from frazil.stages.record_file import store_record, stored_record
from frazil.stages.source import input_signature

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from frazil.stages.movie_task import MovieTask
    from frazil.stages.record import MovieRecord

_WORTH_KEEPING_S = 2.0
"""A stage that took longer need not be done again if the worker dies in the next one."""


def preprocess(task: MovieTask) -> MovieRecord:
    """Do what is missing for one movie, and store the record of it behind its products.

    Parameters
    ----------
    task
        The movie, the settings, and what was done before.

    Returns
    -------
    record
        What was done. A stage that fails leaves those before it valid; its ``reason`` says what was wrong,
        in which file, and what to do.

    Raises
    ------
    OSError
        The movie, its gain reference or its defect list can't be looked at, or the record can't be written.
    """
    record = (stored_record(task.session, task.name) or task.record).model_copy(deep=True)
    record.source = str(task.source)
    signature = input_signature(task.source, task.settings)
    manual = task.manual_picks.token
    fingerprints = stage_fingerprints(task.settings, signature, manual)
    todo = stages_to_do(record, task.settings, task.session, task.source, manual)
    record.source_signature, record.manual_picks = signature, manual
    record.forget(todo)
    exposure = Exposure(
        task, pixel_size_a=record.number("micrograph_pixel_size_a"), average=fingerprints["sum"]
    )
    if "ctf" not in todo:
        loading.finish()
        from frazil.stages.contrast_transfer import ctf_of_record

        exposure.ctf = ctf_of_record(record)
    with at_most_threads(task.threads), large_arrays_reused():
        try:
            _do(todo, exposure, record, fingerprints)
        except BaseException:
            # Nothing is left half-written, whatever it is that ends this.
            exposure.beside.finish()
            raise
        if todo:
            _finish_writing(exposure, record)
    record.numbers["seconds_total"] = sum(record.stage(stage).seconds for stage in STAGES)
    store_record(task.session, record)
    return record


def _do(
    todo: Sequence[Stage], exposure: Exposure, record: MovieRecord, fingerprints: Mapping[Stage, str]
) -> None:
    """Do one stage after the other until one fails; store the record where nothing is left to be written."""
    unsaved_s = 0.0
    for stage in todo:
        done = _run_stage(stage, exposure, fingerprints[stage])
        record.stages[stage] = done
        record.put_numbers(exposure.numbers)
        unsaved_s += done.seconds
        if done.state == "failed" or stage == todo[-1] or exposure.beside.failed:
            return
        if unsaved_s > _WORTH_KEEPING_S and exposure.beside.idle:
            store_record(exposure.task.session, record)
            unsaved_s = 0.0


def _finish_writing(exposure: Exposure, record: MovieRecord) -> None:
    """Wait for what is written beside the stages; where that failed, its stage did, and all after it."""
    began = time.perf_counter()
    failure = exposure.beside.finish()
    last = record.stages[exposure.stage]
    last.seconds = round(last.seconds + time.perf_counter() - began, 3)
    record.put_numbers({f"seconds_{exposure.stage}": last.seconds})
    if failure is not None:
        stage, error = failure
        record.forget(STAGES[STAGES.index(stage) + 1 : STAGES.index(exposure.stage) + 1])
        _fail(record.stages[stage], error, exposure.task.source)


def _fail(result: StageRecord, error: BaseException, source: Path) -> None:
    result.state, result.reason = "failed", describe(error, source)
    result.passing = isinstance(error, PassingError | OSError | MemoryError)
    if not isinstance(error, FrazilError | OSError | MemoryError):
        result.notes.append("".join(traceback.format_exception(error)))


def _run_stage(stage: Stage, exposure: Exposure, fingerprint: str) -> StageRecord:
    began = time.perf_counter()
    exposure.stage = stage
    exposure.notes, exposure.products, exposure.numbers = [], [], {}
    result = StageRecord(
        fingerprint=fingerprint,
        code_version=__version__,
        revision=exposure.task.revision,
        worker=worker_name(),
    )
    try:
        _function(stage, exposure)(exposure)
        result.state = "done"
    except SkippedError as skip:
        result.state, result.reason = "skipped", str(skip)
    except Exception as error:
        _fail(result, error, exposure.task.source)
    result.seconds = round(time.perf_counter() - began, 3)
    result.at = round(time.time(), 3)
    exposure.numbers[f"seconds_{stage}"] = result.seconds
    result.notes = [*exposure.notes, *result.notes]
    result.numbers = list(exposure.numbers)
    result.products = [exposure.files.relative(path) for path in exposure.products]
    return result


def _function(stage: Stage, exposure: Exposure) -> Callable[[Exposure], None]:
    """Find what a stage does; imported when needed, as a task that only picks again needs little."""
    if stage in ("align", "sum"):
        if not exposure.is_movie:
            loading.finish()
            from frazil.stages.averaged import run_averaged

            return _skip("an averaged micrograph has no frames") if stage == "align" else run_averaged
        from frazil.stages.load_frames import load_movie

        load_movie(exposure)
        loading.finish()
        from frazil.stages.frames import run_alignment, run_sum

        return run_alignment if stage == "align" else run_sum
    loading.finish()
    if stage == "ctf":
        from frazil.stages.contrast_transfer import run_ctf

        return run_ctf
    if exposure.settings.detection.picking_method == "none":
        return _skip("picking is switched off")
    if stage == "pick":
        from frazil.stages.picking import run_picking

        return run_picking
    from frazil.stages.extraction import run_extraction

    return run_extraction


def _skip(reason: str) -> Callable[[Exposure], None]:
    def skip(exposure: Exposure) -> None:  # noqa: ARG001
        raise SkippedError(reason)

    return skip


def describe(error: BaseException, source: Path) -> str:
    """Say what went wrong so that a person can act on it; always names a file."""
    if isinstance(error, InputError | FrazilError):
        text = str(error)
        return text if "/" in text or source.name in text else f"{source}: {text}"
    if isinstance(error, MemoryError):
        return f"{source}: not enough memory ({error})"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or source}: {error.strerror}"
    return f"{source}: internal error, please report it: {type(error).__name__}: {error}"
