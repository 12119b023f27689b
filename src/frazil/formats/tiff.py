"""TIFF movies and images.

TIFF stores the top line first, MRC the bottom line: as IMOD, SerialEM, MotionCor and RELION do, rows are
flipped on reading, so that row 0 is what an MRC file of the same exposure would store first.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.formats import lzw
from frazil.formats import tiff_pages as tags
from frazil.formats.file_bytes import FileBytes
from frazil.formats.mrc import check_out, require_finite
from frazil.formats.tiff_pages import TiffPage, read_directory, require_complete
from frazil.formats.tiff_segments import PageLayout, decode_segment, read_layout, segment_positions
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_SLACK = max(lzw.INPUT_SLACK, lzw.OUTPUT_SLACK)
_LARGEST_GAP = 1 << 20
# Pages of these sizes (width, length) in bytes are 4-bit frames of twice the width: SerialEM packs two pixels
# a byte, and nothing in the file says so. Sizes as in SerialEM and RELION.
_PACKED_PAGES = {(5760, 8184), (8184, 5760), (4092, 11520), (11520, 4092)}
_PACKED_PAGES |= {(3710, 7676), (7676, 3710), (3838, 7420), (7420, 3838)}
_SAME_TAGS = (
    *(tags.WIDTH, tags.LENGTH, tags.BITS, tags.SAMPLE_FORMAT, tags.SAMPLES, tags.COMPRESSION, tags.PREDICTOR),
    *(tags.ROWS_PER_STRIP, tags.TILE_WIDTH, tags.TILE_LENGTH),
)


class TiffMovie:
    """Frames of a TIFF or BigTIFF movie; a `frazil.formats.movie.Movie`.

    One page per frame, all alike; strips or tiles; none, LZW, deflate, PackBits, zstd; predictors; integers
    and floats; SerialEM's packed 4-bit pages, known by their size.

    Raises `InputError` on opening where the file is not TIFF, truncated, or of a kind that is not read.
    """

    def __init__(self, path: Path, *, allow_nonfinite: bool = False) -> None:
        self._allow_nonfinite = allow_nonfinite
        self._bytes = FileBytes(path)
        try:
            directory = read_directory(self._bytes)
            require_complete(path, directory)
            self._layout = read_layout(path, directory.pages[0])
            self._positions = _all_positions(self._bytes, directory.pages, self._layout)
            self._pixel_size_a = pixel_size_a(directory.pages[0])
        except BaseException:
            self._bytes.close()
            raise
        layout = self._layout
        self._packed = (
            layout.dtype == np.uint8
            and (layout.width_px, layout.length_px) in _PACKED_PAGES
            and not layout.tiled
        )
        self._scratch = threading.local()

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self._bytes.path)

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self._positions)

    @property
    def height_px(self) -> int:
        """Rows of a frame."""
        return self._layout.length_px

    @property
    def width_px(self) -> int:
        """Columns of a frame."""
        return self._layout.width_px * (2 if self._packed else 1)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a frame's pixels."""
        return self._layout.dtype.newbyteorder("=")

    @property
    def pixel_size_a(self) -> float | None:
        """From the resolution tags, Å, where they make sense for a microscope."""
        return self._pixel_size_a

    @property
    def already_gain_corrected(self) -> bool | None:
        """TIFF doesn't say."""
        return None

    def read_frame(self, index: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Frame ``index`` (from 0), shape (height, width); see `frazil.model.movie.MovieSource`."""
        if not 0 <= index < self.frames:
            raise InputError(f"{self.name}: has no frame {index + 1}, it has {self.frames}")
        shape = self.height_px, self.width_px
        if out is None:
            out = np.empty(shape, dtype=self.dtype)
        check_out(out, shape, self.dtype)
        encoded, positions = self._read_segments(index)
        try:
            self._decode(encoded, positions, out)
        except InputError as error:
            raise InputError(f"{self.name}: frame {index + 1} can't be decoded: {error}") from error
        if not self._allow_nonfinite:
            require_finite(self._bytes.path, out, f"pixels of frame {index + 1}")
        return out

    def _decode(self, encoded: NDArray[np.uint8], positions: NDArray[np.int64], out: NDArray[Any]) -> None:
        layout = self._layout
        scratch = self._buffer("decoded", layout.segment_bytes)
        if layout.is_plain_lzw and not self._packed and not lzw.is_old_style(encoded[positions[0, 0] :]):
            lzw.decode_strips(encoded, positions, layout.segment_rows, scratch, out.view(np.uint8))
            return
        for segment in layout:
            begin, size = positions[segment.number].tolist()
            pixels = decode_segment(layout, encoded[begin:], size, layout.stored_rows(segment), scratch)
            flipped = pixels[: segment.rows][::-1]
            last = self.height_px - segment.row
            rows = slice(last - segment.rows, last)
            if self._packed:
                np.bitwise_and(flipped, 15, out=out[rows, 0::2])
                np.right_shift(flipped, 4, out=out[rows, 1::2])
            else:
                out[rows, segment.column : segment.column + segment.columns] = flipped[:, : segment.columns]

    def _read_segments(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """All bytes of a frame, and where in them each segment begins and how long it is."""
        positions = self._positions[index]
        begin, end = int(positions[:, 0].min()), int(positions.sum(axis=1).max())
        total = int(positions[:, 1].sum())
        if end - begin <= total + _LARGEST_GAP:
            # As a rule they follow each other: one read, however many there are.
            encoded = self._buffer("encoded", end - begin)
            self._bytes.read_into(begin, encoded[: end - begin])
            return encoded, positions - (begin, 0)
        encoded = self._buffer("encoded", total)
        inside = positions.copy()
        inside[:, 0] = np.cumsum(positions[:, 1]) - positions[:, 1]
        for (offset, size), (place, _) in zip(positions.tolist(), inside.tolist(), strict=True):
            self._bytes.read_into(offset, encoded[place : place + size])
        return encoded, inside

    def _buffer(self, name: str, size: int) -> NDArray[np.uint8]:
        """Scratch of this thread, kept from frame to frame: fresh memory costs page faults each time."""
        buffer: NDArray[np.uint8] | None = getattr(self._scratch, name, None)
        if buffer is None or len(buffer) < size + _SLACK:
            buffer = np.empty(size + size // 8 + _SLACK, dtype=np.uint8)
            setattr(self._scratch, name, buffer)
        return buffer

    def close(self) -> None:
        """Close the file."""
        self._bytes.close()

    def __enter__(self) -> TiffMovie:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _all_positions(source: FileBytes, pages: list[TiffPage], layout: PageLayout) -> NDArray[np.int64]:
    """Offset and length of every segment, shape (pages, segments, 2), all inside the file."""
    first = [pages[0].integer(tag, -1) for tag in _SAME_TAGS]
    positions = np.empty((len(pages), layout.segments, 2), dtype=np.int64)
    for number, page in enumerate(pages):
        if number and [page.integer(tag, -1) for tag in _SAME_TAGS] != first:
            raise InputError(
                f"{source.path}: page {number + 1} differs from the first one in size or kind "
                f"({page.integer(tags.WIDTH, 0)} x {page.integer(tags.LENGTH, 0)} pixels); not a movie"
            )
        positions[number] = segment_positions(source.path, number, page, layout)
    inside = (positions >= 0).all(axis=(1, 2)) & (positions.sum(axis=2) <= source.size).all(axis=1)
    if not inside.all():
        raise InputError(
            f"{source.path}: {int(inside.sum())} frames readable of {len(pages)} announced; "
            "the file is truncated or still being written"
        )
    if (positions[:, :, 1].sum(axis=1) > source.size).any():
        raise InputError(f"{source.path}: strips or tiles overlap; a damaged page directory")
    return positions


def pixel_size_a(page: TiffPage) -> float | None:
    """Pixel size from the resolution tags, Å; None unless it is one of a transmission electron microscope."""
    resolution = page.values(tags.X_RESOLUTION)
    unit_a = {2: 2.54e8, 3: 1e8}.get(page.integer(tags.RESOLUTION_UNIT, 2))
    if len(resolution) == 0 or unit_a is None or not np.isfinite(resolution[0]) or resolution[0] <= 0:
        return None
    size_a = unit_a / float(resolution[0])
    return float(f"{size_a:.6g}") if 0.05 < size_a < 50.0 else None
