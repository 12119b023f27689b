"""Electron-event files: counts back into single events, coded as a Falcon camera does."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import IO, Self

    from numpy.typing import NDArray

_COMPRESSION = {8: 65000, 7: 65001}
_SUBPIXEL_BITS = 4


@numba.njit(nogil=True, cache=True)
def _put(out: NDArray[np.uint8], bit: int, value: int, bits: int) -> int:
    """Append the low bits of a value, least significant first; returns the new length in bits."""
    for i in range(bits):
        out[(bit + i) >> 3] |= np.uint8(((value >> i) & 1) << ((bit + i) & 7))
    return bit + bits


@numba.njit(nogil=True, cache=True)
def encode_frame(
    counts: NDArray[np.uint8], pages: int, run_bits: int, seed: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Deal a frame's electrons out to ``pages`` camera frames at random and code them.

    A camera frame holds at most one event per pixel: a second one goes to the next frame. Sub-pixel
    positions are random. Returns the pages' bytes, shape (pages, longest), and their lengths.
    """
    height, width = counts.shape
    total = 0
    for y in range(height):
        for x in range(width):
            total += counts[y, x]
    skip = (1 << run_bits) - 1
    bits = total * (run_bits + 4) + (height * width // skip + 2) * run_bits + 64
    out = np.zeros((pages, bits // 8 + 1), np.uint8)
    position = np.zeros(pages, np.int64)
    run_from = np.zeros(pages, np.int64)
    taken = np.zeros(pages, np.bool_)
    np.random.seed(seed)
    for y in range(height):
        for x in range(width):
            n = min(int(counts[y, x]), pages)
            if n == 0:
                continue
            taken[:] = False
            for _ in range(n):
                page = np.random.randint(0, pages)
                while taken[page]:
                    page = (page + 1) % pages
                taken[page] = True
                here = y * width + x
                run = here - run_from[page]
                bit = position[page]
                while run >= skip:
                    bit = _put(out[page], bit, skip, run_bits)
                    run -= skip
                bit = _put(out[page], bit, run, run_bits)
                position[page] = _put(out[page], bit, np.random.randint(0, 16), 4)
                run_from[page] = here + 1
    length = np.zeros(pages, np.int64)
    for page in range(pages):
        run = height * width - run_from[page]
        bit = position[page]
        while run >= skip:
            bit = _put(out[page], bit, skip, run_bits)
            run -= skip
        # Whole 32-bit words: some decoders read an even number of bytes only.
        length[page] = (_put(out[page], bit, run, run_bits) + 31) // 32 * 4
    return out, length


class EerWriter:
    """Writes camera frames one after the other into a BigTIFF, as Falcon 4 cameras do.

    Parameters
    ----------
    path
        Where to; written in place.
    height_px, width_px
        The sensor.
    run_bits
        7 or 8 bits of run length; 4 bits of sub-pixel position follow.
    metadata
        Items of the acquisition's XML.
    """

    def __init__(
        self, path: Path, height_px: int, width_px: int, run_bits: int, metadata: dict[str, str]
    ) -> None:
        self._path = path
        self._shape = (height_px, width_px)
        self._run_bits = run_bits
        items = "".join(f'<item name="{k}">{v}</item>' for k, v in metadata.items())
        self._xml = f"<metadata>{items}</metadata>".encode()
        self._link = 8
        self.pages = 0

    def __enter__(self) -> Self:
        self._file: IO[bytes] = self._path.open("wb")
        self._file.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def append(self, data: bytes) -> None:
        """Add one camera frame of coded events."""
        file = self._file
        start = file.tell()
        file.write(data)
        height, width = self._shape
        entries = [(256, 4, 1, width), (257, 4, 1, height), (259, 3, 1, _COMPRESSION[self._run_bits])]
        entries += [(262, 3, 1, 1), (273, 16, 1, start), (278, 4, 1, height), (279, 16, 1, len(data))]
        if self.pages == 0:
            where = file.tell()
            file.write(self._xml)
            entries.append((65001, 7, len(self._xml), where))
        file.write(bytes(-file.tell() % 8))
        directory = file.tell()
        file.write(struct.pack("<Q", len(entries)))
        for tag, kind, count, entry in entries:
            file.write(struct.pack("<HHQQ", tag, kind, count, entry))
        file.write(struct.pack("<Q", 0))
        end = file.tell()
        file.seek(self._link)
        file.write(struct.pack("<Q", directory))
        file.seek(end)
        self._link = end - 8
        self.pages += 1
