"""Power spectra of a micrograph's tiles: what the CTF is estimated from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Periodograms:
    """Tile power spectra, each averaged over aligned dose groups.

    Attributes
    ----------
    power
        Shape (T, n, n // 2 + 1), float32: mean |F|² of each tile in the layout of a real FFT of n × n
        pixels (zero frequency first).
    terms
        Effective number of independent spectra in the mean over the tiles, for error bars: tiles times
        dose groups, less what overlap and window cost. NaN if unknown; it is then measured.
    pixel_size_a
        Pixel of the n × n tile, Å: the spectra end at 1 / (2 pixel_size_a).
    tile_x_px, tile_y_px
        Centres of the tiles in pixels of the micrograph, shape (T,).
    """

    power: NDArray[np.float32]
    terms: float
    pixel_size_a: float
    tile_x_px: NDArray[np.float64]
    tile_y_px: NDArray[np.float64]
