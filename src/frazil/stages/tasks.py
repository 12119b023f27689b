"""What workers are asked to do. This module is light: the parent process imports it, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frazil.stages import loading

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from frazil.model.settings import Settings
    from frazil.stages.classify_stream_task import CycleResult, CycleTask, StreamResult, StreamTask
    from frazil.stages.classify_task import ClassifyTask
    from frazil.stages.export.request import ExportTask, Snapshot
    from frazil.stages.gain_check_task import GainCheckTask
    from frazil.stages.live2d.task import HistoryTask, Live2dResult, Live2dTask
    from frazil.stages.movie_task import MovieTask
    from frazil.stages.record import MovieRecord
    from frazil.stages.relocation import RelocationTask


def preprocess_movie(task: MovieTask) -> MovieRecord:
    """See `frazil.stages.preprocess.preprocess`."""
    from frazil.stages.preprocess import preprocess

    return preprocess(task)


def try_settings(task: MovieTask, session: Path) -> None:
    """See `frazil.stages.trial.run_trial`."""
    loading.finish()
    from frazil.stages.trial import run_trial

    run_trial(task, session)


def check_gain(task: GainCheckTask) -> dict[str, Any]:
    """See `frazil.stages.gain_check.check_gain`."""
    from frazil.stages.gain_check import check_gain

    return check_gain(task)


def classify_particles(task: ClassifyTask) -> dict[str, Any]:
    """See `frazil.stages.classify.run_classification`."""
    loading.finish()
    from frazil.stages.classify import run_classification

    return run_classification(task)


def classify_batch(task: StreamTask) -> StreamResult:
    """See `frazil.stages.classify_stream.stream_batch`."""
    loading.finish()
    from frazil.stages.classify_stream import stream_batch

    return stream_batch(task)


def classify_cycle(task: CycleTask) -> CycleResult:
    """See `frazil.stages.classify_stream.batch_cycle`."""
    loading.finish()
    from frazil.stages.classify_stream import batch_cycle

    return batch_cycle(task)


def make_export(task: ExportTask) -> dict[str, Any]:
    """See `frazil.stages.export.run.run_export`."""
    loading.finish()
    from frazil.stages.export.run import run_export

    return run_export(task)


def write_live_tables(session: Path, sets: Mapping[str, Snapshot]) -> dict[str, Any]:
    """See `frazil.stages.export.live.run_live`."""
    loading.finish()
    from frazil.stages.export.live import run_live

    return run_live(session, sets)


def write_live2d_folder(task: Live2dTask) -> Live2dResult:
    """See `frazil.stages.live2d.folder.bring_up_to_date`."""
    loading.finish()
    from frazil.stages.live2d.folder import bring_up_to_date

    return bring_up_to_date(task)


def take_over_live2d(task: HistoryTask) -> dict[str, Any]:
    """See `frazil.stages.live2d.history.take_over`."""
    loading.finish()
    from frazil.stages.live2d.history import take_over

    return take_over(task)


def copy_session(task: RelocationTask) -> dict[str, Any]:
    """See `frazil.stages.relocate.copy_session`."""
    from frazil.stages import relocate

    return relocate.copy_session(task)


def remove_original(task: RelocationTask) -> dict[str, Any]:
    """See `frazil.stages.relocate.remove_original`."""
    from frazil.stages import relocate

    return relocate.remove_original(task)


def load_libraries() -> None:
    """Import what every movie needs, while the worker waits for its first task.

    What decodes frames is there afterwards; the rest goes on loading beside the first movie's decoding.
    """
    loading.begin()


def find_device(name: str) -> str:
    """Return "cpu" or "cuda" for ``auto``; `InputError` where a device is asked for that is not there."""
    if name == "cpu":
        return name
    from frazil.compute.device import choose_device, may_have_gpu

    if name == "auto" and not may_have_gpu():
        return "cpu"
    loading.finish()
    return str(choose_device(name))


def movie_size(source: Path, settings: Settings) -> tuple[int, int] | None:
    """Return (columns, rows) of a movie or micrograph; None where it can't be opened."""
    from frazil.formats.movie import open_movie
    from frazil.model.errors import InputError

    try:
        with open_movie(
            source, eer_upsampling=settings.alignment.eer_upsampling, eer_frames_per_fraction=1
        ) as movie:
            return movie.width_px, movie.height_px
    except (InputError, OSError):
        return None
