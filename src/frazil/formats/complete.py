"""Whether a file is complete, or somebody is still writing it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from frazil.formats.file_bytes import FileBytes, check_compressed, compression_of
from frazil.formats.mrc_header import HEADER_BYTES, parse_header
from frazil.formats.safe_xml import elements
from frazil.formats.tiff_pages import MAGIC, check_data_inside, read_directory, require_complete
from frazil.model.errors import InputError

_LARGEST_TEXT_BYTES = 1 << 26


class Completeness(NamedTuple):
    """Whether a file is complete; if not, why, as a sentence that names the file."""

    ok: bool
    reason: str = ""


def check_complete(path: Path) -> Completeness:
    """Judge by the file's own account of its length, without decoding images.

    MRC: header and size agree. TIFF, EER: the chain of pages ends and all their data lie inside the file.
    Compressed: the end mark is reached. XML: parses. mdoc: has a section. That a movie has as many frames as
    the others of its session is for the caller to compare.

    Raises
    ------
    InputError
        The file is missing or may not be read.
    """
    path = Path(path)
    with FileBytes(path) as source:
        head = source.read(0, min(source.size, HEADER_BYTES))
        try:
            _check(path, source, head)
        except InputError as error:
            return Completeness(False, str(error))
    return Completeness(True)


def _check(path: Path, source: FileBytes, head: bytes) -> None:
    if not head:
        raise InputError(f"{path}: empty; nothing has been written yet")
    compression = compression_of(head)
    if compression is not None:
        check_compressed(path, compression)
    elif head[:4] in MAGIC:
        directory = read_directory(source)
        require_complete(path, directory)
        check_data_inside(source, directory)
    elif path.suffix.lower() in (".xml", ".dm") or head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
        try:
            elements(_text(source))
        except ValueError as error:
            raise InputError(f"{path}: the XML is not complete ({error})") from error
    elif path.suffix.lower() == ".mdoc":
        if not any(line.startswith(b"[") for line in _text(source).splitlines()):
            raise InputError(f"{path}: has no section yet")
    else:
        parse_header(path, head).check_length(path, source.size)


def _text(source: FileBytes) -> bytes:
    if source.size > _LARGEST_TEXT_BYTES:
        raise InputError(f"{source.path}: {source.size} bytes are too many for a text file")
    return source.read(0, source.size)
