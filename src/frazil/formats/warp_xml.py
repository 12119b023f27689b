"""XML as Warp writes it: UTF-16 with a byte order mark (Warp 1) or UTF-8 (Warp 2), without namespaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frazil.formats.file_bytes import FileBytes
from frazil.formats.safe_xml import elements
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from frazil.formats.safe_xml import Element

_LARGEST_BYTES = 1 << 26
_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_warp_xml(path: Path, root: str) -> Element:
    """Read a small XML file whose outermost element is ``root``.

    Raises `InputError` where it can't be read, does not parse (perhaps because it is only half written), is
    longer than 64 MiB or something else; `PassingError` where the disk fails.
    """
    with FileBytes(path) as source:
        if source.size > _LARGEST_BYTES:
            raise InputError(f"{path}: {source.size} bytes are too many for a file of Warp's settings")
        document = source.read(0, source.size)
    try:
        found = elements(_utf8(document))[-1]
    except (ValueError, IndexError) as error:
        raise InputError(f"{path}: the XML can't be read ({error}); perhaps Warp is writing it") from error
    if found.name != root:
        raise InputError(f"{path}: XML of kind {found.name[:40]!r}, not Warp's {root}")
    return found


def _utf8(document: bytes) -> bytes:
    """Text as UTF-8 without its declaration, which may name another encoding than the text has."""
    if document.startswith(_MARKS):
        document = document.decode("utf-16").encode()
    document = document.removeprefix(b"\xef\xbb\xbf")
    if document.startswith(b"<?xml"):
        end = document.find(b"?>")
        document = document[end + 2 :] if end >= 0 else b""
    return document.lstrip()
