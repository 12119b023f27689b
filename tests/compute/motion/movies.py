"""Small movies for tests of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.compute.motion.prepare import PreparedMovie, prepare_movie

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ArrayMovie:
    """Frames that are already in memory."""

    def __init__(self, frames: NDArray[Any], name: str = "test.tif") -> None:
        self._frames = frames
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    @property
    def frames(self) -> int:
        return len(self._frames)

    @property
    def height_px(self) -> int:
        return int(self._frames.shape[1])

    @property
    def width_px(self) -> int:
        return int(self._frames.shape[2])

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._frames.dtype

    def read_frame(self, index: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
        if out is None:
            out = np.empty(self._frames.shape[1:], dtype=self._frames.dtype)
        out[...] = self._frames[index]
        return out


def prepared(frames: NDArray[Any], **options: Any) -> PreparedMovie:
    """Prepared without looking for hot pixels, which a test's smooth image may seem to have."""
    settings = {"hot_pixel_sigma": 0.0, "binning": 2, "threads": 1} | options
    return prepare_movie(ArrayMovie(frames), **settings)


def band_limited(rng: np.random.Generator, shape: tuple[int, int], limit: float) -> NDArray[np.complex128]:
    """Half plane of a random periodic image without power above ``limit`` of Nyquist."""
    height, width = shape
    spectrum: NDArray[np.complex128] = np.fft.rfft2(rng.standard_normal(shape))
    k = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    spectrum[k > 0.5 * limit] = 0.0
    spectrum[0, 0] = 0.0
    return spectrum


def moved(
    spectrum: NDArray[np.complex128], shape: tuple[int, int], x: float, y: float
) -> NDArray[np.float64]:
    """The image displaced by (x, y) pixels."""
    ky = np.fft.fftfreq(shape[0])[:, None]
    kx = np.fft.rfftfreq(shape[1])[None, :]
    image: NDArray[np.float64] = np.fft.irfft2(spectrum * np.exp(-2j * np.pi * (kx * x + ky * y)), s=shape)
    return image
