"""What a change of settings, or Restart, would redo: told before anything is done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from frazil.model.redo import compare
from frazil.model.settings import STAGES
from frazil.stages.record_file import stored_record
from frazil.store.catalogue import filters, redo_counts, revisions
from frazil.store.catalogue.schema import movies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

    from frazil.model.settings import Settings, Stage
    from frazil.store.catalogue.sessions import SessionRow

_MEASURED_MOVIES = 3


def kept_condition(connection: Connection, session_id: int, filter_name: str | None) -> ColumnElement[bool]:
    """Condition of the movies that a filter keeps; without one, of all that are not excluded by hand.

    Raises `InputError` where there is no such filter.
    """
    if filter_name is None:
        return movies.c.override != "exclude"
    return filters.kept(filters.get(connection, session_id, filter_name))


def preview(
    connection: Connection,
    session: SessionRow,
    wanted: Settings,
    workers: int,
    filter_name: str | None = None,
) -> dict[str, Any]:
    """Count what would be redone by so many workers.

    Returns
    -------
        movies and kept_movies (how many are touched), failed_movies (that would be tried again), stages (by
        name: movies and seconds of work), seconds (until it is done, with the workers there are), bytes (that
        are written anew).
    """
    kept = kept_condition(connection, session.id, filter_name)
    by_stage: dict[Stage, int] = dict.fromkeys(STAGES, 0)
    touched = kept_movies = 0
    for group in redo_counts.result_groups(connection, session.id, kept):
        redo = compare(revisions.get(connection, session.id, group.revision).settings(), wanted)
        for stage in redo.stages:
            by_stage[stage] += group.movies
        if redo.stages:
            touched += group.movies
            kept_movies += group.kept
    failed = 0
    for revision, failed_stage, count in redo_counts.failed_targets(connection, session.id):
        redo = compare(revisions.get(connection, session.id, revision).settings(), wanted)
        failed += count if failed_stage in redo.stages else 0
    seconds = redo_counts.mean_seconds(connection, session.id)
    names = redo_counts.last_done(connection, session.id, _MEASURED_MOVIES)
    sizes = stage_bytes(Path(session.folder), names)
    return {
        "movies": touched,
        "kept_movies": kept_movies,
        "failed_movies": failed,
        "stages": {
            stage: {"movies": by_stage[stage], "seconds": round(by_stage[stage] * seconds[stage], 1)}
            for stage in STAGES
        },
        "seconds": round(sum(by_stage[stage] * seconds[stage] for stage in STAGES) / max(1, workers), 1),
        "bytes": round(sum(by_stage[stage] * sizes[stage] for stage in STAGES)),
    }


def stage_bytes(folder: Path, names: Sequence[str]) -> Mapping[Stage, float]:
    """Mean bytes of each stage's products, measured on these movies."""
    total: dict[Stage, float] = dict.fromkeys(STAGES, 0.0)
    measured = 0
    for name in names:
        try:
            record = stored_record(folder, name)
            if record is None:
                continue
            for stage in STAGES:
                total[stage] += sum((folder / path).stat().st_size for path in record.stage(stage).products)
        except OSError:
            # Being redone at this moment, or the disk is away: others tell enough.
            continue
        measured += 1
    return {stage: size / max(measured, 1) for stage, size in total.items()}
