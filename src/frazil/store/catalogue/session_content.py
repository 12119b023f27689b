"""What ``session.json`` says, as the catalogue knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from frazil.model.manual_picks import ManualPicks
from frazil.store.catalogue import class_overrides, class_selections, revisions
from frazil.store.catalogue.schema import filters, movies
from frazil.store.session_file import ChosenClasses, Revision, SessionFile, time_text

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from frazil.store.catalogue.sessions import SessionRow


def session_content(connection: Connection, session: SessionRow) -> SessionFile:
    """Everything about a session that its folder must say, so that another server can adopt it."""
    overrides = select(movies.c.name, movies.c.override).where(
        movies.c.session_id == session.id, movies.c.override != "auto"
    )
    by_hand = select(movies.c.name, movies.c.manual_picks).where(
        movies.c.session_id == session.id, movies.c.manual_picks.is_not(None)
    )
    definitions = select(filters.c.name, filters.c.definition).where(filters.c.session_id == session.id)
    return SessionFile(
        id=session.uuid,
        name=session.name,
        group=session.group,
        kind=session.kind,
        created_at=time_text(session.created_at),
        settings=[
            Revision(
                revision=revision.revision,
                saved_at=time_text(revision.saved_at),
                saved_by=revision.saved_by,
                values=revision.values,
            )
            for revision in revisions.listed(connection, session.id)
        ],
        overrides={row.name: row.override for row in connection.execute(overrides.order_by(movies.c.name))},
        filters={
            row.name: row.definition for row in connection.execute(definitions.order_by(filters.c.name))
        },
        selections={
            row["name"]: ChosenClasses(update_number=row["update_number"], classes=row["classes"])
            for row in class_selections.listed(connection, session.id)
        },
        manual_picks={
            row.name: ManualPicks.model_validate(row.manual_picks)
            for row in connection.execute(by_hand.order_by(movies.c.name))
        },
        kept_classes=class_overrides.listed(connection, session.id),
    )
