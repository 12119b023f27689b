"""How much pre-processing itself costs: movies per second with trivial stages, and idle load.

    python -m benchmarks.track_rate [--movies 500] [--workers 2] [--old 5000]

Run from the repository's root. The track runs in its thread, on worker processes; ``--old`` movies were done
before. Every movie has products and a record of its own, as `tests.tracks.preprocess.movie_work` makes them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]
from tests.tracks.harness import Bench, make_bench
from tests.tracks.preprocess.movie_work import work

from frazil.engine.pipes import pipe_executor
from frazil.engine.worker import Pool
from frazil.model.track import Start
from frazil.store.catalogue import movies
from frazil.tracks.context import Nudge
from frazil.tracks.preprocess import PreprocessBody
from frazil.tracks.runner import TrackRunner

IDLE_S, GIVE_UP_S = 20.0, 120.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--movies", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--old", type=int, default=5000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = make_bench(Path(folder))
        executor = pipe_executor({"movies": Pool(workers=options.workers)})
        bench.add_movies(options.old)
        with bench.catalogue.write() as connection:
            condition = movies.movies.c.state == "queued"
            movies.change_where(connection, bench.session_id, condition, state="ignored")
        context = bench.context()
        context.executor, context.wall_clock, context.clock = executor, time.time, time.monotonic

        runner = TrackRunner("bench", PreprocessBody(context, work), lambda *_: None, print)
        context.post = runner.post
        began = time.perf_counter()
        runner.control(Start()).result()
        print(f"begin with {options.old} older movies: {1e3 * (time.perf_counter() - began):.0f} ms")
        for worker in range(3):
            seconds = run(bench, runner, options.movies, options.old + 1 + worker * options.movies)
            print(f"{options.movies} movies: {options.movies / seconds:.0f} per second")
        process = psutil.Process()
        before = sum(process.cpu_times()[:2])
        time.sleep(IDLE_S)
        print(f"idle: {100.0 * (sum(process.cpu_times()[:2]) - before) / IDLE_S:.2f} % of one core")
        runner.close()
        executor.close()
        bench.close()


def run(bench: Bench, runner: TrackRunner, count: int, first: int) -> float:
    """Deliver movies and wait until they are done; returns the seconds."""
    names = set(bench.add_movies(count, first=first))
    began = time.perf_counter()
    runner.post(Nudge())
    while time.perf_counter() - began < GIVE_UP_S:
        with bench.catalogue.read() as connection:
            left = movies.in_states(connection, bench.session_id, ("queued", "processing"), limit=1)
        if not left:
            break
        time.sleep(0.05)
    seconds = time.perf_counter() - began
    if any(bench.row(name)["state"] != "done" for name in names):
        raise RuntimeError("some movie was not done")
    return seconds


if __name__ == "__main__":
    main()
