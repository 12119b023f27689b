"""The machinery alone: movies per second from a source folder through transfer and pre-processing.

    python -m benchmarks.end_to_end_rate [--movies 2000] [--mode link]

Run from the repository's root. Stages are trivial, everything else is the server's: hub, catalogue, Dask
workers, tracks, session folder. Movies are tiny MRC files that lie there before the tracks start.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil  # type: ignore[import-untyped]
from tests.tracks.preprocess.movie_work import work

from frazil.app.config import load_config
from frazil.app.hub import Hub, make_body
from frazil.formats.mrc_write import write_mrc
from frazil.model.settings import Settings, with_values
from frazil.model.track import Start
from frazil.store.catalogue import accounts, revisions, sessions, tracks
from frazil.store.session import SessionFolder
from frazil.tracks.preprocess import PreprocessBody

if TYPE_CHECKING:
    from frazil.model.track import TrackName
    from frazil.tracks.context import TrackContext
    from frazil.tracks.runner import Body

IDLE_S, GIVE_UP_S = 20.0, 600.0


def body(track: TrackName, context: TrackContext) -> Body:
    """Make the server's own tracks, but with stages that take no time."""
    return PreprocessBody(context, work) if track == "preprocess" else make_body(track, context)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--movies", type=int, default=2000)
    parser.add_argument("--mode", default="link", choices=["link", "copy", "in_place"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        source = folder / "source"
        source.mkdir()
        write_mrc(source / "m00000.mrcs", np.zeros((2, 16, 16), np.float32), 1.0, depth="float32")
        movie = (source / "m00000.mrcs").read_bytes()
        for number in range(1, options.movies):
            (source / f"m{number:05d}.mrcs").write_bytes(movie)
        given = {"data_folder": folder / "server", "roots": (folder,), "movies_workers": 2}
        hub = Hub(load_config(given, {}), body=body)
        session_id = add_session(hub, folder / "session", source, options.mode)
        began = time.perf_counter()
        for track in ("transfer", "preprocess"):
            hub.runner(session_id, track).control(Start()).result()
        while (done := count_done(hub, session_id)) < options.movies:
            if time.perf_counter() - began > GIVE_UP_S:
                raise SystemExit(f"only {done} of {options.movies} movies were done")
            time.sleep(0.1)
        seconds = time.perf_counter() - began
        print(f"{options.movies} movies in {seconds:.1f} s: {options.movies / seconds:.0f} per second")
        process = psutil.Process()
        before = sum(process.cpu_times()[:2])
        time.sleep(IDLE_S)
        print(f"idle: {100.0 * (sum(process.cpu_times()[:2]) - before) / IDLE_S:.2f} % of one core")
        hub.close()


def add_session(hub: Hub, folder: Path, source: Path, mode: str) -> int:
    """Add a session to the catalogue; returns its number."""
    values = {
        "source_path": str(source),
        "transfer_mode": mode,
        "min_age_s": 0,
        "settle_s": 1,
        "poll_s": 1,
        "min_free_gb": 1.0,
        "pixel_size_a": 1.0,
        "voltage_kv": 300.0,
        "dose_weighting": False,
        "particle_diameter_min_a": 100.0,
    }
    changed = with_values(Settings(), values).changed()
    now = time.time()
    with SessionFolder(folder, "rate") as session:
        uuid = session.id
    with hub.catalogue.write() as connection:
        group_id = accounts.add_group(connection, "rate")
        session_id = sessions.add(
            connection,
            uuid=uuid,
            name="rate",
            group_id=group_id,
            folder=str(folder),
            kind="movies",
            life="active",
            created_at=now,
        )
        tracks.add_all(connection, session_id, now)
        revisions.add(connection, session_id, changed, saved_by="rate", saved_at=now)
    return session_id


def count_done(hub: Hub, session_id: int) -> int:
    """Movies that are through."""
    with hub.catalogue.read() as connection:
        return sessions.counts(connection, [session_id])[session_id].get("done", 0)


if __name__ == "__main__":
    main()
