"""Open a movie of any kind we read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from frazil.formats.tiff_pages import is_tiff
from frazil.model.movie import MovieSource

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class Movie(MovieSource, Protocol):
    """A movie file: frames, and what the file says about itself. Frames are read one at a time."""

    @property
    def pixel_size_a(self) -> float | None:
        """Pixel of a frame, Å; None where the file doesn't say."""

    @property
    def already_gain_corrected(self) -> bool | None:
        """Whether the camera's own software has applied a gain reference; None where the file doesn't say."""

    def close(self) -> None:
        """Close the file."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


def compile_kernels() -> None:
    """Compile the decoders (or load them from numba's cache), so that no movie has to wait for it."""
    import numpy as np

    from frazil.formats import eer_kernel, lzw
    from frazil.formats.eer_pages import EventCode

    # 256 (clear) and 257 (end) as codes of nine bits: an image of nothing.
    encoded = np.zeros(64, dtype=np.uint8)
    encoded[:3] = 0x80, 0x40, 0x40
    position = np.array([[0, 3]])
    lzw.decode_strips(encoded, position, 0, np.empty(64, dtype=np.uint8), np.empty((0, 0), dtype=np.uint8))
    for kind in (np.uint8, np.uint16):
        for upsampling in (1, 2):
            image = np.zeros((upsampling, upsampling), dtype=kind)
            eer_kernel.add_events(encoded, 3, EventCode(1, 1, 7, 2, 2), upsampling, image)


def open_movie(
    path: Path,
    *,
    eer_upsampling: int = 1,
    eer_frames_per_fraction: int | None = None,
    eer_dose_per_fraction_e_per_a2: float | None = None,
    dose_per_movie_e_per_a2: float | None = None,
) -> Movie:
    """Open an MRC, TIFF or EER movie, told apart by content, not by name.

    Parameters
    ----------
    path
        The file; MRC may be compressed (gzip, bzip2, xz, zstd).
    eer_upsampling
        1: physical pixels of the camera; 2: twice as many.
    eer_frames_per_fraction
        EER: camera frames that are summed into one fraction.
    eer_dose_per_fraction_e_per_a2, dose_per_movie_e_per_a2
        EER: instead of the former, the dose to aim at and the dose of the whole file.

    Raises
    ------
    InputError
        The file is missing, unreadable, empty, foreign, truncated, or of a kind that is not read.
    """
    path = Path(path)
    if is_tiff(path):
        from frazil.formats.eer import EerMovie, is_eer
        from frazil.formats.tiff import TiffMovie

        if is_eer(path):
            return EerMovie(
                path,
                upsampling=eer_upsampling,
                frames_per_fraction=eer_frames_per_fraction,
                dose_per_fraction_e_per_a2=eer_dose_per_fraction_e_per_a2,
                dose_per_movie_e_per_a2=dose_per_movie_e_per_a2,
            )
        return TiffMovie(path)
    from frazil.formats.mrc_movie import MrcMovie

    return MrcMovie(path)
