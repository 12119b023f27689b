"""How many of each movie's particles were classified, and how many are in good classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
from sqlalchemy import bindparam, select, update

from frazil.store.catalogue import class_overrides, class_updates
from frazil.store.catalogue.schema import movies
from frazil.tracks.classify2d.pool import movie_of_keys

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from sqlalchemy import Connection

Counts = dict[int, tuple[int, int]]
"""By movie: particles classified, and those in good classes."""


def count(folder: Path, kept: Collection[int]) -> Counts:
    """Count by movie, from the assignments of an entry; ``kept`` are the good classes."""
    table = pq.read_table(folder / "assignments.parquet", columns=["key", "class_id"])
    numbers = movie_of_keys(table.column("key").to_numpy().astype(np.int64))
    good = np.isin(table.column("class_id").to_numpy(), sorted(kept))
    found, place = np.unique(numbers, return_inverse=True)
    classified = np.bincount(place, minlength=found.size)
    in_good = np.bincount(place, weights=good, minlength=found.size).astype(np.int64)
    return {
        int(number): (int(total), int(kept))
        for number, total, kept in zip(found, classified, in_good, strict=True)
    }


def stored(connection: Connection, session_id: int) -> Counts:
    """Return what the movies' rows say."""
    query = select(movies.c.number, movies.c.particles_classified, movies.c.particles_good).where(
        movies.c.session_id == session_id, movies.c.particles_classified.is_not(None)
    )
    return {number: (int(total), int(good or 0)) for number, total, good in connection.execute(query)}


def recount(connection: Connection, session_id: int, folder: Path) -> int | None:
    """Count the newest entry anew, and write what differs; returns its number, None where there is none.

    ``folder`` is the session's. Raises `OSError` where the entry can't be read.
    """
    number = class_updates.last_numbers(connection, session_id)[0]
    counts: Counts = {}
    if number:
        entry = class_updates.get(connection, session_id, number)
        kept = class_overrides.kept_classes(connection, session_id, entry["run"], entry["summary"]["classes"])
        counts = count(folder / entry["folder"], kept)
    write(connection, session_id, stored(connection, session_id), counts)
    return number or None


def write(connection: Connection, session_id: int, before: Counts, now: Counts) -> None:
    """Write what differs into the movies' rows."""
    rows: list[dict[str, Any]] = []
    for number in sorted(set(before) | set(now)):
        if before.get(number) == now.get(number):
            continue
        total, good = now.get(number, (None, None))
        share = good / total if good is not None and total else None
        rows.append({"of": number, "total": total, "good": good, "share": share})
    if rows:
        connection.execute(
            update(movies)
            .where(movies.c.session_id == session_id, movies.c.number == bindparam("of"))
            .values(
                particles_classified=bindparam("total"),
                particles_good=bindparam("good"),
                class_yield=bindparam("share"),
            ),
            rows,
        )
