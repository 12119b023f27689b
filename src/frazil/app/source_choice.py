"""A movie's source changed after it was delivered: take the new version, or keep the old one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import select

from frazil.app.changes import changeable, note
from frazil.app.errors import ConflictError
from frazil.app.movie_table import movie_row
from frazil.store.catalogue import tracks
from frazil.store.catalogue.schema import source_files
from frazil.tracks.transfer.messages import KeepFile, ReplaceFile

if TYPE_CHECKING:
    from frazil.app.access import Actor
    from frazil.app.hub import Hub

Choice = Literal["replace", "ignore"]


def choose_source(hub: Hub, actor: Actor, session_id: int, name: str, choice: Choice) -> dict[str, Any]:
    """Decide what becomes of a movie whose source changed.

    ``replace``: the new version is delivered and processed anew. ``ignore``: what was delivered stays.

    Raises
    ------
    NotFoundError
        There is no such movie.
    ConflictError
        Its source did not change; file transfer does not run; the session is archived.
    """
    with hub.catalogue.write() as connection:
        changeable(connection, actor, session_id)
        movie = movie_row(connection, session_id, name)
        path = connection.scalar(
            select(source_files.c.path).where(
                source_files.c.session_id == session_id,
                source_files.c.movie_number == movie["number"],
                source_files.c.kind == "movie",
                source_files.c.state == "changed",
            )
        )
        if path is None:
            raise ConflictError(f"{name}: its source did not change after it was delivered")
        if tracks.get(connection, session_id, "transfer").state != "running":
            raise ConflictError(f"{name}: file transfer has to run for that; start it first")
        after = {"movie": name, "choice": choice}
        note(hub, connection, actor, session_id, "movie.source", None, after)
    message = ReplaceFile(path) if choice == "replace" else KeepFile(path)
    hub.runner(session_id, "transfer").post(message)
    return {"movie": name, "choice": choice}
