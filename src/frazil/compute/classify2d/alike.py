"""Class averages that show the same thing turned: likely the same view of the same particle."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Correlation, at the best turn, from which two averages are taken for one.
SAME = 0.97
_ANGLES = 120


def alike(
    pictures: NDArray[np.float32], resolution_a: NDArray[np.float64], pixel_size_a: float, radius_a: float
) -> NDArray[np.float64]:
    """Correlate averages in the plane, each pair at its best turn and at the coarser one's resolution.

    Parameters
    ----------
    pictures
        (K, n, n), centred; mirror images count as different.
    resolution_a
        Of each, Å; inf where nothing is resolved.
    pixel_size_a, radius_a
        Of the pictures; inside this radius they are compared.

    Returns
    -------
    NDArray[np.float64]
        (K, K), -1 to 1; 0 with an empty picture.
    """
    finest = 2.0 * pixel_size_a
    limits = np.clip(np.where(np.isfinite(resolution_a), resolution_a, radius_a), finest, radius_a)
    # Coarse steps of resolution, so that each picture is smoothed only a few times.
    steps = np.round(2.0 * np.log2(limits / finest))
    result = np.eye(len(pictures))
    for step in np.unique(steps):
        finer, mine = np.flatnonzero(steps <= step), np.flatnonzero(steps == step)
        orders = _orders(pictures[finer], finest * 2.0 ** (0.5 * step), pixel_size_a, radius_a)
        for k in mine:
            product = (orders[finer == k][0].conj() * orders).sum(1)
            result[k, finer] = result[finer, k] = np.fft.irfft(product, n=_ANGLES).max(-1)
    np.fill_diagonal(result, 1.0)
    return result


def _orders(
    pictures: NDArray[np.float32], limit_a: float, pixel_size_a: float, radius_a: float
) -> NDArray[np.complex128]:
    """Angular orders of the pictures on rings, of mean 0 and length 1: (K, rings, orders)."""
    n = pictures.shape[-1]
    radii = np.arange(0.5, radius_a / pixel_size_a)
    theta = 2.0 * math.pi * np.arange(_ANGLES) / _ANGLES
    y, x = n // 2 + radii[:, None] * np.sin(theta), n // 2 + radii[:, None] * np.cos(theta)
    area = np.repeat(radii[:, None], _ANGLES, axis=1) / (radii.sum() * _ANGLES)
    rings = np.empty((len(pictures), len(radii), _ANGLES))
    for k, picture in enumerate(pictures):
        # A Gaussian that is down to one half at the limit.
        smooth = ndimage.gaussian_filter(picture.astype(np.float64), 0.187 * limit_a / pixel_size_a)
        values = ndimage.map_coordinates(smooth, (y, x), order=1, mode="nearest")
        values = (values - (values * area).sum()) * np.sqrt(area)
        rings[k] = values / max(float(np.sqrt(np.square(values).sum())), 1e-20)
    return np.asarray(np.fft.rfft(rings, axis=-1))
