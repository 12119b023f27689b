"""Where delivered files may lie, and from where they may come."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from pathlib import Path, PurePosixPath

from frazil.model.errors import InputError
from frazil.stages.deliver_errors import destination_error

_LONGEST_NAME_BYTES = 255


def make_target(root: Path, relative: PurePosixPath | Path) -> Path:
    """Make the folders of a file below ``root``; returns the file's path.

    Raises
    ------
    InputError
        ``relative`` leaves ``root``, or something that is no folder (a link, a file) is in the way.
    TransferBlockedError
        The disk is full, read-only or gone.
    """
    if relative.is_absolute() or not relative.parts or any(part in ("..", ".") for part in relative.parts):
        raise InputError(f"{relative}: is no path inside {root}")
    folder = Path(root)
    for part in relative.parts[:-1]:
        folder = folder / part
        try:
            folder.mkdir(exist_ok=True)
            if not stat.S_ISDIR(folder.lstat().st_mode):
                raise InputError(f"{folder}: is a link, not a folder; nothing is written through it")
        except OSError as error:
            raise destination_error(folder, Path(root), error) from error
    return folder / relative.parts[-1]


def part_name(target: Path) -> Path:
    """Make a name under which a file is written before it gets its own: hidden, in the same folder.

    No two calls give the same, so that a stream that hangs and one that takes its place do no harm.
    """
    token = secrets.token_hex(4)
    name = f".{target.name}.{token}.part"
    if len(os.fsencode(name)) > _LONGEST_NAME_BYTES:
        name = f".{target.name[:40]}.{token}.part"
    return target.with_name(name)


def is_same_file(one: Path, other: Path) -> bool:
    """Whether two names lead to one file; False where one of them leads nowhere."""
    try:
        return one.samefile(other)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return False
        raise
