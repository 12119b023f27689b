"""Which particles belong into a classification, and which of them are in it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from frazil.store.catalogue.particle_changes import MovieParticles

GENERATIONS = 16
MOST_PARTICLES = 1 << 16
"""Of one movie; the keys have room for no more."""


@dataclass(frozen=True)
class Fed:
    """Particles of one movie that the run was given.

    Attributes
    ----------
    token
        Which images; None: they were withdrawn.
    generation
        Counts up when a movie's particles are replaced, so that new images never have an old key.
    count
        How many.
    lineage
        Tables of one lineage have equal images under equal numbers: those stay when others are replaced.
    ids
        Their numbers; None: from 0 on.
    """

    token: str | None
    generation: int
    count: int
    lineage: str = ""
    ids: tuple[int, ...] | None = None

    def keys(self, number: int) -> NDArray[np.int64]:
        """Return the keys of the particles of movie ``number``."""
        return particle_keys(number, self.generation, self.count, self.ids)


def particle_keys(
    number: int, generation: int, count: int, ids: Sequence[int] | None = None
) -> NDArray[np.int64]:
    """Keys of a movie's particles: they name the movie, the generation, and the particle in it."""
    first = (number << 20) | ((generation % GENERATIONS) << 16)
    return first + (np.arange(count, dtype=np.int64) if ids is None else np.asarray(ids, dtype=np.int64))


def movie_of_keys(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers of the movies that particles belong to."""
    return keys >> 20


class ParticlePool:
    """All movies with particles, which of them are wanted, and what the run has of them.

    ``wanted`` decides about one movie; `refresh` asks it again for all.
    """

    def __init__(self, wanted: Callable[[MovieParticles], bool]) -> None:
        self._wanted = wanted
        self._movies: dict[int, MovieParticles] = {}
        self._eligible: dict[int, int] = {}
        self._eligible_particles = 0
        self._last_change = 0
        self._fed: dict[int, Fed] = {}
        self._pending: dict[int, None] = {}

    @property
    def last_change(self) -> int:
        """Number of the newest change that is known."""
        return self._last_change

    @property
    def eligible_particles(self) -> int:
        """How many particles are wanted."""
        return self._eligible_particles

    @property
    def fed_particles(self) -> int:
        """How many particles the run has."""
        return sum(fed.count for fed in self._fed.values() if fed.token is not None)

    @property
    def pending(self) -> list[int]:
        """Movies whose particles are to be added, withdrawn or replaced, in the order they came."""
        return list(self._pending)

    @property
    def pending_particles(self) -> int:
        """How many particles wait to be added."""
        return sum(self._movies[number].particles for number in self._pending if number in self._eligible)

    @property
    def leaving_share(self) -> float:
        """Share of the run's particles that are not wanted any more, or are replaced by others."""
        leaving = sum(fed.count for n in self._pending if (fed := self._fed.get(n)) and fed.token is not None)
        return leaving / max(1, self.fed_particles)

    def movie(self, number: int) -> MovieParticles:
        """Return what is known of a movie."""
        return self._movies[number]

    def movies(self) -> Iterable[MovieParticles]:
        """All movies that are known."""
        return self._movies.values()

    def is_eligible(self, number: int) -> bool:
        """Whether a movie's particles are wanted."""
        return number in self._eligible

    def change(self, movies: Iterable[MovieParticles]) -> None:
        """Take in movies that are new or have changed."""
        for movie in movies:
            self._movies[movie.number] = movie
            self._last_change = max(self._last_change, movie.change)
            self._judge(movie)

    def refresh(self) -> None:
        """Ask again for every movie: what is wanted has changed."""
        for movie in self._movies.values():
            self._judge(movie)

    def begin_run(self, fed: Mapping[int, Fed]) -> None:
        """Go on with a run that has these; with none of them for a new run."""
        self._fed = dict(fed)
        self._pending.clear()
        self.refresh()

    def fed(self, number: int) -> Fed | None:
        """Return what the run has of a movie."""
        return self._fed.get(number)

    def next_generation(self, number: int) -> int:
        """Return the generation that new particles of a movie get."""
        fed = self._fed.get(number)
        return 0 if fed is None else fed.generation + 1

    def generation_for(self, number: int, lineage: str) -> int:
        """Return the generation of particles to be added: that of the run's if they go on with those."""
        fed = self._fed.get(number)
        if fed is not None and fed.token is not None and lineage and fed.lineage == lineage:
            return fed.generation
        return self.next_generation(number)

    def note(self, number: int, fed: Fed) -> None:
        """Note what the run has of a movie now."""
        self._fed[number] = fed
        self._judge(self._movies[number])

    def skip(self, number: int) -> None:
        """Leave a movie out until it changes: its particles can't be used."""
        movie = self._movies[number]
        self._movies[number] = replace(movie, token=None, particles=0)
        self._judge(self._movies[number])

    def movies_to_add(self, most_particles: int) -> list[int]:
        """Return the pending movies whose particles make up the next batch: at least one, if there is any."""
        chosen: list[int] = []
        count = 0
        for number in self._pending:
            if number not in self._eligible:
                continue
            if chosen and count + self._movies[number].particles > most_particles:
                break
            chosen.append(number)
            count += self._movies[number].particles
        return chosen

    def movies_to_withdraw(self, replaced: Iterable[int]) -> list[int]:
        """Return the movies whose old particles go: not wanted any more, or being ``replaced``."""
        gone = [number for number in self._pending if number not in self._eligible]
        return [n for n in (*gone, *replaced) if n in self._fed and self._fed[n].token is not None]

    def _judge(self, movie: MovieParticles) -> None:
        number = movie.number
        wanted = movie.token is not None and 0 < movie.particles <= MOST_PARTICLES and self._wanted(movie)
        self._eligible_particles -= self._eligible.pop(number, 0)
        if wanted:
            self._eligible[number] = movie.particles
            self._eligible_particles += movie.particles
        has = self._fed.get(number)
        if (movie.token if wanted else None) == (has.token if has is not None else None):
            self._pending.pop(number, None)
        else:
            self._pending.setdefault(number)
