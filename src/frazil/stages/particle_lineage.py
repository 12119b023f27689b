"""Particles that stay the same when a micrograph is picked again: they keep place and number in their stack.

A particle's image depends on the average, the box and the place, not on its CTF. So when only the CTF, the
picking or a person's changes are new, a pick within a pixel of a particle that was there is that particle:
2D classification keeps what it knows of it, and only visits it again where its CTF changed.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SAME_WITHIN_PX = 1.0
"""Pixels of the micrograph."""
MOST_NUMBERS = 1 << 16
"""Of one lineage; keys of 2D classification have room for no more."""
_COLUMNS = ("x_px", "y_px", "stack_index", "particle_id")


@dataclass(frozen=True)
class Lineage:
    """Particles of one micrograph that were cut out alike.

    Attributes
    ----------
    made_as
        Names what decides about an image besides its place: average, box, normalisation.
    name
        Of the lineage: two tables of one name give equal images to equal numbers.
    next_id
        The first number that was never used.
    x_px, y_px, place, ids
        Shape (n,): centres, places in the stack, numbers.
    """

    made_as: str
    name: str
    next_id: int
    x_px: NDArray[np.float64]
    y_px: NDArray[np.float64]
    place: NDArray[np.int64]
    ids: NDArray[np.int64]

    def metadata(self) -> dict[str, str]:
        """Return what a particle table says about it."""
        return {"made_as": self.made_as, "lineage": self.name, "next_id": str(self.next_id)}


def new_lineage(made_as: str) -> Lineage:
    """Begin anew: no particle is one that was there before."""
    none = np.zeros(0)
    numbers = np.zeros(0, dtype=np.int64)
    return Lineage(made_as, f"{made_as}-{uuid.uuid4().hex[:8]}", 0, none, none, numbers, numbers)


def stored_lineage(table: Path, made_as: str) -> Lineage:
    """Return the lineage of a particle table if its images were made alike, else a new one."""
    try:
        # Unlike `pyarrow.parquet.read_table`, this loads no library for whole datasets.
        with pq.ParquetFile(table) as file:
            columns = file.read()
        extra = {key.decode(): value.decode() for key, value in (columns.schema.metadata or {}).items()}
        if extra.get("made_as") != made_as:
            return new_lineage(made_as)
        x, y, place, ids = (columns.column(name).to_numpy() for name in _COLUMNS)
        return Lineage(
            made_as,
            extra["lineage"],
            int(extra["next_id"]),
            x,
            y,
            place.astype(np.int64),
            ids.astype(np.int64),
        )
    except (OSError, pa.ArrowException, KeyError, ValueError):
        # None there, or one that can't be used: nothing is lost but what 2D knows of these particles.
        return new_lineage(made_as)


def match(lineage: Lineage, x_px: NDArray[np.float64], y_px: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return for every pick the row of the particle that it is, -1 for none; each particle is taken once."""
    rows = np.full(x_px.size, -1, dtype=np.int64)
    if not lineage.ids.size or not x_px.size:
        return rows
    from scipy.spatial import cKDTree  # takes a fifth of a second to load, and is seldom needed

    tree = cKDTree(np.column_stack([lineage.x_px, lineage.y_px]))
    distance, nearest = tree.query(np.column_stack([x_px, y_px]), distance_upper_bound=SAME_WITHIN_PX)
    taken = np.zeros(lineage.ids.size, dtype=bool)
    for pick in np.argsort(distance, kind="stable"):
        row = nearest[pick]
        if np.isfinite(distance[pick]) and not taken[row]:
            rows[pick], taken[row] = row, True
    return rows


def arrange(
    lineage: Lineage, rows: NDArray[np.int64]
) -> tuple[Lineage, NDArray[np.int64], NDArray[np.int64]]:
    """Give particles numbers and places.

    Parameters
    ----------
    rows
        Shape (n,): of each particle as of `match`.

    Returns
    -------
    lineage
        The same, or a new one where its numbers are used up.
    order
        Shape (n,): which particle lies at each place of the stack. Those that were there lie where they lay,
        if the stack is still that long; others fill the gaps.
    ids
        Shape (n,): number of the particle at each place.
    """
    count, known = rows.size, rows >= 0
    if lineage.next_id + int((~known).sum()) > MOST_NUMBERS:
        lineage, rows = new_lineage(lineage.made_as), np.full(count, -1, dtype=np.int64)
        known = rows >= 0
    numbers = np.empty(count, dtype=np.int64)
    numbers[known] = lineage.ids[rows[known]]
    numbers[~known] = lineage.next_id + np.arange(int((~known).sum()))
    order = np.full(count, -1, dtype=np.int64)
    stay = np.flatnonzero(known)
    stay = stay[lineage.place[rows[stay]] < count]
    order[lineage.place[rows[stay]]] = stay
    order[order < 0] = np.setdiff1d(np.arange(count), stay)
    after = Lineage(
        lineage.made_as,
        lineage.name,
        lineage.next_id + int((~known).sum()),
        lineage.x_px,
        lineage.y_px,
        lineage.place,
        lineage.ids,
    )
    return after, order, numbers[order]
