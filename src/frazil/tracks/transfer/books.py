"""The books of transfer: what changed is gathered and stored, many changes in one transaction."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, update

from frazil.formats.optics_groups import GroupsState, OpticsGroups
from frazil.store import manifest
from frazil.store.catalogue import movies as movie_rows
from frazil.store.catalogue import tracks
from frazil.store.catalogue.schema import source_files
from frazil.tracks.transfer import ledger
from frazil.tracks.transfer.checksums import append_checksums
from frazil.tracks.transfer.names import ProductNames, storable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from sqlalchemy import Connection

    from frazil.model.metadata import MovieMetadata
    from frazil.stages.deliver import Delivered
    from frazil.tracks.context import TrackContext
    from frazil.tracks.transfer.files import File
    from frazil.tracks.transfer.job import Job, Report
    from frazil.tracks.transfer.ledger import Known, Movie

_MOST_FILES = 2000
"""In one transaction: other sessions want to write, too."""
_ON_THE_WAY = ("settling", "waiting", "transferring", "failed")


@dataclass
class _Delivery:
    file: File
    job: Job
    delivered: Delivered
    report: Report
    at: float


@dataclass
class _Batch:
    """What is stored in one transaction; ``arrived``: paths of what was delivered."""

    files: dict[str, File]
    deliveries: list[_Delivery]
    told: dict[str, MovieMetadata]
    arrived: set[str]


@dataclass
class Books:
    """Gathers changes; `flush` stores them.

    Attributes
    ----------
    context
        The session.
    memory
        What the track remembers between two starts.
    movies
        By path.
    """

    context: TrackContext
    memory: dict[str, Any] = field(default_factory=dict)
    movies: dict[str, Movie] = field(default_factory=dict)
    _names: ProductNames = field(default_factory=lambda: ProductNames(set()))
    _stored: set[str] = field(default_factory=set)
    _dirty: dict[str, File] = field(default_factory=dict)
    _deliveries: list[_Delivery] = field(default_factory=list)
    _told: dict[str, MovieMetadata] = field(default_factory=dict)
    _assigned: dict[str, str] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)
    _optics: OpticsGroups | None = None

    def open(self, known: Known, grouping: str) -> None:
        """Begin with what the catalogue knows."""
        self.movies = known.movies
        self._names = ProductNames(known.names)
        self._stored = {file.path for file in known.files}
        self._numbers = {movie.name: movie.number for movie in known.movies.values()}
        self._dirty.clear()
        self._deliveries.clear()
        self._told.clear()
        state = GroupsState.model_validate(self.memory.get("optics_groups", {}))
        self._optics = OpticsGroups(grouping, state)

    def note(self, file: File) -> None:
        """Remember that a file's row has to be stored."""
        self._dirty[file.path] = file

    def deliver(self, file: File, job: Job, report: Report) -> None:
        """Remember a delivery."""
        if report.delivered is not None:
            at = self.context.wall_clock()
            self._deliveries.append(_Delivery(file, job, report.delivered, report, at))
        if report.metadata is not None:
            path = file.path if file.kind == "movie" else file.movie
            self._told[path] = _together(report.metadata, self._told.get(path))

    @property
    def has_changes(self) -> bool:
        """Whether there is anything to be stored."""
        return bool(self._dirty or self._deliveries or self._told)

    def flush(self, revision: int) -> list[str]:
        """Store what changed, at most 2000 files at a time; returns names of the movies that changed.

        Raises `PassingError` or `OSError` where that is not possible now; nothing is forgotten then.
        """
        if not self.has_changes:
            return []
        batch = self._next_batch()
        new = [path for path, file in batch.files.items() if file.kind == "movie" and path not in self.movies]
        for path in new:
            if path not in self._assigned:
                self._assigned[path] = self._names.assign(path)
        fresh = batch.files.keys() - self._stored
        try:
            self._store(batch, [(path, self._assigned[path]) for path in new], fresh, revision)
        except BaseException:
            # What was rolled back is not known.
            for path in new:
                self.movies.pop(path, None)
            self._dirty = {**batch.files, **self._dirty}
            self._deliveries = [*batch.deliveries, *self._deliveries]
            newer, self._told = self._told, dict(batch.told)
            for path, told in newer.items():
                self._told[path] = _together(told, self._told.get(path))
            raise
        self._stored |= fresh
        for path in new:
            del self._assigned[path]
        changed = {*batch.files, *batch.told, *batch.arrived}
        return [self.movies[path].name for path in changed if path in self.movies]

    def _next_batch(self) -> _Batch:
        """Take out what is stored next: files that arrived, and others in the order in which they changed."""
        arrived = {delivery.file.path for delivery in self._deliveries}
        paths = [path for path in self._dirty if path in arrived or path in self._told]
        others = (path for path in self._dirty if path not in arrived and path not in self._told)
        paths += itertools.islice(others, max(0, _MOST_FILES - len(paths)))
        batch = _Batch({path: self._dirty.pop(path) for path in paths}, self._deliveries, self._told, arrived)
        self._deliveries, self._told = [], {}
        return batch

    def _store(
        self, batch: _Batch, named: list[tuple[str, str]], fresh: Collection[str], revision: int
    ) -> None:
        session = self.context.session_id
        with self.context.catalogue.write() as connection:
            numbers = ledger.add_movies(connection, session, named, revision, self.context.wall_clock())
            for (path, name), number in zip(named, numbers, strict=True):
                self.movies[path] = ledger.Movie(number, name, has_results=False)
                self._numbers[name] = number
            # Before the ledger says so: a file that is in the ledger is in the manifest.
            self._write_manifest(batch)
            files = [(file, self._number(file)) for file in batch.files.values()]
            ledger.store_files(connection, session, files, fresh, self.context.wall_clock())
            self._store_deliveries(connection, batch)
            self._store_states(connection, batch)
            self._store_metadata(connection, batch)

    def _number(self, file: File) -> int | None:
        movie = self.movies.get(file.path if file.kind == "movie" else file.movie)
        return movie.number if movie else None

    def _write_manifest(self, batch: _Batch) -> None:
        entries, sums = [], []
        for delivery in batch.deliveries:
            movie = self.movies.get(
                delivery.file.path if delivery.file.kind == "movie" else delivery.file.movie
            )
            path = self._relative(delivery.delivered.path)
            entries.append(
                manifest.Delivered(
                    path=path,
                    source=storable(str(delivery.job.order.source)),
                    size_bytes=delivery.delivered.form.size,
                    mtime_ns=delivery.delivered.form.mtime_ns,
                    xxh128=delivery.delivered.checksum,
                    mode=delivery.job.order.mode,
                    movie=movie.name if movie else "",
                    movie_number=movie.number if movie else None,
                    kind=delivery.file.kind,
                    ledger_path=storable(delivery.file.path),
                    at=delivery.at,
                )
            )
            if delivery.delivered.checksum:
                sums.append((delivery.delivered.checksum, path))
        manifest.append(self.context.folder, entries)
        append_checksums(self.context.folder, sums)

    def _relative(self, path: Path) -> str:
        if path.is_relative_to(self.context.folder):
            return path.relative_to(self.context.folder).as_posix()
        return storable(str(path))

    def _store_deliveries(self, connection: Connection, batch: _Batch) -> None:
        rows = [
            {
                "key": storable(delivery.file.path),
                "new_path": self._relative(delivery.delivered.path),
                "new_size": delivery.delivered.form.size,
                "new_mtime": delivery.delivered.form.mtime_ns,
                "new_mode": delivery.job.order.mode,
                "new_at": delivery.at,
                "new_sum": delivery.delivered.checksum or None,
            }
            for delivery in batch.deliveries
        ]
        if rows:
            connection.execute(
                update(source_files)
                .where(
                    source_files.c.session_id == self.context.session_id,
                    source_files.c.path == bindparam("key"),
                )
                .values(
                    delivered_path=bindparam("new_path"),
                    delivered_size_bytes=bindparam("new_size"),
                    delivered_mtime_ns=bindparam("new_mtime"),
                    delivered_mode=bindparam("new_mode"),
                    delivered_at=bindparam("new_at"),
                    xxh128=bindparam("new_sum"),
                ),
                rows,
            )

    def _store_states(self, connection: Connection, batch: _Batch) -> None:
        """States of movies that are on their way, and of those that have arrived."""
        session = self.context.session_id
        on_the_way = [
            (self.movies[path].number, file.state, file.reason)
            for path, file in batch.files.items()
            if file.kind == "movie"
            and file.state in _ON_THE_WAY
            and path not in batch.arrived
            and not self.movies[path].has_results
        ]
        ledger.store_movie_states(connection, session, on_the_way)
        for path, file in batch.files.items():
            if file.kind == "movie" and file.state in ("changed", "done") and path not in batch.arrived:
                movie_rows.change(connection, session, self.movies[path].number, reason=file.reason or None)
        for delivery in batch.deliveries:
            if delivery.file.kind == "movie":
                movie = self.movies[delivery.file.path]
                movie_rows.change(connection, session, movie.number, **_arrival(delivery, movie))

    def _store_metadata(self, connection: Connection, batch: _Batch) -> None:
        """Write what the microscope told, and optics groups that follow from it."""
        session = self.context.session_id
        groups: dict[str, int] = {}
        for path, told in batch.told.items():
            movie = self.movies.get(path)
            if movie is None:
                continue
            if values := metadata_columns(told):
                movie_rows.change(connection, session, movie.number, **values)
            if self._optics is not None and path in batch.arrived:
                groups |= self._optics.add(movie.name, told, _mode(told))
        for name, group in groups.items():
            movie_rows.change(connection, session, self._numbers[name], optics_group=group)
        if self._optics is not None and batch.told:
            self.memory["optics_groups"] = self._optics.state.model_dump(mode="json")
            tracks.remember(connection, session, "transfer", self.memory)


def _together(newer: MovieMetadata, older: MovieMetadata | None) -> MovieMetadata:
    """Join what a movie and its side file told, in either order: a side file tells more than a name."""
    if older is None:
        return newer
    first, second = (older, newer) if newer.source == "name" else (newer, older)
    return first.with_defaults(second)


def metadata_columns(told: MovieMetadata) -> dict[str, Any]:
    """Columns of a movie that its microscope fills; what is missing is left out."""
    values: Mapping[str, Any] = {
        "grid_square": told.grid_square,
        "foil_hole": told.foil_hole,
        "shot": told.multishot or told.shot,
        "stage_x_um": told.stage_x_um,
        "stage_y_um": told.stage_y_um,
        # Without a zone it is the microscope's local time, taken for that of this machine.
        "acquired_at": told.acquired_at.timestamp() if told.acquired_at is not None else None,
        "dose_per_movie_e_per_a2": told.dose_per_movie_e_per_a2,
    }
    return {name: value for name, value in values.items() if value is not None}


def _arrival(delivery: _Delivery, movie: Movie) -> dict[str, Any]:
    values: dict[str, Any] = {
        "raw_path": str(delivery.delivered.path),
        "transferred_at": delivery.at,
        "seconds_transfer": delivery.report.seconds,
        "reason": None,
        "failed_stage": None,
    }
    if delivery.report.shape is not None:
        values["frames"] = delivery.report.shape.frames
    if not movie.has_results or delivery.job.order.replaces:
        values["state"] = "queued"
    return values


def _mode(told: MovieMetadata) -> str:
    """Name what must be equal within an optics group."""
    pixel = told.pixel_size_a or told.image_pixel_size_a
    parts: Iterable[object] = (f"{pixel:.4g} Å" if pixel else "", told.voltage_kv or "", told.camera or "")
    return " ".join(str(part) for part in (*parts, told.gain_name or "") if part)
