"""What an export holds, for a browser: its log, its pictures, all of it as one tar stream."""

from __future__ import annotations

import os
import stat
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from frazil.app.access import session_for
from frazil.app.errors import ConflictError, NotFoundError
from frazil.app.products import read_product
from frazil.model.errors import InputError
from frazil.stages.export.request import LOG, OVERLAYS
from frazil.store.catalogue import exports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from frazil.app.access import Actor
    from frazil.app.hub import Hub
    from frazil.app.products import Product

FOLDER = "exports"
_PIECE = 1 << 20


def export_log(hub: Hub, actor: Actor, session_id: int, number: int) -> str:
    """Return the log of an export, also of one that is being made; empty before it begins."""
    session, name, _ = _find(hub, actor, session_id, number)
    for folder in (name, f".{name}.part"):
        try:
            product = read_product(session, FOLDER, folder, LOG)
        except NotFoundError:
            continue
        return product.content.decode("utf-8", "replace") if product else ""
    return ""


def export_overlay(
    hub: Hub, actor: Actor, session_id: int, number: int, movie: str, known_version: str | None = None
) -> Product | None:
    """Return the picture of exported coordinates on a micrograph, None if the asker has it."""
    session, name, _ = _find(hub, actor, session_id, number)
    return read_product(session, FOLDER, name, OVERLAYS, f"{movie}.jpg", known_version=known_version)


def export_tar(hub: Hub, actor: Actor, session_id: int, number: int) -> tuple[str, Iterator[bytes]]:
    """Return the export's name and its files as a tar stream; links to movies stay links.

    Raises `ConflictError` where the export is not done, `NotFoundError` where its folder is gone.
    """
    session, name, state = _find(hub, actor, session_id, number)
    if state != "done":
        raise ConflictError(f"export {name} is {state}: only a whole one can be downloaded")
    folder = session / FOLDER / name
    if folder.is_symlink() or not folder.is_dir():
        raise NotFoundError(f"the folder of export {name} is gone")
    return name, tar_stream(folder)


def tar_stream(folder: Path) -> Iterator[bytes]:
    """Pack a folder, its name in front; links are never followed.

    Raises `OSError` in mid-stream where a file shrinks while it is read: then the stream ends too early.
    """
    for place, folders, files, handle in os.fwalk(folder, follow_symlinks=False):
        folders.sort()
        for name in sorted([*files, *(each for each in folders if _is_link(each, handle))]):
            path = (Path(folder.name) / Path(place).relative_to(folder) / name).as_posix()
            yield from _pack(path, name, handle)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _pack(path: str, name: str, handle: int) -> Iterator[bytes]:
    if _is_link(name, handle):
        info = tarfile.TarInfo(path)
        info.type, info.linkname = tarfile.SYMTYPE, os.readlink(name, dir_fd=handle)
        yield _header(info)
        return
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=handle)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            return
        info = tarfile.TarInfo(path)
        info.size, info.mtime, info.mode = found.st_size, int(found.st_mtime), 0o644
        yield _header(info)
        left = found.st_size
        while left:
            piece = file.read(min(left, _PIECE))
            if not piece:
                raise OSError(f"{path}: became shorter while it was read")
            left -= len(piece)
            yield piece
        yield bytes(-found.st_size % tarfile.BLOCKSIZE)


def _header(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _is_link(name: str, handle: int) -> bool:
    return stat.S_ISLNK(os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode)


def _find(hub: Hub, actor: Actor, session_id: int, number: int) -> tuple[Path, str, str]:
    """Session folder, name and state of an export."""
    with hub.catalogue.read() as connection:
        session = session_for(connection, actor, session_id, "viewer")
        try:
            row = exports.get(connection, session_id, number)
        except InputError as error:
            raise NotFoundError(str(error)) from None
    return Path(session.folder), row["name"], row["state"]
