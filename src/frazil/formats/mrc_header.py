"""The 1024 bytes at the start of an MRC file (MRC2014, with what other programs make of it)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from frazil.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

ByteOrder = Literal["<", ">"]
HEADER_BYTES = 1024
_IMOD_STAMP = 1146047817
_DTYPES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2", 101: "u1"}
MODES = {"int8": 0, "int16": 1, "float32": 2, "uint16": 6, "float16": 12}
_SANE_SIZE = 1 << 20
# How files begin that are often given by mistake.
_OTHERS = {
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x89PNG": "a PNG picture",
    b"PK\x03\x04": "a zip archive",
    b"\x89HDF": "an HDF5 file",
    b"%PDF": "a PDF document",
    b"<?xml": "an XML file",
}


@dataclass(frozen=True)
class MrcHeader:
    """What a reader needs to know of an MRC header.

    Attributes
    ----------
    columns, rows, sections
        nx, ny, nz.
    mode
        Kind of pixel; 101 is two 4-bit pixels a byte.
    byte_order
        ``"<"`` or ``">"``.
    data_offset
        First byte of the first section.
    pixel_size_a
        From the cell, Å; None where the header says 0, exactly 1.0 or nonsense.
    bytes_are_signed
        Only for mode 0: what IMOD's stamp says; None without stamp.
    extension
        Kind of the extended header, for instance ``FEI1``; empty where there is none.
    """

    columns: int
    rows: int
    sections: int
    mode: int
    byte_order: ByteOrder
    data_offset: int
    pixel_size_a: float | None
    bytes_are_signed: bool | None
    extension: str

    @property
    def stored_dtype(self) -> np.dtype[Any]:
        """Type of the bytes in the file; of mode 101 the packed bytes."""
        return np.dtype(_DTYPES[self.mode]).newbyteorder(self.byte_order)

    @property
    def section_bytes(self) -> int:
        """Bytes of one section in the file."""
        pixels = self.columns * self.rows
        return pixels // 2 if self.mode == 101 else pixels * self.stored_dtype.itemsize

    @property
    def total_bytes(self) -> int:
        """Length of a complete file."""
        return self.data_offset + self.sections * self.section_bytes

    def check_length(self, path: Path, size: int) -> None:
        """Raise `InputError` unless a file of ``size`` bytes can hold all sections."""
        if size < self.total_bytes:
            whole = max(0, size - self.data_offset) // self.section_bytes
            raise InputError(
                f"{path}: {whole} frames readable of {self.sections} announced; "
                f"the file is truncated or still being written ({size} of {self.total_bytes} bytes)"
            )


def parse_header(path: Path, block: bytes) -> MrcHeader:
    """Read a header from the first 1024 bytes of a file.

    Raises `InputError` naming ``path`` for what isn't MRC, is of a kind we don't read, or says nonsense.
    """
    if not block:
        raise InputError(f"{path}: the file is empty")
    if len(block) < HEADER_BYTES:
        too_few = f"{len(block)} bytes, and an MRC header has {HEADER_BYTES}"
        raise InputError(f"{path}: {_foreign(block, too_few)}")
    order = _byte_order(path, block)
    columns, rows, sections, mode = struct.unpack_from(order + "4i", block, 0)
    if mode not in _DTYPES:
        kind = "complex numbers" if mode in (3, 4) else "a kind of pixel that is not read"
        raise InputError(f"{path}: MRC mode {mode}, {kind}; modes 0, 1, 2, 6, 12 and 101 are read")
    if columns <= 0 or rows <= 0:
        raise InputError(f"{path}: the MRC header announces {columns} x {rows} pixels")
    if sections <= 0:
        raise InputError(f"{path}: the MRC header announces {sections} frames; still being written?")
    if mode == 101 and columns % 2:
        raise InputError(
            f"{path}: 4-bit MRC with an odd width of {columns} pixels: "
            "programs disagree on how its rows are padded"
        )
    axes = struct.unpack_from(order + "3i", block, 64)
    if axes not in ((1, 2, 3), (0, 0, 0)):
        raise InputError(
            f"{path}: axes are stored in the order {axes}, only 1, 2, 3 (x fastest, then y) is read"
        )
    extended = struct.unpack_from(order + "i", block, 92)[0]
    if extended < 0:
        raise InputError(f"{path}: the MRC header announces an extended header of {extended} bytes")
    stamp, flags = struct.unpack_from(order + "2i", block, 152)
    return MrcHeader(
        columns=columns,
        rows=rows,
        sections=sections,
        mode=mode,
        byte_order=order,
        data_offset=HEADER_BYTES + extended,
        pixel_size_a=_pixel_size_a(
            struct.unpack_from(order + "i", block, 28)[0], struct.unpack_from(order + "f", block, 40)[0]
        ),
        bytes_are_signed=bool(flags & 1) if stamp == _IMOD_STAMP else None,
        extension=block[104:108].decode("ascii", "replace").strip(" \0") if extended else "",
    )


def _byte_order(path: Path, block: bytes) -> ByteOrder:
    stamp = block[212:214]
    if stamp in (b"\x44\x44", b"\x44\x41"):
        return "<"
    if stamp == b"\x11\x11":
        return ">"
    orders: tuple[ByteOrder, ...] = ("<", ">")
    for order in orders:
        columns, rows, sections, mode = struct.unpack_from(order + "4i", block, 0)
        axes = sorted(struct.unpack_from(order + "3i", block, 64))
        if (
            0 < columns <= _SANE_SIZE
            and 0 < rows <= _SANE_SIZE
            and 0 <= sections <= _SANE_SIZE
            and mode in (*_DTYPES, 3, 4)
            and axes in ([1, 2, 3], [0, 0, 0])
        ):
            return order
    raise InputError(f"{path}: {_foreign(block, 'its sizes, mode and stamp are not those of an MRC file')}")


def _foreign(block: bytes, no_mrc: str) -> str:
    """Say what a file is that is not what it should be, or how it begins, which often tells that.

    ``no_mrc`` is why it is no MRC file.
    """
    for magic, kind in _OTHERS.items():
        if block.startswith(magic):
            return f"is {kind}, not an MRC, TIFF or EER file"
    start = block[:8].decode("latin-1")
    shown = start if start.isascii() and start.isprintable() else block[:8].hex(" ")
    return f"begins with {shown!r}, not as TIFF and EER do; {no_mrc}"


def _pixel_size_a(samples: int, cell_a: float) -> float | None:
    if samples <= 0 or not np.isfinite(cell_a) or cell_a <= 0:
        return None
    # The cell is a float32: six digits give 0.83 back, not 0.8299999.
    pixel_size_a = float(f"{cell_a / samples:.6g}")
    return None if pixel_size_a in (0.0, 1.0) else pixel_size_a


@dataclass(frozen=True)
class Statistics:
    """Minimum, maximum, mean and standard deviation of all values; "unknown" as MRC2014 wants it."""

    minimum: float = 0.0
    maximum: float = -1.0
    mean: float = -2.0
    deviation: float = -1.0


def build_header(
    shape: tuple[int, int, int], mode: int, pixel_size_a: float, statistics: Statistics, *, volume: bool
) -> bytes:
    """Header of an image, a stack of images (``mz`` 1, ``ispg`` 0) or a volume (``mz`` nz, ``ispg`` 1).

    ``shape`` is (sections, rows, columns); native little-endian order.
    """
    sections, rows, columns = shape
    depth = sections if volume else 1
    block = bytearray(HEADER_BYTES)
    struct.pack_into("<4i", block, 0, columns, rows, sections, mode)
    struct.pack_into("<3i", block, 28, columns, rows, depth)
    struct.pack_into("<3f", block, 40, columns * pixel_size_a, rows * pixel_size_a, depth * pixel_size_a)
    struct.pack_into("<3f", block, 52, 90.0, 90.0, 90.0)
    struct.pack_into("<3i", block, 64, 1, 2, 3)
    struct.pack_into("<3f", block, 76, statistics.minimum, statistics.maximum, statistics.mean)
    struct.pack_into("<2i", block, 88, int(volume), 0)
    struct.pack_into("<i", block, 108, 20141)
    block[208:212] = b"MAP "
    block[212:216] = b"\x44\x44\x00\x00"
    struct.pack_into("<f", block, 216, statistics.deviation)
    struct.pack_into("<i", block, 220, 1)
    block[224:304] = b"Frazil".ljust(80)
    return bytes(block)
