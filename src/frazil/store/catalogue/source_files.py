"""The ledger of file transfer: every file that was seen in the source folder and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, insert, select, update

from frazil.store.catalogue.schema import source_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

FILE_STATES = ("settling", "waiting", "transferring", "done", "failed", "changed", "forgotten")


def add_many(connection: Connection, session_id: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add files; each row gives at least path, kind, size_bytes, mtime_ns, found_at and state."""
    if not rows:
        return
    defaults = {"session_id": session_id, "reason": "", "attempts": 0}
    full = [{**defaults, **row} for row in rows]
    keys = {key for row in full for key in row}
    connection.execute(insert(source_files), [{key: row.get(key) for key in keys} for row in full])


def every(
    connection: Connection, session_id: int, states: Sequence[str] | None = None
) -> Iterator[dict[str, Any]]:
    """All files of a session (in these states)."""
    query = select(source_files).where(source_files.c.session_id == session_id)
    if states is not None:
        query = query.where(source_files.c.state.in_(states))
    for row in connection.execute(query).mappings():
        yield dict(row)


def change(connection: Connection, session_id: int, path: str, **values: Any) -> None:
    """Change a file's row."""
    connection.execute(
        update(source_files)
        .where(source_files.c.session_id == session_id, source_files.c.path == path)
        .values(values)
    )


def change_where(
    connection: Connection, session_id: int, condition: ColumnElement[bool], **values: Any
) -> int:
    """Change many rows; returns how many."""
    result = connection.execute(
        update(source_files).where(and_(source_files.c.session_id == session_id, condition)).values(values)
    )
    return int(result.rowcount)


def counts(connection: Connection, session_id: int) -> dict[str, dict[str, int]]:
    """By kind, then by state: number of files and bytes (as ``<state>_bytes``)."""
    table = source_files
    query = (
        select(table.c.kind, table.c.state, func.count(), func.coalesce(func.sum(table.c.size_bytes), 0))
        .where(table.c.session_id == session_id)
        .group_by(table.c.kind, table.c.state)
    )
    result: dict[str, dict[str, int]] = {"movie": {}, "extra": {}}
    for kind, state, count, size in connection.execute(query):
        result[kind][state] = int(count)
        result[kind][f"{state}_bytes"] = int(size)
    return result
