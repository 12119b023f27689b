"""The picture people judge a CTF fit by: spectrum on one half, fit on the other."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d, map_coordinates

from frazil.compute.ctf.estimate import average_spectrum
from frazil.compute.ctf.model import aberration_rad
from frazil.compute.ctf.score import SIDE, centred_amplitude

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.model.ctf import CtfFit
    from frazil.model.optics import Optics
    from frazil.model.periodograms import Periodograms

_SMOOTHING_PX = 0.7
_SMOOTHING_DEG = 2.0
_BACKGROUND_RINGS_PX = 12.0


def spectrum_picture(periodograms: Periodograms, fit: CtfFit, optics: Optics) -> NDArray[np.uint8]:
    """Draw the flattened spectrum on the left and the fitted CTF² on the right.

    Parameters
    ----------
    periodograms
        What was fitted.
    fit
        Its result; without rings the whole picture shows the spectrum.
    optics
        As used for the fit.

    Returns
    -------
    Grey values, shape (512, 512), zero frequency at (256, 256), the end of the spectrum at the edges.
    """
    amplitude = centred_amplitude(average_spectrum(periodograms))
    y, x = np.mgrid[-SIDE // 2 : SIDE // 2, -SIDE // 2 : SIDE // 2]
    radius = np.hypot(x, y)
    ring = np.minimum(radius.astype(np.int64), SIDE // 2)
    off_axis = (np.abs(x) > 2) & (np.abs(y) > 2)
    smooth = _along_rings(gaussian_filter(amplitude, _SMOOTHING_PX))
    count = np.maximum(np.bincount(ring[off_axis], minlength=SIDE // 2 + 1), 1)
    mean = np.bincount(ring[off_axis], weights=smooth[off_axis], minlength=SIDE // 2 + 1) / count
    background = np.maximum(gaussian_filter(mean, _BACKGROUND_RINGS_PX, mode="nearest"), 1e-20)
    flat = smooth / background[ring] - 1.0
    square = np.bincount(ring[off_axis], weights=flat[off_axis] ** 2, minlength=SIDE // 2 + 1) / count
    spread = np.sqrt(np.maximum(gaussian_filter(square, _BACKGROUND_RINGS_PX, mode="nearest"), 1e-12))
    grey = 0.5 + 0.25 * flat / spread[ring]
    grey = np.where(radius < SIDE // 2 - 1, grey, 0.0)
    if fit.has_rings:
        step = 1.0 / (SIDE * periodograms.pixel_size_a)
        chi = aberration_rad(
            x * step,
            y * step,
            optics,
            fit.defocus_u_a,
            fit.defocus_v_a,
            fit.astigmatism_angle_deg,
            fit.phase_shift_deg,
        )
        fitted = np.sin(chi) ** 2
        # A mark where rings end to agree.
        end = 1.0 / (step * max(fit.fit_resolution_a, 1e-3))
        fitted = np.where(np.abs(radius - end) < 0.8, 1.0, fitted * (0.55 + 0.45 * (radius <= end)))
        grey = np.where((x >= 0) & (radius < SIDE // 2 - 1), fitted, grey)
    if not math.isfinite(float(grey.sum())):
        grey = np.zeros_like(grey)
    return np.asarray(np.clip(255.0 * grey + 0.5, 0.0, 255.0), dtype=np.uint8)


def _along_rings(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average over a few degrees of azimuth, which makes faint rings visible and bends none."""
    steps, radii = 2 * SIDE, SIDE // 2
    angle = np.arange(steps)[:, None] * (2.0 * np.pi / steps)
    r = np.arange(radii)[None, :]
    polar = map_coordinates(
        image, [SIDE // 2 + r * np.sin(angle), SIDE // 2 + r * np.cos(angle)], order=1, mode="nearest"
    )
    polar = gaussian_filter1d(polar, _SMOOTHING_DEG * steps / 360.0, axis=0, mode="wrap")
    y, x = np.mgrid[-SIDE // 2 : SIDE // 2, -SIDE // 2 : SIDE // 2]
    turn = np.mod(np.arctan2(y, x), 2.0 * np.pi) * (steps / (2.0 * np.pi))
    back = map_coordinates(
        np.concatenate([polar, polar[:1]]), [turn, np.hypot(x, y)], order=1, mode="nearest"
    )
    inside = np.hypot(x, y) < radii - 1
    # Corners are not shown: no azimuth is complete there.
    return np.asarray(np.where(inside, back, polar[:, -1].mean()), dtype=np.float32)
