"""What each format consists of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from frazil.model.errors import InputError
from frazil.stages.export import cistem, class2d, cryosparc, relion, tables
from frazil.stages.export.averages import exported_averages, session_averages
from frazil.stages.export.gain import bring_gains
from frazil.stages.export.overlay import draw_overlays
from frazil.stages.export.particles import read_summary
from frazil.stages.machine import worker_threads

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from frazil.stages.export.gain import Gains
    from frazil.stages.export.gather import Gathered
    from frazil.stages.export.optics import ExportOptics
    from frazil.stages.export.particles import ParticleSet
    from frazil.stages.export.progress import Progress
    from frazil.stages.export.request import ChosenClasses, ExportTask, Snapshot


@dataclass
class Made:
    """What was written: counts for people, pictures that prove it."""

    counts: dict[str, int] = field(default_factory=dict)
    overlays: list[str] = field(default_factory=list)


def write_format(
    task: ExportTask,
    snapshot: Snapshot,
    movies: list[Gathered],
    particles: ParticleSet | None,
    optics: ExportOptics,
    gains: Gains,
    progress: Progress,
) -> Made:
    """Write all tables and images of the format that was asked for."""
    maker = _Maker(task, snapshot, movies, particles, optics, gains, progress)
    maker.write_rows()
    if snapshot.request.format == "cistem":
        maker.write_cistem()
    elif snapshot.request.format != "csv":
        maker.write_relion()
        maker.draw()
    return maker.made


@dataclass
class _Maker:
    task: ExportTask
    snapshot: Snapshot
    movies: list[Gathered]
    particles: ParticleSet | None
    optics: ExportOptics
    gains: Gains
    progress: Progress
    made: Made = field(default_factory=Made)

    @property
    def folder(self) -> Path:
        return self.task.part

    def wants(self, content: str) -> bool:
        return content in self.snapshot.request.contents

    def write_rows(self) -> None:
        """Write CSV and Parquet, which go along with every format."""
        self.progress.begin("writing CSV and Parquet")
        tables.write_micrograph_rows(self.folder, [movie.movie.row for movie in self.movies])
        chosen = self.snapshot.classes
        good = chosen.good if chosen else []
        if self.particles is not None and self.wants("particles"):
            self.made.counts["particles"] = len(self.particles)
            tables.write_particle_rows(self.folder, self.particles, self.movies, self.optics, good)
        if self.wants("classes"):
            if chosen is None:
                self.progress.note("there are no class averages yet: none are exported")
            else:
                classes = read_summary(self.task.session, chosen)["classes"]
                tables.write_class_rows(self.folder, classes, good)
                self.made.counts["classes"] = sum(item["particles"] > 0 for item in classes)

    def write_relion(self) -> None:
        """Write STAR files."""
        self.progress.begin("writing STAR files")
        request = self.snapshot.request
        names = relion.Names(None if request.files == "none" else self.folder)
        if self.wants("movies"):
            if relion.write_movies(self.folder, self.movies, self.optics):
                self.made.counts["movies"] = sum(bool(movie.raw) for movie in self.movies)
            else:
                self.progress.note("no movie is there any more: movies.star was not written")
        if self.wants("movies") or (request.files == "none" and self.wants("micrographs")):
            # With absolute names the movies are there anyhow, and motion files name both.
            bring_gains(self.folder, self.movies, self.gains, request, self.progress)
        named = self.wants("picks") or self.wants("particles")
        if named and not self.wants("micrographs") and request.files != "none":
            self.progress.note("micrographs were not asked for: tables name them, but they are not there")
        written = relion.write_micrographs(self.folder, self.movies, self.optics, names)
        if self.wants("picks"):
            picked = sum(movie.has("picks_star") for movie in self.movies)
            self.made.counts["micrographs_with_picks"] = picked
            if "autopick.star" not in written:
                self.progress.note("no micrograph has picks: autopick.star was not written")
        if self.particles is None:
            return
        if self.wants("particles"):
            path = self.folder / "particles.star"
            relion.write_particles(path, self.particles, self.movies, self.optics, names)
            if request.format == "cryosparc":
                cryosparc.write_flipped(self.folder, self.particles, self.movies, self.optics, names)
        if self.wants("classes") and self.snapshot.classes is not None:
            self._write_class2d(names)

    def _write_class2d(self, names: relion.Names) -> None:
        """RELION's job folder; its data file needs the particle images."""
        chosen, particles = self.snapshot.classes, self.particles
        if chosen is None or particles is None:
            return
        if not self.wants("particles"):
            class2d.write_averages(self.folder, *session_averages(self.task.session, chosen))
            self.progress.note(
                "class2d/ needs the particles: only the averages were exported, as the session has them"
            )
            return
        averages, pixel = self._averages(chosen, particles)
        if told := class2d.write_class2d(
            self.folder,
            self.task.session,
            chosen,
            particles,
            self.movies,
            self.optics,
            names,
            averages,
            pixel,
        ):
            self.progress.note(told)

    def _averages(self, chosen: ChosenClasses, particles: ParticleSet) -> tuple[NDArray[np.float32], float]:
        threads = self.snapshot.request.threads or worker_threads()
        return exported_averages(self.task.session, chosen, particles, self.movies, self.progress, threads)

    def write_cistem(self) -> None:
        """Write the stack and its table."""
        if self.particles is None:
            raise InputError("there are no particles, and cisTEM's format holds nothing else")
        if self.wants("classes") and self.snapshot.classes is not None:
            # Before the images come into one stack, and those cut out for it go.
            class2d.write_averages(self.folder, *self._averages(self.snapshot.classes, self.particles))
        cistem.write_stack(self.folder, self.particles, self.movies, self.progress)
        cistem.write_table(self.folder, self.particles, self.movies)

    def draw(self) -> None:
        """Draw the exported coordinates."""
        self.progress.begin("drawing coordinates")
        shown = self.particles if self.wants("particles") else None
        if shown is not None or self.wants("picks"):
            self.made.overlays = draw_overlays(self.folder, self.task.session, self.movies, shown)
