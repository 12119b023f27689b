"""The strip of a session: how many, how fast, how far behind, how good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frazil.app.access import session_for
from frazil.store.catalogue import overview
from frazil.store.catalogue.progress import UNFINISHED, progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from frazil.app.access import Actor
    from frazil.app.hub import Hub
    from frazil.store.catalogue.progress import Progress


def strip(hub: Hub, actor: Actor, session_id: int) -> dict[str, Any]:
    """Return the strip of a session; see `strip_of`."""
    now = hub.now()
    with hub.catalogue.read() as connection:
        session_for(connection, actor, session_id, "viewer")
        found = progress(connection, session_id, now)
        classes = overview.last_classes(connection, [session_id]).get(session_id)
    return strip_of(found, classes, workers=hub.movie_workers(), now=now)


def strip_of(
    found: Progress, classes: Mapping[str, Any] | None, *, workers: int, now: float
) -> dict[str, Any]:
    """Work out the numbers of the strip.

    Parameters
    ----------
    found
        Counts and times.
    classes
        The newest class averages.
    workers
        Movies that can be processed at the same time.
    now
        Seconds since 1970.

    Returns
    -------
        movies
            All that were found, but for ignored ones.
        done, failed, settling, waiting
            ``done`` with outdated ones; ``waiting`` is the backlog: settled, and neither done nor failed.
        in_per_h, out_per_h
            Settled movies of the last 60 minutes; movies done in it.
        behind_s, oldest_at
            Age of the oldest unfinished settled movie, 0 where there is none; when it was found.
        capacity_per_h
            Workers over the mean seconds of the last 50 movies; None before the first.
        catching_up, eta_s
            Whether the backlog shrinks; if so, when it is gone: backlog ÷ (capacity − in).
        particles, resolution_median_a
            Of all movies.
        classes
            Number, time, particles of the newest class averages; None before the first.
    """
    states = found.by_state
    backlog = sum(states.get(state, 0) for state in UNFINISHED)
    capacity = 3600.0 * workers / found.mean_seconds if found.mean_seconds else None
    spare = None if capacity is None else capacity - found.settled_last_hour
    catching_up = backlog == 0 or (spare is not None and spare > 0)
    eta_s = None
    if backlog == 0:
        eta_s = 0.0
    elif spare is not None and spare > 0:
        eta_s = 3600.0 * backlog / spare
    oldest = found.oldest_unfinished_at
    return {
        "movies": sum(states.values()) - states.get("ignored", 0),
        "done": states.get("done", 0) + states.get("outdated", 0),
        "failed": states.get("failed", 0),
        "settling": states.get("settling", 0),
        "waiting": backlog,
        "in_per_h": found.settled_last_hour,
        "out_per_h": found.done_last_hour,
        "behind_s": 0.0 if oldest is None else max(0.0, now - oldest),
        "oldest_at": oldest,
        "capacity_per_h": capacity,
        "catching_up": catching_up,
        "eta_s": eta_s,
        "particles": found.particles,
        "resolution_median_a": found.resolution_median_a,
        "classes": None if classes is None else dict(classes),
    }
