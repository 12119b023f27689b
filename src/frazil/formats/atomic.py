"""Files appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEVICE_TROUBLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS})


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary name beside ``path``; what was written there becomes ``path`` when all went well.

    The file is flushed to the disk, then renamed, then the directory is flushed, so that there is never a
    moment without either the old or the new file. On any error the temporary file is removed and the old
    one stays. The caller creates the file at the name it is given.

    Raises
    ------
    OSError
        As the system raised it; where it named no file (a full disk) or the temporary one, ``path`` is named.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        yield part
        _flush(part)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        unnamed = error.filename is None and error.errno in _DEVICE_TROUBLE
        if unnamed or str(error.filename) == str(part):
            raise OSError(error.errno, os.strerror(error.errno or 0), str(path)) from error
        raise
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    flush_directory(path.parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_directory(folder: Path) -> None:
    """Press names in a folder to the disk, where the file system can."""
    # Some network file systems can't flush a directory; the rename itself has happened by then.
    with contextlib.suppress(OSError):
        _flush(folder)
