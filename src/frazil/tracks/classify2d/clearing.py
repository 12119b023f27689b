"""Clear of 2D classification."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frazil.store.catalogue import class_selections, class_updates
from frazil.store.catalogue import movies as movie_rows
from frazil.store.catalogue.schema import movies
from frazil.store.trash import throw_away
from frazil.tracks.classify2d.memory import JobsMemory

if TYPE_CHECKING:
    from frazil.tracks.classify2d.desk import Desk


def clear_classes(desk: Desk) -> None:
    """Remove all runs and their history; numbers are kept, so that none is ever used again.

    The folder goes inside the transaction that forgets it: after a crash between the two the entries have
    rows without pictures, and Clear can be done again.
    """
    context = desk.context
    with context.catalogue.write() as connection:
        number, run = class_updates.last_numbers(connection, context.session_id)
        memory = desk.memory
        throw_away(context.folder, [context.folder / "classes"])
        removed = class_updates.remove_all(connection, context.session_id)
        class_selections.remove_all(connection, context.session_id)
        movie_rows.change_where(
            connection,
            context.session_id,
            movies.c.particles_classified.is_not(None),
            particles_classified=None,
            particles_good=None,
            class_yield=None,
        )
        desk.remember(
            connection,
            last_number=max(number, memory.last_number),
            last_run=max(run, memory.last_run),
            run=None,
            jobs=JobsMemory(cycle=memory.jobs.cycle),
            new_data_set=False,
        )
    desk.pool.begin_run({})
    context.log.info("cleared", updates=removed)
