"""What Follow Warp reads and writes in the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, select

from frazil.model.errors import InputError
from frazil.store.catalogue import movies as movie_rows
from frazil.store.catalogue import particle_changes
from frazil.store.catalogue.schema import movies
from frazil.tracks.preprocess.results import RECORD_COLUMNS, columns_of
from frazil.tracks.preprocess.rows import every_row

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import Connection

    from frazil.model.settings import Settings
    from frazil.stages.record import MovieRecord
    from frazil.tracks.follow_warp.taking_in import Found


@dataclass(frozen=True)
class Known:
    """What the session has of one of Warp's movies.

    Attributes
    ----------
    number, name
        In the session.
    xml, particles
        Signatures of what was taken in, or set aside; empty where nothing was.
    revision
        Of the settings its particles belong to.
    waits
        Its particles were withdrawn, or never taken in, because their stack is being written.
    again
        It is to be taken in although nothing changed.
    """

    number: int
    name: str
    xml: str = ""
    particles: str = ""
    revision: int | None = None
    waits: bool = False
    again: bool = False

    @property
    def digest(self) -> str:
        """Of the rows of the table."""
        return self.particles.partition(":")[0]

    @property
    def stack(self) -> str:
        """Signature of the stack."""
        return self.particles.partition(":")[2]


def known_movies(connection: Connection, session_id: int, *, anew: bool) -> dict[str, Known]:
    """All movies of the session by Warp's name for them; ``anew``: all of them are to be taken in again."""
    known = {}
    for row in every_row(connection, session_id):
        movie = PurePosixPath(row["path"]).name.removesuffix(".xml")
        entry = Known(row["number"], row["name"], again=True)
        if row["state"] == "done" and row["settings_revision"] is not None:
            record = movie_rows.record_of(row)
            particles = record.stage("extract").fingerprint if row["particles_token"] else ""
            xml, revision = record.stage("ctf").fingerprint, row["settings_revision"]
            entry = Known(row["number"], row["name"], xml, particles, revision, again=anew)
        known[movie] = entry
    return known


def queued_again(connection: Connection, session_id: int) -> list[int]:
    """Movies that a person wants to be read again."""
    query = select(movies.c.number).where(movies.c.session_id == session_id, movies.c.state == "queued")
    return list(connection.scalars(query))


def add(
    connection: Connection, session_id: int, new: Mapping[str, str], revision: int, now: float
) -> list[int]:
    """Add movies, their names in the session by Warp's; returns their numbers."""
    rows = [
        {
            "name": name,
            "path": f"{movie}.xml",
            "state": "processing",
            "found_at": now,
            "transferred_at": now,
            "target_revision": revision,
        }
        for movie, name in new.items()
    ]
    return movie_rows.add_many(connection, session_id, rows)


def write(
    connection: Connection,
    session_id: int,
    number: int,
    found: Found,
    record: MovieRecord,
    settings: Settings,
    waits_for: str,
) -> bool:
    """Write what was taken in of a movie; returns whether its particles are others now."""
    before = movie_rows.by_number(connection, session_id, [number]).get(number)
    if before is None:
        raise InputError(f"S{session_id} has no movie {number} any more")
    values: dict[str, Any] = columns_of(record, settings)
    values.update(raw_path=str(found.source), attempts=0, next_try_at=None, priority=3)
    values.update(settings_revision=found.revision, target_revision=found.revision)
    xml = found.xml
    if xml is not None:
        if xml.frames and xml.dose_per_frame_e_per_a2:
            values["dose_per_movie_e_per_a2"] = xml.frames * xml.dose_per_frame_e_per_a2
        values["reason_rejected"] = _rejected(deselected=bool(xml.deselected), passes=xml.passes_filters)
    if record.failed_stage is not None:
        values["state"] = "failed"
    elif waits_for:
        values.update(state="processing", reason=waits_for)
    else:
        values["state"] = "done"
        if before["done_at"] is None:
            values["done_at"] = found.now
            values["latency_s"] = max(0.0, found.now - before["found_at"])
    if before["state"] == "ignored":
        values["state"] = "ignored"
    movie_rows.change(connection, session_id, number, **values)
    changed: bool = values["particles_token"] != before["particles_token"] or (
        values["particles_token"] is not None and found.revision != before["settings_revision"]
    )
    if changed:
        particle_changes.mark(connection, session_id, [number])
    return changed


def forget_all(connection: Connection, session_id: int) -> int:
    """Empty what was taken in of all movies; returns how many had particles."""
    here = movies.c.session_id == session_id
    numbers = list(
        connection.scalars(select(movies.c.number).where(here, movies.c.particles_token.is_not(None)))
    )
    empty: dict[str, Any] = dict.fromkeys(RECORD_COLUMNS)
    empty.update(record=None, failed_stage=None, reason=None, settings_revision=None, particles_token=None)
    empty.update(attempts=0, next_try_at=None, done_at=None, latency_s=None, reason_rejected=None)
    movie_rows.change_where(connection, session_id, here, **empty)
    movie_rows.change_where(connection, session_id, and_(here, movies.c.state != "ignored"), state="queued")
    particle_changes.mark(connection, session_id, numbers)
    return len(numbers)


def named(known: Mapping[str, Known], wanted: Collection[int]) -> list[str]:
    """Warp's names of movies by their numbers."""
    chosen = set(wanted)
    return [movie for movie, entry in known.items() if entry.number in chosen]


def _rejected(*, deselected: bool, passes: bool) -> str | None:
    if deselected:
        return "deselected in Warp"
    return None if passes else "outside Warp's filters"
