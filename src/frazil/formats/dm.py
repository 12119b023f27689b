"""Images in Gatan's DigitalMicrograph files, versions 3 and 4: just enough for a gain reference.

A file is a tree of tags. Groups hold named entries; the others hold numbers, structures or arrays, whose
layout is told by a few integers before the data. Layout as described by C. Boothroyd ("dmformat"). All of
the tree is in big-endian order; data are as the header says, which is little-endian in practice. Version 4
has 64-bit lengths where version 3 has 32 bits.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from frazil.formats.file_bytes import FileBytes
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SUFFIXES = (".dm3", ".dm4")
_GROUP, _DATA = 20, 21
_STRUCT, _STRING, _ARRAY = 15, 18, 20
_SIMPLE = dict(
    zip(range(2, 13), ("i2", "i4", "u2", "u4", "f4", "f8", "u1", "i1", "u1", "i8", "u8"), strict=True)
)
# What stands in "DataType" for the kinds of pixels a reference can have.
_PIXELS = {1: "i2", 2: "f4", 6: "u1", 7: "i4", 9: "i1", 10: "u2", 11: "u4", 12: "f8"}
_DEEPEST, _MOST_TAGS = 32, 100_000
_LONGEST_LAYOUT = 1 << 12


@dataclass(frozen=True)
class _Array:
    """Where the numbers of an array are."""

    offset: int
    count: int
    kind: str


class _Tree:
    """The tags of a file: groups as dictionaries, whose nameless entries have numbers for names."""

    def __init__(self, source: FileBytes) -> None:
        self._source, self._at, self._tags = source, 0, 0
        version, self.order = self._header()
        self._wide = version == 4
        self.root = self._group(0)

    def _header(self) -> tuple[int, Literal["<", ">"]]:
        version = self._number("I")
        if version not in (3, 4):
            raise self._damaged("it does not begin like a DM3 or DM4 file")
        self._number("Q" if version == 4 else "I")
        return version, "<" if self._number("I") == 1 else ">"

    def _damaged(self, what: str) -> InputError:
        return InputError(f"{self._source.path}: not a readable DigitalMicrograph file: {what}")

    def _number(self, kind: str, order: str = ">") -> int:
        size = struct.calcsize(kind)
        (value,) = struct.unpack(order + kind, self._source.read(self._at, size))
        self._at += size
        return int(value)

    def _long(self) -> int:
        return self._number("Q" if self._wide else "I")

    def _group(self, depth: int) -> dict[str | int, Any]:
        if depth > _DEEPEST:
            raise self._damaged("its tags are nested too deeply")
        self._at += 2
        entries: dict[str | int, Any] = {}
        for number in range(self._long()):
            self._tags += 1
            if self._tags > _MOST_TAGS:
                raise self._damaged("it has too many tags")
            kind = self._number("B")
            length = self._number("H")
            name = self._source.read(self._at, length).decode("latin-1")
            self._at += length
            # Only version 4 says where an entry ends.
            size = self._long() if self._wide else None
            end = None if size is None else self._at + size
            if kind == _GROUP:
                entries[name or number] = self._group(depth + 1)
            elif kind == _DATA:
                entries[name or number] = self._data(end)
            else:
                raise self._damaged(f"it has a tag of the unknown kind {kind}")
        return entries

    def _data(self, end: int | None) -> Any:
        if self._source.read(self._at, 4) != b"%%%%":
            raise self._damaged(f"there are no data at byte {self._at}")
        self._at += 4
        length = self._long()
        if not 1 <= length <= _LONGEST_LAYOUT:
            raise self._damaged(f"data are described by {length} numbers")
        layout = [self._long() for _ in range(length)]
        kind = layout[0]
        if kind in _SIMPLE:
            code = np.dtype(_SIMPLE[kind])
            value = np.frombuffer(self._source.read(self._at, code.itemsize), code.newbyteorder(self.order))[
                0
            ]
            self._at += code.itemsize
            return value
        if kind == _ARRAY and length == 3 and layout[1] in _SIMPLE:
            found = _Array(self._at, layout[2], _SIMPLE[layout[1]])
            self._skip(found.count * np.dtype(found.kind).itemsize)
            return found
        if end is not None:
            self._skip(end - self._at)
        elif kind == _ARRAY and length > 4 and layout[1] == _STRUCT:
            self._skip(layout[-1] * self._struct_bytes(layout[1:-1]))
        elif kind == _STRUCT and length > 2:
            self._skip(self._struct_bytes(layout))
        elif kind == _STRING and length == 2:
            self._skip(2 * layout[1])
        else:
            raise self._damaged(f"data are described by {layout[:4]}")
        return None

    def _struct_bytes(self, layout: list[int]) -> int:
        """Count the bytes of a structure: (15, name length, fields, then name length and kind of each)."""
        kinds = layout[4 : 3 + 2 * layout[2] : 2]
        if len(kinds) != layout[2] or not all(kind in _SIMPLE for kind in kinds):
            raise self._damaged("a structure has fields of an unknown kind")
        return sum(np.dtype(_SIMPLE[kind]).itemsize for kind in kinds)

    def _skip(self, count: int) -> None:
        self._at += count
        if count < 0 or self._at > self._source.size:
            raise self._damaged("it ends too early; it is truncated or still being written")


def read_dm(path: Path) -> NDArray[Any]:
    """Largest image of a file, shape (rows, columns), the top line first as it is stored; may hold NaN.

    Thumbnails, which are in colours, don't count. Raises `InputError` where the file is no DM3 or DM4 file,
    is truncated, or holds no single real image.
    """
    with FileBytes(path) as source:
        tree = _Tree(source)
        images = tree.root.get("ImageList")
        found = [_described(entry) for entry in images.values()] if isinstance(images, dict) else []
        usable = [image for image in found if image is not None]
        if not usable:
            raise InputError(f"{path}: holds no image of real numbers")
        data, kind, width, height = max(usable, key=lambda image: image[2] * image[3])
        raw = np.empty(height * width * np.dtype(kind).itemsize, dtype=np.uint8)
        source.read_into(data.offset, raw)
        stored = raw.view(np.dtype(kind).newbyteorder(tree.order)).reshape(height, width)
        return stored.astype(np.dtype(kind), copy=False)


def _described(entry: Any) -> tuple[_Array, str, int, int] | None:
    """Return data, kind of pixels, columns and rows; None for what is no flat image of real numbers."""
    image = entry.get("ImageData") if isinstance(entry, dict) else None
    if not isinstance(image, dict):
        return None
    data, shape = image.get("Data"), image.get("Dimensions")
    kind = _PIXELS.get(_whole(image.get("DataType")))
    if not isinstance(data, _Array) or not isinstance(shape, dict) or kind is None:
        return None
    sides = [_whole(side) for side in shape.values()]
    if len(sides) < 2 or min(sides) < 1 or any(side != 1 for side in sides[2:]):
        return None
    width, height = sides[:2]
    if width * height * np.dtype(kind).itemsize != data.count * np.dtype(data.kind).itemsize:
        return None
    return data, kind, width, height


def _whole(value: Any) -> int:
    """Return a whole number of a tag; 0 for anything else."""
    return int(value) if isinstance(value, np.integer) else 0
