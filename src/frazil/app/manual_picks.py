"""Particles that a person adds or removes: kept apart from what picking finds, so that they survive it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from frazil.app.access import session_for
from frazil.app.changes import changeable
from frazil.app.errors import ConflictError, NotFoundError
from frazil.app.movie_actions import AGAIN, tell
from frazil.app.movie_table import movie_row
from frazil.app.pictures import candidates
from frazil.model.errors import InputError
from frazil.model.manual_picks import SAME_PARTICLE_DIAMETERS, ManualPicks
from frazil.store.catalogue import audit, movies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from frazil.app.access import Actor
    from frazil.app.hub import Hub

_REDONE = ("done", "outdated", "queued")


def show_manual_picks(hub: Hub, actor: Actor, session_id: int, name: str) -> dict[str, Any]:
    """Return what was changed by hand on one micrograph.

    Returns
    -------
        added: (x, y) in Å; removed: ids of candidates, their place in the answer of
        `frazil.app.pictures.picks`; removed_at: where they were when they were removed, Å; saved_at,
        saved_by; pending: it is not in the particles yet; version: of the candidates that the ids belong to.
    """
    with hub.catalogue.read() as connection:
        session_for(connection, actor, session_id, "viewer")
        row = movie_row(connection, session_id, name)
    return _answer(row, _found(hub, actor, session_id, name))


def save_manual_picks(
    hub: Hub,
    actor: Actor,
    session_id: int,
    name: str,
    added: Sequence[tuple[float, float]],
    removed: Sequence[int],
    version: str | None = None,
) -> dict[str, Any]:
    """Replace what was changed by hand on one micrograph; it is picked and extracted again, before others.

    Parameters
    ----------
    added
        All particles added, (x, y) in Å from the first pixel of the micrograph.
    removed
        Ids of all candidates that are no particles. Places that were removed earlier and have no candidate
        now stay removed, unless both lists are empty.
    version
        As `show_manual_picks` gave it: refused where the micrograph was picked again since.

    Raises
    ------
    InputError
        A place outside the micrograph, an id that doesn't exist, too many.
    ConflictError
        It was picked again meanwhile, or the session is archived.
    """
    found = _found(hub, actor, session_id, name)
    if version is not None and version != found["version"]:
        raise ConflictError(f"{name} was picked again meanwhile: look at it again")
    if removed and not found["x_a"].size:
        raise NotFoundError(f"{name} has no candidates: there is nothing to remove")
    places = sorted(set(removed))
    if places and not 0 <= places[0] <= places[-1] < found["x_a"].size:
        raise InputError(f"removed: {name} has {found['x_a'].size} candidates, counted from 0")
    _refuse_outside(name, added, found["size_a"])
    with hub.catalogue.write() as connection:
        changeable(connection, actor, session_id)
        row = movie_row(connection, session_id, name)
        before = movies.manual_picks_of(row)
        # What a person had added and now removes is simply not added any more.
        gone = [(float(found["x_a"][i]), float(found["y_a"][i])) for i in places if found["by_hand"][i] <= 0]
        if added or removed:
            gone += [place for place in before.removed if not _near(found, place).any()]
        try:
            after = ManualPicks(
                added=tuple(added), removed=tuple(gone), saved_at=hub.now(), saved_by=actor.login
            )
        except ValidationError as error:
            raise InputError(f"{name}: {error.errors()[0]['msg']}") from None
        if after.token != before.token:
            content = json.loads(after.model_dump_json()) if after.token else None
            redone = row["state"] in _REDONE or row["failed_stage"] in ("pick", "extract")
            again = dict(AGAIN) if redone and row["raw_path"] is not None else {}
            movies.change(connection, session_id, row["number"], manual_picks=content, **again)
            audit.add(
                connection,
                at=hub.now(),
                who=actor.login,
                what="movie.manual_picks",
                session_id=session_id,
                before={"movie": name, "added": len(before.added), "removed": len(before.removed)},
                after={"movie": name, "added": len(after.added), "removed": len(after.removed)},
            )
        row = movie_row(connection, session_id, name)
    hub.write_through(session_id)
    tell(hub, session_id, [name], "preprocess")
    return _answer(row, found)


def _found(hub: Hub, actor: Actor, session_id: int, name: str) -> dict[str, Any]:
    """Candidates as they are now, none where the micrograph was not picked (yet)."""
    try:
        return candidates(hub, actor, session_id, name)
    except NotFoundError:
        with hub.catalogue.read() as connection:
            movie_row(connection, session_id, name)
        none = np.zeros(0)
        return {"x_a": none, "y_a": none, "by_hand": none, "diameter_a": 0.0, "size_a": None, "version": ""}


def _near(found: dict[str, Any], place: tuple[float, float]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    distance_a = np.hypot(found["x_a"] - place[0], found["y_a"] - place[1])
    near: np.ndarray[Any, np.dtype[np.bool_]] = distance_a <= SAME_PARTICLE_DIAMETERS * found["diameter_a"]
    near &= found["by_hand"] <= 0
    return near


def _refuse_outside(
    name: str, added: Sequence[tuple[float, float]], size_a: tuple[float, float] | None
) -> None:
    for x_a, y_a in added if size_a is not None else ():
        if x_a > size_a[0] or y_a > size_a[1]:  # type: ignore[index]
            raise InputError(
                f"added: ({x_a:g}, {y_a:g}) lies outside {name}, which is {size_a[0]:.0f} x {size_a[1]:.0f} Å"  # type: ignore[index]
            )


def _answer(row: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    manual = movies.manual_picks_of(row)
    taken = np.zeros(found["x_a"].size, dtype=bool)
    for place in manual.removed:
        taken |= _near(found, place)
    return {
        "added": list(manual.added),
        "removed": np.flatnonzero(taken).tolist(),
        "removed_at": list(manual.removed),
        "saved_at": manual.saved_at or None,
        "saved_by": manual.saved_by,
        "pending": movies.record_of(row).manual_picks != manual.token,
        "version": found["version"],
    }
