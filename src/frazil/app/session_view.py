"""Sessions as the API shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frazil.model.track import TRACKS
from frazil.store.catalogue import overview, sessions, tracks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from frazil.app.access import Actor
    from frazil.store.catalogue.sessions import SessionRow


def shown(
    connection: Connection, actor: Actor, row: SessionRow, problem_of: Callable[[str], str] = lambda _: ""
) -> dict[str, Any]:
    """One session."""
    return shown_many(connection, actor, [row], problem_of)[0]


def shown_many(
    connection: Connection,
    actor: Actor,
    rows: Sequence[SessionRow],
    problem_of: Callable[[str], str] = lambda _: "",
) -> list[dict[str, Any]]:
    """Many sessions, in a few queries.

    Each has: id, label, uuid, name, group, group_id, owner, folder, kind, life, created_at, role (of the one
    who asks), settings_revision, source_path, tags, tracks (by name: wanted, state, reason, since), counts
    (movies, particles, and movies by state), last_movie (name, done_at) and last_classes, which may be None,
    and folder_problem: why the folder is away, by ``problem_of``, which is asked with the label and must not
    wait for a disk.
    """
    ids = [row.id for row in rows]
    counts = sessions.counts(connection, ids)
    settings = overview.newest_settings(connection, ids)
    last_movies = overview.last_movies(connection, ids)
    last_classes = overview.last_classes(connection, ids)
    states: dict[int, dict[str, Any]] = {number: {} for number in ids}
    for track in tracks.listed(connection, ids):
        states[track.session_id][track.track] = {
            "wanted": track.wanted,
            "state": track.state,
            "reason": track.reason,
            "since": track.since,
        }
    views = []
    for row in rows:
        revision, values = settings.get(row.id, (0, {}))
        views.append(
            {
                "id": row.id,
                "label": f"S{row.id}",
                "uuid": row.uuid,
                "name": row.name,
                "group": row.group,
                "group_id": row.group_id,
                "owner": row.owner,
                "folder": row.folder,
                "folder_problem": problem_of(f"S{row.id}"),
                "kind": row.kind,
                "life": row.life,
                "created_at": row.created_at,
                "role": actor.role_for(row),
                "settings_revision": revision,
                "source_path": values.get("source_path") or values.get("warp_folder"),
                "tags": list(values.get("tags", ())),
                "tracks": {track: states[row.id].get(track) for track in TRACKS},
                "counts": counts[row.id],
                "last_movie": last_movies.get(row.id),
                "last_classes": last_classes.get(row.id),
            }
        )
    return views
