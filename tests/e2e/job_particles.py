"""A server whose 2D classification is the real one, and movies with simulated particles to feed it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tests.e2e.world import World, add_people, listening

from frazil.app import sessions
from frazil.app.access import SERVER, session_for
from frazil.app.config import ServerConfig
from frazil.app.hub import Hub
from frazil.formats.mrc import write_mrc
from frazil.microscope.particles import simulate_particles
from frazil.stages.record import MovieRecord
from frazil.store.catalogue import movies, particle_changes
from frazil.store.log import TrackLog

if TYPE_CHECKING:
    from collections.abc import Iterator

BOX_PX, PIXEL_A, PER_MOVIE = 32, 7.5, 60
DIAMETER_A = 160.0
LOG_LINES = 1200
_MOVIES = 12
_CTF = ("defocus_u_a", "defocus_v_a", "astigmatism_angle_deg", "phase_shift_deg")


class Particles:
    """Particles of two specimens, handed to a session movie by movie."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._given = 0
        self._made = simulate_particles(
            ["proteasome", "beta-galactosidase"],
            _MOVIES * PER_MOVIE,
            BOX_PX,
            PIXEL_A,
            views_per_specimen=1,
            snr=0.4,
            seed=11,
        )

    def add(self, count: int) -> None:
        """Give the main session so many movies more, as pre-processing leaves them."""
        world, session = self._world, self._world.main
        with world.hub.catalogue.read() as connection:
            folder = Path(session_for(connection, SERVER, session, "viewer").folder)
        places = range(self._given, self._given + count)
        names = [f"movie_{place + 1:04d}" for place in places]
        for place, name in zip(places, names, strict=True):
            rows = slice(place * PER_MOVIE, (place + 1) * PER_MOVIE)
            write_mrc(folder / "particles" / f"{name}.mrcs", self._made.images[rows], PIXEL_A)
            columns = {column: getattr(self._made.ctf, column)[rows] for column in _CTF}
            table = pa.table({"stack_index": np.arange(PER_MOVIE), **columns})
            extra = {"pixel_size_a": repr(PIXEL_A), "micrograph_pixel_size_a": "1.0"}
            pq.write_table(table.replace_schema_metadata(extra), folder / "particles" / f"{name}.parquet")
        with world.hub.catalogue.write() as connection:
            movies.add_many(connection, session, [_row(name) for name in names])
            numbers = [movies.get(connection, session, name)["number"] for name in names]
            particle_changes.mark(connection, session, numbers)
        world.hub.feed.publish(session, "movies", {"names": names})
        self._given += count


def _row(name: str) -> dict[str, object]:
    record = MovieRecord(name=name, source=name, numbers={"particle_diameter_a": DIAMETER_A})
    return {
        "name": name,
        "path": f"{name}.tif",
        "state": "done",
        "found_at": 1.0,
        "done_at": 2.0,
        "particles": PER_MOVIE,
        "particles_token": "a",
        "ctf_resolution_a": 4.0,
        "settings_revision": 1,
        "target_revision": 1,
        "record": record.model_dump(mode="json"),
    }


@contextlib.contextmanager
def job_world(folder: Path) -> Iterator[tuple[World, Particles]]:
    """Serve one session with 240 particles whose log of 2D classification is long already."""
    (folder / "microscope").mkdir(parents=True)
    config = ServerConfig(
        data_folder=folder / "data",
        roots=(folder / "microscope",),
        device="cpu",
        movies_workers=1,
        movies_threads=1,
        classes_threads=1,
    )
    world = World(Hub(config), folder)
    add_people(world.hub)
    values = {
        "name": "Two specimens",
        "group": "ribosome",
        "source_path": str(folder / "microscope"),
        "pixel_size_a": 1.0,
        "voltage_kv": 300,
        "dose_per_movie_e_per_a2": 40,
        "particle_diameter_max_a": DIAMETER_A,
        "min_free_gb": 1,
        "random_seed": 5,
        "listen_period_s": 5,
    }
    world.main = sessions.create(world.hub, SERVER, values)["id"]
    with world.hub.catalogue.read() as connection:
        session = Path(session_for(connection, SERVER, world.main, "viewer").folder)
    with contextlib.closing(TrackLog(session, "classify2d")) as log:
        for number in range(1, LOG_LINES + 1):
            log.info(f"line {number} of earlier days")
    particles = Particles(world)
    particles.add(4)
    with listening(world):
        yield world, particles
    world.hub.close()
