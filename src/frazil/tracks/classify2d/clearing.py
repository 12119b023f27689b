"""Clear of 2D classification."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frazil.store.catalogue import class_overrides, class_selections, class_updates
from frazil.store.catalogue import movies as movie_rows
from frazil.store.catalogue.schema import movies
from frazil.store.trash import throw_away
from frazil.tracks.classify2d import yields
from frazil.tracks.classify2d.memory import JobsMemory

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from sqlalchemy import Connection

    from frazil.tracks.classify2d.desk import Desk


def clear_classes(desk: Desk, runs: Collection[int] = ()) -> set[int]:
    """Remove all runs, or only ``runs``, and their history; numbers are kept, so that none is used again.

    Returns the numbers of the entries that are gone.

    The folders go inside the transaction that forgets them: after a crash between the two the entries have
    rows without pictures, and Clear can be done again.
    """
    context = desk.context
    with context.catalogue.write() as connection:
        number, run = class_updates.last_numbers(connection, context.session_id)
        memory = desk.memory
        last = {"last_number": max(number, memory.last_number), "last_run": max(run, memory.last_run)}
        if runs:
            gone_entries = _remove_runs(desk, connection, set(runs))
        else:
            throw_away(context.folder, [context.folder / "classes"])
            gone_entries = class_updates.remove_all(connection, context.session_id)
            class_selections.remove_all(connection, context.session_id)
            class_overrides.remove(connection, context.session_id)
            _forget_yields(connection, context.session_id)
        gone = not runs or _is_current(desk, runs)
        desk.remember(connection, **last, **(_no_run(desk) if gone else {}))
    if gone:
        desk.pool.begin_run({})
    context.log.info("cleared", updates=len(gone_entries), runs=sorted(runs) if runs else "all")
    return gone_entries


def _remove_runs(desk: Desk, connection: Connection, runs: set[int]) -> set[int]:
    """Remove some runs; movies know their share in the good classes of the newest entry that is left."""
    context, session = desk.context, desk.context.session_id
    throw_away(context.folder, [context.folder / f"classes/run{run:03d}" for run in sorted(runs)])
    newest = class_updates.last_numbers(connection, session)[0]
    removed = class_updates.remove_runs(connection, session, runs)
    class_selections.remove_of(connection, session, removed)
    class_overrides.remove(connection, session, runs)
    if newest in removed:
        try:
            yields.recount(connection, session, context.folder)
        except OSError as error:
            context.log.warning(f"the entry that is the newest now can't be read: {error}")
            _forget_yields(connection, session)
    return removed


def _is_current(desk: Desk, runs: Collection[int]) -> bool:
    """Whether the run that would go on is among them, or the one whose averages it has yet to begin from."""
    run = desk.memory.run
    if run is None:
        return False
    begins_from = run.source if run.updates == 0 else None
    return run.number in runs or any(f"run{number:03d}" in (begins_from or "") for number in runs)


def _no_run(desk: Desk) -> dict[str, Any]:
    return {"run": None, "jobs": JobsMemory(cycle=desk.memory.jobs.cycle), "new_data_set": False}


def _forget_yields(connection: Connection, session_id: int) -> None:
    movie_rows.change_where(
        connection,
        session_id,
        movies.c.particles_classified.is_not(None),
        particles_classified=None,
        particles_good=None,
        class_yield=None,
    )
