"""Which particles a run has: exactly those that are wanted, each under a key of its own, in any order."""

from __future__ import annotations

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from frazil.store.catalogue.particle_changes import MovieParticles
from frazil.tracks.classify2d.pool import Fed, ParticlePool, movie_of_keys, particle_keys

MOVIES = st.integers(1, 6)


class AnyOrder(RuleBasedStateMachine):
    """Movies come, change, are excluded; batches are given, or lost on the way."""

    @initialize()
    def begin(self) -> None:
        self.limit_a = 10.0
        self.pool = ParticlePool(self._wanted)
        self.movies: dict[int, MovieParticles] = {}
        self.in_run: dict[int, str] = {}
        self.ever: set[int] = set()
        self.changes = 0

    def _wanted(self, movie: MovieParticles) -> bool:
        good = movie.ctf_resolution_a is not None and movie.ctf_resolution_a <= self.limit_a
        return movie.override != "exclude" and good

    @rule(
        number=MOVIES,
        token=st.sampled_from([None, "a", "b", "c"]),
        count=st.integers(0, 40),
        resolution=st.sampled_from([None, 4.0, 12.0]),
        override=st.sampled_from(["auto", "exclude"]),
    )
    def a_movie_changes(
        self, number: int, token: str | None, count: int, resolution: float | None, override: str
    ) -> None:
        before = self.movies.get(number)
        if before is not None and before.token == token:
            # The same images are as many as before.
            count = before.particles
        self.changes += 1
        movie = MovieParticles(number, f"m{number}", token, count, resolution, override, self.changes, 1)
        self.movies[number] = movie
        self.pool.change([movie])

    @rule(limit_a=st.sampled_from([10.0, 20.0]))
    def the_limit_changes(self, limit_a: float) -> None:
        self.limit_a = limit_a
        self.pool.refresh()

    @rule(most=st.integers(1, 60), lost=st.booleans())
    def a_batch_is_given(self, most: int, lost: bool) -> None:
        added = self.pool.movies_to_add(most)
        gone = self.pool.movies_to_withdraw(added)
        if lost:
            return
        for number in gone:
            fed = self.pool.fed(number)
            assert fed is not None
            for key in particle_keys(number, fed.generation, fed.count).tolist():
                del self.in_run[key]
        result: dict[int, Fed] = {}
        for number in gone:
            fed = self.pool.fed(number)
            assert fed is not None
            result[number] = Fed(None, fed.generation, 0)
        for number in added:
            movie = self.pool.movie(number)
            generation = self.pool.next_generation(number)
            assert movie.token is not None
            for key in particle_keys(number, generation, movie.particles).tolist():
                assert key not in self.in_run
                self.in_run[key] = movie.token
            result[number] = Fed(movie.token, generation, movie.particles)
        for number, fed_now in result.items():
            self.pool.note(number, fed_now)

    @rule()
    def the_server_starts_again(self) -> None:
        fed = {number: item for number in self.movies if (item := self.pool.fed(number)) is not None}
        self.pool = ParticlePool(self._wanted)
        self.pool.begin_run(fed)
        self.pool.change(self.movies.values())

    @invariant()
    def what_does_not_wait_is_right(self) -> None:
        waiting = set(self.pool.pending)
        for number, movie in self.movies.items():
            wanted = movie.token is not None and movie.particles > 0 and self._wanted(movie)
            has = {token for key, token in self.in_run.items() if key >> 20 == number}
            if number not in waiting:
                assert has == ({movie.token} if wanted else set())
        eligible = sum(m.particles for m in self.movies.values() if m.token is not None and self._wanted(m))
        assert self.pool.eligible_particles == eligible
        assert self.pool.fed_particles == len(self.in_run)

    def teardown(self) -> None:
        if not hasattr(self, "pool"):
            return
        for _ in range(20):
            self.a_batch_is_given(60, lost=False)
        assert self.pool.pending == []
        self.what_does_not_wait_is_right()


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = hypothesis_settings(max_examples=100, deadline=None)


def test_keys_name_the_movie_and_the_place() -> None:
    keys = particle_keys(7, 3, 5)
    assert set(movie_of_keys(keys).tolist()) == {7}
    assert (keys & 0xFFFF).tolist() == [0, 1, 2, 3, 4]
    assert set(keys.tolist()) & set(particle_keys(7, 4, 5).tolist()) == set()
