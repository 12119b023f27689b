"""Settings that Warp decides, saved as a revision of the session so that everybody sees them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from frazil.model.movie_filter import MovieFilter, Range
from frazil.store.catalogue import filters, revisions
from frazil.tracks.follow_warp.data_sets import settings_as_warp

if TYPE_CHECKING:
    from frazil.formats.warp_settings import WarpSettings
    from frazil.tracks.context import TrackContext

SAVED_BY = "Warp"
FILTER = "Warp's filters"
_OWN = ("name", "group", "folder")


def save_as_warp(context: TrackContext, warp: WarpSettings) -> int:
    """Save a revision with Warp's values if the newest has others; returns the newest revision's number.

    Warp's own filters are offered under a name as long as nobody has one of that name.
    """
    session, now = context.session_id, context.wall_clock()
    with context.catalogue.write() as connection:
        newest = revisions.newest(connection, session)
        before = newest.settings()
        after = settings_as_warp(before, warp)
        if after == before:
            return newest.revision
        stored: dict[str, Any] = {name: value for name, value in after.changed().items() if name not in _OWN}
        plain = json.loads(json.dumps(stored))
        number = revisions.add(connection, session, plain, saved_by=SAVED_BY, saved_at=now)
        if warp.filters and all(row["name"] != FILTER for row in filters.listed(connection, session)):
            ranges = {name: Range(low=low, high=high) for name, (low, high) in warp.filters.items()}
            content = MovieFilter(ranges=ranges)
            filters.save(connection, session, FILTER, content, saved_by=SAVED_BY, saved_at=now)
    context.log.info("settings read from Warp", revision=number)
    context.publish("settings", {"revision": number, "saved_by": SAVED_BY})
    return number
