"""How far a spectrum scatters around its model: measured, not assumed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from frazil.compute.ctf.whittle import Noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.ctf.polar import PolarGrid
    from frazil.compute.ctf.whittle import WhittleFit, WhittleModel

_BLOCK_RINGS = 8
_BLOCK_SECTORS = 4
_TRIMMED_BIAS = 1.1
"""Mean of χ² per degree of freedom without its highest tenth is 0.9 for 8 to 11 degrees."""


def pixel_terms(grid: PolarGrid, power: NDArray[np.float64]) -> float:
    """Periodograms averaged per pixel, from differences of neighbouring cells of one ring: needs no model.

    Overlapping tiles and tapers correlate neighbouring pixels, which this cannot see: a first guess.
    """
    ring = grid.ring_of_cell
    same = ring[1:] == ring[:-1]
    difference = 2.0 * (power[1:] - power[:-1]) / (power[1:] + power[:-1])
    scale = 1.0 / grid.count[1:] + 1.0 / grid.count[:-1]
    # Median of a squared normal variable: spikes do not matter.
    return float(0.455 / max(np.median(difference[same] ** 2 / scale[same]), 1e-9))


def measure_noise(grid: PolarGrid, model: WhittleModel, fit: WhittleFit) -> Noise:
    """Scatter of blocks of cells around a fit.

    Blocks (8 rings of 4 sectors, wider than the taper's correlation) against their neighbours around the
    ring give the effective number of terms; what whole rings stray beyond that is the ring variance.
    """
    residual = grid.count * (model.power / model.expected(fit) - 1.0)
    ring_group = grid.ring_of_cell // _BLOCK_RINGS
    sectors = int(grid.sector.max()) // _BLOCK_SECTORS + 1
    block = ring_group * sectors + grid.sector // _BLOCK_SECTORS
    groups = int(ring_group[-1]) + 1
    count = np.bincount(block, weights=grid.count, minlength=groups * sectors).reshape(groups, sectors)
    total = np.bincount(block, weights=residual, minlength=groups * sectors).reshape(groups, sectors)
    ring_count = count.sum(axis=1)
    ring_mean = total.sum(axis=1) / ring_count
    filled = count > 0.0
    deviation = np.where(filled, total / np.maximum(count, 1.0) - ring_mean[:, None], 0.0)
    freedom = np.maximum(filled.sum(axis=1) - 1, 1)
    per_group = np.sum(count * deviation**2, axis=1) / freedom
    # The middle of the groups: an ice ring's or a spike's few do not count.
    ordered = np.sort(per_group)
    trimmed = ordered[: max(1, int(0.9 * len(ordered)))]
    dispersion = max(_TRIMMED_BIAS * float(trimmed.mean()), 1e-9)
    terms = 1.0 / dispersion
    excess = ring_mean**2 - dispersion / ring_count
    kernel = np.array([1.0, 2.0, 3.0, 2.0, 1.0]) / 9.0
    smooth = np.convolve(np.pad(excess, 2, mode="edge"), kernel, mode="valid")
    # Neighbouring rings stray together: as independent ones each must carry the variance of the group.
    variance = np.maximum(smooth, 0.0) * _BLOCK_RINGS
    return Noise(terms, variance[np.arange(grid.rings) // _BLOCK_RINGS])
