"""Lists and maps of bad pixels."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from frazil.formats.file_bytes import FileBytes
from frazil.formats.safe_xml import elements
from frazil.formats.tiff_pages import MAGIC
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SERIALEM_KEYS = re.compile(
    r"^\s*(?:CameraSize[XY]|RotationAndFlip|WasScaled|UsableArea|BadRows|BadColumns|Partial(?:BadRow|BadColumn)"
    r"|BadPixels|K2Type|FalconType|CorrectionType)",
    re.MULTILINE,
)
_LARGEST_TEXT_BYTES = 1 << 24


def read_defects(path: Path, *, height_px: int, width_px: int) -> NDArray[np.bool_]:
    """Bad pixels of a movie, in the frame of reference after the gain reference's rotation and flip.

    Parameters
    ----------
    path
        MotionCor's and Warp's text (``x y width height`` in each line, from 0), a map (MRC, TIFF; non-zero
        is bad) of the movie's size, or the XML of a Falcon camera.
    height_px, width_px
        Size of the movie.

    Returns
    -------
    bad
        Shape (height_px, width_px).

    Raises
    ------
    InputError
        Unreadable, another size, a line that can't be read, a rectangle outside the frame, or SerialEM's own
        format (the message says how to convert it).
    """
    path = Path(path)
    bad = np.zeros((height_px, width_px), dtype=np.bool_)
    with FileBytes(path) as source:
        head = source.read(0, min(source.size, 1024))
        if head[:4] not in MAGIC and b"\0" not in head:
            if source.size > _LARGEST_TEXT_BYTES:
                raise InputError(f"{path}: {source.size} bytes are too many for a list of defects")
            text = source.read(0, source.size)
            if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
                _mark_falcon(path, text, bad)
            else:
                _mark_rectangles(path, text, bad)
            return bad
    return _read_map(path, bad.shape)


def _read_map(path: Path, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    from frazil.formats.gain import read_image

    image = read_image(path)
    if image.shape != shape:
        raise InputError(
            f"{path}: the defect map has {image.shape[-1]} x {image.shape[-2]} pixels, "
            f"the movie {shape[1]} x {shape[0]}"
        )
    return np.asarray(image != 0)


def _mark_rectangles(path: Path, text: bytes, bad: NDArray[np.bool_]) -> None:
    decoded = text.decode("utf-8-sig", "replace")
    if _SERIALEM_KEYS.search(decoded):
        raise InputError(
            f"{path}: a defect file of SerialEM, which is not read; make a map of it with IMOD: "
            "clip defect -D FILE movie.tif defects.mrc"
        )
    height, width = bad.shape
    for number, line in enumerate(decoded.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 4 or not all(re.fullmatch(r"[0-9]{1,9}", word) for word in words):
            raise InputError(f"{path}, line {number}: {line.strip()[:60]!r} is not 'x y width height'")
        x, y, columns, rows = (int(word) for word in words)
        if x >= width or y >= height:
            raise InputError(
                f"{path}, line {number}: a defect at ({x}, {y}) lies outside the movie ({width} x {height})"
            )
        bad[y : y + rows, x : x + columns] = True


def _mark_falcon(path: Path, text: bytes, bad: NDArray[np.bool_]) -> None:
    try:
        found = elements(text)
    except ValueError as error:
        raise InputError(f"{path}: the XML can't be read ({error})") from error
    for element in found:
        if element.name not in ("point", "row", "col", "area"):
            continue
        if not re.fullmatch(r"[0-9]{1,9}(?:\s*[,-]\s*[0-9]{1,9}){0,3}", element.text):
            raise InputError(f"{path}: a defect <{element.name}> of {element.text[:60]!r}")
        numbers = [int(number) for number in re.findall(r"[0-9]+", element.text)]
        _mark_falcon_defect(path, element.name, numbers, bad)


def _mark_falcon_defect(path: Path, kind: str, numbers: list[int], bad: NDArray[np.bool_]) -> None:
    first, last = numbers[0], numbers[-1]
    # The vendor's own tool takes one pixel more on either side of bad rows and columns.
    around = slice(max(first - 1, 0), last + 2)
    if kind == "row" and len(numbers) <= 2 and last < bad.shape[0]:
        bad[around] = True
    elif kind == "col" and len(numbers) <= 2 and last < bad.shape[1]:
        bad[:, around] = True
    elif kind == "point" and len(numbers) == 2 and first < bad.shape[1] and last < bad.shape[0]:
        bad[last, first] = True
    elif kind == "area" and len(numbers) == 4 and max(numbers[::2]) < bad.shape[1]:
        x0, y0, x1, y1 = numbers
        bad[y0 : y1 + 1, x0 : x1 + 1] = True
    else:
        raise InputError(
            f"{path}: a defect <{kind}> at {numbers} lies outside the movie ({bad.shape[1]} x {bad.shape[0]})"
        )
