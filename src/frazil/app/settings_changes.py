"""Settings of a session: show them, say what a change would redo, save it as a new revision."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from frazil.app import class_choices
from frazil.app.access import session_for
from frazil.app.errors import ConflictError, NotFoundError
from frazil.app.foreign_sessions import refuse_foreign
from frazil.app.notify import check_targets
from frazil.app.redo_preview import kept_condition, preview
from frazil.app.session_paths import refuse_outside
from frazil.app.sessions import OWN_VALUES
from frazil.app.settings_apply import apply_revision
from frazil.app.warp_move import refuse_another_warp_folder
from frazil.formats.relion_mtf import check_mtf
from frazil.model.errors import InputError
from frazil.model.redo import compare
from frazil.model.settings import Settings, all_settings, with_values
from frazil.model.settings_effect import FROM_WARP, reason_not_now, refuse_without_effect
from frazil.model.track import TRACKS
from frazil.store.catalogue import audit, revisions, tracks
from frazil.tracks.context import Nudge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from frazil.app.access import Actor
    from frazil.app.hub import Hub
    from frazil.store.catalogue.revisions import RevisionRow
    from frazil.store.catalogue.sessions import SessionRow

Apply = Literal["new", "redo", "redo_kept"]
_FIXED = ("kind",)


def show(hub: Hub, actor: Actor, session_id: int) -> dict[str, Any]:
    """Newest settings: revision, saved_at, saved_by, values (all, by name), changed (names), not_used.

    ``not_used`` says of settings that do nothing with the others why.
    """
    with hub.catalogue.read() as connection:
        session_for(connection, actor, session_id, "viewer")
        return _shown(revisions.newest(connection, session_id))


def show_revision(hub: Hub, actor: Actor, session_id: int, revision: int) -> dict[str, Any]:
    """Show the settings of one revision, as `show` does."""
    with hub.catalogue.read() as connection:
        session_for(connection, actor, session_id, "viewer")
        return _shown(_revision(connection, session_id, revision))


def list_revisions(hub: Hub, actor: Actor, session_id: int) -> list[dict[str, Any]]:
    """All revisions, newest first: revision, saved_at, saved_by, and changes against the one before."""
    with hub.catalogue.read() as connection:
        session_for(connection, actor, session_id, "viewer")
        rows = revisions.listed(connection, session_id)
    result = []
    before = Settings()
    for row in rows:
        settings = row.settings()
        result.append(
            {
                "revision": row.revision,
                "saved_at": row.saved_at,
                "saved_by": row.saved_by,
                "changes": _changes(before, settings),
            }
        )
        before = settings
    return result[::-1]


def preview_change(
    hub: Hub,
    actor: Actor,
    session_id: int,
    values: Mapping[str, Any],
    base_revision: int,
    filter_name: str | None = None,
) -> dict[str, Any]:
    """Say what saving these values would do.

    Returns
    -------
        changes (name, before, after), classification (new_run, go_on or none) and its text, and what
        `frazil.app.redo_preview.preview` counts.

    Raises
    ------
    InputError
        A value can't be used, contradicts another one, or would have no effect.
    ConflictError
        Somebody saved other settings since ``base_revision``.
    """
    with hub.catalogue.read() as connection:
        session = session_for(connection, actor, session_id, "operator")
        before, after = _wanted(hub, actor, connection, session, values, base_revision)
        redo = compare(before, after)
        counted = preview(connection, session, after, hub.movie_workers(), filter_name)
    return {
        "base_revision": base_revision,
        "changes": _changes(before, after),
        "classification": redo.classification,
        "classification_text": redo.text,
        **counted,
    }


def save(
    hub: Hub,
    actor: Actor,
    session_id: int,
    values: Mapping[str, Any],
    base_revision: int,
    apply: Apply = "new",
    filter_name: str | None = None,
) -> dict[str, Any]:
    """Save these values as a new revision.

    Parameters
    ----------
    values
        Those that change, by name.
    base_revision
        The revision that the person saw.
    apply
        ``new``: results that are there stay as they are. ``redo``: all are brought up to date.
        ``redo_kept``: those that the filter keeps; the others are marked outdated.

    Returns
    -------
        As `show`, and ``redone``: how many movies are processed again.

    Raises
    ------
    InputError, ConflictError
        As `preview_change`.
    """
    with hub.catalogue.write() as connection:
        session = session_for(connection, actor, session_id, "operator")
        before, after = _wanted(hub, actor, connection, session, values, base_revision)
        revision, redone = base_revision, 0
        if before != after:
            stored = {name: value for name, value in after.changed().items() if name not in OWN_VALUES}
            plain = json.loads(json.dumps(stored))
            revision = revisions.add(connection, session_id, plain, saved_by=actor.login, saved_at=hub.now())
            changes = _changes(before, after)
            audit.add(
                connection,
                at=hub.now(),
                who=actor.login,
                what="settings.save",
                session_id=session_id,
                before={change["name"]: change["before"] for change in changes},
                after={change["name"]: change["after"] for change in changes},
            )
        chosen_anew = before.classification.select_quality != after.classification.select_quality
        if chosen_anew:
            class_choices.recount(connection, session)
        if apply != "new":
            kept = kept_condition(connection, session_id, filter_name) if apply == "redo_kept" else None
            redone = apply_revision(connection, session_id, revision, after, kept)
        shown = _shown(revisions.get(connection, session_id, revision))
    _tell(hub, session_id, shown, redone)
    if chosen_anew:
        class_choices.tell(hub, session_id)
    return {**shown, "redone": redone}


def revert(
    hub: Hub, actor: Actor, session_id: int, revision: int, base_revision: int, apply: Apply = "new"
) -> dict[str, Any]:
    """Go back to an earlier revision: its values are saved as a new one. As `save`."""
    with hub.catalogue.read() as connection:
        session_for(connection, actor, session_id, "operator")
        earlier = _revision(connection, session_id, revision).settings()
        newest = revisions.newest(connection, session_id).settings()
    names = [change["name"] for change in _changes(newest, earlier)]
    if newest.session.kind == "warp":
        names = [name for name in names if name not in FROM_WARP]
    values = {name: earlier.value(name) for name in names}
    return save(hub, actor, session_id, values, base_revision, apply)


def _wanted(
    hub: Hub,
    actor: Actor,
    connection: Connection,
    session: SessionRow,
    values: Mapping[str, Any],
    base_revision: int,
) -> tuple[Settings, Settings]:
    """Return the settings before and after a change, if it is allowed."""
    newest = revisions.newest(connection, session.id)
    before = newest.settings()
    if newest.revision != base_revision:
        _refuse_stale(connection, session.id, newest, values, base_revision)
    if session.life == "archived":
        raise ConflictError(f"S{session.id} is archived: its settings can't be changed")
    for name in values:
        if name in OWN_VALUES:
            raise InputError(f"{name}: belongs to the session itself; it is not changed with the settings")
    after = with_values(before, values)
    for name in _FIXED:
        if after.value(name) != before.value(name):
            raise InputError(f"{name}: was fixed when the session was made")
    followed = before.image_data.warp_folder
    if followed is not None and followed != after.image_data.warp_folder:
        # What may be looked at comes first.
        refuse_outside(hub.config, after, Path(session.folder))
        refuse_another_warp_folder(connection, session.id, followed, after.image_data.warp_folder)
    refuse_without_effect(before, after)
    if after.notifications != before.notifications:
        check_targets(after.notifications.notify_targets)
    refuse_outside(hub.config, after, Path(session.folder))
    refuse_foreign(connection, actor, after)
    if after.microscope.mtf_path not in (None, before.microscope.mtf_path):
        check_mtf(Path(str(after.microscope.mtf_path)))
    return before, after


def _refuse_stale(
    connection: Connection, session_id: int, newest: RevisionRow, values: Mapping[str, Any], base: int
) -> None:
    seen = _revision(connection, session_id, base).settings()
    theirs = _changes(seen, newest.settings())
    raise ConflictError(
        f"{newest.saved_by} has saved revision {newest.revision} since you opened revision {base}",
        {
            "base_revision": base,
            "newest": {
                "revision": newest.revision,
                "saved_at": newest.saved_at,
                "saved_by": newest.saved_by,
                "changes": theirs,
            },
            "yours": dict(values),
            "both": sorted({change["name"] for change in theirs} & set(values)),
        },
    )


def _revision(connection: Connection, session_id: int, revision: int) -> RevisionRow:
    try:
        return revisions.get(connection, session_id, revision)
    except InputError as error:
        raise NotFoundError(str(error)) from None


def _shown(row: RevisionRow) -> dict[str, Any]:
    settings = row.settings()
    reasons = {name: reason_not_now(name, settings) for name in all_settings()}
    return {
        "revision": row.revision,
        "saved_at": row.saved_at,
        "saved_by": row.saved_by,
        "values": {name: _plain(settings.value(name)) for name in all_settings() if name not in OWN_VALUES},
        "changed": [name for name in settings.changed() if name not in OWN_VALUES],
        "not_used": {name: reason for name, reason in reasons.items() if reason},
    }


def _changes(before: Settings, after: Settings) -> list[dict[str, Any]]:
    return [
        {"name": name, "before": _plain(before.value(name)), "after": _plain(after.value(name))}
        for name in all_settings()
        if before.value(name) != after.value(name) and name not in OWN_VALUES
    ]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _tell(hub: Hub, session_id: int, shown: Mapping[str, Any], redone: int) -> None:
    hub.write_through(session_id)
    hub.feed.publish(session_id, "settings", {"revision": shown["revision"], "saved_by": shown["saved_by"]})
    if redone:
        hub.feed.publish(session_id, "movies", {"names": [], "many": True})
    with hub.catalogue.read() as connection:
        running = {row.track for row in tracks.listed(connection, [session_id]) if row.wanted}
    for track in TRACKS:
        if track in running:
            hub.runner(session_id, track).post(Nudge())
