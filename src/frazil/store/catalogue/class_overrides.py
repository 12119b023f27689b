"""Classes that a person keeps or rejects, whatever the classifier thinks; and which are kept at last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select

from frazil.model.class_choice import good_classes
from frazil.model.settings import setting_info
from frazil.store.catalogue import revisions
from frazil.store.catalogue.schema import class_overrides

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection


def of_run(connection: Connection, session_id: int, run: int) -> dict[int, bool]:
    """Whether to keep the classes of a run that a person decided about, by stable id."""
    table = class_overrides
    query = select(table.c.stable_id, table.c.keep).where(
        table.c.session_id == session_id, table.c.run == run
    )
    return {row.stable_id: bool(row.keep) for row in connection.execute(query)}


def listed(connection: Connection, session_id: int) -> dict[int, dict[int, bool]]:
    """All of a session, by run."""
    table = class_overrides
    query = select(table.c.run, table.c.stable_id, table.c.keep).where(table.c.session_id == session_id)
    result: dict[int, dict[int, bool]] = {}
    for row in connection.execute(query.order_by(table.c.run, table.c.stable_id)):
        result.setdefault(row.run, {})[row.stable_id] = bool(row.keep)
    return result


def change(
    connection: Connection,
    session_id: int,
    run: int,
    choices: Mapping[int, bool | None],
    *,
    saved_by: str,
    saved_at: float,
) -> None:
    """Keep (True) or reject (False) classes by stable id; None: as the classifier judges."""
    table = class_overrides
    own = table.c.session_id == session_id, table.c.run == run, table.c.stable_id.in_(list(choices))
    connection.execute(delete(table).where(*own))
    rows = [
        {
            "session_id": session_id,
            "run": run,
            "stable_id": stable_id,
            "keep": keep,
            "saved_at": saved_at,
            "saved_by": saved_by,
        }
        for stable_id, keep in choices.items()
        if keep is not None
    ]
    if rows:
        connection.execute(insert(table), rows)


def remove(connection: Connection, session_id: int, runs: Iterable[int] | None = None) -> None:
    """Forget what was decided about classes of some runs, or of all."""
    own = [class_overrides.c.session_id == session_id]
    if runs is not None:
        own.append(class_overrides.c.run.in_(list(runs)))
    connection.execute(delete(class_overrides).where(*own))


def kept_classes(
    connection: Connection, session_id: int, run: int, classes: Iterable[Mapping[str, Any]]
) -> set[int]:
    """Return the ids of the classes of an entry that are kept now: by threshold, and by hand."""
    least = revisions.newest(connection, session_id).settings().classification.select_quality
    # Where nobody has moved the threshold, what the classifier said then counts.
    moved = None if least == setting_info("select_quality").default else least
    return good_classes(list(classes), moved, of_run(connection, session_id, run))
