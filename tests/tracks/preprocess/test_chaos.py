"""Pre-processing in any order of events, with crashes: every movie is done exactly once in the results."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from tests.tracks.harness import Bench, make_bench
from tests.tracks.preprocess.movie_work import PRODUCT, work

from frazil.engine.inline import InlineExecutor
from frazil.stages.record import MovieRecord
from frazil.store.catalogue import particle_changes
from frazil.tracks.preprocess import PreprocessBody


class AnyOrder(RuleBasedStateMachine):
    """New movies, results, lost workers, stops and crashes of the server, as hypothesis likes."""

    @initialize()
    def begin(self) -> None:
        self.temporary = tempfile.TemporaryDirectory()
        self.bench = make_bench(Path(self.temporary.name))
        self.count = 0
        self._begin_body()

    def _begin_body(self) -> None:
        self.body = PreprocessBody(self.bench.context(), work)
        self.body.begin(anew=False)

    @rule(count=st.integers(1, 3), content=st.sampled_from([b"frames", b"frames", b"bad ctf"]))
    def movies_come(self, count: int, content: bytes) -> None:
        self.bench.add_movies(count, first=self.count + 1, source=content)
        self.count += count

    @rule(seconds=st.sampled_from([0.0, 0.01, 1.0, 40.0]))
    def step(self, seconds: float) -> None:
        self.bench.turn(self.body, seconds)

    @rule()
    def a_worker_begins(self) -> None:
        self.bench.executor.begin_next()

    @rule()
    def a_task_ends(self) -> None:
        self.bench.executor.run_next()

    @rule()
    def a_worker_dies(self) -> None:
        self.bench.executor.lose_next()

    @rule()
    def stop_and_start(self) -> None:
        self.body.drain()
        self.bench.deliver(self.body)
        self.body.kill()
        self.bench.deliver(self.body)
        assert self.body.in_flight == 0
        self.body.begin(anew=False)

    @rule()
    def the_loop_dies_and_begins_again(self) -> None:
        self.body.begin(anew=False)

    @rule()
    def the_server_is_killed(self) -> None:
        old = self.bench
        self.bench = Bench(
            old.catalogue, old.folder, InlineExecutor({"movies": 2}), old.session_id, old.clock
        )
        self.bench.logs = old.logs
        self._begin_body()

    @rule(stage=st.sampled_from(sorted(PRODUCT)))
    def a_product_is_lost(self, stage: str) -> None:
        for product in (self.bench.folder.path / PRODUCT[stage].format("x")).parent.iterdir():  # type: ignore[index]
            product.unlink()
            break

    def teardown(self) -> None:
        if not hasattr(self, "bench"):
            return
        bench = self.bench
        # Passing failures wait for up to ten minutes; a lost product is found when the track begins.
        for _ in range(4):
            bench.work(self.body)
            bench.clock.now += 700.0
        self.body.begin(anew=False)
        for _ in range(4):
            bench.work(self.body)
            bench.clock.now += 700.0
        states = bench.states()
        assert len(states) == self.count
        for name in states:
            self._check(name, bench)
        with bench.catalogue.read() as connection:
            known = particle_changes.since(connection, bench.session_id, 0)
        done = {name for name, state in states.items() if state == "done"}
        assert {movie.name for movie in known if movie.token} == done
        bench.close()
        self.temporary.cleanup()

    @staticmethod
    def _check(name: str, bench: Bench) -> None:
        row = bench.row(name)
        bad = bench.raw(name).read_bytes() != b"frames"
        if row["state"] == "failed" and not bad:
            # Only three workers lost over it may do that.
            assert row["attempts"] == 3, row["reason"]
            return
        assert row["state"] == ("failed" if bad else "done")
        stored = (bench.folder.path / "records" / f"{name}.json").read_text()
        record = MovieRecord.model_validate_json(stored)
        assert record.model_dump(mode="json") == row["record"]
        for stage in record.stages.values():
            assert all((bench.folder.path / product).exists() for product in stage.products)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = hypothesis_settings(max_examples=12, stateful_step_count=25, deadline=None)
