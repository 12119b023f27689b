"""Take over a session folder that another server, or ``frazil process``, made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from frazil.app.access import allows
from frazil.app.adopt_exports import add_exports, export_rows
from frazil.app.adopt_rows import class_rows, file_rows, movie_rows
from frazil.app.errors import ConflictError, DeniedError
from frazil.app.files import sight
from frazil.app.foreign_sessions import refuse_foreign
from frazil.app.session_paths import existing_folder
from frazil.app.sessions import OWN_VALUES, find_group, show
from frazil.model.errors import InputError, PassingError
from frazil.model.movie_filter import MovieFilter
from frazil.stages.export.lead import lead_exports
from frazil.store import manifest
from frazil.store.catalogue import (
    accounts,
    audit,
    class_overrides,
    class_selections,
    class_updates,
    filters,
    movies,
    relocations,
    revisions,
    sessions,
    source_files,
    tracks,
)
from frazil.store.catalogue.revisions import RevisionRow
from frazil.store.session import SessionFolder
from frazil.store.session_file import FILE_NAME, SessionFile, read_session_file, time_seconds

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from frazil.app.access import Actor
    from frazil.app.hub import Hub
    from frazil.store.catalogue.sessions import SessionRow


def adopt(hub: Hub, actor: Actor, folder: str, group: str | None = None) -> dict[str, Any]:
    """Make a session folder a session of this server; nothing in it is processed anew.

    Tracks are stopped at first. Settings keep their numbers and who saved them, movies theirs. A session of
    this server whose folder was moved gets its new place. Exports whose tables name files by absolute paths
    follow.

    Parameters
    ----------
    folder
        Absolute path below the server's roots.
    group
        Whose session it becomes; by default that of the same name as before.

    Returns
    -------
        The session as `frazil.app.sessions.show` gives it, and ``warnings``.

    Raises
    ------
    InputError
        No session lies there; it is damaged, of a newer Frazil, or another server works with it.
    DeniedError
        Outside the server's roots, or not an operator of the group.
    ConflictError
        It is a session of this server already, or the copy of one.
    PassingError
        The tables of an export can't be written now.
    """
    path = existing_folder(hub.config, folder)
    if not (path / FILE_NAME).is_file():
        raise InputError(f"{path}: there is no session here ({FILE_NAME} is missing)")
    content = read_session_file(path)
    with hub.catalogue.read() as connection:
        known = sessions.find(connection, uuid=content.id)
    if known is not None:
        return _move(hub, actor, known, path)
    saved = _revisions(content)
    with SessionFolder(path, identity=content.id) as opened:
        records = list(opened.records())
    delivered = list(manifest.read(path))
    seen = sight(hub, actor)
    _lead_exports(path, path)
    made = export_rows(path)
    with hub.catalogue.write() as connection:
        wanted = group or (content.group if accounts.group(connection, name=content.group) else None)
        group_id = find_group(connection, actor, wanted)
        for revision in saved:
            # Somebody may have written them by hand, to get at what is not theirs.
            refuse_foreign(connection, actor, revision.settings())
        kind = saved[-1].settings().session.kind
        session_id = _add(hub, connection, actor, path, content, group_id, kind)
        revisions.add_known(connection, session_id, saved)
        tracks.add_all(connection, session_id, hub.now())
        rows = movie_rows(
            path, records, delivered, saved, content.overrides, content.manual_picks, seen.shows
        )
        numbers = movies.add_many(connection, session_id, rows)
        by_name = {str(row["name"]): number for row, number in zip(rows, numbers, strict=True)}
        source_files.add_many(connection, session_id, file_rows(delivered, by_name))
        for number, row in class_rows(path, saved[-1].revision):
            class_updates.add(connection, session_id, number, row)
        add_exports(connection, session_id, made)
        warnings = _add_filters(hub, connection, actor, session_id, content)
        for name, chosen in content.selections.items():
            class_selections.save(
                connection,
                session_id,
                name,
                chosen.update_number,
                chosen.classes,
                saved_by=actor.login,
                saved_at=hub.now(),
            )
        for run, choices in content.kept_classes.items():
            class_overrides.change(
                connection, session_id, run, choices, saved_by=actor.login, saved_at=hub.now()
            )
        gone = sum(row["raw_path"] is None for row in rows)
    if gone:
        warnings.append(f"the files of {gone} of {len(rows)} movies are gone; their results are kept")
    hub.write_through(session_id)
    hub.feed.publish(session_id, "session", {"name": content.name, "life": "active"})
    return {**show(hub, actor, session_id), "warnings": warnings}


def _move(hub: Hub, actor: Actor, known: SessionRow, path: Path) -> dict[str, Any]:
    """Tell the place of a session whose folder was moved."""
    from pathlib import Path as AnyPath

    if not allows(actor.role_for(known), "owner"):
        raise DeniedError(f"{path}: belongs to a session of this server that is not yours")
    if AnyPath(known.folder) == path:
        raise ConflictError(f"{path}: is session S{known.id} of this server already")
    if (AnyPath(known.folder) / FILE_NAME).exists():
        raise ConflictError(
            f"{path}: is a copy of session S{known.id} ({known.folder}); one identity can't lie in two places"
        )
    hub.forget(known.id)
    SessionFolder(path, identity=known.uuid).close()
    _lead_exports(path, AnyPath(known.folder))
    with hub.catalogue.write() as connection:
        relocations.change_folder(connection, known.id, known.folder, str(path))
        audit.add(
            connection,
            at=hub.now(),
            who=actor.login,
            what="session.move",
            session_id=known.id,
            before={"folder": known.folder},
            after={"folder": str(path)},
        )
    return {**show(hub, actor, known.id), "warnings": [f"S{known.id} lies in {path} now"]}


def _lead_exports(folder: Path, before: Path) -> None:
    """Have tables that name files by absolute paths follow a session that lies in ``folder`` now."""
    try:
        lead_exports(folder, before, folder)
    except OSError as error:
        raise PassingError(f"{error.filename or folder}: {error.strerror}") from error


def _revisions(content: SessionFile) -> list[RevisionRow]:
    """All settings, checked: what this Frazil does not know is refused, not dropped."""
    rows = [
        RevisionRow(
            revision.revision,
            time_seconds(revision.saved_at),
            revision.saved_by,
            {name: value for name, value in revision.values.items() if name not in OWN_VALUES},
        )
        for revision in content.settings
    ]
    numbers = [row.revision for row in rows]
    if numbers != sorted(set(numbers)) or any(number < 1 for number in numbers):
        raise InputError(f"session.json of {content.name}: the numbers of its settings don't rise")
    for row in rows:
        try:
            row.settings()
        except InputError as error:
            raise InputError(f"session.json of {content.name}, settings {row.revision}: {error}") from error
    return rows or [RevisionRow(1, time_seconds(content.created_at), "", {"kind": content.kind})]


def _add(
    hub: Hub,
    connection: Connection,
    actor: Actor,
    path: Path,
    content: SessionFile,
    group_id: int,
    kind: str,
) -> int:
    now = hub.now()
    session_id = sessions.add(
        connection,
        uuid=content.id,
        name=content.name[:100],
        group_id=group_id,
        owner_id=actor.user_id,
        folder=str(path),
        kind=kind,
        life="active",
        created_at=time_seconds(content.created_at),
    )
    after = {"name": content.name, "folder": str(path)}
    audit.add(connection, at=now, who=actor.login, what="session.adopt", session_id=session_id, after=after)
    return session_id


def _add_filters(
    hub: Hub, connection: Connection, actor: Actor, session_id: int, content: SessionFile
) -> list[str]:
    """Add named filters; returns what was wrong with some."""
    problems = []
    for name, definition in content.filters.items():
        try:
            wanted = MovieFilter.model_validate(definition)
        except ValidationError:
            problems.append(f"the filter {name} can't be read and is left out")
            continue
        filters.save(connection, session_id, name, wanted, saved_by=actor.login, saved_at=hub.now())
    return problems
