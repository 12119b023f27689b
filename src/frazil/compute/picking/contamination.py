"""Where a micrograph is not worth looking at: ice crystals, frost, carbon, aggregates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import (
    binary_propagation,
    distance_transform_edt,
    gaussian_filter,
    label,
    maximum_filter,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGE_SMOOTHING = 0.3
"""σ in diameters."""
LARGE_SPREADS = 4.0
LARGE_AREA = 1.5
"""Diameters squared: one or two particles are never taken for carbon."""
LARGE_DEPTH = 0.7
"""Radius in diameters of a circle that fits inside; rows of particles hold none of that size."""
EDGE_LEVEL = 0.35
"""Where the edge is drawn between outside (0) and inside (1): a little outside half-way."""
RIM_SMOOTHING = 0.08
"""σ in diameters with which the edge itself is looked for."""
RIM_DIAMETERS = 0.3
RIM_LEVEL = 0.3
OPAQUE_SMOOTHING = 0.1
"""σ in diameters."""
OPAQUE_DEPTH = 0.12
"""Share of the electrons that is missing; particles in ice hide less than half of that."""
OPAQUE_SPREADS = 8.0
MOST_OPAQUE = 12
"""So many dark places are what the micrograph is of."""
EXTREME = 3.5
"""Times what a typical sure particle leaves."""
ENERGY_SPREADS = 4.0
ENERGY_AREA = 1.0
"""Diameters squared: two particles on top of each other are not an aggregate."""


@dataclass(frozen=True)
class ContaminationMask:
    """What was left out, at the reduced size that picking works at.

    Attributes
    ----------
    mask
        Shape (h, w): True where nothing was looked for.
    step_px
        Micrograph pixels per pixel along (x, y).
    offset_px
        Where the centre of pixel 0 lies in the micrograph, pixels.
    """

    mask: NDArray[np.bool_]
    step_px: tuple[float, float]
    offset_px: float


def find_large(
    pixels: NDArray[np.float32], valid: NDArray[np.bool_], diameter_px: float
) -> NDArray[np.bool_]:
    """Carbon and large ice: places of more than a few particles' area whose level is not the field's.

    The level is that of the image smoothed until particles vanish; the field's own level and spread are those
    of the half of it that is most alike.
    """
    sigma = LARGE_SMOOTHING * diameter_px
    step = max(int(sigma / 3.0), 1)
    weight = _block_mean(valid.astype(np.float32), step)
    level = _block_mean(np.where(valid, pixels, np.float32(0.0)), step)
    weight = gaussian_filter(weight, sigma / step, mode="constant")
    level = gaussian_filter(level, sigma / step, mode="constant") / np.maximum(weight, 1e-6)
    known = weight > 0.1 * weight.max()
    mask: NDArray[np.bool_] = np.zeros(pixels.shape, dtype=bool)
    if np.count_nonzero(known) < 64:
        return mask
    mode, spread = most_alike(level[known])
    deviation = np.where(known, np.abs(level - mode), 0.0)
    labels, count = label(deviation > LARGE_SPREADS * spread)
    smooth = None
    for number in range(1, count + 1):
        region = labels == number
        # Beyond the field's border it may go on.
        depth = distance_transform_edt(np.pad(region, 1, mode="edge")).max()
        if region.sum() * (step / diameter_px) ** 2 > LARGE_AREA and depth * step > LARGE_DEPTH * diameter_px:
            typical = float(np.percentile(deviation[region], 80.0))
            coarse = region & (deviation > EDGE_LEVEL * typical)
            enlarged = _enlarged(coarse, step, pixels.shape)
            if smooth is None:
                smooth = _level(pixels, valid, RIM_SMOOTHING * diameter_px)
            mask |= _with_rim(enlarged, np.abs(smooth - mode) > RIM_LEVEL * typical, diameter_px)
    return mask


def find_opaque(
    pixels: NDArray[np.float32], valid: NDArray[np.bool_], diameter_px: float
) -> NDArray[np.bool_]:
    """Ice crystals, drops and thick aggregates of any size: darker than any particle could be.

    Compared with the level of the half of the field that is most alike. A micrograph whose zero does not mean
    "no electrons" (its mean was subtracted, say) has none: there noise or particles reach as far.
    """
    level = _level(pixels, valid, OPAQUE_SMOOTHING * diameter_px)
    if not valid.any():
        return np.zeros(pixels.shape, dtype=bool)
    mode, spread = most_alike(level[valid])
    limit = max(OPAQUE_DEPTH * mode, OPAQUE_SPREADS * spread)
    if mode <= limit:
        return np.zeros(pixels.shape, dtype=bool)
    dark = binary_propagation(valid & (level < mode - limit), mask=valid & (level < mode - 0.5 * limit))
    if label(dark)[1] > MOST_OPAQUE:
        return np.zeros(pixels.shape, dtype=bool)
    return _grown(dark, max(int(0.1 * diameter_px), 1))


def most_alike(values: NDArray[np.float32]) -> tuple[float, float]:
    """Median and standard deviation (were all normal) of the half of the values that is most alike."""
    ordered = np.sort(values)
    half = ordered.size // 2
    narrow = int(np.argmin(ordered[half:] - ordered[: ordered.size - half]))
    mode = float(np.median(ordered[narrow : narrow + half]))
    return mode, float(ordered[narrow + half] - ordered[narrow]) / 1.349


def _level(pixels: NDArray[np.float32], valid: NDArray[np.bool_], sigma_px: float) -> NDArray[np.float32]:
    """Mean of the valid pixels around each place (Gaussian weights)."""
    weight = gaussian_filter(valid.astype(np.float32), sigma_px, mode="constant")
    level = gaussian_filter(np.where(valid, pixels, np.float32(0.0)), sigma_px, mode="constant")
    result: NDArray[np.float32] = level / np.maximum(weight, np.float32(1e-6))
    return result


def _with_rim(inside: NDArray[np.bool_], differs: NDArray[np.bool_], diameter_px: float) -> NDArray[np.bool_]:
    """Large object up to its very edge: a sliver left out would look like the darkest of particles."""
    near = _grown(inside, max(round(RIM_DIAMETERS * diameter_px), 1))
    rim: NDArray[np.bool_] = binary_propagation(inside, mask=inside | (near & differs))
    return rim


def _enlarged(coarse: NDArray[np.bool_], step: int, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Every pixel of a mask as ``step`` x ``step`` pixels; what is over takes after its neighbours."""
    y, x = (np.minimum(np.arange(n) // step, m - 1) for n, m in zip(shape, coarse.shape, strict=True))
    mask: NDArray[np.bool_] = coarse[y[:, None], x[None, :]]
    return mask


def find_unlike(
    residual: NDArray[np.float32],
    whitened: NDArray[np.float32],
    valid: NDArray[np.bool_],
    y: NDArray[np.float64],
    x: NDArray[np.float64],
    diameter_px: float,
) -> NDArray[np.bool_]:
    """Ice crystals, drops, aggregates: what is left there is unlike what is left where particles were.

    Parameters
    ----------
    residual
        Shape (h, w): the field without the particles found, none counted for much more than a typical one.
    whitened
        Shape (h, w): the same, whitened.
    valid
        Shape (h, w): where there is anything.
    y, x
        Shape (n,): sure particles, pixels.
    diameter_px
        Of the particle.

    Returns
    -------
    mask
        Shape (h, w).
    """
    row = np.clip(np.rint(y).astype(int), 0, valid.shape[0] - 1)
    column = np.clip(np.rint(x).astype(int), 0, valid.shape[1] - 1)
    side = 2 * max(int(0.3 * diameter_px), 1) + 1
    mask = np.zeros(valid.shape, dtype=bool)
    smooth = np.abs(gaussian_filter(residual, 0.1 * diameter_px))
    limit = EXTREME * float(np.median(maximum_filter(smooth, size=side)[row, column]))
    mask |= binary_propagation(valid & (smooth > limit), mask=smooth > 0.5 * limit)
    energy = gaussian_filter(whitened**2, 0.35 * diameter_px)
    energy /= np.maximum(gaussian_filter(valid.astype(np.float32), 0.35 * diameter_px), 0.1)
    left = energy[row, column]
    middle = float(np.median(left))
    spread = max(float(np.median(np.abs(left - middle))) / 0.6745, 0.1 * middle)
    labels, count = label(valid & (energy > middle + ENERGY_SPREADS * spread))
    area = np.bincount(labels.ravel(), minlength=count + 1) / diameter_px**2
    area[0] = 0.0
    wild: NDArray[np.bool_] = (area > ENERGY_AREA)[labels]
    # Its rim is half inside the window.
    mask |= binary_propagation(wild, mask=valid & (energy > middle + 0.5 * ENERGY_SPREADS * spread))
    return _grown(mask, max(int(0.1 * diameter_px), 1))


def _block_mean(values: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    rows, columns = (n // step for n in values.shape)
    blocks = values[: rows * step, : columns * step].reshape(rows, step, columns, step)
    means: NDArray[np.float32] = blocks.mean((1, 3))
    return means


def _grown(mask: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """Mask and what is not further from it than ``radius`` pixels: the time does not depend on the radius."""
    if not mask.any():
        return mask
    near: NDArray[np.bool_] = distance_transform_edt(~mask) <= radius
    return near
