"""Make an export, on a worker.

It grows in ``exports/.<name>.part`` and gets its name when it is whole. The snapshot that lies there decides
what goes in, so that an export that was interrupted gets the same content at the next try. What it copied is
kept.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from frazil.compute.parallel import in_order
from frazil.formats.atomic import atomic_path, flush_directory
from frazil.model.errors import InputError
from frazil.model.settings import Settings, with_values
from frazil.model.words import plural
from frazil.stages.export.gain import Gains
from frazil.stages.export.gather import FOLDERS_OF_FILES, Collector
from frazil.stages.export.kept import Kept
from frazil.stages.export.lead import FACTS
from frazil.stages.export.manifest import write_manifest
from frazil.stages.export.mtf import MTF, with_mtf
from frazil.stages.export.optics import find_optics
from frazil.stages.export.particles import forget_images, in_classes, join_particles, with_classes
from frazil.stages.export.progress import Progress
from frazil.stages.export.readme import readme
from frazil.stages.export.reextract import reextract
from frazil.stages.export.request import JOURNAL, LOG, PROGRESS, SNAPSHOT, Snapshot, without_secrets
from frazil.stages.export.resources import memory_limit
from frazil.stages.export.writers import write_format

if TYPE_CHECKING:
    from pathlib import Path

    from frazil.stages.export.gather import Gathered
    from frazil.stages.export.optics import ExportOptics
    from frazil.stages.export.particles import ParticleSet
    from frazil.stages.export.request import ExportMovie, ExportTask

_STEPS = 10


def run_export(task: ExportTask) -> dict[str, Any]:
    """Make the export; returns counts, files, bytes, notes, and what to look at.

    Raises
    ------
    InputError
        Nothing to export, damaged products, a name that is taken, more memory needed than it may take.
    PassingError
        Movies are being processed again all the time.
    """
    if task.final.exists():
        raise InputError(f"{task.final}: is there already; choose another name, or delete it first")
    snapshot = _at_home(read_snapshot(task.part), task.session)
    with memory_limit(snapshot.request.memory_gb):
        return _make(task, snapshot)


def _make(task: ExportTask, snapshot: Snapshot) -> dict[str, Any]:
    kept = Kept(task.part)
    progress = Progress(task.part, _STEPS)
    progress.notes += snapshot.notes
    settings = _settings(snapshot)
    gains = Gains(task.session, ((movie, settings[movie.number].gain) for movie in snapshot.movies))
    movies = _collect(task, snapshot, progress, kept, settings, gains)
    particles = _particles(task.session, snapshot, movies, progress)
    if not movies:
        raise InputError("none of the chosen movies has a micrograph yet; there is nothing to export")
    if particles is not None and snapshot.request.extracts_anew and "particles" in snapshot.request.contents:
        particles = reextract(task.session, task.part, snapshot.request, particles, movies, progress)
        if not len(particles):
            raise InputError("all new boxes reach too far over the edges: choose a smaller box")
    optics = _optics(task, snapshot, movies, progress)
    made = write_format(task, snapshot, movies, particles, optics, gains, progress)
    for folder in FOLDERS_OF_FILES:
        if not any((task.part / folder).iterdir()):
            (task.part / folder).rmdir()
    counts = {"micrographs": len(movies), **made.counts}
    progress.begin("writing the README")
    _describe(task, snapshot, counts, optics, movies, progress)
    threads = snapshot.request.threads or 1
    files, size = write_manifest(task.part, frozenset({SNAPSHOT, PROGRESS, LOG}), progress, threads)
    progress.begin("done")
    for name in (SNAPSHOT, PROGRESS, JOURNAL):
        (task.part / name).unlink(missing_ok=True)
    flush_directory(task.part)
    task.part.rename(task.final)
    flush_directory(task.final.parent)
    return {
        "counts": counts,
        "files": files,
        "bytes": size,
        "notes": progress.notes,
        "overlays": made.overlays,
    }


def read_snapshot(part: Path) -> Snapshot:
    """Read what an export is made of."""
    try:
        return Snapshot.model_validate_json((part / SNAPSHOT).read_bytes())
    except (OSError, ValidationError) as error:
        raise InputError(f"{part / SNAPSHOT}: can't be read; make the export again ({error})") from error


def _at_home(snapshot: Snapshot, session: Path) -> Snapshot:
    """Movies that lay in the session folder, where that lies today."""
    old = f"{snapshot.folder}/"
    if snapshot.folder in ("", str(session)):
        return snapshot
    movies = [
        movie.model_copy(update={"raw_path": str(session / movie.raw_path[len(old) :])})
        if movie.raw_path is not None and movie.raw_path.startswith(old)
        else movie
        for movie in snapshot.movies
    ]
    return snapshot.model_copy(update={"movies": movies})


def _settings(snapshot: Snapshot) -> dict[int, Settings]:
    """Return the settings that each movie was made with, by its number."""
    revisions = {revision: with_values(Settings(), values) for revision, values in snapshot.settings.items()}
    newest = revisions[snapshot.newest]
    return {
        movie.number: revisions.get(movie.row.get("settings_revision") or snapshot.newest, newest)
        for movie in snapshot.movies
    }


def _collect(
    task: ExportTask,
    snapshot: Snapshot,
    progress: Progress,
    kept: Kept,
    settings: dict[int, Settings],
    gains: Gains,
) -> list[Gathered]:
    collector = Collector(task.session, task.part, snapshot.request, progress, task.final, kept, gains)
    for folder in FOLDERS_OF_FILES:
        (task.part / folder).mkdir(exist_ok=True)

    def collect(movie: ExportMovie) -> Gathered | None:
        return collector.collect(movie, settings[movie.number])

    collected = in_order(collect, snapshot.movies, snapshot.request.threads or 1)
    found = [
        movie
        for movie in progress.each("collecting micrographs", collected, snapshot.movies)
        if movie is not None
    ]
    if without := len(snapshot.movies) - len(found):
        has = "has" if without == 1 else "have"
        chosen = plural(len(snapshot.movies), "chosen movie")
        progress.note(f"{without} of {chosen} {has} no micrograph (yet)")
    return found


def _optics(task: ExportTask, snapshot: Snapshot, movies: list[Gathered], progress: Progress) -> ExportOptics:
    """Optics groups; RELION's tables name the detector's MTF, too."""
    request = snapshot.request
    optics = find_optics(movies, request.fewest_per_optics_group)
    if request.format != "relion":
        return optics
    named = str(task.final / MTF) if request.files == "none" else MTF
    settings = with_values(Settings(), snapshot.settings[snapshot.newest])
    return with_mtf(optics, task.part, named, settings, progress)


def _particles(
    session: Path, snapshot: Snapshot, movies: list[Gathered], progress: Progress
) -> ParticleSet | None:
    """Particles of the export; None where none are wanted or there are none."""
    progress.begin("reading particles")
    contents = snapshot.request.contents
    if "particles" not in contents and "classes" not in contents:
        return None
    particles = join_particles(movies)
    if snapshot.classes is not None:
        particles = with_classes(particles, movies, session, snapshot.classes, progress)
        particles = in_classes(particles, snapshot.classes.classes)
    forget_images(movies, particles)
    if not len(particles):
        progress.note("no particle was chosen: there is no table of particles")
        return None
    return particles


def _describe(
    task: ExportTask,
    snapshot: Snapshot,
    counts: dict[str, int],
    optics: ExportOptics,
    movies: list[Gathered],
    progress: Progress,
) -> None:
    content = {
        "schema_version": 1,
        "session": snapshot.session,
        "export": snapshot.name,
        "created_at": snapshot.created_at,
        "created_by": snapshot.created_by,
        "software": snapshot.software,
        "request": snapshot.request.model_dump(mode="json"),
        "counts": counts,
        "settings_revision": snapshot.newest,
        "settings": without_secrets(snapshot.settings[snapshot.newest]),
        "optics_groups": {str(number): groups for number, groups in enumerate(optics.origin, 1)},
        "class_update": snapshot.classes.number if snapshot.classes else None,
        "notes": progress.notes,
    }
    if snapshot.request.files == "none":
        content["session_folder"] = str(task.session)
    with atomic_path(task.part / FACTS) as file:
        file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    with atomic_path(task.part / "README.txt") as file:
        text = readme(task.part, snapshot, counts, optics, movies, progress.notes)
        file.write_text(text, encoding="utf-8")
