"""A movie as the science sees it: frames that can be read one at a time, from any file format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class MovieSource(Protocol):
    """Frames of one movie in our frame of reference (row 0 is what an MRC file stores first)."""

    @property
    def name(self) -> str:
        """What to call this movie in messages: the file's path."""

    @property
    def frames(self) -> int:
        """Number of frames (EER: of fractions)."""

    @property
    def height_px(self) -> int:
        """Rows of a frame."""

    @property
    def width_px(self) -> int:
        """Columns of a frame."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a frame's pixels: uint8, int8, uint16, int16, float32, …."""

    def read_frame(self, index: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Frame ``index`` (from 0), shape (height, width), contiguous, of `dtype`; into ``out`` where given.

        Safe to call from several threads at once; the heavy part releases the GIL.
        Raises `InputError` that names the file and the frame if the frame can't be decoded.
        """
