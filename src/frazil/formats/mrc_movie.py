"""MRC movies."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from frazil.formats.mrc import MrcStack, require_finite

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)


class MrcMovie:
    """Frames of an MRC movie, plain or compressed; a `frazil.formats.movie.Movie`.

    Bytes (mode 0) are signed, as in MRC2014. Where no program has stamped the file and its first frame
    holds negative counts, it was written by one that meant unsigned bytes, and is read so.
    """

    def __init__(self, path: Path) -> None:
        self._stack = MrcStack(path)
        header = self._stack.header
        if header.mode == 0 and header.bytes_are_signed is None and self._stack[0].min() < 0:
            logger.info("%s: negative counts in an unstamped byte movie: read as unsigned bytes", path)
            self._stack.close()
            self._stack = MrcStack(path, unstamped_bytes_are_signed=False)

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self._stack.path)

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self._stack)

    @property
    def height_px(self) -> int:
        """Rows of a frame."""
        return self._stack.header.rows

    @property
    def width_px(self) -> int:
        """Columns of a frame."""
        return self._stack.header.columns

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a frame's pixels."""
        return self._stack.dtype

    @property
    def pixel_size_a(self) -> float | None:
        """What the header says, Å."""
        return self._stack.pixel_size_a

    @property
    def already_gain_corrected(self) -> bool | None:
        """True of Falcon movies, corrected by the camera's own software; None: the file doesn't say."""
        return True if self._stack.header.extension in ("FEI1", "FEI2") else None

    def read_frame(self, index: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Frame ``index`` (from 0), shape (height, width); see `frazil.model.movie.MovieSource`."""
        frame = self._stack.read_section(index, out)
        require_finite(self._stack.path, frame, f"pixels of frame {index + 1}")
        return frame

    def close(self) -> None:
        """Close the file."""
        self._stack.close()

    def __enter__(self) -> MrcMovie:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
