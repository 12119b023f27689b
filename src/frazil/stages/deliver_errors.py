"""What can go wrong when a file is delivered, by what has to happen next."""

from __future__ import annotations

import errno
from enum import StrEnum
from typing import TYPE_CHECKING

from frazil.formats.file_bytes import reading_error
from frazil.model.errors import FrazilError, InputError, PassingError

if TYPE_CHECKING:
    from pathlib import Path

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
_SHARE_GONE = frozenset(
    {errno.ESTALE, errno.ENOTCONN, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENODEV, errno.ENXIO}
    | {errno.ETIMEDOUT, errno.ENETDOWN, errno.ENETUNREACH, errno.ESHUTDOWN, errno.ECONNRESET}
)
_SPECIAL_NAME = frozenset({errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL})


class Condition(StrEnum):
    """Why nothing can be delivered at present, from this source or to this destination."""

    NO_SPACE = "no space"
    SOURCE_GONE = "source gone"
    DESTINATION_GONE = "destination gone"
    DESTINATION_READ_ONLY = "destination read-only"


class TransferBlockedError(PassingError):
    """No file can be delivered at present: the whole transfer waits until ``condition`` is over."""

    def __init__(self, condition: Condition, message: str) -> None:
        super().__init__(message)
        self.condition = condition


class SourceChangedError(PassingError):
    """The source was written to while it was read; nothing was delivered, it has to settle anew."""


class SourceVanishedError(PassingError):
    """The source file is no longer there, though its folder is."""


class DeliveryCancelledError(FrazilError):
    """Somebody asked to stop; nothing was delivered."""


def source_error(source: Path, root: Path, error: OSError) -> FrazilError:
    """Translate the system's refusal to read ``source``, which lies in ``root``."""
    if error.errno in _SHARE_GONE or not _is_there(root):
        return TransferBlockedError(
            Condition.SOURCE_GONE, f"{root}: can't be reached ({error.strerror}); is the share mounted?"
        )
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return SourceVanishedError(f"{source}: is no longer there")
    return reading_error(source, error)


def destination_error(target: Path, root: Path, error: OSError) -> FrazilError:
    """Translate the system's refusal to write ``target``, which lies in ``root``."""
    if error.errno in _NO_SPACE:
        why = "the quota is used up" if error.errno == errno.EDQUOT else "no space left"
        return TransferBlockedError(Condition.NO_SPACE, f"{root}: {why}; free some")
    if error.errno in _SHARE_GONE or not _is_there(root):
        return TransferBlockedError(
            Condition.DESTINATION_GONE, f"{root}: can't be reached ({error.strerror}); is the disk mounted?"
        )
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return TransferBlockedError(
            Condition.DESTINATION_READ_ONLY, f"{target.parent}: can't be written to: {error.strerror}"
        )
    if error.errno in _SPECIAL_NAME:
        return InputError(f"{target}: this name can't be used there: {error.strerror}")
    if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        return InputError(f"{target}: something else is in the way: {error.strerror}")
    return PassingError(f"{target}: can't be written just now: {error.strerror}")


def _is_there(root: Path) -> bool:
    try:
        root.stat()
    except OSError:
        return False
    return True
