"""Copy one file so that what is there afterwards is what was there before, or nothing."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

import xxhash

from frazil.model.errors import InputError, PassingError
from frazil.stages.deliver_errors import (
    DeliveryCancelledError,
    SourceChangedError,
    destination_error,
    source_error,
)
from frazil.stages.deliver_paths import part_name

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from frazil.stages.bandwidth import Bandwidth

_PIECE = 1 << 20
_FLUSH_EVERY = 1 << 28
"""Bytes after which what was written is pressed to the disk, so that the last flush takes no minutes."""


@dataclass(frozen=True)
class Form:
    """How a file looks from outside: what must not change while it is read."""

    size: int
    mtime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Form:
        """Take it from what the system says."""
        return cls(status.st_size, status.st_mtime_ns)


@dataclass(frozen=True)
class Stream:
    """How a file is moved: with what limit, and who may watch or stop it.

    Attributes
    ----------
    bandwidth
        Shared with other streams.
    cancelled
        Set it, and the copy stops within a second.
    progress
        Called with the number of bytes of each piece that was read from the source.
    """

    bandwidth: Bandwidth
    cancelled: threading.Event
    progress: Callable[[int], None]

    def check(self) -> None:
        """Raise `DeliveryCancelledError` if somebody asked to stop."""
        if self.cancelled.is_set():
            raise DeliveryCancelledError("stopped")


@contextlib.contextmanager
def open_source(source: Path, root: Path, form: Form) -> Iterator[int]:
    """Open a source that still has this form, and had it all the time when it is closed.

    Raises `SourceChangedError` at either end, `InputError` for what is no file, and what `source_error` says.
    """
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise source_error(source, root, error) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{source}: is not a file")
        _require_form(source, form, status)
        yield descriptor
        _require_form(source, form, os.fstat(descriptor))
        try:
            now = source.stat()
        except OSError as error:
            raise source_error(source, root, error) from error
        _require_form(source, form, now)
        if (now.st_dev, now.st_ino) != (status.st_dev, status.st_ino):
            raise SourceChangedError(f"{source}: was replaced while it was read")
    finally:
        os.close(descriptor)


def _require_form(source: Path, form: Form, status: os.stat_result) -> None:
    if Form.of(status) != form:
        raise SourceChangedError(f"{source}: is being written to ({status.st_size} bytes, were {form.size})")


def hash_source(source: Path, root: Path, form: Form, stream: Stream) -> str:
    """Hash a source without copying it (xxh3-128, hexadecimal)."""
    digest = xxhash.xxh3_128()
    with open_source(source, root, form) as descriptor:
        for piece in _pieces(source, root, descriptor, stream):
            digest.update(piece)
    return str(digest.hexdigest())


def write_copy(
    source: Path, source_root: Path, form: Form, target: Path, target_root: Path, stream: Stream
) -> tuple[Path, str]:
    """Copy to the temporary name beside ``target``, and press it to the disk.

    Returns
    -------
    part, checksum
        The temporary file, which the caller renames or removes, and the xxh3-128 of what was read.
    """
    part = part_name(target)
    digest = xxhash.xxh3_128()
    try:
        with (
            open_source(source, source_root, form) as origin,
            _open_new(part, target_root) as copy,
        ):
            written = 0
            for piece in _pieces(source, source_root, origin, stream):
                digest.update(piece)
                try:
                    _write_all(copy, piece)
                    if (written + len(piece)) // _FLUSH_EVERY > written // _FLUSH_EVERY:
                        os.fdatasync(copy)
                except OSError as error:
                    raise destination_error(target, target_root, error) from error
                written += len(piece)
            if written != form.size:
                raise SourceChangedError(f"{source}: {written} bytes were read of {form.size}")
            try:
                os.utime(copy, ns=(form.mtime_ns, form.mtime_ns))
                os.fsync(copy)
            except OSError as error:
                raise destination_error(target, target_root, error) from error
    except BaseException:
        discard(part)
        raise
    return part, str(digest.hexdigest())


def verify(part: Path, target_root: Path, size: int, checksum: str | None, stream: Stream) -> None:
    """Compare what is on the disk with what was read; `PassingError` where it differs.

    ``checksum`` None: by size only. Else it is read from the disk, not from memory, where the system lets us.
    """
    try:
        descriptor = os.open(part, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise destination_error(part, target_root, error) from error
    try:
        good = os.fstat(descriptor).st_size == size
        if checksum is not None:
            # Else the pages just written would be compared with themselves.
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            good = good and _digest(descriptor, stream) == checksum
    except OSError as error:
        raise destination_error(part, target_root, error) from error
    finally:
        os.close(descriptor)
    if not good:
        raise PassingError(f"{part}: what was written is not what was read; is the disk or network failing?")


def digest_of(path: Path, root: Path, stream: Stream) -> str:
    """xxh3-128 of a file that was delivered."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise destination_error(path, root, error) from error
    try:
        return _digest(descriptor, stream)
    except OSError as error:
        raise destination_error(path, root, error) from error
    finally:
        os.close(descriptor)


def discard(part: Path) -> None:
    """Remove a temporary file; if that can't be done now, it is swept at the next start."""
    with contextlib.suppress(OSError):
        part.unlink()


def _digest(descriptor: int, stream: Stream) -> str:
    digest = xxhash.xxh3_128()
    while piece := os.read(descriptor, _PIECE):
        stream.check()
        digest.update(piece)
    return str(digest.hexdigest())


def _pieces(source: Path, root: Path, descriptor: int, stream: Stream) -> Iterator[bytes]:
    size = min(_PIECE, stream.bandwidth.largest_piece)
    while True:
        stream.check()
        try:
            piece = os.read(descriptor, size)
        except OSError as error:
            raise source_error(source, root, error) from error
        if not piece:
            return
        if not stream.bandwidth.wait(len(piece), stream.cancelled):
            raise DeliveryCancelledError("stopped")
        yield piece
        stream.progress(len(piece))


def _write_all(descriptor: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(descriptor, view) :]


@contextlib.contextmanager
def _open_new(part: Path, root: Path) -> Iterator[int]:
    """Make a file that was not there; a link is not followed."""
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise destination_error(part, root, error) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)
