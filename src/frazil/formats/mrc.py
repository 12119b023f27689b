"""MRC images, stacks and volumes: reading."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.formats.file_bytes import ExpandedBytes, FileBytes, open_bytes
from frazil.formats.mrc_header import HEADER_BYTES, MrcHeader, parse_header
from frazil.formats.mrc_write import MrcStackWriter, write_mrc
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["MrcImage", "MrcStack", "MrcStackWriter", "read_mrc", "write_mrc"]


@dataclass(frozen=True)
class MrcImage:
    """Content of an MRC file.

    Attributes
    ----------
    data
        Shape (rows, columns), or (sections, rows, columns) where there are several; type as stored.
    pixel_size_a
        Å; None where the file doesn't say.
    """

    data: NDArray[Any]
    pixel_size_a: float | None


def _open(path: Path) -> tuple[FileBytes, MrcHeader]:
    source = open_bytes(path)
    try:
        if isinstance(source, ExpandedBytes):
            source.expand_to(HEADER_BYTES)
        header = parse_header(path, source.read(0, min(HEADER_BYTES, source.size)))
        if isinstance(source, ExpandedBytes):
            source.expand_to(header.total_bytes)
        header.check_length(path, source.size)
    except BaseException:
        source.close()
        raise
    return source, header


class MrcStack:
    """Images of an MRC file (plain or compressed), read when asked for. Threads may share it.

    ``stack[3]`` is one image (rows, columns); ``stack[2:5]`` and ``stack[[7, 3]]`` are (n, rows, columns).

    Raises `InputError` on opening where the file is not MRC, truncated, or of a kind that is not read.
    """

    def __init__(self, path: Path, *, unstamped_bytes_are_signed: bool = True) -> None:
        self.path = path
        self._bytes, self.header = _open(path)
        signed = self.header.bytes_are_signed
        if signed is None:
            signed = unstamped_bytes_are_signed
        dtype = self.header.stored_dtype.newbyteorder("=")
        self._dtype = np.dtype(np.uint8) if self.header.mode == 0 and not signed else dtype

    @property
    def shape(self) -> tuple[int, int, int]:
        """(sections, rows, columns)."""
        return self.header.sections, self.header.rows, self.header.columns

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels that are handed out."""
        return self._dtype

    @property
    def pixel_size_a(self) -> float | None:
        """Å; None where the file doesn't say."""
        return self.header.pixel_size_a

    def __len__(self) -> int:
        return self.header.sections

    def __getitem__(self, key: int | slice | Sequence[int] | NDArray[np.integer[Any]]) -> NDArray[Any]:
        if isinstance(key, slice):
            indices: Sequence[int] = range(*key.indices(len(self)))
        elif isinstance(key, int | np.integer):
            return self.read_section(operator.index(key))
        else:
            indices = [operator.index(index) for index in key]
        images = np.empty((len(indices), *self.shape[1:]), dtype=self.dtype)
        if isinstance(key, slice) and indices and key.step in (None, 1) and self.header.mode != 101:
            # They lie side by side.
            self._read_into(indices[0], images)
            return images
        for image, index in zip(images, indices, strict=True):
            self.read_section(index, image)
        return images

    def read_section(self, index: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Image ``index`` (negative counts from the end), shape (rows, columns); into ``out`` where given."""
        header = self.header
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise InputError(f"{self.path}: has no image {index}, it has {len(self)}")
        if out is None:
            out = np.empty(self.shape[1:], dtype=self.dtype)
        check_out(out, self.shape[1:], self.dtype)
        if header.mode == 101:
            packed = np.empty((header.rows, header.columns // 2), dtype=np.uint8)
            self._bytes.read_into(header.data_offset + number * header.section_bytes, packed)
            np.bitwise_and(packed, 15, out=out[:, 0::2])
            np.right_shift(packed, 4, out=out[:, 1::2])
            return out
        self._read_into(number, out)
        return out

    def _read_into(self, number: int, out: NDArray[Any]) -> None:
        """Read as many images as ``out`` takes, from ``number`` on."""
        self._bytes.read_into(
            self.header.data_offset + number * self.header.section_bytes, out.view(np.uint8)
        )
        if not self.header.stored_dtype.isnative:
            out.byteswap(inplace=True)

    def close(self) -> None:
        """Close the file."""
        self._bytes.close()

    def __enter__(self) -> MrcStack:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def check_out(out: NDArray[Any], shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Raise `ValueError` unless ``out`` can take an image of that shape and type."""
    if out.shape != shape or out.dtype != dtype or not out.flags.c_contiguous:
        raise ValueError(f"out must be contiguous, {shape} of {dtype}; it is {out.shape} of {out.dtype}")


def read_mrc(path: Path, *, allow_nonfinite: bool = False) -> MrcImage:
    """Read a whole image, stack or volume.

    Raises `InputError` where the file is not MRC, truncated, of a kind that is not read, or holds NaN or
    infinity although ``allow_nonfinite`` is false.
    """
    with MrcStack(path) as stack:
        data = stack[:]
        if not allow_nonfinite:
            require_finite(path, data)
        return MrcImage(data[0] if len(stack) == 1 else data, stack.pixel_size_a)


def require_finite(path: Path, data: NDArray[Any], what: str = "values") -> None:
    """Raise `InputError` where floating-point data hold NaN or infinity."""
    if data.dtype.kind != "f":
        return
    # A sum is not finite where any value isn't, and costs no temporary; only then count.
    with np.errstate(over="ignore", invalid="ignore"):
        finite_sum = bool(np.isfinite(data.sum(dtype=np.float64)))
    if not finite_sum and (bad := data.size - int(np.isfinite(data).sum())):
        raise InputError(f"{path}: {bad} of {data.size} {what} are not finite (NaN or infinity)")
