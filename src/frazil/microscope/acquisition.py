"""A whole virtual session: movie after movie into a folder, at once or at a microscope's pace."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np

from frazil.formats.mrc_write import write_mrc
from frazil.microscope.detector import Detector
from frazil.microscope.exposure import simulate_micrograph, simulate_movie
from frazil.microscope.files import SUFFIX, MovieFormat, arrive_slowly, write_gain, write_movie
from frazil.microscope.settings import ExposureSettings, random_exposure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LONGEST_ARRIVAL_S = 20.0


def exposures(base: ExposureSettings, count: int, seed: int, varied: bool = True) -> list[ExposureSettings]:
    """Draw the exposures of one session: one camera, different holes; without accidents unless ``varied``."""
    rng = np.random.default_rng([seed, 101])
    drawn = [random_exposure(rng, base) for _ in range(count)]
    if varied:
        return drawn
    return [
        replace(
            d,
            carbon=base.carbon,
            ice_crystals=base.ice_crystals,
            aggregates=base.aggregates,
            ethane=base.ethane,
            empty=base.empty,
            drift_total_a=min(d.drift_total_a, 2.0 * base.drift_total_a),
        )
        for d in drawn
    ]


def acquire(
    folder: Path,
    session: list[ExposureSettings],
    movie_format: MovieFormat = "tiff",
    *,
    micrographs: bool = False,
    movies_per_hour: float | None = None,
    prefix: str = "movie",
    resume: bool = False,
) -> Iterator[Path]:
    """Write a session of exposures and yield each file when it is complete.

    The folder gets ``movie_0001.tiff`` …, ``gain.mrc`` (EER: ``gain.gain``), ``truth/movie_0001.json`` with
    the masks beside it, and ``simulation.json``. With ``movies_per_hour`` a movie arrives at each moment that
    is due, as a file that grows in place; truth is there before the movie.

    Parameters
    ----------
    folder
        Created if missing.
    session
        What to expose, from `exposures`.
    movie_format
        ``tiff``, ``eer`` or ``mrc``.
    micrographs
        Write aligned averages (float32 MRC) instead of movies.
    movies_per_hour
        None: as fast as possible.
    prefix
        Of the file names.
    resume
        Leave out the movies that an earlier, equal session has written whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "truth").mkdir(exist_ok=True)
    first = session[0]
    suffix = ".mrc" if micrographs else SUFFIX[movie_format]
    (folder / "simulation.json").write_text(json.dumps([asdict(s) for s in session], indent=1), "utf-8")
    if not micrographs:
        name = "gain.gain" if movie_format == "eer" else "gain.mrc"
        if not (resume and (folder / name).exists()):
            write_gain(folder / name, Detector.make(first).gain, first.pixel_size_a)
    numbered = list(enumerate(session))
    if resume:
        numbered = [entry for entry in numbered if not _is_whole(folder, _name(prefix, entry[0], suffix))]
    first_number = numbered[0][0] if numbered else 0
    start = time.monotonic()
    for number, settings in numbered:
        path = folder / _name(prefix, number, suffix)
        stem = path.stem
        if micrographs:
            micrograph = simulate_micrograph(settings)
            micrograph.truth.write(folder / "truth" / f"{stem}.json")
            write_mrc(path, micrograph.image, settings.pixel_size_a, depth="float32")
        else:
            movie = simulate_movie(settings)
            movie.truth.write(folder / "truth" / f"{stem}.json")
            if movies_per_hour is None:
                write_movie(path, movie, movie_format)
            else:
                hidden = _arriving(folder, path.name)
                write_movie(hidden, movie, movie_format)
                interval = 3600.0 / movies_per_hour
                due = start + (number - first_number) * interval
                time.sleep(max(0.0, due - time.monotonic()))
                arrive_slowly(hidden, path, min(_LONGEST_ARRIVAL_S, 0.5 * interval))
        yield path


def _name(prefix: str, number: int, suffix: str) -> str:
    return f"{prefix}_{number + 1:04d}{suffix}"


def _arriving(folder: Path, name: str) -> Path:
    """Where a movie lies until all of it has arrived."""
    return folder / "truth" / f".{name}"


def _is_whole(folder: Path, name: str) -> bool:
    return (folder / name).exists() and not _arriving(folder, name).exists()
