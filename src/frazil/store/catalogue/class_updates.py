"""History of class averages; entries are added and never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select

from frazil.model.errors import InputError
from frazil.store.catalogue.schema import class_updates

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection

_SHORT = [column for column in class_updates.c if column.name != "summary"]
_NUMBERS = (
    "classes_in_use",
    "median_resolution_a",
    "mean_log_evidence",
    "moved_share",
    "mean_noise",
    "good_share",
)
"""What is read from the summary besides: points of the curves over all entries."""
_CURVES = [
    *(class_updates.c.summary[name].as_float().label(name) for name in _NUMBERS),
    class_updates.c.summary["contrast"].as_string().label("contrast"),
]


def add(connection: Connection, session_id: int, number: int, values: Mapping[str, Any]) -> None:
    """Add an entry."""
    connection.execute(insert(class_updates).values(session_id=session_id, number=number, **values))


def listed(connection: Connection, session_id: int) -> list[dict[str, Any]]:
    """All entries, oldest first: without their summaries, but with what curves over all entries need.

    That is None where an older version wrote the entry.
    """
    query = (
        select(*_SHORT, *_CURVES)
        .where(class_updates.c.session_id == session_id)
        .order_by(class_updates.c.number)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def get(connection: Connection, session_id: int, number: int | None = None) -> dict[str, Any]:
    """Return one entry, the newest if ``number`` is None; `InputError` where there is none."""
    query = select(class_updates).where(class_updates.c.session_id == session_id)
    query = (
        query.order_by(class_updates.c.number.desc()).limit(1)
        if number is None
        else query.where(class_updates.c.number == number)
    )
    row = connection.execute(query).mappings().first()
    if row is None:
        raise InputError(
            f"S{session_id} has no class averages yet"
            if number is None
            else f"S{session_id} has no update {number} of its class averages"
        )
    return dict(row)


def last_numbers(connection: Connection, session_id: int) -> tuple[int, int]:
    """Return the highest update number and the highest run number; 0 where there is none.

    Numbers of cleared runs are kept in the track's memory; see `frazil.tracks.classify2d`.
    """
    query = select(func.max(class_updates.c.number), func.max(class_updates.c.run)).where(
        class_updates.c.session_id == session_id
    )
    number, run = connection.execute(query).one()
    return int(number or 0), int(run or 0)


def remove_all(connection: Connection, session_id: int) -> set[int]:
    """Forget the history; returns the numbers of the entries there were."""
    own = class_updates.c.session_id == session_id
    numbers = set(connection.scalars(select(class_updates.c.number).where(own)))
    connection.execute(class_updates.delete().where(own))
    return numbers


def remove_runs(connection: Connection, session_id: int, runs: Iterable[int]) -> set[int]:
    """Forget the history of some runs; returns the numbers of the entries there were."""
    own = class_updates.c.session_id == session_id, class_updates.c.run.in_(list(runs))
    numbers = set(connection.scalars(select(class_updates.c.number).where(*own)))
    connection.execute(class_updates.delete().where(*own))
    return numbers
