"""A server with something to see: sessions, movies, class averages, logs, alerts; nothing of it is computed.

.venv/bin/python -m tests.e2e.world FOLDER [MOVIES]     serve it until Ctrl-C; log in as admin
"""

from __future__ import annotations

import contextlib
import functools
import io
import shutil
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from frazil.app import accounts, controls, groups, sessions, settings_changes
from frazil.app.access import SERVER, session_for
from frazil.app.config import ServerConfig
from frazil.app.hub import Hub
from frazil.app.passwords import LoginGuard, Passwords
from frazil.engine.inline import InlineExecutor
from frazil.store.catalogue import alerts, class_updates, movies
from frazil.store.log import TrackLog
from frazil.web.serving import listen, make_server

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from numpy.typing import NDArray

    from frazil.app.access import Role

PASSWORD = "correct horse 12"
PEOPLE: dict[str, Role] = {"ann": "owner", "otto": "operator", "vera": "viewer"}
_CLASSES = 48
_UPDATES = 12


class IdleBody:
    """A track that runs and finds nothing to do."""

    in_flight, grace_s = 0, 0.0

    def __init__(self, *_: object) -> None: ...

    def begin(self, *, anew: bool) -> None: ...

    def step(self) -> float:
        return 60.0

    def receive(self, message: Any) -> None: ...

    def drain(self) -> None: ...

    def kill(self) -> None: ...

    def blocked(self) -> str:
        return ""

    def clear(self, _runs: Collection[int] = (), /) -> None: ...


@dataclass
class World:
    """The server and what is in it: ``main`` is the session with everything, ``url`` where to look."""

    hub: Hub
    folder: Path
    url: str = ""
    main: int = 0
    others: dict[str, int] = field(default_factory=dict)


def quick_guard() -> LoginGuard:
    """Make a guard whose passwords cost next to nothing."""
    return LoginGuard(Passwords(time_cost=1, memory_kib=8))


def make_hub(config: ServerConfig) -> Hub:
    """Make a hub whose tracks find nothing to do."""
    return Hub(config, executor=InlineExecutor(eager=True), body=IdleBody)


def add_people(hub: Hub) -> None:
    """Add an admin and one person of each role of the group `ribosome`, all with the same password."""
    ids = {
        login: accounts.add_user(
            hub, SERVER, quick_guard(), login=login, password=PASSWORD, is_admin=login == "admin"
        )["id"]
        for login in ("admin", *PEOPLE)
    }
    group = groups.add_group(hub, SERVER, "ribosome")["id"]
    groups.add_group(hub, SERVER, "membrane proteins")
    for login, role in PEOPLE.items():
        groups.set_member(hub, SERVER, group, ids[login], role)


def build(folder: Path, movie_count: int = 400, class_count: int = _CLASSES) -> World:
    """Make everything in a folder."""
    source = folder / "microscope" / "Supervisor_20260203"
    source.mkdir(parents=True)
    for place in range(12):
        (source / f"FoilHole_{place:03d}_Data.tif").write_bytes(_tiny_tiff(place))
    (source / "notes_gain.txt").write_text("not a movie")
    config = ServerConfig(
        data_folder=folder / "data", roots=(folder / "microscope",), device="cpu", microscope_name="Krios 2"
    )
    hub = make_hub(config)
    world = World(hub, folder)
    add_people(hub)
    values = {
        "group": "ribosome",
        "source_path": str(source),
        "pixel_size_a": 0.85,
        "voltage_kv": 300,
        "dose_per_movie_e_per_a2": 48,
        "particle_diameter_max_a": 130,
    }
    world.main = sessions.create(hub, SERVER, {**values, "name": "Apoferritin, grid 3"})["id"]
    for name in (
        "Empty one",
        "A rather long name of a session that somebody pasted from their notebook, with everything in it",
    ):
        world.others[name] = sessions.create(hub, SERVER, {**values, "name": name})["id"]
    settings_changes.save(hub, SERVER, world.main, {"ctf_high_a": 3.2, "class_count": class_count}, 1)
    fill(world, world.main, movie_count, class_count)
    return world


def fill(world: World, session_id: int, movie_count: int, class_count: int = _CLASSES) -> None:
    """Put movies, pictures, class averages, logs and alerts into a session."""
    with world.hub.catalogue.read() as connection:
        folder = Path(session_for(connection, SERVER, session_id, "viewer").folder)
    now = time.time()
    random = np.random.default_rng(1)
    names = [f"FoilHole_{place:05d}_Data" for place in range(movie_count)]
    rows = [_row(random, place, name, movie_count, now) for place, name in enumerate(names)]
    with world.hub.catalogue.write() as connection:
        movies.add_many(connection, session_id, rows)
        alerts.raise_alert(connection, session_id, "failures", "7 of the last 20 movies failed", now - 240)
        for number in range(1, _UPDATES + 1):
            class_updates.add(
                connection, session_id, number, _update(random, folder, number, now, class_count)
            )
    _pictures(folder / "pictures", names[-60:], random)
    with contextlib.closing(TrackLog(folder, "preprocess")) as log:
        for name in names[-300:]:
            log.info("done", movie=name, stage="extract", seconds=round(float(random.uniform(2, 9)), 2))
        log.warning("defocus is at the end of its range", movie=names[-1], stage="ctf", defocus_a=49900)
        log.error("31 of 40 frames readable; the file is truncated", movie=names[3], stage="align")


def _row(random: np.random.Generator, place: int, name: str, total: int, now: float) -> dict[str, Any]:
    done_at = now - (total - place) * 6.0
    state = "failed" if place % 97 == 3 else "queued" if place > total - 4 else "done"
    row: dict[str, Any] = {
        "name": name,
        "path": f"Supervisor_20260203/{name}.tif",
        "state": state,
        "found_at": done_at - 40,
        "transferred_at": done_at - 20,
        "raw_path": f"/nowhere/{name}.tif",
        "target_revision": 2,
        "grid_square": f"GridSquare_{place // 40:02d}",
    }
    if state == "failed":
        reason = (
            f"{name}.tif: 31 frames readable of 40 announced; the file is truncated or still being written"
        )
        return row | {"failed_stage": "align", "reason": reason, "attempts": 3}
    if state == "queued":
        return row
    defocus = float(random.uniform(8000, 22000))
    resolution = float(3.1 + random.gamma(1.5, 0.5))
    return row | {
        "done_at": done_at,
        "latency_s": 20.0,
        "settings_revision": 2,
        "frames": 40,
        "seconds_total": float(random.uniform(4, 9)),
        "motion_total_a": float(random.gamma(3, 6)),
        "motion_early_a": float(random.gamma(3, 3)),
        "motion_late_a": float(random.gamma(2, 2)),
        "ctf_score": float(random.uniform(0.7, 0.98)),
        "ctf_resolution_a": resolution,
        "defocus_u_a": defocus + 120,
        "defocus_v_a": defocus - 120,
        "defocus_mean_a": defocus,
        "astigmatism_a": float(random.gamma(2, 60)),
        "astigmatism_angle_deg": float(random.uniform(-90, 90)),
        "ice_ring": float(random.gamma(2, 0.2)),
        "particles": int(random.poisson(180)),
        "picks": 200,
    }


def _update(
    random: np.random.Generator, folder: Path, number: int, now: float, class_count: int
) -> dict[str, Any]:
    place = Path("classes") / "run001" / f"update{number:04d}"
    (folder / place).mkdir(parents=True)
    sizes = np.sort(random.pareto(1.2, class_count) + 0.05)[::-1]
    particles = (sizes / sizes.sum() * 3000 * number).astype(int)
    tiles = [
        _average(random, ring, 0.2 + 0.6 * k / class_count) for k, ring in enumerate(_rings(class_count))
    ]
    tiles += [np.zeros_like(tiles[0])] * (-class_count % 12)
    grid = np.concatenate(
        [np.concatenate(tiles[start : start + 12], 1) for start in range(0, class_count, 12)]
    )
    Image.fromarray(grid).save(folder / place / "classes.jpg", quality=85)
    classes = [
        {"class_id": k + 1, "particles": int(particles[k]), "resolution_a": 5.0 + 0.3 * k}
        for k in range(class_count)
    ]
    return {
        "run": 1,
        "update_in_run": number,
        "kind": "streaming",
        "finished_at": now - 60.0 * (_UPDATES - number) - 40,
        "seconds": 21.0,
        "particles": int(particles.sum()),
        "class_count": class_count,
        "limit_a": 8.0,
        "fraction": 1.0,
        "settings_revision": 2,
        "folder": str(place),
        "summary": {"classes": classes, "unassigned": 12, "notes": []},
    }


def _average(random: np.random.Generator, ring: NDArray[np.float64], blur: float) -> NDArray[np.uint8]:
    picture = 110 + 90 * ring * (1 - blur) + random.normal(0, 6 + 20 * blur, ring.shape)
    tile: NDArray[np.uint8] = np.clip(picture, 0, 255).astype(np.uint8)
    return tile


@functools.cache
def _rings(count: int, size: int = 96) -> tuple[NDArray[np.float64], ...]:
    y, x = np.mgrid[:size, :size] / size - 0.5
    radius, angle = np.hypot(x, y), np.arctan2(y, x)

    def ring(turn: float) -> NDArray[np.float64]:
        wall = np.exp(-(((radius - 0.25 - 0.02 * np.cos(4 * (angle + turn))) / 0.05) ** 2))
        made: NDArray[np.float64] = wall * (1 + 0.3 * np.cos(6 * (angle + turn)))
        return made

    return tuple(ring(6.28 * k / count) for k in range(count))


def _pictures(folder: Path, names: list[str], random: np.random.Generator) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        for kind, size in (("preview", 512), ("thumbnail", 192), ("picks", 512), ("spectrum", 256)):
            noise = random.normal(128, 30, (size // 8, size // 8)).clip(0, 255).astype(np.uint8)
            Image.fromarray(noise).resize((size, size)).save(folder / f"{name}.{kind}.jpg", quality=80)


def _tiny_tiff(seed: int) -> bytes:
    frames = np.random.default_rng(seed).poisson(1.0, (4, 64, 64)).astype(np.uint8)
    first, *rest = (Image.fromarray(frame) for frame in frames)
    buffer = io.BytesIO()
    first.save(buffer, "TIFF", save_all=True, append_images=rest)
    return buffer.getvalue()


@contextlib.contextmanager
def serving(world: World, port: int = 0) -> Iterator[World]:
    """Serve a world by HTTP, with the page that was built; ends it in the end."""
    with listening(world, port):
        yield world
    world.hub.close()


@contextlib.contextmanager
def listening(world: World, port: int = 0) -> Iterator[None]:
    """Have the server of a world answer; it can be stopped and begun anew at the same port."""
    world.hub.start()
    with listen("127.0.0.1", port) as socket:
        world.url = f"http://localhost:{socket.getsockname()[1]}"
        server = make_server(world.hub, quick_guard(), listening=socket)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.should_exit = True
            thread.join(20)


def main() -> None:
    """Serve it until Ctrl-C."""
    folder = Path(sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    world = build(folder, int(sys.argv[2]) if len(sys.argv) > 2 else 400)
    with serving(world, 8191), contextlib.suppress(KeyboardInterrupt):
        controls.start(world.hub, SERVER, world.main, "preprocess")
        sys.stdout.write(f"{world.url} admin {PASSWORD}\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
