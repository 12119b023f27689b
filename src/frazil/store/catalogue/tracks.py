"""Rows of tracks: what is wanted, what is, and what a track remembers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from frazil.model.track import TRACKS, TrackName
from frazil.store.catalogue.schema import tracks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection


@dataclass(frozen=True)
class TrackRow:
    """One track of one session."""

    session_id: int
    track: TrackName
    wanted: bool
    state: str
    reason: str
    since: float
    memory: dict[str, Any]


def add_all(connection: Connection, session_id: int, now: float) -> None:
    """Add the three tracks of a new session, stopped."""
    connection.execute(
        insert(tracks),
        [
            {
                "session_id": session_id,
                "track": track,
                "wanted": False,
                "state": "stopped",
                "reason": "",
                "since": now,
                "memory": {},
            }
            for track in TRACKS
        ],
    )


def get(connection: Connection, session_id: int, track: TrackName) -> TrackRow:
    """Return one track."""
    query = select(tracks).where(tracks.c.session_id == session_id, tracks.c.track == track)
    return TrackRow(**connection.execute(query).mappings().one())


def listed(connection: Connection, session_ids: Sequence[int] | None = None) -> list[TrackRow]:
    """All tracks (of these sessions), in the order of `TRACKS`."""
    query = select(tracks)
    if session_ids is not None:
        query = query.where(tracks.c.session_id.in_(session_ids))
    rows = [TrackRow(**row) for row in connection.execute(query).mappings()]
    return sorted(rows, key=lambda row: (row.session_id, TRACKS.index(row.track)))


def save_state(
    connection: Connection,
    session_id: int,
    track: TrackName,
    *,
    wanted: bool,
    state: str,
    reason: str,
    now: float,
) -> None:
    """Store what is wanted and what is."""
    connection.execute(
        update(tracks)
        .where(tracks.c.session_id == session_id, tracks.c.track == track)
        .values(wanted=wanted, state=state, reason=reason, since=now)
    )


def remember(connection: Connection, session_id: int, track: TrackName, memory: Mapping[str, Any]) -> None:
    """Replace what a track remembers."""
    connection.execute(
        update(tracks)
        .where(tracks.c.session_id == session_id, tracks.c.track == track)
        .values(memory=dict(memory))
    )
