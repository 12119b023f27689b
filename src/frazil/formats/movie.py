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
