"""Deliver one file from the microscope into the session folder: link, copy, or the copying part of a move."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from frazil.formats.atomic import flush_directory
from frazil.model.errors import InputError
from frazil.stages.deliver_copy import Form, Stream, digest_of, discard, hash_source, verify, write_copy
from frazil.stages.deliver_errors import (
    Condition,
    SourceChangedError,
    TransferBlockedError,
    destination_error,
    source_error,
)
from frazil.stages.deliver_paths import is_same_file, make_target

if TYPE_CHECKING:
    from pathlib import Path, PurePosixPath

Mode = Literal["link", "copy", "move", "in_place"]


@dataclass(frozen=True)
class Order:
    """One file to be delivered.

    Attributes
    ----------
    source, source_root
        The file, and the folder that is watched: if that is gone, the whole share is.
    form
        Size and time with which the file was found to be settled.
    target_root, relative
        Where it goes: ``relative`` below ``target_root``, through no links.
    mode
        ``move`` copies and always reads back; `remove_source` does the rest.
    reread
        Whether a copy is read back and compared, or only its size.
    min_free_bytes
        Space to be left on the destination.
    replaces
        The user chose to replace an older version that was delivered from the same source.
    """

    source: Path
    source_root: Path
    form: Form
    target_root: Path
    relative: PurePosixPath
    mode: Mode
    reread: bool = True
    min_free_bytes: int = 0
    replaces: bool = False


@dataclass(frozen=True)
class Delivered:
    """What was delivered.

    Attributes
    ----------
    path
        The delivered file; of ``in_place`` the source itself.
    form
        Of the source.
    checksum
        xxh3-128 of the delivered file, hexadecimal; empty where it was not read.
    size_bytes
        Of the delivered file.
    moved_bytes
        Bytes really copied; 0 for links and for what was there already.
    """

    path: Path
    form: Form
    checksum: str
    size_bytes: int
    moved_bytes: int


def deliver(order: Order, stream: Stream) -> Delivered:
    """Deliver a file; safe to be repeated after a crash at any moment.

    Raises
    ------
    SourceChangedError
        It was written to; it has to settle anew.
    SourceVanishedError
        It is gone.
    TransferBlockedError
        Nothing can be delivered at present; says why.
    InputError
        Lasting: another file has the name, something is in the way, the file may not be read.
    PassingError
        The copy differs, or the system refused for a reason that may pass.
    DeliveryCancelledError
        ``stream.cancelled`` was set.
    """
    stream.check()
    if order.mode == "in_place":
        _require_settled(order)
        return Delivered(order.source, order.form, "", order.form.size, 0)
    target = make_target(order.target_root, order.relative)
    if order.mode == "link":
        return _link(order, target, stream)
    return _copy(order, target, stream)


def remove_source(order: Order, delivered: Delivered) -> bool:
    """Finish a move: remove the source once the ledger knows of the copy; False where it has to stay.

    It stays if it changed meanwhile, if the delivered file is a link, or is the same file under another name.
    """
    try:
        status = os.lstat(delivered.path)
        if not stat.S_ISREG(status.st_mode) or status.st_size != delivered.size_bytes:
            return False
        if is_same_file(order.source, delivered.path) or Form.of(order.source.stat()) != order.form:
            return False
        order.source.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise source_error(order.source, order.source_root, error) from error
    return True


def free_bytes(folder: Path) -> int:
    """Space that is left for us on the disk of ``folder``; `TransferBlockedError` where it is gone."""
    try:
        status = os.statvfs(folder)
    except OSError as error:
        raise destination_error(folder, folder, error) from error
    return status.f_bavail * status.f_frsize


def _require_settled(order: Order) -> None:
    try:
        status = order.source.stat()
    except OSError as error:
        raise source_error(order.source, order.source_root, error) from error
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{order.source}: is not a file")
    if Form.of(status) != order.form:
        raise SourceChangedError(f"{order.source}: is being written to")


def _link(order: Order, target: Path, stream: Stream) -> Delivered:
    _require_settled(order)
    there = standing(order, target)
    if there == "copy":
        return _compare(order, target, stream)
    source = order.source.absolute()
    try:
        same_disk = source.stat().st_dev == target.parent.stat().st_dev
        aim = os.path.relpath(source, target.parent.resolve()) if same_disk else str(source)
        if there != "link" or str(target.readlink()) != aim:
            target.unlink(missing_ok=True)
            target.symlink_to(aim)
    except OSError as error:
        raise destination_error(target, order.target_root, error) from error
    flush_directory(target.parent)
    return Delivered(target, order.form, "", order.form.size, 0)


def _copy(order: Order, target: Path, stream: Stream) -> Delivered:
    if standing(order, target) == "copy":
        return _compare(order, target, stream)
    require_space(order)
    part, checksum = write_copy(
        order.source, order.source_root, order.form, target, order.target_root, stream
    )
    reread = order.reread or order.mode == "move"
    give_name(order, part, target, order.form.size, checksum if reread else None, stream)
    return Delivered(target, order.form, checksum, order.form.size, order.form.size)


def give_name(
    order: Order, part: Path, target: Path, size: int, checksum: str | None, stream: Stream
) -> None:
    """Verify what was written and make it ``target``; on any error it is removed."""
    try:
        verify(part, order.target_root, size, checksum, stream)
        standing(order, target, any_size=size != order.form.size)
        stream.check()
        try:
            part.replace(target)
        except OSError as error:
            raise destination_error(target, order.target_root, error) from error
    except BaseException:
        discard(part)
        raise
    flush_directory(target.parent)


def _compare(order: Order, target: Path, stream: Stream) -> Delivered:
    """Take a file that is there already for the delivered one if it has the same content."""
    checksum = hash_source(order.source, order.source_root, order.form, stream)
    if digest_of(target, order.target_root, stream) != checksum:
        raise taken(order, target)
    return Delivered(target, order.form, checksum, order.form.size, 0)


def standing(order: Order, target: Path, *, any_size: bool = False) -> Literal["free", "link", "copy", "old"]:
    """Tell what has the name: nothing, our link to the source, perhaps a copy, an old version to be replaced.

    A copy has the source's size unless ``any_size``. `InputError` for anything else.
    """
    try:
        status = os.lstat(target)
    except FileNotFoundError:
        return "free"
    except OSError as error:
        raise destination_error(target, order.target_root, error) from error
    if stat.S_ISLNK(status.st_mode):
        if order.replaces or is_same_file(order.source, target):
            return "link"
    elif stat.S_ISREG(status.st_mode):
        if order.replaces and not is_same_file(order.source, target):
            return "old"
        if any_size or status.st_size == order.form.size:
            return "copy"
    raise taken(order, target)


def taken(order: Order, target: Path) -> InputError:
    """Say that another file has the name."""
    return InputError(
        f"{target}: is there already with other content than {order.source}; "
        "it is not overwritten: move one of them away and press Retry"
    )


def require_space(order: Order) -> None:
    """Raise `TransferBlockedError` if the file would leave less free than is to be kept."""
    left = free_bytes(order.target_root) - order.form.size
    if left < order.min_free_bytes:
        raise TransferBlockedError(
            Condition.NO_SPACE,
            f"{order.target_root}: with {order.source.name} only {max(left, 0) / 1e9:.1f} GB would be free, "
            f"{order.min_free_bytes / 1e9:.0f} GB are to be kept (min_free_gb)",
        )
