"""Tilt of the specimen: a plane of defocus over the tiles."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.ctf.whittle import WhittleFit, WhittleModel
    from frazil.model.periodograms import Periodograms

_STEP_A = 50.0
STEEPEST_DEG = 75.0
"""Largest tilt that is looked for."""
FEWEST_TILES = 4


def fit_plane(
    periodograms: Periodograms,
    movie_pixel_size_a: float,
    model: WhittleModel,
    fit: WhittleFit,
    *,
    known_axis_deg: float | None = None,
) -> tuple[float, float]:
    """Fit tilt angle and axis so that every tile's rings agree with the defocus of a tilted plane there.

    Each tile is compared with the rings of all defoci (astigmatism and depth of modulation as fitted to the
    mean); the sum over the tiles is maximised over planes.

    Parameters
    ----------
    periodograms
        Many small tiles are better here than few large ones: about 400 Å.
    movie_pixel_size_a
        Pixel in which the tiles' centres are given, Å.
    model, fit
        Of the mean spectrum.
    known_axis_deg
        Axis from +x towards +y; the tilt then has a sign.

    Returns
    -------
    tilt_deg, axis_deg
        The defocus rises along axis + 90°; tilt is positive unless the axis was given.
    """
    # Takes a quarter of a second to load, and few micrographs are known to be tilted.
    from scipy.optimize import minimize

    x = (periodograms.x_px - periodograms.x_px.mean()) * movie_pixel_size_a
    y = (periodograms.y_px - periodograms.y_px.mean()) * movie_pixel_size_a
    radius = float(np.hypot(x, y).max())
    reach = radius * math.tan(math.radians(STEEPEST_DEG)) + 500.0
    defoci = np.arange(max(fit.lens[0] - reach, 500.0), fit.lens[0] + reach, _STEP_A)
    likeness = _likeness(periodograms, model, fit, defoci)

    def total(plane: NDArray[np.float64]) -> float:
        here = (plane[0] + plane[1] * x + plane[2] * y - defoci[0]) / _STEP_A
        at = np.clip(here, 0.0, len(defoci) - 1.001)
        index = at.astype(np.int64)
        part = at - index
        row = np.arange(len(x))
        return float(np.sum((1.0 - part) * likeness[row, index] + part * likeness[row, index + 1]))

    start, best = np.array([fit.lens[0], 0.0, 0.0]), -math.inf
    if known_axis_deg is None:
        axes = np.arange(-180.0, 180.0, 15.0)
        tilts = np.arange(0.0, STEEPEST_DEG, 4.0)
    else:
        axes = np.array([known_axis_deg])
        tilts = np.arange(-STEEPEST_DEG, STEEPEST_DEG, 4.0)
    for axis in axes:
        for tilt in tilts:
            plane = _plane(float(fit.lens[0]), tilt, axis)
            for shift in (-200.0, 0.0, 200.0):
                plane[0] = fit.lens[0] + shift
                value = total(plane)
                if value > best:
                    start, best = plane.copy(), value
    if known_axis_deg is not None:
        along = _plane(0.0, 45.0, known_axis_deg)
        slope = float(start @ along)
        simplex = np.array([[start[0], slope], [start[0] + 100.0, slope], [start[0], slope + 0.05]])
        found = minimize(
            lambda p: -total(np.array([p[0], p[1] * along[1], p[1] * along[2]])),
            simplex[0],
            method="Nelder-Mead",
            options={"initial_simplex": simplex, "xatol": 1e-3, "fatol": 1e-3},
        ).x
        return math.degrees(math.atan(float(found[1]))), known_axis_deg
    simplex = start + np.array([[0.0, 0.0, 0.0], [100.0, 0.0, 0.0], [0.0, 0.05, 0.0], [0.0, 0.0, 0.05]])
    found = minimize(
        lambda p: -total(p),
        start,
        method="Nelder-Mead",
        options={"initial_simplex": simplex, "xatol": 1e-3, "fatol": 1e-3},
    ).x
    slope = math.hypot(float(found[1]), float(found[2]))
    axis = math.degrees(math.atan2(float(found[2]), float(found[1]))) - 90.0
    return math.degrees(math.atan(slope)), (axis + 180.0) % 360.0 - 180.0


def _plane(defocus_a: float, tilt_deg: float, axis_deg: float) -> NDArray[np.float64]:
    """Defocus at the centre and its slopes along x and y for a tilt about an axis."""
    slope = math.tan(math.radians(tilt_deg))
    rise = math.radians(axis_deg + 90.0)
    return np.array([defocus_a, slope * math.cos(rise), slope * math.sin(rise)])


def _likeness(
    periodograms: Periodograms, model: WhittleModel, fit: WhittleFit, defoci: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Correlate every tile with the rings of every mean defocus, shape (tiles, defoci)."""
    grid = model.grid
    smooth = np.exp(grid.background_basis @ fit.background)
    depth = model.modulation(fit)
    pi_lambda, half_l2_cs, phase0 = model.constants[:3]
    bend = fit.lens[1] * grid.k2_cos + fit.lens[2] * grid.k2_sin
    # The astigmatism turns cos(a + b) into cos a · cos b - sin a · sin b, with b the same for all defoci.
    turn = 2.0 * pi_lambda * bend
    cosine, sine = np.cos(turn), np.sin(turn)
    even = np.empty((periodograms.tiles, grid.rings))
    odd = np.empty_like(even)
    for number, power in enumerate(periodograms.power):
        ratio = grid.average(power) / smooth[grid.ring_of_cell]
        residual = grid.count * (ratio / np.average(ratio, weights=grid.count) - 1.0)
        even[number] = np.add.reduceat(residual * cosine, grid.ring_start[:-1])
        odd[number] = np.add.reduceat(residual * sine, grid.ring_start[:-1])
    k2 = grid.k**2
    common = 2.0 * (phase0 + float(fit.lens[3])) - 2.0 * pi_lambda * half_l2_cs * k2 * k2
    twice_chi = 2.0 * pi_lambda * np.outer(defoci, k2) + common
    return np.asarray((odd * depth) @ np.sin(twice_chi).T - (even * depth) @ np.cos(twice_chi).T)
