"""MRC images, stacks and volumes: writing, whole or image by image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from frazil.formats.atomic import atomic_path
from frazil.formats.mrc_header import MODES, Statistics, build_header
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import IO

    from numpy.typing import NDArray

Depth = Literal["float16", "float32", "stored"]
_PIECE = 1 << 15


class MrcStackWriter:
    """Write a stack image by image under a temporary name; it gets its own name when all went well.

    Parameters
    ----------
    path
        Final name.
    pixel_size_a
        Å.
    depth
        ``float16`` (default), ``float32``, or ``stored``: int8, int16, uint16, float16 or float32 as the
        images are (uint8 becomes int8 where its values allow, else uint16).
    volume
        The images are sections of one volume.

    Raises
    ------
    InputError
        Images of different shapes; values that are infinite at this depth; no image at all.
    """

    def __init__(
        self, path: Path, pixel_size_a: float, *, depth: Depth = "float16", volume: bool = False
    ) -> None:
        self.path = path
        self._pixel_size_a = pixel_size_a
        self._depth = depth
        self._volume = volume
        self._sections = 0
        self._image_shape: tuple[int, int] | None = None
        self._dtype: np.dtype[Any] | None = None
        self._minimum, self._maximum = np.inf, -np.inf
        self._sum = self._square_sum = 0.0

    def __enter__(self) -> MrcStackWriter:
        self._atomic: AbstractContextManager[Path] = atomic_path(self.path)
        part = self._atomic.__enter__()
        try:
            self._file: IO[bytes] = part.open("wb")
            self._file.write(bytes(1024))
        except BaseException as error:
            self._atomic.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def append(self, images: NDArray[Any]) -> None:
        """Add one image (rows, columns) or several (n, rows, columns)."""
        images = np.asarray(images)
        images = images[None] if images.ndim == 2 else images
        if images.ndim != 3 or 0 in images.shape[1:]:
            raise InputError(f"{self.path}: can't write an array of shape {images.shape} as images")
        if self._dtype is None or self._image_shape is None:
            self._image_shape = images.shape[1:]
            self._dtype = _dtype_for(self.path, images, self._depth)
        if images.shape[1:] != self._image_shape:
            raise InputError(
                f"{self.path}: images of {images.shape[2]} x {images.shape[1]} pixels follow images of "
                f"{self._image_shape[1]} x {self._image_shape[0]}"
            )
        for image in images:
            self._append_one(image, self._dtype)

    def _append_one(self, image: NDArray[Any], dtype: np.dtype[Any]) -> None:
        with np.errstate(over="ignore"):
            stored = np.ascontiguousarray(image, dtype=dtype)
        found = _statistics(stored)
        if not np.isfinite(found.total):
            raise InputError(
                f"{self.path}: image {self._sections + 1} holds values that {dtype} can't ({_range(image)})"
            )
        if dtype.kind in "iu" and (found.low != float(image.min()) or found.high != float(image.max())):
            raise InputError(f"{self.path}: values of {_range(image)} do not fit into {dtype}")
        self._minimum, self._maximum = min(self._minimum, found.low), max(self._maximum, found.high)
        self._sum += found.total
        self._square_sum += found.squares
        self._file.write(stored.data)
        self._sections += 1

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            if error is None:
                self._finish()
        except BaseException as own:
            self._close_quietly()
            self._atomic.__exit__(type(own), own, own.__traceback__)
            raise
        self._close_quietly()
        self._atomic.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)

    def _finish(self) -> None:
        if self._image_shape is None or self._dtype is None:
            raise InputError(f"{self.path}: no image to write")
        values = self._sections * self._image_shape[0] * self._image_shape[1]
        mean = self._sum / values
        statistics = Statistics(
            self._minimum, self._maximum, mean, max(self._square_sum / values - mean**2, 0.0) ** 0.5
        )
        self._file.seek(0)
        self._file.write(
            build_header(
                (self._sections, *self._image_shape),
                MODES[self._dtype.name],
                self._pixel_size_a,
                statistics,
                volume=self._volume,
            )
        )
        self._file.flush()

    def _close_quietly(self) -> None:
        try:
            self._file.close()
        except OSError:
            # The disk may be full: whatever matters was flushed before, or has raised already.
            return


class _Found(NamedTuple):
    low: float
    high: float
    total: float
    squares: float


def _statistics(image: NDArray[Any]) -> _Found:
    """Extremes and sums of an image; half precision, which NumPy is slow with, is widened piece by piece."""
    low, high, total, squares = np.inf, -np.inf, 0.0, 0.0
    flat = image.ravel()
    for begin in range(0, flat.size, _PIECE):
        piece = flat[begin : begin + _PIECE].astype(np.float32)
        low, high = min(low, float(piece.min())), max(high, float(piece.max()))
        total += float(piece.sum(dtype=np.float64))
        # In single precision that is fast; squares of numbers beyond 1e19 need more.
        with np.errstate(over="ignore", invalid="ignore"):
            square = float(np.dot(piece, piece))
        squares += square if np.isfinite(square) else float(np.square(piece, dtype=np.float64).sum())
    return _Found(low, high, total, squares)


def _range(image: NDArray[Any]) -> str:
    with np.errstate(invalid="ignore"):
        return f"{float(np.min(image)):g} to {float(np.max(image)):g}"


def _dtype_for(path: Path, images: NDArray[Any], depth: Depth) -> np.dtype[Any]:
    if images.dtype.kind not in "biuf":
        raise InputError(f"{path}: can't write {images.dtype} as images")
    if depth != "stored":
        return np.dtype(depth)
    if images.dtype == np.uint8:
        return np.dtype(np.int8 if int(images.max(initial=0)) < 128 else np.uint16)
    if images.dtype.name not in MODES:
        raise InputError(f"{path}: {images.dtype} has no place in MRC; one of {', '.join(MODES)} has")
    return images.dtype.newbyteorder("=")


def write_mrc(
    path: Path, array: NDArray[Any], pixel_size_a: float, *, depth: Depth = "float16", volume: bool = False
) -> None:
    """Write an image (rows, columns), a stack or a volume (sections, rows, columns), whole or not at all.

    Parameters and errors as of `MrcStackWriter`.
    """
    with MrcStackWriter(path, pixel_size_a, depth=depth, volume=volume) as writer:
        writer.append(array)
