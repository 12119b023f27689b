"""Folders of the server, as far as people may look: below the configured roots, and nothing hidden."""

from __future__ import annotations

import errno
import itertools
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from frazil.app.access import allows
from frazil.app.errors import DeniedError, NotFoundError
from frazil.app.foreign_sessions import foreign_folders
from frazil.model.errors import InputError, PassingError

if TYPE_CHECKING:
    from frazil.app.access import Actor
    from frazil.app.hub import Hub

FileKind = Literal["any", "folder", "movie", "gain", "defects", "coordinates"]
_ENDINGS: dict[FileKind, tuple[str, ...]] = {
    "any": ("",),
    "folder": (),
    "movie": (".tif", ".tiff", ".eer", ".mrc", ".mrcs", ".gz", ".bz2", ".xz", ".zst"),
    "gain": (".mrc", ".mrcs", ".tif", ".tiff", ".gain", ".dm4"),
    "defects": (".txt", ".xml", ".map", ".mrc", ".tif", ".tiff"),
    "coordinates": (".star", ".box", ".cs", ".csv"),
}
MOST_LOOKED_AT = 50_000
"""Entries of one folder; of the rest it only says that there are more."""
MOST_SHOWN = 1000
_LONGEST_CURSOR = 1200
_NATURAL = re.compile(r"(\d+)")


@dataclass(frozen=True)
class _Found:
    name: str
    is_folder: bool

    @property
    def order(self) -> tuple[bool, list[tuple[int, int, str]]]:
        """Folders first; movie_2 before movie_10."""
        text = _text(self.name)
        words = _NATURAL.split(text.lower())
        parts = [(0, int(word), "") if word.isdecimal() else (1, 0, word) for word in words]
        return (not self.is_folder, [*parts, (-1, 0, text)])


@dataclass(frozen=True)
class Sight:
    """What somebody may look at: below the roots, nothing hidden, nothing of the server, no foreign session.

    Attributes
    ----------
    roots
        Folders the server may show, links followed.
    own, sessions
        The server's own folder, and that of the sessions, which may lie in it.
    foreign
        Folders of sessions of other groups.
    """

    roots: tuple[Path, ...]
    own: Path
    sessions: Path
    foreign: frozenset[Path]

    def shows(self, real: Path) -> bool:
        """Whether a path without links may be looked at."""
        if not any(_is_open_way(root, real) for root in self.roots):
            return False
        if real.is_relative_to(self.own) and not real.is_relative_to(self.sessions):
            return False
        return self.foreign.isdisjoint((real, *real.parents))

    def real(self, given: str) -> Path:
        """Return a path with all links followed.

        Raises `InputError` if it is no absolute path, `DeniedError` if it may not be looked at.
        """
        if "\0" in given or not given.startswith("/"):
            raise InputError(f"{given!r}: give an absolute path")
        try:
            real = Path(given).resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise NotFoundError(f"{given}: can't be followed ({error})") from None
        if not self.shows(real):
            raise DeniedError(self.refusal(given))
        return real

    def refusal(self, given: str) -> str:
        """Say why a path may not be looked at."""
        roots = ", ".join(str(root) for root in self.roots)
        return f"{given}: not shown; the server shows what lies below {roots} and is not hidden"


def _is_open_way(root: Path, real: Path) -> bool:
    if not real.is_relative_to(root):
        return False
    return not any(part.startswith(".") for part in real.relative_to(root).parts)


def list_folder(
    hub: Hub,
    actor: Actor,
    path: str | None,
    *,
    kind: FileKind = "any",
    cursor: str | None = None,
    limit: int = 200,
) -> dict[str, Any]:
    """Return part of a folder's content, folders first.

    Parameters
    ----------
    path
        Absolute; None: the roots.
    kind
        Which files are shown; folders always are.
    cursor
        Of the part before.

    Returns
    -------
        path, parent (None at a root), entries (name, path, is_folder, size_bytes, modified_at), cursor (None
        at the end), more (whether the folder holds more than is looked at). A name that is no UTF-8 is shown
        with its odd bytes as escapes, and has no path: settings can't hold it.

    Raises
    ------
    DeniedError
        Outside the roots, hidden, of a session of another group, or somebody who may make no session.
    NotFoundError, PassingError
        No such folder; the disk doesn't answer.
    """
    seen = sight(hub, actor)
    if path is None:
        roots = [_entry(str(root), str(root)) for root in seen.roots]
        return {"path": None, "parent": None, "entries": roots, "cursor": None, "more": False}
    folder = seen.real(path)
    found, more = _content(seen, folder, kind)
    found.sort(key=lambda entry: entry.order)
    if cursor:
        if len(cursor) > _LONGEST_CURSOR:
            raise InputError("that is no cursor; ask again without it")
        after = _Found(cursor[1:], cursor[0] == "d").order
        found = [entry for entry in found if entry.order > after]
    shown = found[: min(limit, MOST_SHOWN)]
    last = shown[-1] if len(shown) < len(found) else None
    return {
        "path": str(folder),
        "parent": None if folder in seen.roots else str(folder.parent),
        "entries": [_described(folder, entry) for entry in shown],
        "cursor": None if last is None else ("d" if last.is_folder else "f") + _text(last.name),
        "more": more,
    }


def sight(hub: Hub, actor: Actor) -> Sight:
    """Return what somebody may look at; `DeniedError` for those who may make no session."""
    roles = (*actor.roles.values(), actor.everywhere)
    if not (actor.is_admin or any(allows(role, "operator") for role in roles)):
        raise DeniedError("only operators may look at the server's folders")
    with hub.catalogue.read() as connection:
        foreign = foreign_folders(connection, actor)
    config = hub.config
    return Sight(
        tuple(dict.fromkeys(root.resolve() for root in config.visible_roots)),
        config.data_folder.resolve(),
        config.sessions_folder.resolve(),
        foreign,
    )


def _content(seen: Sight, folder: Path, kind: FileKind) -> tuple[list[_Found], bool]:
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in itertools.islice(entries, MOST_LOOKED_AT):
                if entry.name.startswith("."):
                    continue
                found_entry = _look_at(seen, entry, kind)
                if found_entry is not None:
                    found.append(found_entry)
            more = next(entries, None) is not None
    except OSError as error:
        raise _unreadable(folder, error) from error
    return found, more


def _look_at(seen: Sight, entry: os.DirEntry[str], kind: FileKind) -> _Found | None:
    """Return an entry if it is of this kind and may be looked at."""
    try:
        is_folder = entry.is_dir()
        if not is_folder and not entry.name.lower().endswith(_ENDINGS[kind]):
            return None
        if (entry.is_symlink() or is_folder) and not seen.shows(Path(entry.path).resolve()):
            return None
    except (OSError, RuntimeError):
        # A link that leads in a circle.
        return None
    return _Found(entry.name, is_folder)


def _unreadable(folder: Path, error: OSError) -> InputError | PassingError:
    if error.errno == errno.ENOENT:
        return NotFoundError(f"{folder}: there is no such folder")
    if error.errno == errno.ENOTDIR:
        return InputError(f"{folder}: is a file, not a folder")
    if error.errno in (errno.EACCES, errno.EPERM):
        return InputError(f"{folder}: the server may not read this folder; change its permissions")
    return PassingError(f"{folder}: can't be read now: {error.strerror}")


def _described(folder: Path, found: _Found) -> dict[str, Any]:
    text = _text(found.name)
    path = folder / found.name
    entry = _entry(text, str(path) if text == found.name else None, is_folder=found.is_folder)
    try:
        status = path.stat()
    except OSError:
        # It has gone in this moment, or its link leads nowhere: shown without numbers.
        return entry
    entry["modified_at"] = status.st_mtime
    if stat.S_ISREG(status.st_mode):
        entry["size_bytes"] = status.st_size
    return entry


def _entry(name: str, path: str | None, *, is_folder: bool = True) -> dict[str, Any]:
    return {"name": name, "path": path, "is_folder": is_folder, "size_bytes": None, "modified_at": None}


def _text(name: str) -> str:
    """Return a name as text that can be sent: bytes that are no UTF-8 as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
