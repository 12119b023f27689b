"""Which movies' particles changed: followed by 2D classification without reading what it knows already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select, update

from frazil.store.catalogue.schema import movies

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection

_AT_ONCE = 500


@dataclass(frozen=True)
class MovieParticles:
    """What decides about the particles of one movie.

    Attributes
    ----------
    number, name
        The movie.
    token
        Which particle images there are; None where there are none.
    particles
        How many.
    ctf_resolution_a
        To where its CTF fits, None where it does not.
    override
        auto, include or exclude.
    change
        Number of the last change.
    """

    number: int
    name: str
    token: str | None
    particles: int
    ctf_resolution_a: float | None
    override: str
    change: int
    revision: int | None


def mark(connection: Connection, session_id: int, numbers: Collection[int]) -> None:
    """Say that the particles of these movies changed, in the same transaction as the change."""
    if not numbers:
        return
    last = connection.scalar(
        select(func.max(movies.c.particles_change)).where(movies.c.session_id == session_id)
    )
    chosen = list(numbers)
    for first in range(0, len(chosen), _AT_ONCE):
        connection.execute(
            update(movies)
            .where(movies.c.session_id == session_id, movies.c.number.in_(chosen[first : first + _AT_ONCE]))
            .values(particles_change=int(last or 0) + 1)
        )


def since(connection: Connection, session_id: int, change: int) -> Sequence[MovieParticles]:
    """Movies whose particles changed after ``change``, in the order of the changes; 0: all that ever had."""
    query = (
        select(
            movies.c.number,
            movies.c.name,
            movies.c.particles_token,
            movies.c.particles,
            movies.c.ctf_resolution_a,
            movies.c.override,
            movies.c.particles_change,
            movies.c.settings_revision,
        )
        .where(movies.c.session_id == session_id, movies.c.particles_change > change)
        .order_by(movies.c.particles_change, movies.c.number)
    )
    return [
        MovieParticles(number, name, token, int(particles or 0) if token else 0, resolution, override, at, of)
        for number, name, token, particles, resolution, override, at, of in connection.execute(query)
    ]
