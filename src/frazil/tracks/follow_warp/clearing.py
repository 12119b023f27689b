"""Clear of Follow Warp: what the session holds of Warp's movies goes; Warp's own files are not touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frazil.store.trash import throw_away
from frazil.tracks.follow_warp.rows import forget_all
from frazil.tracks.preprocess.clearing import CLEARED_FOLDERS

if TYPE_CHECKING:
    from frazil.tracks.context import TrackContext


def clear_followed(context: TrackContext) -> None:
    """Remove particle tables, records and links to stacks. Done again it does no harm."""
    throw_away(context.folder, [context.folder / name for name in CLEARED_FOLDERS])
    for name in CLEARED_FOLDERS:
        if not name.startswith("."):
            (context.folder / name).mkdir(exist_ok=True)
    with context.catalogue.write() as connection:
        count = forget_all(connection, context.session_id)
    context.log.info("cleared", movies_with_particles=count)
