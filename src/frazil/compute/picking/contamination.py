"""Where a micrograph is not worth looking at: ice crystals, frost, carbon, aggregates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import binary_dilation, binary_propagation, gaussian_filter

if TYPE_CHECKING:
    from numpy.typing import NDArray


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


def find_extremes(
    flat: NDArray[np.float32], valid: NDArray[np.bool_], diameter_px: float
) -> NDArray[np.bool_]:
    """Places far darker or brighter than anything that fills the rest of the field.

    A particle's shadow differs from the ice by a few standard deviations of the smoothed image (which on a
    crowded field is mostly particles); ice crystals and dirt by many more.
    """
    smooth = gaussian_filter(flat, 0.08 * diameter_px)
    sample = smooth[valid]
    lower, middle, upper = np.percentile(sample, [15.87, 50.0, 84.13])
    deviation = np.abs(smooth - middle) / max(0.5 * float(upper - lower), 1e-20)
    seeds: NDArray[np.bool_] = (deviation > 6.0) & valid
    if not seeds.any():
        return seeds
    grown = binary_propagation(seeds, mask=deviation > 3.0)
    radius = max(int(0.15 * diameter_px), 1)
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    dilated: NDArray[np.bool_] = binary_dilation(grown, structure=y * y + x * x <= radius * radius)
    return dilated
