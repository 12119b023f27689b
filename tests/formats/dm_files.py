"""Write DigitalMicrograph files as the published description has them, for tests."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

_CODES = {"i2": 2, "i4": 3, "u2": 4, "u4": 5, "f4": 6, "f8": 7, "u1": 10}
_PIXELS = {"i2": 1, "f4": 2, "u1": 6, "i4": 7, "u2": 10, "u4": 11, "f8": 12}


class DmWriter:
    """Bytes of a file of version 3 or 4; data in little-endian order."""

    def __init__(self, version: int) -> None:
        self.version = version

    def long(self, value: int) -> bytes:
        return struct.pack(">Q" if self.version == 4 else ">I", value)

    def tag(self, name: str, kind: int, content: bytes) -> bytes:
        head = struct.pack(">BH", kind, len(name)) + name.encode()
        return head + (self.long(len(content)) if self.version == 4 else b"") + content

    def data(self, layout: list[int], stored: bytes) -> bytes:
        return b"%%%%" + self.long(len(layout)) + b"".join(self.long(n) for n in layout) + stored

    def group(self, entries: list[tuple[str, Any]]) -> bytes:
        return b"\x01\x00" + self.long(len(entries)) + b"".join(self.entry(*entry) for entry in entries)

    def entry(self, name: str, value: Any) -> bytes:
        if isinstance(value, list):
            return self.tag(name, 20, self.group(value))
        if isinstance(value, bytes):
            return self.tag(name, 21, value)
        if isinstance(value, str):
            text = value.encode("utf-16-le")
            return self.tag(name, 21, self.data([20, 4, len(value)], text))
        if isinstance(value, np.ndarray):
            layout = [20, _CODES[value.dtype.str[1:]], value.size]
            return self.tag(
                name, 21, self.data(layout, value.astype(value.dtype.newbyteorder("<")).tobytes())
            )
        return self.tag(name, 21, self.data([5], struct.pack("<I", value)))

    def file(self, entries: list[tuple[str, Any]]) -> bytes:
        root = self.group(entries)
        return struct.pack(">I", self.version) + self.long(len(root)) + struct.pack(">I", 1) + root + bytes(8)


def image_entry(image: np.ndarray, pixels: int | None = None) -> tuple[str, Any]:
    height, width = image.shape
    kind = _PIXELS[image.dtype.str[1:]] if pixels is None else pixels
    shape = [("", width), ("", height)]
    content = [("Data", image.reshape(-1)), ("DataType", kind), ("Dimensions", shape), ("PixelDepth", 4)]
    return "", [("ImageData", content), ("Name", "gain")]


def dm_file(image: np.ndarray, version: int = 4) -> bytes:
    """File with a thumbnail in colours, the image, and tags of every other sort before and after them."""
    writer = DmWriter(version)
    thumbnail = np.full((3, 4), 0x00FFFFFF, "u4")
    point = writer.data([15, 0, 2, 0, 6, 0, 6], struct.pack("<ff", 1.0, 2.0))
    points = writer.data([20, 15, 0, 2, 0, 6, 0, 2, 3], struct.pack("<fh", 1.0, 2) * 3)
    words = writer.data([18, 3], "abc".encode("utf-16-le"))
    return writer.file(
        [
            ("ApplicationBounds", point),
            ("CLUT", points),
            ("Words", words),
            ("ImageList", [image_entry(thumbnail, 23), image_entry(image)]),
            ("InImageMode", 1),
        ]
    )
