"""Remove the raw files of rejected movies: by a stated rule, listed first, then exactly what was listed."""

from __future__ import annotations

import json
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import xxhash
from sqlalchemy import bindparam, not_, select, update

from frazil.app.access import session_for
from frazil.app.errors import ConflictError, NotFoundError
from frazil.model.errors import InputError, PassingError
from frazil.store import manifest
from frazil.store.catalogue import audit, exports, filters, tracks
from frazil.store.catalogue.schema import movies, source_files
from frazil.store.trash import throw_away

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import ColumnElement, Connection

    from frazil.app.access import Actor
    from frazil.app.hub import Hub

Kind = Literal["failed", "excluded", "filter"]
REMOVED = "logs/removed-raw.jsonl"
"""In a session folder: every raw file that was removed, with the rule."""
_MOST_SHOWN = 1000


@dataclass(frozen=True)
class Rule:
    """Which movies lose their raw files.

    Attributes
    ----------
    kind
        ``failed``: those that failed or are ignored; ``excluded``: those that a person excluded; ``filter``:
        processed ones that a named filter rejects.
    filter_name
        Of that filter.
    only_copies
        Also files of which there is no other copy: moved ones, and copies whose source is gone or changed.
    """

    kind: Kind
    filter_name: str | None = None
    only_copies: bool = False


@dataclass(frozen=True)
class RawFile:
    """A file below ``raw/``.

    Attributes
    ----------
    path
        Relative to the session folder.
    movie
        Number of the movie that it is or belongs to.
    bytes
        That would be freed: none by a link.
    mtime_ns
        0 for what is gone already.
    mode
        link, copy or move.
    only_copy
        There is no other one, as far as is known.
    """

    path: str
    movie: int
    bytes: int
    mtime_ns: int
    mode: str
    only_copy: bool


def preview_raw_cleanup(hub: Hub, actor: Actor, session_id: int, rule: Rule) -> dict[str, Any]:
    """List what a rule would remove.

    Returns
    -------
        movies, files, bytes; kept_only_copies (files, bytes): rejected too, but the only copies, and the rule
        spares these; listed: the first thousand files; notes; token: of exactly this list.
    """
    with hub.catalogue.read() as connection:
        session = session_for(connection, actor, session_id, "owner")
        numbers = _chosen(connection, session_id, rule)
        found = _files(connection, session_id, Path(session.folder), numbers)
        linking = [
            row["name"]
            for row in exports.listed(connection, session_id)
            if "movies" in row["request"].get("contents", ()) and row["request"].get("files") != "copy"
        ]
    going = [file for file in found if rule.only_copies or not file.only_copy]
    spared = [file for file in found if file.only_copy and not rule.only_copies]
    notes = []
    if going and linking:
        notes.append(f"exports that link or name movies will miss them: {', '.join(sorted(linking))}")
    return {
        "movies": len({file.movie for file in going}),
        "files": len(going),
        "bytes": sum(file.bytes for file in going),
        "only_copies": _sums(file for file in going if file.only_copy),
        "kept_only_copies": _sums(spared),
        "listed": [asdict(file) for file in going[:_MOST_SHOWN]],
        "notes": notes,
        "token": _token(rule, going),
    }


def clean_raw(hub: Hub, actor: Actor, session_id: int, rule: Rule, token: str) -> dict[str, Any]:
    """Remove what was listed under a token; results stay, and the files are not transferred again.

    Links are removed, never what they lead to. What was removed stands in ``logs/removed-raw.jsonl``.

    Returns
    -------
        movies, files, bytes.

    Raises
    ------
    ConflictError
        The list is another one now; a track runs; the session is archived.
    """
    with hub.catalogue.read() as connection:
        session = session_for(connection, actor, session_id, "owner")
        if session.life not in ("new", "active"):
            raise ConflictError(f"S{session_id} is {session.life}: nothing in it can be changed")
        busy = [row.track for row in tracks.listed(connection, [session_id]) if row.state != "stopped"]
        if busy:
            raise ConflictError(f"S{session_id} still works ({', '.join(busy)}): stop all tracks first")
        numbers = _chosen(connection, session_id, rule)
        found = _files(connection, session_id, Path(session.folder), numbers)
    going = [file for file in found if rule.only_copies or not file.only_copy]
    if _token(rule, going) != token:
        raise ConflictError("what the rule would remove has changed since it was listed; list it again")
    folder = hub.folder(session_id).path
    try:
        _write_down(folder, going, rule, actor.login, hub.now())
        throw_away(folder, [folder / file.path for file in going])
    except OSError as error:
        raise PassingError(f"{error.filename or folder}: {error.strerror}") from error
    done = {
        "movies": len({file.movie for file in going}),
        "files": len(going),
        "bytes": sum(file.bytes for file in going),
    }
    with hub.catalogue.write() as connection:
        _forget(connection, session_id, folder, going, _words(rule))
        audit.add(
            connection,
            at=hub.now(),
            who=actor.login,
            what="raw.clean",
            session_id=session_id,
            before=asdict(rule),
            after=done,
        )
    hub.janitor.empty(folder)
    hub.feed.publish(session_id, "movies", {"names": [], "many": True})
    return done


def _chosen(connection: Connection, session_id: int, rule: Rule) -> list[int]:
    condition: ColumnElement[bool]
    if rule.kind == "failed":
        condition = movies.c.state.in_(("failed", "ignored")) & (movies.c.override != "include")
    elif rule.kind == "excluded":
        condition = movies.c.override == "exclude"
    else:
        if rule.filter_name is None:
            raise InputError("say which filter")
        try:
            content = filters.get(connection, session_id, rule.filter_name)
        except InputError as error:
            raise NotFoundError(str(error)) from None
        # What is not processed yet has no values: no filter can judge it.
        judged = movies.c.state.in_(("done", "outdated"))
        condition = not_(filters.kept(content)) & judged
    query = select(movies.c.number).where(movies.c.session_id == session_id, condition)
    return [int(number) for number in connection.scalars(query.order_by(movies.c.number))]


def _files(connection: Connection, session_id: int, folder: Path, numbers: list[int]) -> list[RawFile]:
    wanted = set(numbers)
    sources = {file.path: file for file in manifest.read(folder)}
    table = source_files
    query = select(table).where(
        table.c.session_id == session_id,
        table.c.state.in_(("done", "changed")),
        table.c.delivered_path.startswith("raw/"),
    )
    found = []
    for row in connection.execute(query.order_by(table.c.path)).mappings():
        if row["movie_number"] in wanted and _is_inside(folder, row["delivered_path"]):
            known = sources.get(row["delivered_path"])
            found.append(_look(folder, dict(row), None if known is None else known.source))
    return found


def _is_inside(folder: Path, path: str) -> bool:
    """Whether a file lies in the session itself, and not behind a link that somebody put into ``raw/``."""
    parent = (folder / path).parent
    return parent.resolve() == folder.resolve() / Path(path).parent


def _look(folder: Path, row: Mapping[str, Any], source: str | None) -> RawFile:
    path, number = row["delivered_path"], int(row["movie_number"])
    mode = row["delivered_mode"] or "copy"
    try:
        status = (folder / path).lstat()
    except OSError:
        # Gone already: only its row is left to be put right.
        return RawFile(path, number, 0, 0, mode, only_copy=False)
    if stat.S_ISLNK(status.st_mode):
        return RawFile(path, number, 0, status.st_mtime_ns, "link", only_copy=False)
    return RawFile(
        path, number, status.st_size, status.st_mtime_ns, mode, mode == "move" or not _same(row, source)
    )


def _same(row: Mapping[str, Any], source: str | None) -> bool:
    """Whether the source is still there as it was delivered."""
    if source is None:
        return False
    try:
        status = Path(source).stat()
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (row["delivered_size_bytes"], row["delivered_mtime_ns"])


def _forget(connection: Connection, session_id: int, folder: Path, going: list[RawFile], why: str) -> None:
    if not going:
        return
    files = update(source_files).where(
        source_files.c.session_id == session_id, source_files.c.delivered_path == bindparam("place")
    )
    connection.execute(files.values(state="forgotten", reason=why), [{"place": file.path} for file in going])
    rows = update(movies).where(
        movies.c.session_id == session_id,
        movies.c.number == bindparam("key"),
        movies.c.raw_path == bindparam("place"),
    )
    gone = [{"key": file.movie, "place": str(folder / file.path)} for file in going]
    connection.execute(rows.values(raw_path=None, reason=why), gone)


def _write_down(folder: Path, going: list[RawFile], rule: Rule, who: str, now: float) -> None:
    place = folder / REMOVED
    place.parent.mkdir(exist_ok=True)
    with place.open("a", encoding="utf-8") as file:
        for each in going:
            line = {"time": now, "who": who, "rule": _words(rule), **asdict(each)}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _words(rule: Rule) -> str:
    which = f"rejected by the filter {rule.filter_name}" if rule.kind == "filter" else rule.kind
    return f"raw file removed: {which}"


def _token(rule: Rule, going: list[RawFile]) -> str:
    content = json.dumps([asdict(rule), *(asdict(file) for file in going)], sort_keys=True)
    return str(xxhash.xxh3_128_hexdigest(content.encode()))


def _sums(files: Iterable[RawFile]) -> dict[str, int]:
    sizes = [file.bytes for file in files]
    return {"files": len(sizes), "bytes": sum(sizes)}
