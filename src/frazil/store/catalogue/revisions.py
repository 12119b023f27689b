"""Settings of sessions, as numbered revisions that are never changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select

from frazil.model.errors import InputError
from frazil.model.settings import Settings, with_values
from frazil.store.catalogue.schema import settings_revisions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection


@dataclass(frozen=True)
class RevisionRow:
    """Settings as somebody saved them: ``values`` are those that differ from the defaults."""

    revision: int
    saved_at: float
    saved_by: str
    values: dict[str, Any]

    def settings(self) -> Settings:
        """All settings."""
        return with_values(Settings(), self.values)


def newest(connection: Connection, session_id: int) -> RevisionRow:
    """Return the newest revision; `InputError` where there is none."""
    return get(connection, session_id, None)


def get(connection: Connection, session_id: int, revision: int | None) -> RevisionRow:
    """Return a revision, the newest if ``revision`` is None; `InputError` where there is none."""
    table = settings_revisions
    query = select(table).where(table.c.session_id == session_id)
    query = (
        query.order_by(table.c.revision.desc()).limit(1)
        if revision is None
        else query.where(table.c.revision == revision)
    )
    row = connection.execute(query).first()
    if row is None:
        raise InputError(f"S{session_id} has no settings revision {revision or ''}".rstrip())
    return RevisionRow(row.revision, row.saved_at, row.saved_by, dict(row.settings))


def listed(connection: Connection, session_id: int) -> list[RevisionRow]:
    """All revisions, oldest first."""
    table = settings_revisions
    query = select(table).where(table.c.session_id == session_id).order_by(table.c.revision)
    return [
        RevisionRow(row.revision, row.saved_at, row.saved_by, dict(row.settings))
        for row in connection.execute(query)
    ]


def add(
    connection: Connection, session_id: int, values: Mapping[str, Any], *, saved_by: str, saved_at: float
) -> int:
    """Add a revision; returns its number."""
    table = settings_revisions
    number = connection.scalar(select(func.max(table.c.revision)).where(table.c.session_id == session_id))
    revision = int(number or 0) + 1
    connection.execute(
        insert(table).values(
            session_id=session_id,
            revision=revision,
            saved_at=saved_at,
            saved_by=saved_by,
            settings=dict(values),
        )
    )
    return revision


def add_known(connection: Connection, session_id: int, rows: Sequence[RevisionRow]) -> None:
    """Add revisions of a session that came from elsewhere, with the numbers they had there."""
    for row in rows:
        connection.execute(
            insert(settings_revisions).values(
                session_id=session_id,
                revision=row.revision,
                saved_at=row.saved_at,
                saved_by=row.saved_by,
                settings=row.values,
            )
        )
