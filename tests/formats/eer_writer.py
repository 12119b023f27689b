"""A small EER encoder, for tests only; written from the description of the format, bit by bit."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

Events = tuple["NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.int64]"]


def random_events(
    seed: int, width: int, height: int, rate: float, x_levels: int = 4, y_levels: int = 4
) -> Events:
    """Pixel numbers, and sub-pixel position counted from the pixel's upper left corner."""
    rng = np.random.default_rng(seed)
    pixels = np.flatnonzero(rng.random(width * height) < rate).astype(np.int64)
    return pixels, rng.integers(0, x_levels, len(pixels)), rng.integers(0, y_levels, len(pixels))


def encode_page(events: Events, pixels: int, run_bits: int = 7, x_bits: int = 2, y_bits: int = 2) -> bytes:
    bits: list[int] = []

    def put(value: int, width: int) -> None:
        bits.extend((value >> k) & 1 for k in range(width))

    longest = (1 << run_bits) - 1
    position = 0

    def run_to(target: int) -> None:
        nonlocal position
        gap = target - position
        while gap >= longest:
            put(longest, run_bits)
            gap -= longest
        put(gap, run_bits)
        position = target

    for pixel, x, y in zip(*(part.tolist() for part in events), strict=True):
        run_to(pixel)
        put(x ^ (1 << (x_bits - 1)), x_bits)
        put(y ^ (1 << (y_bits - 1)), y_bits)
        position += 1
    run_to(pixels)
    return np.packbits(np.array(bits, dtype=np.uint8), bitorder="little").tobytes()


def write_tiff_pages(path: Path, pages: list[tuple[bytes, dict[int, int]]], metadata: bytes = b"") -> None:
    """A little-endian classic TIFF of pages (data, tags); metadata go to tag 65001 of each page."""
    content = bytearray(struct.pack("<2sHI", b"II", 42, 0))
    link = 4
    for data, tags in pages:
        offset = len(content)
        content += data + bytes(len(data) % 2)
        entries = {**tags, 273: offset, 279: len(data), 277: 1, 262: 1}
        text = len(content)
        content += metadata + bytes(len(metadata) % 2)
        rows = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items()]
        if len(metadata) > 4:
            rows.append(struct.pack("<HHII", 65001, 7, len(metadata), text))
        rows.sort(key=lambda row: struct.unpack("<H", row[:2]))
        struct.pack_into("<I", content, link, len(content))
        content += struct.pack("<H", len(rows)) + b"".join(rows)
        link = len(content)
        content += bytes(4)
    path.write_bytes(content)


def write_eer(
    path: Path,
    frames: list[Events],
    width: int,
    height: int,
    *,
    compression: int = 65001,
    bits: tuple[int, int, int] = (7, 2, 2),
    summed_page: bool = False,
    metadata: bytes = b"",
) -> None:
    tags = {256: width, 257: height, 258: 1, 259: compression}
    if compression == 65002:
        tags |= {65007: bits[0], 65008: bits[1], 65009: bits[2]}
    pages = [(encode_page(events, width * height, *bits), tags) for events in frames]
    if summed_page:
        pages.insert(0, (bytes(2 * width * height), {256: width, 257: height, 258: 16, 259: 1}))
    write_tiff_pages(path, pages, metadata)
