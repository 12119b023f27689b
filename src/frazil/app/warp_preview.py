"""What a Warp folder holds, told while a person types, and what a new session reads from it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frazil.app.access import session_for
from frazil.app.errors import DeniedError
from frazil.app.files import sight
from frazil.formats.warp_particles import count_warp_particles, find_particle_table
from frazil.formats.warp_settings import NO_PARTICLES, SETTINGS_NAME, read_warp_settings
from frazil.model.errors import FrazilError, InputError
from frazil.model.words import plural
from frazil.store.catalogue import revisions, sessions
from frazil.tracks.follow_warp.data_sets import settings_as_warp
from frazil.tracks.follow_warp.folder import OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from frazil.app.access import Actor
    from frazil.app.hub import Hub
    from frazil.formats.warp_settings import WarpSettings
    from frazil.model.settings import Settings

_MOST_SESSIONS = 200


def warp_preview(hub: Hub, actor: Actor, path: str, which: Literal["all", "good"] = "all") -> dict[str, Any]:
    """Look at a folder that may be Warp's.

    Returns
    -------
        text for people; is_warp (it holds Warp's settings), network, table (name of the particle table),
        movies (how many XML files), particles (rows of the table), box_size_px, pixel_size_a (of particles),
        threshold, diameter_a, voltage_kv; trouble: what keeps particles from being followed; sessions:
        labels of those that follow this folder already.

    Raises
    ------
    DeniedError
        Outside the roots, or somebody who may make no session.
    InputError
        No absolute path.
    """
    seen = sight(hub, actor)
    if "\0" in path or not path.startswith("/"):
        raise InputError(f"{path!r}: give an absolute path")
    folder = Path(path)
    if not seen.shows(folder.resolve()):
        raise DeniedError(seen.refusal(path))
    found: dict[str, Any] = {
        "is_warp": False,
        "network": None,
        "table": None,
        "movies": 0,
        "particles": 0,
        "box_size_px": None,
        "pixel_size_a": None,
        "threshold": None,
        "diameter_a": None,
        "voltage_kv": None,
        "trouble": "",
        "sessions": _followers(hub, actor, folder),
    }
    try:
        warp = _read(folder, seen.shows)
        found |= _of_settings(warp)
        found |= _of_files(folder, warp, which, seen.shows)
    except FrazilError as error:
        found["trouble"] = str(error)
    except OSError as error:
        found["trouble"] = f"{folder}: can't be looked at: {error.strerror or error}"
    found["text"] = _in_words(found)
    return found


def with_warp(hub: Hub, settings: Settings) -> tuple[Settings, str]:
    """Return the settings of a new session with what Warp decides, and what a person should know."""
    folder = settings.image_data.warp_folder
    if settings.session.kind != "warp" or folder is None:
        return settings, ""
    try:
        warp = _read(Path(folder), hub.config.allows)
        return settings_as_warp(settings, warp), "" if warp.exports_particles else NO_PARTICLES
    except (FrazilError, OSError) as error:
        return settings, f"{error}; it is read when Follow Warp starts"


def _read(folder: Path, may_see: Callable[[Path], bool]) -> WarpSettings:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    if not (folder / SETTINGS_NAME).exists():
        raise InputError(f"{folder}: holds no {SETTINGS_NAME}: choose the folder that Warp writes to")
    return read_warp_settings(_seen(folder / SETTINGS_NAME, may_see))


def _seen(path: Path, may_see: Callable[[Path], bool]) -> Path:
    """Return the path; `InputError` for a link that leads where nobody may look."""
    if not may_see(path.resolve()):
        raise InputError(f"{path}: {OUTSIDE}")
    return path


def _of_settings(warp: WarpSettings) -> dict[str, Any]:
    return {
        "is_warp": True,
        "network": warp.network or None,
        "box_size_px": warp.box_size_px,
        "pixel_size_a": warp.particle_pixel_size_a,
        "threshold": warp.minimum_score,
        "diameter_a": warp.diameter_a,
        "voltage_kv": warp.voltage_kv,
        "trouble": "" if warp.exports_particles else NO_PARTICLES,
    }


def _of_files(
    folder: Path, warp: WarpSettings, which: Literal["all", "good"], may_see: Callable[[Path], bool]
) -> dict[str, Any]:
    names = os.listdir(folder)  # noqa: PTH208 - names are all that is needed
    table = find_particle_table(names, warp.networks, which, frozenset())
    return {
        "movies": sum(name.endswith(".xml") for name in names),
        "table": table,
        "particles": 0 if table is None else count_warp_particles(_seen(folder / table, may_see)),
    }


def _in_words(found: dict[str, Any]) -> str:
    if not found["is_warp"]:
        return str(found["trouble"])
    words = [
        plural(found["movies"], "movie"),
        plural(found["particles"], "particle"),
        f"box {found['box_size_px']} px of {found['pixel_size_a']:.4g} Å",
        f"network {found['network'] or 'unknown'}",
        f"threshold {found['threshold']:g}",
    ]
    return ", ".join(words)


def _followers(hub: Hub, actor: Actor, folder: Path) -> list[str]:
    """Labels of the sessions that somebody may see and that follow a folder."""
    labels = []
    with hub.catalogue.read() as connection:
        rows = [row for row in sessions.listed(connection, actor.visible_groups()) if row.kind == "warp"]
        for row in rows[:_MOST_SESSIONS]:
            session_for(connection, actor, row.id, "viewer")
            followed = revisions.newest(connection, row.id).values.get("warp_folder")
            if followed is not None and Path(followed) == folder:
                labels.append(f"S{row.id}")
    return labels
