"""What both kinds of classification, streaming and scheduled, work with."""

from __future__ import annotations

import zlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import select

from frazil.model.errors import InputError
from frazil.model.redo import job_token, run_token
from frazil.stages.classify_stream_task import StreamSettings
from frazil.store.catalogue import filters, movies, particle_changes, tracks
from frazil.store.catalogue.schema import movies as table
from frazil.tracks.classify2d.fed_file import read_fed
from frazil.tracks.classify2d.feeding import read_movie
from frazil.tracks.classify2d.memory import RunMemory, TrackMemory
from frazil.tracks.classify2d.pool import ParticlePool
from frazil.tracks.revision_settings import RevisionSettings

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from frazil.model.settings import Settings
    from frazil.store.catalogue.particle_changes import MovieParticles
    from frazil.tracks.classify2d.feeding import Geometry, MovieTable
    from frazil.tracks.context import TrackContext

_MASK_DIAMETERS = 0.6
_LARGEST_MASK_OF_BOX = 0.48


class Desk:
    """The session's particles, settings, memory, and the run that goes on."""

    def __init__(self, context: TrackContext) -> None:
        self.context = context
        self.revisions = RevisionSettings(context.catalogue, context.session_id)
        self.memory = TrackMemory()
        self.revision = 0
        self.token = ""
        self._filtered: set[int] | None = None
        self._filter: Any = None
        self._tokens: dict[int, str] = {}
        self.pool = ParticlePool(self._is_wanted)

    @property
    def settings(self) -> Settings:
        """The newest settings, as of the last look."""
        return self.revisions(self.revision or self.revisions.newest())

    @property
    def folder(self) -> Path:
        """The session folder."""
        return self.context.folder

    @property
    def run_folder(self) -> Path:
        """Folder of the run that goes on."""
        return self.folder / self.run.folder

    @property
    def run(self) -> RunMemory:
        """The run that goes on; only to be asked for where there is one."""
        if self.memory.run is None:
            raise InputError("there is no run of 2D classification yet")
        return self.memory.run

    def load(self) -> None:
        """Read memory, settings and all movies' particles."""
        context = self.context
        with context.catalogue.read() as connection:
            row = tracks.get(connection, context.session_id, "classify2d")
        self.memory = TrackMemory.model_validate(row.memory)
        self.revision = self.revisions.newest()
        self.pool = ParticlePool(self._is_wanted)
        self._filter, self._filtered = None, None
        self.token = "" if self.memory.run is None else self.memory.run.token
        if self.memory.run is not None:
            self.pool.begin_run(read_fed(self.run_folder))
        self.look()

    def look(self) -> None:
        """Take in what has changed: settings, filter, movies."""
        context = self.context
        before = self.revision
        self.revision = self.revisions.newest()
        with context.catalogue.read() as connection:
            changed = particle_changes.since(connection, context.session_id, self.pool.last_change)
            refiltered = self._read_filter(connection, changed)
        self.pool.change(changed)
        token = self._choose_token()
        if token != self.token or refiltered or before != self.revision:
            self.token = token
            self.pool.refresh()

    def remember(self, connection: Connection, **values: Any) -> None:
        """Change the memory, as part of a transaction."""
        self.memory = self.memory.model_copy(update=values)
        plain = self.memory.model_dump(mode="json")
        tracks.remember(connection, self.context.session_id, "classify2d", plain)

    def remember_run(self, connection: Connection, **values: Any) -> None:
        """Change what is remembered of the run."""
        self.remember(connection, run=self.run.model_copy(update=values))

    def new_run(self, mode: str, class_count: int | None = None, source: str | None = None) -> bool:
        """Begin a run for the particles that are wanted; whether there are any that can be used."""
        tables = self.read_tables(self.pool.movies_to_add(1), geometry=None)
        if not tables:
            return False
        geometry = tables[0].geometry
        settings, number = self.settings, self.memory.last_run + 1
        seed = settings.classification.random_seed
        run = RunMemory(
            number=number,
            revision=self.revision,
            token=self.token,
            job_token=job_token(settings),
            mode=mode,
            box_px=geometry.box_px,
            pixel_size_a=geometry.pixel_size_a,
            mask_radius_a=self._mask_radius_a(tables[0].number, geometry),
            class_count=class_count or settings.classification.class_count,
            seed=zlib.crc32(self.context.uuid.encode()) & 0x7FFFFFFF if seed is None else seed,
            source=source,
        )
        with self.context.catalogue.write() as connection:
            self.remember(connection, run=run, last_run=number, new_data_set=False)
        self.pool.begin_run({})
        self.context.log.info("new run", run=number, mode=mode, settings=self.revision)
        return True

    def read_tables(self, numbers: list[int], geometry: Geometry | None) -> list[MovieTable]:
        """Read the particle tables of movies; those that can't be used are left out until they change."""
        result = []
        for number in numbers:
            movie = self.pool.movie(number)
            try:
                table = read_movie(self.folder, number, movie.name, self._contrast_of(movie))
            except InputError as error:
                self.context.log.warning(str(error), movie=movie.name)
                self.pool.skip(number)
                continue
            if geometry is not None and not geometry.same_as(table.geometry):
                self.context.log.warning(
                    f"its particles have {table.geometry.box_px} px of {table.geometry.pixel_size_a:.3f} Å, "
                    f"those of the run {geometry.box_px} px of {geometry.pixel_size_a:.3f} Å; left out",
                    movie=movie.name,
                )
                self.pool.skip(number)
                continue
            result.append(table)
        return result

    def stream_settings(self, settings: Settings) -> StreamSettings:
        """Return the classifier's settings for the run."""
        run, wanted = self.run, settings.classification
        return StreamSettings(
            pixel_size_a=run.pixel_size_a,
            mask_radius_a=run.mask_radius_a,
            class_count=run.class_count,
            initial_resolution_a=max(wanted.initial_resolution_a, 2.0 * run.pixel_size_a),
            final_resolution_a=max(wanted.final_resolution_a, 2.0 * run.pixel_size_a),
            start_particles=wanted.stream_start_particles,
            seed=run.seed,
            automask=wanted.automask,
            autocentre=wanted.autocentre,
        )

    def _is_wanted(self, movie: MovieParticles) -> bool:
        if movie.override == "exclude" or self._token_of(movie) != self.token:
            return False
        if movie.override == "include":
            return True
        limit = self.settings.classification.max_ctf_resolution_a
        if movie.ctf_resolution_a is None:
            # Of Warp's movies it may be unknown although they have a CTF.
            if self.settings.session.kind != "warp":
                return False
        elif movie.ctf_resolution_a > limit:
            return False
        return self._filtered is None or movie.number in self._filtered

    def _contrast_of(self, movie: MovieParticles) -> float:
        settings = self.settings if movie.revision is None else self.revisions(movie.revision)
        return settings.microscope.amplitude_contrast

    def _token_of(self, movie: MovieParticles) -> str:
        if movie.revision is None:
            return ""
        if movie.revision not in self._tokens:
            self._tokens[movie.revision] = run_token(self.revisions(movie.revision))
        return self._tokens[movie.revision]

    def _choose_token(self) -> str:
        """Which particles make a run: the newest kind once there are enough of them."""
        newest = run_token(self.settings)
        if newest == self.token:
            return newest
        counts: Counter[str] = Counter()
        for movie in self.pool.movies():
            counts[self._token_of(movie)] += movie.particles
        counts.pop("", None)
        wanted = self.settings.classification
        # A job begins when a person or a number says so; a stream goes on with what it has as long as it can.
        enough = wanted.stream_start_particles if wanted.mode == "streaming" else 1
        if counts[newest] >= enough or not counts:
            return newest
        if self.token and self.memory.run is not None and counts[self.token]:
            return self.token
        return max(counts, key=lambda token: (counts[token], token == newest))

    def _read_filter(self, connection: Connection, changed: Any) -> bool:
        """Keep up with which movies the named filter lets through; whether the filter itself changed."""
        name = self.settings.classification.classify_filter
        session = self.context.session_id
        wanted = next(
            (row["definition"] for row in filters.listed(connection, session) if row["name"] == name), None
        )
        different = bool(wanted != self._filter)
        self._filter = wanted
        if wanted is None:
            self._filtered = None
            return different
        query = select(table.c.number).where(
            table.c.session_id == session, filters.passing(filters.get(connection, session, name))
        )
        if different or self._filtered is None:
            self._filtered = set(connection.scalars(query))
            return True
        numbers = [movie.number for movie in changed]
        if numbers:
            passing = set(connection.scalars(query.where(table.c.number.in_(numbers))))
            self._filtered = (self._filtered - set(numbers)) | passing
        return False

    def _mask_radius_a(self, number: int, geometry: Geometry) -> float:
        """Radius of the mask: as set, or 0.6 diameters; inside the box."""
        given = self.settings.classification.mask_radius_a
        if given is None:
            with self.context.catalogue.read() as connection:
                rows = movies.by_number(connection, self.context.session_id, [number])
            diameter = movies.record_of(rows[number]).number("particle_diameter_a")
            given = _MASK_DIAMETERS * diameter if np.isfinite(diameter) else np.inf
        return float(min(given, _LARGEST_MASK_OF_BOX * geometry.box_px * geometry.pixel_size_a))
