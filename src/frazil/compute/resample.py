"""Square images on pixels of any size, around the same centre."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def resample_centred(
    images: NDArray[np.float32], pixel_size_a: float, new_size: int, new_pixel_size_a: float
) -> NDArray[np.float32]:
    """Images on another grid, with pixel ``n // 2`` at ``new_size // 2``; values keep their level.

    The Fourier series of the image is taken at the places of the new pixels, up to the coarser of the two
    grids' Nyquist frequencies. Where the new box reaches beyond the old one it is zero.

    Parameters
    ----------
    images
        Shape (..., n, n).
    pixel_size_a, new_pixel_size_a
        Å, of any ratio.
    new_size
        Pixels.

    Returns
    -------
    images
        Shape (..., new_size, new_size), float32.
    """
    size = images.shape[-1]
    ratio = new_pixel_size_a / pixel_size_a
    # Places of the new pixels, in old ones.
    place = (np.arange(new_size) - new_size // 2) * ratio + size // 2
    order = np.arange(size // 2 + 1)
    weight = np.full(order.size, 2.0 / size)
    weight[0] = 1.0 / size
    if size % 2 == 0:
        weight[-1] = 1.0 / size
    if ratio > 1.0:
        weight[order * ratio >= 0.5 * size] = 0.0
    old = 2.0 * np.pi / size * np.outer(np.arange(size), order)
    new = 2.0 * np.pi / size * np.outer(place, order)
    series = (np.cos(new) * weight) @ np.cos(old).T + (np.sin(new) * weight) @ np.sin(old).T
    series[(place < -0.5) | (place > size - 0.5)] = 0.0
    resampled: NDArray[np.float32] = (series @ images @ series.T).astype(np.float32)
    return resampled
