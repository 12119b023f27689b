"""What a person decides about movies: try again, ignore, include, exclude."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import and_, select

from frazil.app.changes import changeable, note
from frazil.app.errors import ConflictError, NotFoundError
from frazil.model.errors import InputError
from frazil.store.catalogue import movies, particle_changes, tracks
from frazil.store.catalogue.schema import movies as table
from frazil.store.catalogue.schema import source_files
from frazil.tracks.context import Nudge
from frazil.tracks.preprocess.planner import TEST_OR_RETRY
from frazil.tracks.transfer.messages import RetryFiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from frazil.app.access import Actor
    from frazil.app.hub import Hub
    from frazil.model.track import TrackName

Override = Literal["auto", "include", "exclude"]
AGAIN = {"state": "queued", "priority": TEST_OR_RETRY, "attempts": 0, "next_try_at": None}
"""Values of a movie that is processed again before all others."""


def retry(hub: Hub, actor: Actor, session_id: int, name: str) -> dict[str, Any]:
    """Try a failed or ignored movie again, before all others; one that was not delivered is fetched again.

    Raises `ConflictError` where it is neither, or was not delivered and file transfer does not run.
    """
    with hub.catalogue.write() as connection:
        changeable(connection, actor, session_id)
        row = _movie(connection, session_id, name)
        if row["state"] not in ("failed", "ignored"):
            raise ConflictError(f"{name} is {row['state']}: only a movie that failed can be tried again")
        files = [] if row["raw_path"] is not None else _failed_files(connection, session_id, row["number"])
        if row["raw_path"] is None:
            _require_transfer(connection, session_id, row, files)
        values = AGAIN if row["raw_path"] is not None else {"state": "failed"}
        movies.change(connection, session_id, row["number"], **values)
        note(hub, connection, actor, session_id, "movie.retry", None, {"movie": name})
    if files:
        hub.runner(session_id, "transfer").post(RetryFiles(tuple(files)))
        tell(hub, session_id, [name])
    else:
        tell(hub, session_id, [name], "preprocess")
    return {"movie": name, "state": values["state"]}


def retry_failed(hub: Hub, actor: Actor, session_id: int) -> dict[str, Any]:
    """Try all failed movies again; returns ``{"movies": how many}``.

    Those that were not delivered count if file transfer runs: Start of it tries them, too.
    """
    with hub.catalogue.write() as connection:
        changeable(connection, actor, session_id)
        failed = and_(table.c.state == "failed", table.c.raw_path.is_not(None))
        count = movies.change_where(connection, session_id, failed, **AGAIN)
        running = tracks.get(connection, session_id, "transfer").state == "running"
        files = _failed_files(connection, session_id) if running else []
        count += len(files)
        note(hub, connection, actor, session_id, "movie.retry_failed", None, {"movies": count})
    if files:
        hub.runner(session_id, "transfer").post(RetryFiles(tuple(files)))
    if count:
        hub.feed.publish(session_id, "movies", {"names": [], "many": True})
        _nudge(hub, session_id, "preprocess")
    return {"movies": count}


def ignore(hub: Hub, actor: Actor, session_id: int, name: str) -> dict[str, Any]:
    """Take a failed movie off the list of failures.

    Raises `ConflictError` where it has not failed.
    """
    with hub.catalogue.write() as connection:
        changeable(connection, actor, session_id)
        row = _movie(connection, session_id, name)
        if row["state"] != "failed":
            raise ConflictError(f"{name} is {row['state']}: only a movie that failed can be ignored")
        movies.change(connection, session_id, row["number"], state="ignored", next_try_at=None)
        note(hub, connection, actor, session_id, "movie.ignore", None, {"movie": name})
    tell(hub, session_id, [name])
    return {"movie": name, "state": "ignored"}


def set_override(hub: Hub, actor: Actor, session_id: int, name: str, override: Override) -> dict[str, Any]:
    """Include or exclude a movie by hand, or leave it to the filters."""
    if override not in ("auto", "include", "exclude"):
        raise InputError(f"override={override}: must be auto, include or exclude")
    with hub.catalogue.write() as connection:
        changeable(connection, actor, session_id)
        row = _movie(connection, session_id, name)
        if row["override"] != override:
            movies.change(connection, session_id, row["number"], override=override)
            if row["particles_token"] is not None:
                particle_changes.mark(connection, session_id, [row["number"]])
            before = {"movie": name, "override": row["override"]}
            note(hub, connection, actor, session_id, "movie.override", before, {"override": override})
    hub.write_through(session_id)
    tell(hub, session_id, [name], "classify2d")
    return {"movie": name, "override": override}


def _movie(connection: Connection, session_id: int, name: str) -> dict[str, Any]:
    try:
        return movies.get(connection, session_id, name)
    except InputError as error:
        raise NotFoundError(str(error)) from None


def _failed_files(connection: Connection, session_id: int, number: int | None = None) -> list[str]:
    """Paths of movies whose delivery failed: of one movie, or of all that are not taken off the list."""
    query = (
        select(source_files.c.path)
        .join(
            table,
            and_(table.c.session_id == session_id, table.c.number == source_files.c.movie_number),
        )
        .where(
            source_files.c.session_id == session_id,
            source_files.c.kind == "movie",
            source_files.c.state == "failed",
            table.c.raw_path.is_(None),
            table.c.state == "failed" if number is None else table.c.number == number,
        )
    )
    return list(connection.scalars(query))


def _require_transfer(
    connection: Connection, session_id: int, row: dict[str, Any], files: Sequence[str]
) -> None:
    """Raise `ConflictError` where nobody can fetch a movie that is not there."""
    what = f"{row['name']} is not transferred: {row['reason'] or row['state']}"
    if not files:
        raise ConflictError(f"{what}; Restart of file transfer looks for it again")
    if tracks.get(connection, session_id, "transfer").state != "running":
        raise ConflictError(f"{what}; file transfer has to run for that: start it first")


def tell(hub: Hub, session_id: int, names: list[str], track: TrackName | None = None) -> None:
    """Tell those who watch that movies changed, and wake a track up that works on them."""
    hub.feed.publish(session_id, "movies", {"names": names})
    if track is not None:
        _nudge(hub, session_id, track)


def _nudge(hub: Hub, session_id: int, track: TrackName) -> None:
    with hub.catalogue.read() as connection:
        running = tracks.get(connection, session_id, track).wanted
    if running:
        hub.runner(session_id, track).post(Nudge())
