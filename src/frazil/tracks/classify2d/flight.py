"""One task of the classifier: what it was given, and what its success means."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.engine.executor import Task
from frazil.stages.classify_stream_task import Publication
from frazil.tracks.classify2d.feeding import Geometry, after_feeding, join, keys_to_withdraw
from frazil.tracks.classify2d.history import ENTRY

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from frazil.model.settings import Settings
    from frazil.stages.classify_stream_task import StreamParticles
    from frazil.tracks.classify2d.desk import Desk
    from frazil.tracks.classify2d.pool import Fed

_LONGEST_S = 3600.0
_SERIAL = (f"{uuid.uuid4().hex[:8]}-{number}" for number in itertools.count())


@dataclass(frozen=True)
class Flight:
    """What the engine has.

    Attributes
    ----------
    key
        Of the task.
    fed
        What the run has of the movies, when it succeeds.
    added
        New particles.
    publishes
        Number of the entry of the history that it writes; None: none.
    """

    key: str
    kind: str
    revision: int
    fed: dict[int, Fed] = field(default_factory=dict)
    added: int = 0
    publishes: int | None = None


@dataclass(frozen=True)
class Ration:
    """Particles for one task, and what the run has of their movies when it succeeds."""

    particles: StreamParticles | None
    withdrawn: NDArray[np.int64]
    fed: dict[int, Fed]

    @property
    def added(self) -> int:
        """How many new particles."""
        return 0 if self.particles is None else int(self.particles.keys.size)


NOTHING = Ration(None, np.zeros(0, dtype=np.int64), {})


def next_ration(desk: Desk, most_particles: int, settings: Settings) -> Ration:
    """Take the next particles from the pool; their tables are read here."""
    if most_particles <= 0:
        return NOTHING
    pool, run = desk.pool, desk.run
    geometry = Geometry(run.box_px, run.pixel_size_a)
    tables = desk.read_tables(pool.movies_to_add(most_particles), geometry)
    tokens = {table.number: pool.movie(table.number).token for table in tables}
    withdrawn = pool.movies_to_withdraw(table.number for table in tables)
    keys = keys_to_withdraw(pool, tables, withdrawn)
    return Ration(join(tables, pool, settings), keys, after_feeding(pool, tables, withdrawn, tokens))


def publication(
    desk: Desk, kind: str, revision: int, *, begun_at: float, **more: Any
) -> tuple[int, Publication]:
    """Return the number of the next entry of the history, and how it is written."""
    run, number = desk.run, desk.memory.last_number + 1
    place = run.updates + 1
    entry = {
        "number": number,
        "run": run.number,
        "update_in_run": place,
        "kind": kind,
        "settings_revision": revision,
        "begun_at": begun_at,
        "mode": run.mode,
        "engine": desk.settings.classification.engine,
        **more,
    }
    folder = desk.run_folder / f"update{place:03d}"
    previous = desk.run_folder / f"update{place - 1:03d}" if run.updates else None
    depth = desk.settings.alignment.output_depth
    return number, Publication(folder, extra={ENTRY: entry}, depth=depth, previous=previous)


def submit(desk: Desk, function: Callable[[Any], Any], work: Any, **flight: Any) -> Flight:
    """Give a task to the engine."""
    context = desk.context
    made = Flight(f"{context.uuid}/classify2d/{next(_SERIAL)}", **flight)
    context.executor.submit(
        Task(
            made.key,
            function,
            (work,),
            pool="classes",
            priority=(2.0,),
            timeout_s=_LONGEST_S,
            attempts=1,
            done=context.post,
        )
    )
    return made
