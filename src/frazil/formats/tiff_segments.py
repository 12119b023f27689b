"""Strips and tiles of a TIFF page: how they lie in the image and how their bytes become pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.formats import tiff_pages as tags
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.formats.tiff_pages import TiffPage

NONE, LZW, PACKBITS = 1, 5, 32773
DEFLATE = (8, 32946)
ZSTD = (50000, 34926)
NAMES = {NONE: "none", LZW: "LZW", PACKBITS: "PackBits", 8: "deflate", 32946: "deflate", 50000: "zstd"}
NAMES |= {34926: "zstd", 7: "JPEG", 4: "CCITT fax", 34925: "LZMA", 65000: "EER", 65001: "EER", 65002: "EER"}
_KINDS = {1: "u", 2: "i", 3: "f"}
_DTYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8")
_LARGEST_SIDE_PX = 1 << 16
_LARGEST_IMAGE_BYTES = 1 << 31
# No run of codes expands further: LZW 12 bits for 3838 bytes, deflate 1032, PackBits 64. zstd has no limit.
_LARGEST_EXPANSION = {NONE: 1, LZW: 2600, PACKBITS: 64, 8: 1100, 32946: 1100}


@dataclass(frozen=True)
class Segment:
    """A strip or tile: its number and its rectangle in the page (file order, top line first)."""

    number: int
    row: int
    column: int
    rows: int
    columns: int
    """Pixels of it that lie inside the image."""


@dataclass(frozen=True)
class PageLayout:
    """Size, pixel type and cutting of a page; equal for all pages of a movie.

    Attributes
    ----------
    width_px, length_px
        Of the page, as stored.
    dtype
        As stored, with byte order.
    segment_rows, segment_columns
        Full size of a strip or tile; a strip is as wide as the page.
    tiled
        Edge tiles are stored in full size; the last strip only as far as it goes.
    """

    width_px: int
    length_px: int
    dtype: np.dtype[Any]
    compression: int
    predictor: int
    segment_rows: int
    segment_columns: int
    tiled: bool

    @property
    def segments_across(self) -> int:
        """Tiles beside each other; 1 for strips."""
        return -(-self.width_px // self.segment_columns)

    @property
    def segments(self) -> int:
        """Number of strips or tiles of a page."""
        return self.segments_across * -(-self.length_px // self.segment_rows)

    @property
    def segment_bytes(self) -> int:
        """Decoded bytes of a full segment."""
        return self.segment_rows * self.segment_columns * self.dtype.itemsize

    @property
    def is_plain_lzw(self) -> bool:
        """Strips whose decoded bytes are the pixels."""
        return self.compression == LZW and not self.tiled and self.predictor == 1 and self.dtype.isnative

    def __iter__(self) -> Iterator[Segment]:
        for number in range(self.segments):
            row = number // self.segments_across * self.segment_rows
            column = number % self.segments_across * self.segment_columns
            yield Segment(
                number,
                row,
                column,
                min(self.segment_rows, self.length_px - row),
                min(self.segment_columns, self.width_px - column),
            )

    def stored_rows(self, segment: Segment) -> int:
        """Rows that are stored of a segment."""
        return self.segment_rows if self.tiled else segment.rows


def read_layout(path: Path, page: TiffPage) -> PageLayout:
    """Layout of a page; `InputError` naming ``path`` for anything that is not read."""
    width, length = page.integer(tags.WIDTH, 0), page.integer(tags.LENGTH, 0)
    if not 0 < width <= _LARGEST_SIDE_PX or not 0 < length <= _LARGEST_SIDE_PX:
        raise InputError(f"{path}: a TIFF page of {width} x {length} pixels")
    if page.integer(tags.SAMPLES, 1) != 1:
        raise InputError(
            f"{path}: a colour image ({page.integer(tags.SAMPLES, 1)} samples a pixel), not a movie"
        )
    bits, kind = page.integer(tags.BITS, 1), page.integer(tags.SAMPLE_FORMAT, 1)
    code = f"{_KINDS.get(kind, '?')}{bits // 8}"
    if bits % 8 or code not in _DTYPES:
        raise InputError(
            f"{path}: pixels of {bits} bits (sample format {kind}); "
            "integers of 8, 16 or 32 bits and floats are read"
        )
    compression = page.integer(tags.COMPRESSION, NONE)
    if compression not in (NONE, LZW, PACKBITS, *DEFLATE, *ZSTD):
        name = NAMES.get(compression, "unknown")
        raise InputError(
            f"{path}: TIFF compression {compression} ({name}) is not read; "
            "none, LZW, deflate, PackBits and zstd are"
        )
    predictor = page.integer(tags.PREDICTOR, 1)
    dtype = np.dtype(code).newbyteorder(page.byte_order)
    if predictor not in (1, 2, 3) or (predictor == 3) != (predictor != 1 and dtype.kind == "f"):
        raise InputError(f"{path}: TIFF predictor {predictor} with {dtype.name} pixels is not read")
    if page.integer(tags.FILL_ORDER, 1) != 1:
        raise InputError(f"{path}: TIFF with reversed bits (fill order 2) is not read")
    tiled = tags.TILE_OFFSETS in page
    rows = page.integer(tags.TILE_LENGTH if tiled else tags.ROWS_PER_STRIP, length)
    columns = page.integer(tags.TILE_WIDTH, 0) if tiled else width
    rows = rows if tiled else min(rows, length)
    if not 0 < rows <= _LARGEST_SIDE_PX or not 0 < columns <= _LARGEST_SIDE_PX:
        raise InputError(f"{path}: TIFF strips or tiles of {columns} x {rows} pixels")
    layout = PageLayout(width, length, dtype, compression, predictor, rows, columns, tiled)
    if max(layout.segment_bytes, width * length * dtype.itemsize) > _LARGEST_IMAGE_BYTES:
        raise InputError(f"{path}: a page of {width} x {length} pixels of {dtype.name} is too large")
    return layout


def segment_positions(path: Path, number: int, page: TiffPage, layout: PageLayout) -> NDArray[np.int64]:
    """Offset and byte count of each segment of a page, shape (segments, 2); pages are numbered from 0.

    Raises `InputError` where the lists are missing, of the wrong length, or can't hold that many pixels.
    """
    positions = tags.data_positions(page)
    needed = layout.width_px * layout.length_px * layout.dtype.itemsize
    if layout.segments == 1 and layout.compression == NONE and tags.STRIP_COUNTS not in page:
        positions = np.array([[page.integer(tags.STRIP_OFFSETS, -1), needed]], dtype=np.int64)
    if len(positions) != layout.segments:
        raise InputError(
            f"{path}: damaged: page {number + 1} lists {len(positions)} usable strips or tiles, "
            f"it should have {layout.segments}"
        )
    limit = _LARGEST_EXPANSION.get(layout.compression)
    if limit is not None and int(positions[:, 1].sum()) * limit + 64 < needed:
        raise InputError(
            f"{path}: damaged: the {int(positions[:, 1].sum())} bytes of page {number + 1} can't hold "
            f"{layout.width_px} x {layout.length_px} pixels"
        )
    return positions


def decode_segment(
    layout: PageLayout, encoded: NDArray[np.uint8], size: int, rows: int, target: NDArray[np.uint8]
) -> NDArray[Any]:
    """Pixels of a strip or tile.

    Parameters
    ----------
    encoded
        Its bytes are ``encoded[:size]``; `frazil.formats.lzw.INPUT_SLACK` bytes more may be read.
    rows
        Rows that it holds.
    target
        Scratch that may be used: a full segment and `frazil.formats.lzw.OUTPUT_SLACK` bytes.

    Returns
    -------
    pixels
        Shape (rows, segment_columns), native byte order; lies in ``target`` or elsewhere.

    Raises
    ------
    InputError
        The data are damaged; names no file.
    """
    import imagecodecs

    expected = rows * layout.segment_columns * layout.dtype.itemsize
    if layout.compression == NONE:
        if size < expected:
            raise InputError(f"{size} bytes where {expected} should be")
        flat = encoded[:expected]
    elif layout.compression == LZW:
        from frazil.formats.lzw import decode_into

        decode_into(encoded, size, target, expected)
        flat = target[:expected]
    else:
        data = encoded[:size].tobytes()
        try:
            if layout.compression in DEFLATE:
                found = imagecodecs.deflate_decode(data, out=target[:expected].data)
            elif layout.compression in ZSTD:
                found = imagecodecs.zstd_decode(data, out=target[:expected].data)
            else:
                found = imagecodecs.packbits_decode(data, out=target[:expected].data)
        except (RuntimeError, ValueError) as error:
            raise InputError(f"damaged {NAMES[layout.compression]} data ({error})") from error
        if len(found) != expected:
            raise InputError(f"damaged {NAMES[layout.compression]} data: {len(found)} bytes, not {expected}")
        flat = np.frombuffer(found, dtype=np.uint8)
    return _to_pixels(layout, flat, rows)


def _to_pixels(layout: PageLayout, flat: NDArray[np.uint8], rows: int) -> NDArray[Any]:
    if layout.predictor == 3:
        # Bytes of a row are sorted by significance, highest first, then differenced (Adobe technote 3).
        planes = np.cumsum(flat.reshape(rows, -1), axis=1, dtype=np.uint8)
        parts = planes.reshape(rows, layout.dtype.itemsize, layout.segment_columns).transpose(0, 2, 1)
        floats = np.ascontiguousarray(parts).view(layout.dtype.newbyteorder(">"))[..., 0]
        return floats.astype(layout.dtype.newbyteorder("="))
    pixels = flat.view(layout.dtype).reshape(rows, layout.segment_columns)
    if not layout.dtype.isnative:
        pixels = pixels.astype(layout.dtype.newbyteorder("="))
    if layout.predictor == 2:
        pixels = np.cumsum(pixels, axis=1, dtype=pixels.dtype)
    return pixels
