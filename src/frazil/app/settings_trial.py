"""Test on one movie: settings that nobody saved are tried, and what they change is shown."""

from __future__ import annotations

import json
import re
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frazil.app.access import session_for
from frazil.app.errors import ConflictError, NotFoundError
from frazil.app.foreign_sessions import refuse_foreign
from frazil.app.products import read_product
from frazil.app.session_paths import refuse_outside
from frazil.engine.executor import Task
from frazil.model.errors import InputError
from frazil.model.settings import with_values
from frazil.model.settings_complete import reason_incomplete
from frazil.model.settings_effect import refuse_without_effect
from frazil.stages.movie_task import MovieTask
from frazil.stages.tasks import try_settings
from frazil.stages.trial import RESULT, write_result
from frazil.store.catalogue import audit, movies, revisions
from frazil.tracks.preprocess.planner import TEST_OR_RETRY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from frazil.app.access import Actor
    from frazil.app.hub import Hub
    from frazil.app.products import Product
    from frazil.engine.executor import Outcome

TESTS = ".tests"
_KEPT_S = 86_400.0
_ID = re.compile(r"[0-9a-f]{12}")
_PICTURE = re.compile(r"[a-z]{1,20}")


def start_test(
    hub: Hub, actor: Actor, session_id: int, movie: str, values: Mapping[str, Any]
) -> dict[str, Any]:
    """Try values on one movie without saving them; returns ``{"test": id}``.

    Raises
    ------
    InputError
        There is no such movie; it was not delivered yet; a value can't be used.
    """
    with hub.catalogue.write() as connection:
        session = session_for(connection, actor, session_id, "operator")
        if session.life == "archived":
            raise ConflictError(f"S{session_id} is archived: nothing is processed")
        row = movies.get(connection, session_id, movie)
        newest = revisions.newest(connection, session_id)
        before = newest.settings()
        settings = with_values(before, values)
        refuse_without_effect(before, settings)
        refuse_outside(hub.config, settings, Path(session.folder))
        refuse_foreign(connection, actor, settings)
        if reason := reason_incomplete(settings):
            raise InputError(reason)
        if row["raw_path"] is None:
            raise InputError(f"{movie}: is not transferred yet")
        audit.add(
            connection,
            at=hub.now(),
            who=actor.login,
            what="settings.test",
            session_id=session_id,
            after={"movie": movie, "values": dict(values)},
        )
    folder = hub.folder(session_id).path
    forget_old_tests(folder, hub.now())
    number = uuid.uuid4().hex[:12]
    scratch = folder / TESTS / number
    scratch.mkdir(parents=True)
    description = {"movie": movie, "values": dict(values), "revision": newest.revision, "at": hub.now()}
    (scratch / "test.json").write_text(json.dumps(description), encoding="utf-8")
    task = MovieTask(
        scratch,
        movie,
        Path(row["raw_path"]),
        settings,
        movies.record_of(row),
        hub.device,
        manual_picks=movies.manual_picks_of(row),
    )

    def ended(outcome: Outcome) -> None:
        if outcome.error and not (scratch / RESULT).exists() and scratch.exists():
            write_result(scratch, state="failed", reason=outcome.error)
        hub.feed.publish(session_id, "settings", {"test": number})

    hub.executor.submit(
        Task(
            f"test/{session_id}/{number}",
            try_settings,
            (task, folder),
            pool="movies",
            priority=(float(TEST_OR_RETRY),),
            timeout_s=60.0 * settings.resources.movie_timeout_min,
            attempts=1,
            done=ended,
        )
    )
    return {"test": number}


def show_test(hub: Hub, actor: Actor, session_id: int, test: str) -> dict[str, Any]:
    """Show how a test stands.

    Returns
    -------
        test, movie, values, revision (compared with), at, state (running, done or failed), reason, stages
        (done anew), before and after (numbers by name), notes, pictures (kinds there are).
    """
    folder = _folder(hub, actor, session_id, test)
    description = json.loads((folder / "test.json").read_bytes())
    try:
        result = json.loads((folder / RESULT).read_bytes())
    except FileNotFoundError:
        result = {"state": "running"}
    empty = {"reason": "", "stages": [], "before": {}, "after": {}, "notes": [], "pictures": []}
    return {"test": test, **empty, **description, **result}


def picture_of_test(
    hub: Hub, actor: Actor, session_id: int, test: str, kind: str, known_version: str | None = None
) -> Product | None:
    """Return a picture of a test; as `frazil.app.products.read_product`."""
    folder = _folder(hub, actor, session_id, test)
    if not _PICTURE.fullmatch(kind):
        raise NotFoundError("there is no such picture")
    movie = json.loads((folder / "test.json").read_bytes())["movie"]
    return read_product(folder, "pictures", f"{movie}.{kind}.jpg", known_version=known_version)


def forget_old_tests(folder: Path, now: float) -> None:
    """Remove tests of yesterday and before."""
    for scratch in (folder / TESTS).glob("*"):
        if scratch.is_dir() and scratch.stat().st_mtime < now - _KEPT_S:
            shutil.rmtree(scratch, ignore_errors=True)


def _folder(hub: Hub, actor: Actor, session_id: int, test: str) -> Path:
    with hub.catalogue.read() as connection:
        session = session_for(connection, actor, session_id, "viewer")
    folder = Path(session.folder) / TESTS / test
    if not _ID.fullmatch(test) or not (folder / "test.json").is_file():
        raise NotFoundError(f"there is no test {test}; tests are kept for a day")
    return folder
