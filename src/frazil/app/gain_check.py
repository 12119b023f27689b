"""Check of a gain reference for the form: which of its eight orientations fits the movies that are there."""

from __future__ import annotations

import json
import re
import shutil
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from frazil.app.errors import DeniedError, NotFoundError
from frazil.app.files import sight
from frazil.app.products import read_product
from frazil.app.source_preview import look
from frazil.engine.executor import Task
from frazil.formats.atomic import atomic_path
from frazil.model.errors import InputError
from frazil.model.settings import Settings
from frazil.stages.gain_check_task import GainCheckTask
from frazil.stages.tasks import check_gain
from frazil.tracks.preprocess.planner import TEST_OR_RETRY
from frazil.tracks.transfer.location import Location
from frazil.tracks.transfer.patterns import Patterns

if TYPE_CHECKING:
    from frazil.app.access import Actor
    from frazil.app.hub import Hub
    from frazil.app.products import Product
    from frazil.engine.executor import Outcome

CHECKS = "gain-checks"
_KEPT_S = 86_400.0
_TIMEOUT_S = 300.0
_ID = re.compile(r"[0-9a-f]{12}")
_EMPTY: dict[str, Any] = {
    "state": "running",
    "reason": "",
    "movies": 0,
    "frames": 0,
    "orientations": [],
    "ratio": None,
    "sure": False,
    "inverted": False,
}


def start_gain_check(
    hub: Hub,
    actor: Actor,
    path: str,
    gain_path: str,
    *,
    recursive: bool = True,
    invert: Literal["auto", "on", "off"] = "auto",
) -> dict[str, Any]:
    """Have a worker lay a gain reference on the newest movies; returns ``{"check": id}``.

    Parameters
    ----------
    path
        Folder or pattern of the movies.
    gain_path
        The reference.

    Raises
    ------
    DeniedError
        Outside the roots, or somebody who may make no session.
    InputError
        No absolute path, no movie yet, no such reference.
    """
    seen = sight(hub, actor)
    if "\0" in path or not path.startswith("/"):
        raise InputError(f"{path!r}: give an absolute path")
    location = Location(path, recursive=recursive)
    if not seen.shows(location.base.resolve()):
        raise DeniedError(seen.refusal(path))
    gain = seen.real(gain_path)
    if not gain.is_file():
        raise InputError(f"{gain_path}: no such file")
    defaults = Settings().image_data
    found = look(seen, location, Patterns(defaults.file_patterns, defaults.ignore_patterns), time.monotonic)
    if not found.movies:
        raise InputError(found.trouble or f"{path}: no movies yet, so there is nothing to compare with")
    forget_old_checks(hub)
    number = uuid.uuid4().hex[:12]
    scratch = _folder(hub) / number
    scratch.mkdir(parents=True)
    about = {"check": number, "login": actor.login, "gain_path": gain_path, "path": path}
    (scratch / "check.json").write_text(json.dumps(about), encoding="utf-8")
    movies = tuple(Path(name) for _, name in found.newest)

    def ended(outcome: Outcome) -> None:
        result = {"state": "failed", "reason": outcome.error} if outcome.error else outcome.value
        if scratch.is_dir():
            with atomic_path(scratch / "result.json") as part:
                part.write_text(json.dumps({"state": "done", **(result or {})}), encoding="utf-8")

    hub.executor.submit(
        Task(
            f"gain-check/{number}",
            check_gain,
            (GainCheckTask(scratch, movies, gain, invert),),
            pool="movies",
            priority=(float(TEST_OR_RETRY),),
            timeout_s=_TIMEOUT_S,
            attempts=1,
            done=ended,
        )
    )
    return {"check": number}


def show_gain_check(hub: Hub, actor: Actor, check: str) -> dict[str, Any]:
    """Show how a check stands.

    Returns
    -------
        check, path, gain_path, state (running, done or failed), reason; and of one that is done: movies and
        frames (how many were averaged), orientations (rotation_deg, flip_x, score_sigma; best first), ratio
        of the best to the second, sure, inverted.

    Raises `NotFoundError` where there is none, or it is somebody else's.
    """
    folder, about = _own(hub, actor, check)
    try:
        result = json.loads((folder / "result.json").read_bytes())
    except FileNotFoundError:
        result = {}
    return {**_EMPTY, **about, **result}


def picture_of_gain_check(
    hub: Hub, actor: Actor, check: str, name: Literal["movie", "gain"], known_version: str | None = None
) -> Product | None:
    """Return the mean frame or the reference as it is stored; as `frazil.app.products.read_product`."""
    folder, _ = _own(hub, actor, check)
    return read_product(folder, f"{name}.jpg", known_version=known_version)


def forget_old_checks(hub: Hub) -> None:
    """Remove checks of yesterday and before."""
    for scratch in _folder(hub).glob("*"):
        if scratch.is_dir() and scratch.stat().st_mtime < hub.now() - _KEPT_S:
            shutil.rmtree(scratch, ignore_errors=True)


def _own(hub: Hub, actor: Actor, check: str) -> tuple[Path, dict[str, Any]]:
    folder = _folder(hub) / check
    try:
        if not _ID.fullmatch(check):
            raise FileNotFoundError
        about: dict[str, Any] = json.loads((folder / "check.json").read_bytes())
    except FileNotFoundError:
        raise NotFoundError("there is no such check (any more)") from None
    if about.pop("login") != actor.login:
        raise NotFoundError("there is no such check (any more)")
    return folder, about


def _folder(hub: Hub) -> Path:
    return hub.config.data_folder / CHECKS
