"""Tables for RELION that are kept current: ``relion/live_all`` and ``relion/live_selected``.

Paths in them are relative to the session folder. All tables of a set are written beside it first, and then
replaced together, each by a rename; nothing is linked or copied.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frazil.formats.atomic import flush_directory
from frazil.model.settings import Settings, with_values
from frazil.stages.export import relion
from frazil.stages.export.gather import Collector
from frazil.stages.export.mtf import MTF, with_mtf
from frazil.stages.export.optics import find_optics
from frazil.stages.export.particles import forget_images, in_classes, join_particles, with_classes
from frazil.stages.export.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from frazil.stages.export.request import Snapshot

TABLES = ("corrected_micrographs.star", "micrographs_ctf.star", "autopick.star", "particles.star")


class _Quiet(Progress):
    """Nobody waits for it."""

    def __init__(self) -> None:
        super().__init__(Path(), 1)

    def log(self, text: str) -> None:
        """Say nothing: notes are returned."""

    def _tell(self, doing: str, share: float) -> None:
        """Say nothing."""


def run_live(session: Path, sets: Mapping[str, Snapshot]) -> dict[str, Any]:
    """Write the tables of each set of movies into ``relion/live_<set>``; returns counts, notes, seconds.

    Tables without rows are removed. Errors as of `frazil.stages.export.run.run_export`.
    """
    began = time.monotonic()
    counts, notes = {}, []
    for name, snapshot in sets.items():
        progress = _Quiet()
        counts[name] = _write(session, session / "relion" / f"live_{name}", snapshot, progress)
        notes += [f"{name}: {note}" for note in progress.notes]
    return {"counts": counts, "notes": notes, "seconds": time.monotonic() - began}


def _write(session: Path, folder: Path, snapshot: Snapshot, progress: Progress) -> dict[str, int]:
    fresh = folder.with_name(f".{folder.name}.part")
    # Of a worker that was killed.
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    folder.mkdir(exist_ok=True)
    settings = {revision: with_values(Settings(), values) for revision, values in snapshot.settings.items()}
    newest = settings[snapshot.newest]
    collector = Collector(session, session, snapshot.request, progress)
    movies = []
    for movie in snapshot.movies:
        revision = movie.row.get("settings_revision") or snapshot.newest
        found = collector.collect(movie, settings.get(revision, newest))
        if found is not None:
            movies.append(found)
    particles = join_particles(movies)
    if snapshot.classes is not None and len(particles):
        particles = with_classes(particles, movies, session, snapshot.classes, progress)
        particles = in_classes(particles, snapshot.classes.classes)
    forget_images(movies, particles)
    if movies:
        optics = find_optics(movies, snapshot.request.fewest_per_optics_group)
        names = relion.Names(session)
        optics = with_mtf(optics, fresh, names(folder / MTF), newest, progress)
        relion.write_micrographs(fresh, movies, optics, names)
        if len(particles):
            relion.write_particles(fresh / "particles.star", particles, movies, optics, names)
    gone = [name for name in TABLES if not (fresh / name).exists()]
    # Particles last: what they name is there.
    for name in (MTF, *TABLES):
        if (fresh / name).exists():
            (fresh / name).replace(folder / name)
    for name in gone:
        (folder / name).unlink(missing_ok=True)
    flush_directory(folder)
    fresh.rmdir()
    return {"micrographs": len(movies), "particles": len(particles)}
