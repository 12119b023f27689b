"""Power spectra of the pieces of a micrograph, the input of the CTF fit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Periodograms:
    """Mean power of each tile over the aligned dose groups of an exposure.

    Transforms are divided by the root of the window's energy: white noise of unit variance has a power of
    one, whatever the window. The groups' powers are added and divided by the number of frames in them, so
    that counting noise sits at the variance of one frame.

    Attributes
    ----------
    power
        Shape (T, n, n // 2 + 1), float32: half planes as ``rfft2`` gives them, ``[ky, kx]`` with the
        zero frequency at [0, 0] and negative ky in the upper half. Frequencies are multiples of
        ``1 / (n * pixel_size_a)`` along both axes. The value at [0, 0] means nothing.
    terms_per_tile
        Independent periodograms that were averaged for a tile: dose groups, times the share of a tile that
        its neighbours don't repeat. All tiles together: ``terms``.
    pixel_size_a
        Pixel of the tiles' sampling, Å: half the period of the highest frequency stored along an axis.
    x_px, y_px
        Shape (T,): centres of the tiles in pixels of the unbinned movie.
    movie_pixel_size_a
        That pixel, Å; NaN if unknown, and no tilt can be fitted then.
    """

    power: NDArray[np.float32]
    terms_per_tile: float
    pixel_size_a: float
    x_px: NDArray[np.float64]
    y_px: NDArray[np.float64]
    movie_pixel_size_a: float = math.nan

    @property
    def size(self) -> int:
        """Side n of a tile in pixels of ``pixel_size_a``."""
        return int(self.power.shape[1])

    @property
    def tiles(self) -> int:
        """Number of tiles T."""
        return int(self.power.shape[0])

    @property
    def terms(self) -> float:
        """Independent periodograms in the average over all tiles."""
        return self.tiles * self.terms_per_tile

    def average(self) -> NDArray[np.float32]:
        """Mean over the tiles: shape (n, n // 2 + 1)."""
        mean: NDArray[np.float32] = self.power.mean(axis=0, dtype=np.float64).astype(np.float32)
        return mean
