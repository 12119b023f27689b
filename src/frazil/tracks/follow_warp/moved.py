"""Warp's folder has another place: links to its stacks and the movies' paths follow."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from frazil.store.catalogue import movies as movie_rows
from frazil.store.catalogue.schema import movies

if TYPE_CHECKING:
    from frazil.tracks.context import TrackContext


def follow_moved(context: TrackContext, folder: Path) -> int:
    """Let what the session has of Warp's movies lead to ``folder``; returns how many movies led elsewhere.

    Stacks keep their size and time where a folder is moved: then no particle is taken in anew.
    """
    query = select(movies.c.number, movies.c.name, movies.c.raw_path).where(
        movies.c.session_id == context.session_id, movies.c.raw_path.is_not(None)
    )
    with context.catalogue.read() as connection:
        rows = [row for row in connection.execute(query) if Path(row.raw_path).parent != folder]
    for row in rows:
        _lead(context.folder / "particles" / f"{row.name}.mrcs", Path(row.raw_path).parent, folder)
    with context.catalogue.write() as connection:
        for row in rows:
            path = str(folder / Path(row.raw_path).name)
            movie_rows.change(connection, context.session_id, row.number, raw_path=path)
    if rows:
        context.log.info("Warp's folder is in another place", warp_folder=str(folder), movies=len(rows))
    return len(rows)


def _lead(link: Path, before: Path, after: Path) -> None:
    try:
        target = Path(os.readlink(link))  # noqa: PTH115 - as text
    except OSError:
        # A movie without particles.
        return
    if target.is_relative_to(before):
        part = link.with_name(f".{link.name}.part")
        part.unlink(missing_ok=True)
        part.symlink_to(after / target.relative_to(before))
        os.replace(part, link)  # noqa: PTH105 - one moment
