"""The directories of a TIFF or BigTIFF file: where each page's bytes are and what they mean.

Movies have up to thousands of pages that differ in little but their offsets, so this reads only what is
needed, with every number checked against the length of the file. Layout: TIFF 6.0 and the BigTIFF proposal.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.formats.file_bytes import FileBytes
from frazil.model.errors import InputError
from frazil.model.words import plural

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.formats.mrc_header import ByteOrder

MAGIC = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_MAX_PAGES = 1 << 20
_MAX_TAGS = 4096
_STRUCT = {1: "B", 2: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I"}
_STRUCT |= {16: "Q", 17: "q", 18: "Q"}
_RATIONAL = {5: "I", 10: "i"}

WIDTH, LENGTH, BITS, COMPRESSION, FILL_ORDER, SAMPLES = 256, 257, 258, 259, 266, 277
STRIP_OFFSETS, ROWS_PER_STRIP, STRIP_COUNTS = 273, 278, 279
X_RESOLUTION, RESOLUTION_UNIT, DESCRIPTION = 282, 296, 270
PREDICTOR, TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_COUNTS, SAMPLE_FORMAT = 317, 322, 323, 324, 325, 339


@dataclass(frozen=True)
class _Entry:
    kind: int
    count: int
    raw: bytes
    """The value itself, or its offset in the file where it is too long."""


class TiffPage:
    """One page's directory. Values are read from the file when asked for."""

    def __init__(self, source: FileBytes, order: ByteOrder, big: bool, entries: dict[int, _Entry]) -> None:
        self._source = source
        self._order = order
        self._big = big
        self._entries = entries

    def __contains__(self, tag: int) -> bool:
        return tag in self._entries

    @property
    def byte_order(self) -> ByteOrder:
        """``"<"`` or ``">"``."""
        return self._order

    def raw(self, tag: int) -> bytes:
        """Return the bytes of a tag's value; empty where the tag is missing or of an unknown type."""
        entry = self._entries.get(tag)
        if entry is None:
            return b""
        size = _item_bytes(entry.kind) * entry.count
        if size <= len(entry.raw):
            return entry.raw[:size]
        offset = int(struct.unpack(self._order + ("Q" if self._big else "I"), entry.raw)[0])
        return self._source.read(offset, size)

    def values(self, tag: int) -> np.ndarray[Any, np.dtype[Any]]:
        """All numbers of a tag, shape (n,); empty where it is missing."""
        entry = self._entries.get(tag)
        if entry is None or not _item_bytes(entry.kind):
            return np.empty(0, dtype=np.int64)
        if entry.kind in _RATIONAL:
            pairs = np.frombuffer(self.raw(tag), dtype=self._order + _RATIONAL[entry.kind]).reshape(-1, 2)
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.asarray(pairs[:, 0] / pairs[:, 1].astype(np.float64))
        dtype = np.dtype(_STRUCT[entry.kind]).newbyteorder(self._order)
        return np.frombuffer(self.raw(tag), dtype=dtype)

    def integer(self, tag: int, default: int) -> int:
        """First number of a tag, or ``default`` where it is missing."""
        values = self.values(tag)
        return int(values[0]) if len(values) and np.isfinite(values[0]) else default

    def text(self, tag: int) -> str:
        """Return a tag as text, without trailing zeros."""
        return self.raw(tag).rstrip(b"\0").decode("utf-8", "replace")


def _item_bytes(kind: int) -> int:
    if kind in _RATIONAL:
        return 8
    return struct.calcsize("<" + _STRUCT[kind]) if kind in _STRUCT else 0


@dataclass(frozen=True)
class TiffDirectory:
    """All pages of a file.

    Attributes
    ----------
    pages
        In file order.
    break_reason
        Empty where the chain of directories ends properly; else what is wrong behind the last page.
    """

    pages: list[TiffPage]
    break_reason: str


def is_tiff(path: Path) -> bool:
    """Whether the file begins as TIFF or BigTIFF does."""
    with FileBytes(path) as source:
        return source.read(0, min(source.size, 4)) in MAGIC


def read_directory(source: FileBytes, limit: int = _MAX_PAGES) -> TiffDirectory:
    """Follow the chain of page directories as far as it is sound, at most ``limit`` pages.

    Raises `InputError` for what is not TIFF at all.
    """
    head = source.read(0, min(16, source.size))
    if head[:4] not in MAGIC:
        raise InputError(f"{source.path}: not a TIFF file")
    order: ByteOrder = "<" if head[:2] == b"II" else ">"
    big = head[2:4] in (b"+\x00", b"\x00+")
    try:
        offset = int(struct.unpack_from(order + ("Q" if big else "I"), head, 8 if big else 4)[0])
    except struct.error as error:
        raise InputError(f"{source.path}: ends within its TIFF header; still being written?") from error
    if offset == 0:
        return TiffDirectory([], "the first page directory is not written yet")
    pages: list[TiffPage] = []
    seen: set[int] = set()
    while offset:
        if offset in seen:
            return TiffDirectory(
                pages, f"the directory of page {len(pages) + 1} leads back to an earlier one"
            )
        if len(pages) >= limit:
            return TiffDirectory(pages, f"more than {limit} pages")
        seen.add(offset)
        found = _read_page(source, order, big, offset)
        if found is None:
            return TiffDirectory(
                pages,
                f"the directory of page {len(pages) + 1} lies beyond the end of the file"
                f" ({source.size} bytes)",
            )
        page, offset = found
        pages.append(page)
    return TiffDirectory(pages, "")


def _read_page(source: FileBytes, order: ByteOrder, big: bool, offset: int) -> tuple[TiffPage, int] | None:
    count_bytes, entry_bytes, link_bytes = (8, 20, 8) if big else (2, 12, 4)
    if offset + count_bytes > source.size:
        return None
    # One read covers almost every directory: a page has about 15 tags.
    block = source.read(offset, min(512, source.size - offset))
    count = int(struct.unpack_from(order + ("Q" if big else "H"), block)[0])
    total = count_bytes + count * entry_bytes + link_bytes
    if count > _MAX_TAGS or offset + total > source.size:
        return None
    if total > len(block):
        block = source.read(offset, total)
    entries: dict[int, _Entry] = {}
    for position in range(count_bytes, count_bytes + count * entry_bytes, entry_bytes):
        tag, kind, items = struct.unpack_from(order + ("HHQ" if big else "HHI"), block, position)
        entries.setdefault(
            tag, _Entry(kind, items, block[position + (12 if big else 8) : position + entry_bytes])
        )
    link = struct.unpack_from(order + ("Q" if big else "I"), block, total - link_bytes)[0]
    return TiffPage(source, order, big, entries), int(link)


def require_complete(path: Path, directory: TiffDirectory) -> None:
    """Raise `InputError` unless the chain of pages ends properly and has at least one page."""
    if directory.break_reason or not directory.pages:
        raise InputError(
            f"{path}: {plural(len(directory.pages), 'frame')} readable, then "
            f"{directory.break_reason or 'nothing'}; the file is truncated or still being written"
        )


def data_positions(page: TiffPage) -> NDArray[np.int64]:
    """Offset and length of each strip or tile, shape (n, 2); (0, 2) where the lists don't match."""
    tiled = TILE_OFFSETS in page
    offsets = page.values(TILE_OFFSETS if tiled else STRIP_OFFSETS)
    counts = page.values(TILE_COUNTS if tiled else STRIP_COUNTS)
    if offsets.dtype.kind not in "ui" or counts.dtype.kind not in "ui":
        return np.empty((0, 2), dtype=np.int64)
    if len(offsets) == 0 or len(offsets) != len(counts) or max(int(offsets.max()), int(counts.max())) >> 62:
        return np.empty((0, 2), dtype=np.int64)
    return np.stack([offsets, counts], axis=1).astype(np.int64)


def check_data_inside(source: FileBytes, directory: TiffDirectory) -> None:
    """Raise `InputError` unless the data of every page lie inside the file."""
    for number, page in enumerate(directory.pages):
        positions = data_positions(page)
        if len(positions) == 0 or positions.min() < 0 or positions.sum(axis=1).max() > source.size:
            raise InputError(
                f"{source.path}: {number} frames readable of {len(directory.pages)} announced; "
                "the file is truncated or still being written"
            )
