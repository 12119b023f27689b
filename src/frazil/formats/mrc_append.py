"""Images added to the end of an MRC stack in place: readers see the old stack, or the new one."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

import numpy as np

from frazil.formats.mrc import MrcStack
from frazil.formats.mrc_header import MODES, Statistics, build_header
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

_FLOAT32 = MODES["float32"]


def append_to_stack(path: Path, sections: int, images: Iterable[NDArray[np.float32]]) -> int:
    """Let a float32 stack have its first ``sections`` images and these after them.

    The images go to the disk before the header counts them, so that a crash leaves the stack as it was.

    Parameters
    ----------
    images
        Pieces of shape (n, rows, columns).

    Returns
    -------
        How many images the stack has.

    Raises
    ------
    InputError
        The stack has fewer images, is not float32 of this machine's byte order, or the images are of
        another size.
    """
    with MrcStack(path) as stack:
        header = stack.header
    if header.mode != _FLOAT32 or header.byte_order != "<" or header.sections < sections:
        raise InputError(f"{path}: {header.sections} images of MRC mode {header.mode} can't be added to")
    shape = (header.rows, header.columns)
    with path.open("r+b") as file:
        file.seek(header.data_offset + sections * header.section_bytes)
        for piece in images:
            if piece.shape[1:] != shape:
                raise InputError(f"{path}: images of {piece.shape[1:]} pixels do not go with {shape}")
            file.write(np.ascontiguousarray(piece, dtype="<f4").tobytes())
            sections += len(piece)
        file.truncate(header.data_offset + max(sections, header.sections) * header.section_bytes)
        file.flush()
        os.fsync(file.fileno())
        # Depth of cell and grid stay 1, as in every stack of images; the statistics are not known any more.
        unknown = build_header((sections, *shape), _FLOAT32, 1.0, Statistics(), volume=False)
        for begin, end in ((76, 88), (216, 220)):
            file.seek(begin)
            file.write(unknown[begin:end])
        file.seek(8)
        file.write(struct.pack("<i", sections))
        file.flush()
        os.fsync(file.fileno())
    return sections
