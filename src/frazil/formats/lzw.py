"""LZW as TIFF uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from frazil.model.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

INPUT_SLACK = 16
OUTPUT_SLACK = 64


def decode_lzw(encoded: bytes | bytearray, expected: int) -> NDArray[np.uint8]:
    """Decode a strip to exactly ``expected`` bytes.

    Raises `InputError` (naming no file) where the data are damaged or end early.
    """
    padded = np.empty(len(encoded) + INPUT_SLACK, dtype=np.uint8)
    padded[: len(encoded)] = np.frombuffer(encoded, dtype=np.uint8)
    target = np.empty(expected + OUTPUT_SLACK, dtype=np.uint8)
    decode_into(padded, len(encoded), target, expected)
    return target[:expected]


def decode_into(encoded: NDArray[np.uint8], size: int, target: NDArray[np.uint8], expected: int) -> None:
    """Decode ``encoded[:size]`` to exactly ``expected`` bytes at the start of ``target``, without the GIL.

    ``encoded`` is read up to `INPUT_SLACK` bytes further, ``target`` written up to `OUTPUT_SLACK` bytes
    further. Raises `InputError` (naming no file) where the data are damaged or end early.
    """
    if len(encoded) < size + INPUT_SLACK or len(target) < expected + OUTPUT_SLACK:
        raise ValueError("the buffers are too short")
    if is_old_style(encoded[:size]):
        _decode_old_style(encoded[:size].tobytes(), target, expected)
        return
    from frazil.formats import lzw_kernel

    status, written = lzw_kernel.decode(encoded, size, target, expected)
    if status != lzw_kernel.DONE:
        problem = "end early" if status == lzw_kernel.TRUNCATED else "are damaged"
        raise InputError(f"the LZW data {problem} ({written} of {expected} bytes decoded)")


def decode_strips(
    encoded: NDArray[np.uint8],
    positions: NDArray[np.int64],
    rows_per_strip: int,
    scratch: NDArray[np.uint8],
    flipped: NDArray[np.uint8],
) -> None:
    """Decode all strips of a page, last row first, in one go without the GIL; none may be of the old style.

    Parameters are those of `frazil.formats.lzw_kernel.decode_strips`. Raises `InputError` (naming no file).
    """
    from frazil.formats import lzw_kernel

    strip_bytes = rows_per_strip * flipped.shape[1]
    ends = int(positions.sum(axis=1).max())
    if len(encoded) < ends + INPUT_SLACK or len(scratch) < strip_bytes + OUTPUT_SLACK or positions.min() < 0:
        raise ValueError("the buffers are too short")
    if len(positions) * rows_per_strip < flipped.shape[0]:
        raise ValueError("too few strips for the image")
    strip, status, written = lzw_kernel.decode_strips(encoded, positions, rows_per_strip, scratch, flipped)
    if status != lzw_kernel.DONE:
        problem = "end early" if status == lzw_kernel.TRUNCATED else "are damaged"
        raise InputError(f"the LZW data of strip {strip + 1} {problem} ({written} bytes decoded)")


def is_old_style(encoded: NDArray[np.uint8]) -> bool:
    """Whether a strip has its bits in reverse order, as before TIFF 5.0."""
    return len(encoded) >= 2 and int(encoded[0]) == 0 and bool(encoded[1] & 1)


def _decode_old_style(encoded: bytes, target: NDArray[np.uint8], expected: int) -> None:
    """Rare, so left to imagecodecs."""
    import imagecodecs

    try:
        found = imagecodecs.lzw_decode(encoded, out=expected)
    except RuntimeError as error:
        raise InputError(f"the LZW data are damaged ({error})") from error
    if len(found) != expected:
        raise InputError(f"the LZW data are damaged ({len(found)} of {expected} bytes decoded)")
    target[:expected] = np.frombuffer(found, dtype=np.uint8)
