"""The equal-phase average of a spectrum, and how far it agrees with a fit."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from frazil.compute.ctf.polar import polar_grid
from frazil.compute.ctf.whittle import WhittleModel
from frazil.model.ctf import CtfProfile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.ctf.polar import PolarGrid
    from frazil.compute.ctf.whittle import WhittleFit
    from frazil.model.optics import Optics

_PROFILE_LOW_A = 50.0
_ICE_BAND_PER_A = (0.25, 0.28)
_ICE_FLANKS_PER_A = ((0.22, 0.245), (0.287, 0.315))
_RANKED_EXTREMA = 7
_FIRST_JUDGED_A = 30.0


@dataclass(frozen=True)
class MeasuredProfile:
    """Curves for plotting and the figures read from them."""

    curves: CtfProfile
    resolution_a: float
    ice_ring: float


def measure_profile(
    mean_power: NDArray[np.float32],
    pixel_size_a: float,
    optics: Optics,
    fitted: WhittleModel,
    fit: WhittleFit,
    high_a: float,
) -> MeasuredProfile:
    """Average over the azimuth at equal phase, flatten, and compare with |CTF|².

    The band goes beyond that of the fit, to the end of the spectrum, because rings may.
    """
    n = mean_power.shape[0]
    grid = wide_grid(n, pixel_size_a, high_a)
    model = WhittleModel(grid, np.maximum(grid.average(mean_power), 1e-30), optics)
    depth = np.interp(grid.k, fitted.grid.k, fitted.modulation(fit))
    wide = model.with_modulation(replace(fit, background=np.zeros(grid.background_basis.shape[1])), depth)
    wide = replace(wide, background=model.smooth_log(grid.ring_mean(model.power / model.expected(wide))))
    background = np.exp(grid.background_basis @ wide.background)[grid.ring_of_cell]
    lens = fit.lens
    value = model.power / background - 1.0
    bin_width = 1.0 / (n * pixel_size_a)
    k_equal = _equal_phase_radius(grid, lens, optics)
    at = np.clip((k_equal / bin_width).astype(np.int64), 0, int(grid.k[-1] / bin_width))
    count = np.bincount(at, weights=grid.count)
    total = np.bincount(at, weights=grid.count * value)
    first = int(np.argmax(count > 0))
    count, total = count[first:], total[first:]
    frequency = (np.arange(first, first + len(count)) + 0.5) * bin_width
    measured = np.interp(frequency, frequency[count > 0], total[count > 0] / count[count > 0])
    modulation = np.interp(frequency, grid.k, depth)
    phase = _mean_phase(frequency, lens, optics)
    ctf2 = np.sin(phase) ** 2
    agreement, last = _agreement(measured, np.abs(np.sin(phase)), phase, frequency)
    # Shown between the minima and the maxima of the fit: 0 to 1 where rings are strong.
    shown = 0.5 + 0.5 * measured / np.maximum(modulation, 0.02)
    curves = CtfProfile(frequency, np.clip(shown, -1.0, 2.0), ctf2, agreement)
    ice = ice_ring(grid, model.power / (model.expected(wide) / background))
    return MeasuredProfile(curves, float(1.0 / frequency[last]), ice)


def wide_grid(tile_px: int, pixel_size_a: float, high_a: float) -> PolarGrid:
    """Cells from 50 Å to the end of the spectrum."""
    return polar_grid(tile_px, pixel_size_a, _PROFILE_LOW_A, min(high_a, 2.01 * pixel_size_a))


def _mean_phase(k: NDArray[np.float64], lens: NDArray[np.float64], optics: Optics) -> NDArray[np.float64]:
    wavelength = optics.wavelength_a
    k2 = k * k
    chi = math.pi * wavelength * k2 * (lens[0] - 0.5 * wavelength**2 * optics.cs_a * k2)
    return np.asarray(chi + lens[3] + math.asin(optics.amplitude_contrast), dtype=np.float64)


def _equal_phase_radius(grid: PolarGrid, lens: NDArray[np.float64], optics: Optics) -> NDArray[np.float64]:
    """Radius at which the mean defocus gives the phase of each cell (one Newton step in k²)."""
    spherical = optics.wavelength_a**2 * optics.cs_a
    bend = lens[1] * grid.k2_cos + lens[2] * grid.k2_sin
    slope = lens[0] - spherical * grid.k2
    safe = np.where(np.abs(slope) > 0.2 * abs(lens[0]), slope, lens[0])
    moved = grid.k2 + bend / safe
    # Second step: Cs bends the relation a little.
    off = lens[0] * (moved - grid.k2) - 0.5 * spherical * (moved**2 - grid.k4) - bend
    return np.asarray(np.sqrt(np.maximum(moved - off / safe, 0.0)), dtype=np.float64)


def _agreement(
    measured: NDArray[np.float64],
    curve: NDArray[np.float64],
    phase: NDArray[np.float64],
    frequency: NDArray[np.float64],
) -> tuple[NDArray[np.float64], int]:
    """Local correlation with the fit per bin, and the last bin up to which both agree.

    After CTFFIND: the measured curve is normalised between successive extrema of the CTF, the window of the
    correlation grows with the distance from the last extremum.
    """
    extrema = np.floor(phase / (0.5 * math.pi) + 1e-9).astype(np.int64)
    extrema -= extrema[0]
    number = np.abs(extrema)
    flank_start = np.flatnonzero(np.diff(number, prepend=number[0] - 1) != 0)
    normal = np.empty_like(measured)
    since = np.empty(len(measured), dtype=np.int64)
    for begin, end in zip(flank_start, np.append(flank_start[1:], len(measured)), strict=True):
        part = measured[begin:end]
        since[begin:end] = np.arange(end - begin)
        low, high = float(part.min()), float(part.max())
        if number[begin] < _RANKED_EXTREMA and end - begin > 1:
            rank = np.argsort(np.argsort(part)) / (end - begin - 1)
            normal[begin:end] = np.sin(0.5 * math.pi * rank)
        else:
            normal[begin:end] = (part - low) / (high - low) if high > low else 0.5
    whole = math.ceil(frequency[-1] / (frequency[1] - frequency[0]) * math.sqrt(2.0))
    reach = np.maximum(whole // 40, ((1.0 + 0.1 * number) * (since + 1)).astype(np.int64))
    result = _local_correlation(normal, curve, np.minimum(reach, len(measured)))
    result[frequency < 1.0 / _FIRST_JUDGED_A] = 1.0
    # Inside the first zero the particles' form factor bends the curve at will.
    first_zero = float(frequency[int(np.argmax(phase >= math.pi))])
    judged_from = max(1.0 / _FIRST_JUDGED_A, 0.1 * whole * (frequency[1] - frequency[0]), first_zero)
    start = int(np.searchsorted(frequency, judged_from))
    over_low = over_high = 0
    last = start
    for i in range(start, len(result)):
        value = result[i]
        if (over_low > 3 and value < 0.1) or (over_high > 3 and value < 0.5):
            break
        over_low += int(value > 0.1)
        over_high += int(value > 0.66)
        last = i
    if not np.any(result[start : last + 1] > 0.5):
        last = 0
    return result, last


def _local_correlation(
    a: NDArray[np.float64], b: NDArray[np.float64], reach: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Pearson's correlation of two curves within ± reach of every point."""
    here = np.arange(len(a))
    low, high = np.maximum(here - reach, 0), np.minimum(here + reach + 1, len(a))

    def window_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        running = np.concatenate([[0.0], np.cumsum(values)])
        return np.asarray((running[high] - running[low]) / (high - low), dtype=np.float64)

    mean_a, mean_b = window_mean(a), window_mean(b)
    covariance = window_mean(a * b) - mean_a * mean_b
    variance = (window_mean(a * a) - mean_a**2) * (window_mean(b * b) - mean_b**2)
    return np.asarray(np.where(variance > 1e-12, covariance / np.sqrt(np.maximum(variance, 1e-12)), 0.0))


def ice_ring(grid: PolarGrid, flattened: NDArray[np.float64]) -> float:
    """Power between 0.25 and 0.28 1/Å over a log-linear line through the flanks; NaN if out of reach."""
    ring = grid.ring_mean(flattened)
    if grid.k[-1] < _ICE_FLANKS_PER_A[1][0] + 0.01:
        return math.nan
    weights = grid.ring_count
    points = []
    for low, high in (*_ICE_FLANKS_PER_A, _ICE_BAND_PER_A):
        inside = (grid.k >= low) & (grid.k <= high)
        points.append(
            (
                float(np.average(grid.k[inside], weights=weights[inside])),
                math.log(max(float(np.average(ring[inside], weights=weights[inside])), 1e-30)),
            )
        )
    (k0, v0), (k1, v1), (k2, v2) = points
    return math.exp(v2 - (v0 + (v1 - v0) * (k2 - k0) / (k1 - k0)))
