"""Random access to a file's bytes, also of compressed ones, with errors that name the file."""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import os
import tempfile
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from frazil.model.errors import InputError, PassingError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_PIECE = 1 << 22
_LASTING = {
    errno.ENOENT: "no such file",
    errno.ENOTDIR: "no such file",
    errno.EACCES: "may not be read: permission denied",
    errno.EPERM: "may not be read: permission denied",
    errno.EISDIR: "is a folder, not a file",
    errno.ENAMETOOLONG: "name too long",
    errno.ELOOP: "is a link that leads nowhere",
}


def reading_error(path: Path, error: OSError) -> InputError | PassingError:
    """Translate the system's refusal to open or read ``path`` into an error that names the file."""
    reason = _LASTING.get(error.errno or 0)
    if reason is not None:
        return InputError(f"{path}: {reason}")
    return PassingError(f"{path}: can't be read just now: {error.strerror or error}")


class FileBytes:
    """Bytes of an open file by position. Threads may share it: there is no current position.

    Attributes
    ----------
    path
        The file's name, for messages.
    size
        Its length in bytes when it was opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        try:
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (OSError, ValueError) as error:
            if isinstance(error, ValueError):
                raise InputError(f"{self.path!r}: not a file name") from error
            raise reading_error(self.path, error) from error
        self.size = os.fstat(self._descriptor).st_size
        if not self.path.is_file():
            self.close()
            kind = "folder" if self.path.is_dir() else "pipe or a device"
            raise InputError(f"{self.path}: is a {kind}, not a file")

    def read(self, offset: int, count: int) -> bytes:
        """Exactly ``count`` bytes from ``offset``; `InputError` where the file is shorter."""
        self._check(offset, count)
        pieces = []
        while count > 0:
            try:
                piece = os.pread(self._descriptor, count, offset)
            except OSError as error:
                raise reading_error(self.path, error) from error
            if not piece:
                raise InputError(f"{self.path}: ends at byte {offset}; it became shorter while being read")
            pieces.append(piece)
            offset += len(piece)
            count -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def read_into(self, offset: int, target: NDArray[np.uint8]) -> None:
        """Fill ``target`` (contiguous bytes) from ``offset``, without a copy and without the GIL."""
        self._check(offset, target.nbytes)
        view = target.data.cast("B")
        while len(view):
            try:
                count = os.preadv(self._descriptor, [view], offset)
            except OSError as error:
                raise reading_error(self.path, error) from error
            if count == 0:
                raise InputError(f"{self.path}: ends at byte {offset}; it became shorter while being read")
            view = view[count:]
            offset += count

    def _check(self, offset: int, count: int) -> None:
        if offset < 0 or count < 0 or offset + count > self.size:
            raise InputError(
                f"{self.path}: bytes {offset} to {offset + count} are needed, the file has {self.size}; "
                "it is truncated or still being written"
            )

    def close(self) -> None:
        """Give the file back to the system; a second time does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> FileBytes:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_descriptor", -1) >= 0:
            self.close()


class ExpandedBytes(FileBytes):
    """The content of a compressed file, expanded to a nameless temporary file on disk.

    Only what is asked for is expanded, so that a small file can't fill the disk.
    """

    def __init__(self, path: Path, compression: str) -> None:
        self.path = Path(path)
        self._descriptor = -1
        self._store = cast("IO[bytes]", tempfile.TemporaryFile(buffering=0))
        self.size = 0
        self._stream = _open_stream(self.path, compression)

    def expand_to(self, size: int) -> None:
        """Make the first ``size`` bytes readable, or as many as there are."""
        while self.size < size:
            piece = _read_piece(self.path, self._stream, min(_PIECE, size - self.size))
            if not piece:
                break
            try:
                self._store.write(piece)
            except OSError as error:
                raise PassingError(
                    f"{self.path}: can't be expanded in {tempfile.gettempdir()}: {error.strerror}"
                ) from error
            self.size += len(piece)
        self._descriptor = self._store.fileno()

    def close(self) -> None:
        """Give the temporary file back; a second time does nothing."""
        self._descriptor = -1
        self._stream.close()
        self._store.close()


def _read_piece(path: Path, stream: IO[bytes], count: int) -> bytes:
    try:
        return stream.read(count)
    except (EOFError, zlib.error, lzma.LZMAError, OSError, ValueError) as error:
        raise InputError(
            f"{path}: the compressed data break off or are damaged ({error}); "
            "the file is truncated or still being written"
        ) from error


def check_compressed(path: Path, compression: str) -> None:
    """Expand a whole file without keeping it; `InputError` where it doesn't reach its end mark."""
    with _open_stream(path, compression) as stream:
        while _read_piece(path, stream, _PIECE):
            pass


def _open_stream(path: Path, compression: str) -> IO[bytes]:
    if compression == "gzip":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if compression == "bzip2":
        return cast("IO[bytes]", bz2.open(path, "rb"))
    if compression == "xz":
        return cast("IO[bytes]", lzma.open(path, "rb"))
    import pyarrow as pa  # heavy, and rarely needed

    return cast("IO[bytes]", pa.CompressedInputStream(pa.OSFile(str(path), "rb"), "zstd"))


def compression_of(head: bytes) -> str | None:
    """Which compressor wrote a file that begins with ``head``; None for none that we know."""
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)


def open_bytes(path: Path) -> FileBytes:
    """Open a file for random access. Of a compressed one, call ``expand_to`` before reading."""
    plain = FileBytes(path)
    compression = compression_of(plain.read(0, min(plain.size, 8)))
    if compression is None:
        return plain
    plain.close()
    return ExpandedBytes(path, compression)
