"""Small products of a session, read for a browser: never anything outside its folder."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from frazil.app.access import session_for
from frazil.app.errors import NotFoundError
from frazil.model.errors import InputError, PassingError

if TYPE_CHECKING:
    from frazil.app.access import Actor
    from frazil.app.hub import Hub

LARGEST_BYTES = 1 << 26


@dataclass(frozen=True)
class Product:
    """A file's content; ``version`` is another one whenever the content is."""

    content: bytes
    version: str


def session_folder(hub: Hub, actor: Actor, session_id: int) -> Path:
    """Return the folder of a session that somebody may see."""
    with hub.catalogue.read() as connection:
        return Path(session_for(connection, actor, session_id, "viewer").folder)


def read_product(folder: Path, *parts: str, known_version: str | None = None) -> Product | None:
    """Read a product of a session.

    Parameters
    ----------
    folder
        The session folder.
    parts
        Folders and file below it: plain names, for they come from the outside.
    known_version
        What the asker has already.

    Returns
    -------
        None where the asker has it already.

    Raises
    ------
    NotFoundError
        There is no such file (yet), or it is none of ours: a link, too large, no file.
    PassingError
        The disk doesn't answer.
    """
    for part in parts:
        if not part or part in (".", "..") or "/" in part or "\0" in part:
            raise InputError(f"{part!r} is no name of a file")
    what = "/".join(parts)
    try:
        handle = _open_below(folder, parts)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError(f"{what} is not there, or not yet") from None
    except OSError as error:
        if isinstance(error, PermissionError) or error.errno == errno.ELOOP:
            raise NotFoundError(f"{what} is none of the session's own files") from None
        raise PassingError(f"{folder / what}: can't be read now: {error.strerror}") from error
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST_BYTES:
            raise NotFoundError(f"{what} is no small file")
        version = _version(found)
        if version == known_version:
            return None
        try:
            return Product(file.read(LARGEST_BYTES), version)
        except OSError as error:
            raise PassingError(f"{folder / what}: can't be read now: {error.strerror}") from error


def _open_below(folder: Path, parts: tuple[str, ...]) -> int:
    """Open a file step by step without following any link, so that nothing outside can be reached."""
    here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
            os.close(here)
            here = below
        return os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=here)
    finally:
        os.close(here)


def _version(found: os.stat_result) -> str:
    """Products appear by rename, so another content is another file or time."""
    identity = f"{found.st_ino} {found.st_mtime_ns} {found.st_size}"
    return hashlib.sha256(identity.encode()).hexdigest()[:20]
