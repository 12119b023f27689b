"""Load: six sessions of 5,000 movies, one that processes, 200 WebSocket clients; what the server answers.

    python -m benchmarks.load --folder DIR [--movies 5000] [--sessions 6] [--clients 200] [--seconds 60]

Run from the repository's root. ``DIR`` must be new; a server of its own is started on a free port. Prints
medians and 95th percentiles of the answers' times, the server's memory, and how fast movies went through
with and without the clients.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import psutil  # noqa: TC002 - small
import websockets
from tests.kill.live import SETTINGS, Microscope, expose, free_port
from tests.kill.server import Server

from frazil.model.movie_columns import MOVIE_COLUMNS
from frazil.store.catalogue import Catalogue, movies, revisions, sessions, tracks
from frazil.store.session import SessionFolder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--sessions", type=int, default=6)
    parser.add_argument("--movies", type=int, default=5000)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate-per-h", type=float, default=1800.0, help="movies of the live session")
    options = parser.parse_args()
    folder: Path = options.folder.absolute()
    folder.mkdir(parents=True)
    with Server(folder / "server", folder, free_port()) as server:
        server.ask("GET", "/sessions")
    print(f"filling {options.sessions} sessions of {options.movies} movies")
    fill(folder, options.sessions, options.movies)
    exposed = expose(folder / "exposed")
    with Server(folder / "server", folder, free_port()) as server:
        process = server.process()
        print(f"memory after the start: {process.memory_info().rss / 1e6:.0f} MB")
        source = folder / "source"
        source.mkdir()
        microscope = Microscope(exposed, source, 3600.0 / options.rate_per_h)
        live = server.ask("POST", "/sessions", {"values": {**SETTINGS, "source_path": str(source)}})["id"]
        server.ask("POST", f"/sessions/{live}/tracks/start-all")
        microscope.start()
        for clients in (0, options.clients):
            measure(server, process, options, live, clients)
        microscope.stop()


def fill(folder: Path, count: int, movies_each: int) -> None:
    """Add sessions with results to a catalogue that no server has open."""
    rng = random.Random(1)
    with Catalogue(folder / "server" / "catalogue.sqlite") as catalogue:
        for number in range(count):
            path = folder / "server" / "sessions" / f"filled{number}"
            with SessionFolder(path, f"filled {number}") as session, catalogue.write() as connection:
                session_id = sessions.add(
                    connection,
                    uuid=session.id,
                    name=f"filled {number}",
                    group_id=1,
                    folder=str(path),
                    kind="movies",
                    life="active",
                    created_at=time.time(),
                )
                tracks.add_all(connection, session_id, time.time())
                values = {"pixel_size_a": 1.0, "voltage_kv": 300.0}
                revisions.add(connection, session_id, values, saved_by="load", saved_at=time.time())
                movies.add_many(connection, session_id, [row(rng, place) for place in range(movies_each)])


def row(rng: random.Random, place: int) -> dict[str, Any]:
    """Make up one finished movie."""
    now = time.time() - 10.0 * place
    values: dict[str, Any] = {
        "name": f"GridSquare_{place // 100}_FoilHole_{place}_Fractions",
        "path": f"GridSquare_{place // 100}/FoilHole_{place}_Fractions.tiff",
        "state": "failed" if place % 97 == 0 else "done",
        "found_at": now,
        "target_revision": 1,
        "reason": "no signal" if place % 97 == 0 else None,
    }
    for column in MOVIE_COLUMNS:
        if column.kind in ("number", "integer") and column.name not in values:
            value = rng.lognormvariate(3.0, 1.0)
            values[column.name] = int(value) if column.kind == "integer" else value
        elif column.kind == "time" and column.name not in values:
            values[column.name] = now + rng.uniform(0.0, 60.0)
    values["record"] = {"name": values["name"], "source": values["path"], "numbers": {}}
    return values


def measure(server: Server, process: psutil.Process, options: Any, live: int, clients: int) -> None:
    """Ask for everything again and again for a while, and say how long it took."""
    watchers = threading.Thread(target=watch, args=(server, clients, options.seconds), daemon=True)
    watchers.start()
    done = count_done(server, live)
    began = time.monotonic()
    times = ask_for(server, options.sessions, options.seconds)
    passed = count_done(server, live) - done
    elapsed = time.monotonic() - began
    watchers.join()
    print(
        f"\n{clients} WebSocket clients, {elapsed:.0f} s: {60 * passed / elapsed:.1f} movies/min went through"
    )
    print(f"memory of the server: {process.memory_info().rss / 1e6:.0f} MB")
    print(f"{'request':<28}{'n':>6}{'median ms':>11}{'95 % ms':>9}{'worst ms':>10}")
    for name, values in times.items():
        ordered = sorted(values)
        worst = ordered[-1]
        at95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
        print(f"{name:<28}{len(values):>6}{statistics.median(ordered):>11.1f}{at95:>9.1f}{worst:>10.1f}")


def count_done(server: Server, session: int) -> int:
    return sum(movie["state"] == "done" for movie in server.movies(session))


def ask_for(server: Server, count: int, seconds: float) -> dict[str, list[float]]:
    """Time the requests of a person who looks around, ms."""
    rng = random.Random(2)
    times: dict[str, list[float]] = {}
    columns = [c.name for c in MOVIE_COLUMNS if c.kind == "number"]
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        s = f"/sessions/{rng.randint(1, count)}"
        cursor = 200 * rng.randrange(20)
        requests = {
            "list of sessions": "/sessions",
            "open a session": s,
            "strip": f"{s}/strip",
            "tracks": f"{s}/tracks",
            "page of the table": f"{s}/movies?limit=200&sort={rng.choice(columns)}&cursor={cursor}",
            "search": f"{s}/movies?limit=200&search=Square_{rng.randrange(50)}_",
            "failed movies": f"{s}/movies?limit=200&state=failed",
            "three curves": f"{s}/series?columns={','.join(rng.sample(columns, 3))}",
            "log": f"{s}/logs/preprocess",
        }
        for name, path in requests.items():
            began = time.perf_counter()
            server.ask("GET", path)
            times.setdefault(name, []).append(1000.0 * (time.perf_counter() - began))
    return times


def watch(server: Server, clients: int, seconds: float) -> None:
    """Hold WebSocket clients open; every fourth never reads."""
    if clients:
        asyncio.run(_watch_all(server, clients, seconds))


async def _watch_all(server: Server, clients: int, seconds: float) -> None:
    counts = await asyncio.gather(*(_watch_one(server, n, seconds) for n in range(clients)))
    reading = [count for n, count in enumerate(counts) if n % 4]
    print(f"messages per reading client: {statistics.median(reading):.0f}", file=sys.stderr)


async def _watch_one(server: Server, number: int, seconds: float) -> int:
    headers = {"Authorization": server.authorization}
    count = 0
    uri = f"ws://127.0.0.1:{server.port}/api/ws"
    async with websockets.connect(uri, additional_headers=headers, max_queue=1) as socket:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if number % 4 == 0:
                await asyncio.sleep(left)
                break
            try:
                await asyncio.wait_for(socket.recv(), left)
            except (TimeoutError, websockets.ConnectionClosed):
                break
            count += 1
    return count


if __name__ == "__main__":
    try:
        main()
    except httpx.HTTPError as error:
        sys.exit(f"the server did not answer: {error}")
