"""What transfer stores: rows of files and movies, many in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, select, update

from frazil.store.catalogue import movies as movie_rows
from frazil.store.catalogue import source_files as file_rows
from frazil.store.catalogue.schema import movies, source_files
from frazil.tracks.transfer.files import File, FileForm
from frazil.tracks.transfer.names import from_storable, storable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from frazil.tracks.transfer.patterns import Kind

RAW_ABSENT = "raw absent"


@dataclass
class Movie:
    """What transfer has to know of a movie's row."""

    number: int
    name: str
    has_results: bool


@dataclass
class Known:
    """What the catalogue knows when the track begins.

    Attributes
    ----------
    files
        Of the present location.
    movies
        By path.
    names
        Of all products.
    checksums, delivered_paths
        Of files that were delivered, by path.
    frames
        Of the movies delivered last.
    """

    files: list[File] = field(default_factory=list)
    movies: dict[str, Movie] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    checksums: dict[str, str] = field(default_factory=dict)
    delivered_paths: dict[str, str] = field(default_factory=dict)
    frames: list[int] = field(default_factory=list)


def read_known(
    connection: Connection, session_id: int, is_ours: Callable[[str], bool], now: float, wall_now: float
) -> Known:
    """Read everything that the track goes on from.

    ``is_ours(path)`` tells whether a path belongs to the present location; ``now`` and ``wall_now`` are the
    same moment on both clocks.
    """
    known = Known()
    paths: dict[int, str] = {}
    columns = (movies.c.number, movies.c.name, movies.c.path, movies.c.frames, movies.c.settings_revision)
    for number, name, path, frames, revision in connection.execute(
        select(*columns).where(movies.c.session_id == session_id).order_by(movies.c.number)
    ):
        paths[number] = from_storable(path)
        known.movies[paths[number]] = Movie(number, name, revision is not None)
        known.names.add(name)
        if frames:
            known.frames = [*known.frames[-49:], int(frames)]
    for row in file_rows.every(connection, session_id):
        path = from_storable(row["path"])
        if not is_ours(path):
            continue
        known.files.append(_file(row, path, paths, now - wall_now))
        if row["xxh128"]:
            known.checksums[path] = row["xxh128"]
        if row["delivered_path"]:
            known.delivered_paths[path] = row["delivered_path"]
    return known


def _file(row: Mapping[str, Any], path: str, paths: Mapping[int, str], offset_s: float) -> File:
    kind: Kind = "movie" if row["kind"] == "movie" else "extra"
    delivered = None
    if row["delivered_mtime_ns"] is not None:
        delivered = FileForm(row["delivered_size_bytes"], row["delivered_mtime_ns"])
    return File(
        path,
        kind,
        FileForm(row["size_bytes"], row["mtime_ns"]),
        movie=paths.get(row["movie_number"], "") if kind == "extra" else "",
        state=row["state"],
        reason=row["reason"],
        attempts=row["attempts"],
        delivered=delivered,
        delivered_at=None if row["delivered_at"] is None else row["delivered_at"] + offset_s,
        to_be_removed=row["delivered_mode"] == "move",
    )


def add_movies(
    connection: Connection, session_id: int, new: Sequence[tuple[str, str]], revision: int, wall_now: float
) -> list[int]:
    """Add movies, given as (path, name), that were just seen; returns their numbers."""
    rows = [
        {
            "name": name,
            "path": storable(path),
            "state": "settling",
            "found_at": wall_now,
            "target_revision": revision,
        }
        for path, name in new
    ]
    return movie_rows.add_many(connection, session_id, rows)


def store_files(
    connection: Connection,
    session_id: int,
    files: Iterable[tuple[File, int | None]],
    fresh: Collection[str],
    wall_now: float,
) -> None:
    """Add or change rows of files, each with its movie's number; those in ``fresh`` have none yet."""
    new, old = [], []
    for file, number in files:
        values = {
            "size_bytes": file.form.size,
            "mtime_ns": file.form.mtime_ns,
            "state": file.state,
            "reason": file.reason,
            "attempts": file.attempts,
        }
        key = storable(file.path)
        if file.path not in fresh:
            old.append({"key": key, **{f"new_{name}": value for name, value in values.items()}})
        else:
            new.append(
                {"path": key, "kind": file.kind, "movie_number": number, "found_at": wall_now, **values}
            )
    file_rows.add_many(connection, session_id, new)
    if old:
        names = ("size_bytes", "mtime_ns", "state", "reason", "attempts")
        connection.execute(
            update(source_files)
            .where(source_files.c.session_id == session_id, source_files.c.path == bindparam("key"))
            .values({name: bindparam(f"new_{name}") for name in names}),
            old,
        )


def store_movie_states(
    connection: Connection, session_id: int, states: Iterable[tuple[int, str, str]]
) -> None:
    """Change state and reason of movies, given as (number, state, reason); what is ignored stays so."""
    rows = [
        {
            "key": number,
            "new_state": state,
            "new_reason": reason or None,
            "new_failed_stage": "transfer" if state == "failed" else None,
        }
        for number, state, reason in states
    ]
    if rows:
        connection.execute(
            update(movies)
            .where(
                movies.c.session_id == session_id,
                movies.c.number == bindparam("key"),
                movies.c.state != "ignored",
            )
            .values(
                state=bindparam("new_state"),
                reason=bindparam("new_reason"),
                failed_stage=bindparam("new_failed_stage"),
            ),
            rows,
        )


def forget_files(connection: Connection, session_id: int, paths: Iterable[str]) -> None:
    """Remove rows of files."""
    keys = [{"key": storable(path)} for path in paths]
    if keys:
        connection.execute(
            delete(source_files).where(
                source_files.c.session_id == session_id, source_files.c.path == bindparam("key")
            ),
            keys,
        )
