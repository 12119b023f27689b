"""What the outcome of a task changes in a movie's row. Pure: row and outcome in, new values out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from frazil.model.movie_columns import MOVIE_COLUMNS
from frazil.model.particle_token import particle_token
from frazil.model.settings import STAGES, Settings
from frazil.model.settings_stages import stage_fingerprints
from frazil.stages.record import MovieRecord
from frazil.store.catalogue.movies import manual_picks_of, record_columns, record_of
from frazil.tracks.preprocess.planner import NEW, REDO, TEST_OR_RETRY
from frazil.tracks.preprocess.retry import judge_failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from frazil.engine.executor import Outcome
    from frazil.model.settings import Stage

_FROM_CLASSES = {"particles_classified", "particles_good", "class_yield"}
_FROM_TRANSFER = {"seconds_transfer", "dose_per_movie_e_per_a2"}
RECORD_COLUMNS = tuple(
    column.name
    for column in MOVIE_COLUMNS
    if (column.group in ("exposure", "motion", "CTF", "particles") or column.name.startswith("seconds_"))
    and column.name not in _FROM_CLASSES | _FROM_TRANSFER
)
"""Columns that hold what the stages found; empty where they found nothing (any more)."""


@dataclass(frozen=True)
class Change:
    """New values of a movie's row.

    Attributes
    ----------
    values
        By column.
    particles
        Whether its particles are others now.
    finished
        Whether the movie was done or failed: True, False; None where it waits again.
    reason
        Of a failure.
    """

    values: dict[str, Any]
    particles: bool = False
    finished: bool | None = None
    failed: bool = False
    reason: str = ""
    record: MovieRecord | None = field(default=None, compare=False)


def columns_of(record: MovieRecord, settings: Settings) -> dict[str, Any]:
    """Columns that follow from a record; those that it says nothing about are emptied."""
    values: dict[str, Any] = dict.fromkeys(RECORD_COLUMNS)
    values.update(record_columns(record))
    values["particles_token"] = token_of(record, settings)
    return values


def token_of(record: MovieRecord, settings: Settings) -> str | None:
    """Name of a movie's particle images; None where there are none."""
    if record.stage("extract").state != "done":
        return None
    return particle_token(settings, record.source_signature, record.manual_picks)


def first_undone(record: MovieRecord) -> Stage:
    """Return the stage at which work on a movie begins."""
    return next(
        (stage for stage in STAGES if record.stage(stage).state not in ("done", "skipped")), STAGES[0]
    )


def is_complete(record: MovieRecord, settings: Settings, manual_picks: str = "") -> bool:
    """Whether every stage was done with these settings and manual picks, by the record alone."""
    fingerprints = stage_fingerprints(settings, record.source_signature, manual_picks)
    return all(record.is_done(stage, fingerprints[stage]) for stage in STAGES)


def after_success(
    row: Mapping[str, Any], record: MovieRecord, settings: Settings, wanted: Settings, now: float
) -> Change:
    """Values for a movie all of whose stages are done.

    Parameters
    ----------
    row
        As it is in the catalogue now.
    record, settings
        What was done, and with what.
    wanted
        Settings of the row's target now: a redo may have been confirmed meanwhile.
    now
        Seconds since 1970.
    """
    values = columns_of(record, settings)
    values.update(attempts=0, next_try_at=None)
    if row["done_at"] is None:
        values["done_at"] = now
        if row["transferred_at"] is not None:
            values["latency_s"] = max(0.0, now - row["transferred_at"])
    up_to_date = is_complete(record, wanted, manual_picks_of(row).token)
    if up_to_date:
        values.update(state="done", settings_revision=row["target_revision"], priority=REDO)
    else:
        values.update(state="queued", settings_revision=record.stage("extract").revision, priority=REDO)
    particles = values["particles_token"] != row["particles_token"]
    return Change(values, particles, finished=True if up_to_date else None, record=record)


def after_failure(
    row: Mapping[str, Any], outcome: Outcome, settings: Settings, max_attempts: int, now: float
) -> Change:
    """Values for a movie that failed: what a stage said, or what became of the whole task."""
    if isinstance(outcome.value, MovieRecord):
        record = outcome.value
        stage = record.failed_stage or first_undone(record)
        passing, reason = record.stage(stage).passing, record.reason
        values = columns_of(record, settings)
    else:
        record = record_of(row).model_copy(deep=True)
        stage = first_undone(record)
        passing, reason = outcome.passing or outcome.lost, outcome.error
        record.stages[stage] = record.stage(stage).model_copy(
            update={
                "state": "failed",
                "reason": reason,
                "passing": passing,
                "worker": outcome.worker,
                "at": now,
            }
        )
        values = {"record": record.model_dump(mode="json"), "failed_stage": stage, "reason": reason}
    verdict = judge_failure(row["attempts"], passing=passing, max_attempts=max_attempts)
    values["attempts"] = verdict.attempts
    if verdict.wait_s is None:
        values.update(state="failed", next_try_at=None)
    else:
        values.update(state="queued", next_try_at=now + verdict.wait_s)
    token = values.get("particles_token", row["particles_token"])
    return Change(
        values,
        particles=token != row["particles_token"],
        finished=True if verdict.final else None,
        failed=True,
        reason=reason,
        record=record,
    )


def given_back() -> Change:
    """Values for a movie whose task was cancelled: it waits again, and no attempt is counted."""
    return Change({"state": "queued", "next_try_at": None})


def queued(row: Mapping[str, Any], *, retry: bool = False) -> dict[str, Any]:
    """Values for a movie that is to be processed (again)."""
    if retry:
        priority = TEST_OR_RETRY
    else:
        priority = NEW if row["done_at"] is None else REDO
    return {"state": "queued", "priority": priority, "attempts": 0, "next_try_at": None}


def short_of_memory(outcome: Outcome) -> bool:
    """Whether a task failed because memory ran out, as far as one can tell."""
    record = outcome.value
    reason = record.reason if isinstance(record, MovieRecord) else outcome.error
    return "memory" in reason
