"""EER movies (Falcon 4, 4i): electron events in run-length code, summed into fractions on reading."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.formats.eer_pages import EventPage, is_eer, read_event_pages
from frazil.formats.file_bytes import FileBytes
from frazil.formats.mrc import check_out
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["EerMovie", "is_eer"]

_DEFAULT_FRAMES_PER_FRACTION = 32
_DEFAULT_DOSE_PER_FRACTION_E_PER_A2 = 1.0
_LARGEST_CORRUPT_SHARE = 0.01


class EerMovie:
    """Fractions of an EER movie; a `frazil.formats.movie.Movie`. Not flipped, unlike TIFF.

    Parameters
    ----------
    path
        The file.
    upsampling
        1: physical pixels of the camera; 2: twice as many each way, from the sub-pixel bits.
    frames_per_fraction
        Camera frames that are summed into one fraction; a remainder at the end is dropped, as in RELION.
    dose_per_fraction_e_per_a2, dose_per_movie_e_per_a2
        Where ``frames_per_fraction`` is not given: the dose to aim at (default 1) and that of the whole
        file. Without any of them, 32 camera frames.

    Raises
    ------
    InputError
        Not EER, truncated, impossible grouping. On reading: more than 1 % of the pages are damaged.
    """

    def __init__(
        self,
        path: Path,
        *,
        upsampling: int = 1,
        frames_per_fraction: int | None = None,
        dose_per_fraction_e_per_a2: float | None = None,
        dose_per_movie_e_per_a2: float | None = None,
    ) -> None:
        if upsampling not in (1, 2):
            raise InputError(f"EER upsampling of {upsampling}: 1 and 2 are possible")
        self._bytes = FileBytes(path)
        try:
            self._code, self._pages, self._metadata = read_event_pages(self._bytes)
            self._group = _group_size(
                path,
                len(self._pages),
                frames_per_fraction,
                dose_per_fraction_e_per_a2,
                dose_per_movie_e_per_a2,
            )
        except BaseException:
            self._bytes.close()
            raise
        self._upsampling = upsampling
        self._corrupt: set[int] = set()
        self._lock = threading.Lock()
        self._scratch = threading.local()

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self._bytes.path)

    @property
    def frames(self) -> int:
        """Number of fractions."""
        return len(self._pages) // self._group

    @property
    def frames_per_fraction(self) -> int:
        """Camera frames in each fraction."""
        return self._group

    @property
    def camera_frames(self) -> int:
        """Camera frames in the file."""
        return len(self._pages)

    @property
    def upsampling(self) -> int:
        """1 or 2."""
        return self._upsampling

    @property
    def height_px(self) -> int:
        """Rows of a fraction."""
        return self._code.height_px * self._upsampling

    @property
    def width_px(self) -> int:
        """Columns of a fraction."""
        return self._code.width_px * self._upsampling

    @property
    def dtype(self) -> np.dtype[Any]:
        """Counts: uint8, uint16 where a fraction has more than 255 camera frames."""
        return np.dtype(np.uint8 if self._group <= 255 else np.uint16)

    @property
    def pixel_size_a(self) -> float | None:
        """Pixel of the fractions as the camera's metadata say, Å."""
        physical_a = self._metadata.pixel_size_a
        return None if physical_a is None else physical_a / self._upsampling

    @property
    def already_gain_corrected(self) -> bool | None:
        """Never: events are raw counts."""
        return False

    @property
    def corrupt_camera_frames(self) -> tuple[int, ...]:
        """Camera frames (from 0) that were left out so far because they are damaged."""
        with self._lock:
            return tuple(sorted(self._corrupt))

    def read_frame(self, index: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Fraction ``index`` (from 0), shape (height, width); see `frazil.model.movie.MovieSource`."""
        from frazil.formats.eer_kernel import add_events

        if not 0 <= index < self.frames:
            raise InputError(f"{self.name}: has no fraction {index + 1}, it has {self.frames}")
        shape = self.height_px, self.width_px
        if out is None:
            out = np.empty(shape, dtype=self.dtype)
        check_out(out, shape, self.dtype)
        out[...] = 0
        for number in range(index * self._group, (index + 1) * self._group):
            encoded, size = self._read_page(self._pages[number])
            if not add_events(encoded, size, self._code, self._upsampling, out):
                self._note_corrupt(number)
        return out

    def _read_page(self, page: EventPage) -> tuple[NDArray[np.uint8], int]:
        size = page.size
        scratch: NDArray[np.uint8] | None = getattr(self._scratch, "encoded", None)
        if scratch is None or len(scratch) < size + 16:
            scratch = np.empty(size + size // 4 + 16, dtype=np.uint8)
            self._scratch.encoded = scratch
        position = 0
        for offset, count in page.strips:
            self._bytes.read_into(offset, scratch[position : position + count])
            position += count
        return scratch, size

    def _note_corrupt(self, number: int) -> None:
        with self._lock:
            self._corrupt.add(number)
            count = len(self._corrupt)
        if count > _LARGEST_CORRUPT_SHARE * len(self._pages):
            raise InputError(
                f"{self.name}: {count} of {len(self._pages)} camera frames are damaged (the last one is "
                f"frame {number + 1}); more than {_LARGEST_CORRUPT_SHARE:.0%} is too many"
            )

    def close(self) -> None:
        """Close the file."""
        self._bytes.close()

    def __enter__(self) -> EerMovie:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _group_size(
    path: Path,
    pages: int,
    frames_per_fraction: int | None,
    dose_per_fraction_e_per_a2: float | None,
    dose_per_movie_e_per_a2: float | None,
) -> int:
    if frames_per_fraction is not None:
        if not 1 <= frames_per_fraction <= min(pages, 65535):
            raise InputError(
                f"{path}: {frames_per_fraction} camera frames per fraction asked for, the file has {pages}"
            )
        return frames_per_fraction
    if dose_per_movie_e_per_a2 is None:
        if dose_per_fraction_e_per_a2 is not None:
            raise InputError(f"{path}: the dose per fraction needs the dose of the whole movie beside it")
        return min(_DEFAULT_FRAMES_PER_FRACTION, pages)
    target = dose_per_fraction_e_per_a2 or _DEFAULT_DOSE_PER_FRACTION_E_PER_A2
    if not (0 < dose_per_movie_e_per_a2 < np.inf and 0 < target < np.inf):
        raise InputError(
            f"{path}: a dose of {dose_per_movie_e_per_a2:g} e/A2 per movie and {target:g} per fraction "
            "makes no sense"
        )
    return int(np.clip(round(target * pages / dose_per_movie_e_per_a2), 1, min(pages, 65535)))
