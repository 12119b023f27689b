"""Centres of particles of any shape.

The peak of a radial template sits on the densest part of an elongated view, not on its centre. So particles
are first centred by a wide Gaussian (their centre of mass), and then by what they are like: a mean and the
strongest ways to differ from it, learnt from the particles themselves. These are principal components that
turn with the particle (steerable, orders 0, 2, 3 and 4 of the angle; cf. Zhao and Singer 2014,
J. Struct. Biol. 186:153). Order 1 is left out: it is what a particle off its centre shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numba
import numpy as np
import scipy.fft

from frazil.compute.parallel import for_each
from frazil.compute.picking.pursuit import refine_peak

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from frazil.compute.picking.template import Rings

ORDERS = (0, 2, 3, 4)
COMPONENTS = 2
"""Principal components per order (order 0: one more, the mean)."""
_AT_ONCE = 64
LEAST_VARIANCE = 0.5
"""Components whose variance exceeds the noise's by less than this are noise."""


def isolate(
    rings: Rings,
    residual: torch.Tensor,
    weight: NDArray[np.float64],
    template: NDArray[np.float64],
    y: NDArray[np.float64],
    x: NDArray[np.float64],
    amplitude: NDArray[np.float64],
    radius_px: int,
) -> NDArray[np.float32]:
    """Each particle as it would look without the others.

    Parameters
    ----------
    rings, residual
        Transform of the field from which all particles are subtracted.
    weight
        Shape (rings,): filter of the pictures.
    template, amplitude
        What was subtracted: shapes (rings,) and (n,).
    y, x
        Shape (n,): centres, pixels.
    radius_px
        Half the pictures' size.

    Returns
    -------
    pictures
        Shape (n, 2 r + 1, 2 r + 1); the centre at pixel (r, r), sub-pixel shifts undone.
    """
    field = rings.inverse(residual * rings.spread(weight))
    # As a transform of real, point-symmetric values, the picture of one particle needs no phases.
    alone = rings.whole(rings.spread(template * weight))
    around = np.arange(-radius_px, radius_px + 1)
    own = alone[np.ix_(around, around)]
    row, column = np.rint(y).astype(np.int64), np.rint(x).astype(np.int64)
    # Two pixels more on each side take the wrap-around of the sub-pixel shift.
    edge = radius_px + 2
    size = 2 * edge + 1
    # A centre may have moved off the field.
    height, width = field.shape
    beyond = max(int(np.max([-row, row - height, -column, column - width], initial=0)), 0) + 1
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(field, edge + beyond), (size, size))
    offset = np.stack([y - row, x - column], axis=1)
    centred = shifted(windows[row + beyond, column + beyond], offset)[:, 2:-2, 2:-2]
    result: NDArray[np.float32] = (centred + amplitude[:, None, None] * own).astype(np.float32)
    return result


def shifted(pictures: NDArray[np.float32], offset: NDArray[np.float64]) -> NDArray[np.float32]:
    """Pictures (n, s, s) moved so that what was at ``offset`` (n, 2) (y, x) from the middle is there."""
    size = pictures.shape[1]
    along_y = np.exp(2j * np.pi * np.outer(offset[:, 0], scipy.fft.fftfreq(size))).astype(np.complex64)
    along_x = np.exp(2j * np.pi * np.outer(offset[:, 1], scipy.fft.rfftfreq(size))).astype(np.complex64)
    moved = scipy.fft.rfft2(pictures)
    moved *= along_y[:, :, None]
    moved *= along_x[:, None, :]
    result: NDArray[np.float32] = scipy.fft.irfft2(moved, s=(size, size))
    return result


def centre_of_peak(pictures: NDArray[np.float32], reach_px: float) -> NDArray[np.float64]:
    """Sub-pixel offset (y, x) of each picture's highest point within reach: shape (n, 2)."""
    middle = pictures.shape[1] // 2
    axis = np.arange(pictures.shape[1]) - middle
    near = np.hypot(axis[:, None], axis[None, :]) <= reach_px
    offsets = np.zeros((len(pictures), 2))
    for n, picture in enumerate(pictures):
        top = int(np.argmax(np.where(near, picture, -np.inf)))
        y, x, _ = refine_peak(picture, top // picture.shape[1], top % picture.shape[1])
        offsets[n] = y - middle, x - middle
    return offsets


def lopsidedness(pictures: NDArray[np.float32], radius_px: int) -> float:
    """Share of angular order 1 in the power within a radius: least where all are centred."""
    flat = _discs(pictures, radius_px)
    total = 0.0
    first = 0.0
    for order in (0, 1, 2, 3, 4):
        basis = _angular_basis(radius_px, order)
        power = float(((flat @ basis.real.T) ** 2).sum() + ((flat @ basis.imag.T) ** 2).sum())
        total += power
        first += power if order == 1 else 0.0
    return first / max(total, 1e-30)


def _discs(pictures: NDArray[np.float32], radius_px: int) -> NDArray[np.float32]:
    """Middle (2 r + 1)² pixels, one row per picture."""
    middle = pictures.shape[1] // 2
    inside = slice(middle - radius_px, middle + radius_px + 1)
    return pictures[:, inside, inside].reshape(len(pictures), -1)


@dataclass(frozen=True)
class Likeness:
    """What a set of particles looks like, up to rotation.

    Attributes
    ----------
    kernel
        Shape (c, 2 r + 1, 2 r + 1): orthonormal components; orders above 0 come in pairs (cosine, sine).
    gain
        Shape (c,): weight of the squared coefficient, λ / (λ + 1) for variance λ in units of the noise.
    """

    kernel: NDArray[np.float32]
    gain: NDArray[np.float32]

    @classmethod
    def learn(cls, pictures: NDArray[np.float32], radius_px: int) -> Likeness:
        """Principal components of whitened pictures (n, ., .) within a radius."""
        flat = _discs(pictures, radius_px)
        kernels: list[NDArray[np.float32]] = []
        gains: list[float] = []
        for order in ORDERS:
            basis = _angular_basis(radius_px, order)
            coefficients = (flat @ basis.real.T) + 1j * (flat @ basis.imag.T)
            # Mirrored views are as likely: the covariance of the radial profiles is real.
            covariance = (coefficients.conj().T @ coefficients).real / len(flat)
            values, vectors = np.linalg.eigh(covariance)
            # Real numbers that a coefficient is estimated from, per number estimated.
            samples = len(flat) * (1.0 if order == 0 else 2.0)
            for n in range(1, COMPONENTS + 1 + (order == 0)):
                variance = _true_variance(float(values[-n]), basis.shape[0] / samples) - 1.0
                if variance < LEAST_VARIANCE:
                    break
                component = vectors[:, -n] @ basis
                parts = [component.real] if order == 0 else [component.real, component.imag]
                for part in parts:
                    norm = float(np.sqrt((part**2).sum()))
                    kernels.append((part / norm).astype(np.float32))
                    gains.append(variance / (variance + 1.0))
        size = 2 * radius_px + 1
        stacked = np.array(kernels, np.float32).reshape(-1, size, size)
        return cls(stacked, np.array(gains, np.float32))

    def climb(
        self, pictures: NDArray[np.float32], start: NDArray[np.float64], reach_px: int, threads: int = 1
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where, uphill from a start and within reach of its middle, each picture is most alike.

        Parameters
        ----------
        pictures
            Shape (n, s, s), s at least 2 (radius + reach) + 3.
        start
            Shape (n, 2): offsets (y, x) from the middle, pixels.
        reach_px
            Furthest offset.
        threads
            The result does not depend on it.

        Returns
        -------
        offset, likeness
            Shapes (n, 2), (y, x) in pixels, and (n,): Σ gain · coefficient².
        """
        first = np.rint(start).astype(np.int64)
        offset, likeness = np.zeros((len(pictures), 2)), np.zeros(len(pictures))

        def climb(part: slice) -> None:
            offset[part], likeness[part] = _climb(
                pictures[part], self.kernel, self.gain, first[part], reach_px
            )

        for_each(climb, [slice(n, n + _AT_ONCE) for n in range(0, len(pictures), _AT_ONCE)], threads)
        return offset, likeness

    def excess(self, pictures: NDArray[np.float32], noise: float) -> NDArray[np.float64]:
        """Likeness beyond the mean (the first component), less what noise has: shape (n,)."""
        if len(self.kernel) < 2:
            return np.zeros(len(pictures))
        kernels = self.kernel[1:].reshape(len(self.kernel) - 1, -1)
        response = _discs(pictures, self.kernel.shape[1] // 2) @ kernels.T
        excess = ((response / noise) ** 2 - 1.0) @ self.gain[1:]
        return np.asarray(excess, dtype=np.float64)


def _true_variance(sample: float, ratio: float) -> float:
    """Variance (noise 1 included) behind a sample eigenvalue; 1 where noise alone may give it.

    ``ratio`` is dimensions over samples (Baik and Silverstein 2006, J. Multivar. Anal. 97:1382).
    """
    if sample <= (1.0 + np.sqrt(ratio)) ** 2:
        return 1.0
    middle = sample + 1.0 - ratio
    return float(0.5 * (middle + np.sqrt(middle**2 - 4.0 * sample)))


@lru_cache(maxsize=64)
def _angular_basis(radius_px: int, order: int) -> NDArray[np.complex64]:
    """Orthonormal functions R(r) exp(−i order θ) on a disc: shape (functions, pixels)."""
    axis = np.arange(-radius_px, radius_px + 1)
    radius = np.hypot(axis[:, None], axis[None, :])
    angle = np.arctan2(axis[:, None], axis[None, :])
    step = 1.25
    knots = np.arange(1 if order else 0, int(radius_px / step) + 1)
    hat = np.clip(1.0 - np.abs(radius / step - knots[:, None, None]), 0.0, None) * (radius <= radius_px)
    functions = (hat * np.exp(-1j * order * angle)).reshape(knots.size, -1)
    values, vectors = np.linalg.eigh((functions @ functions.conj().T).real)
    kept = values > 1e-6 * values.max()
    basis = np.asarray((vectors[:, kept] / np.sqrt(values[kept])).T @ functions, dtype=np.complex64)
    basis.flags.writeable = False
    return basis


@numba.njit(nogil=True, cache=True, fastmath=True)
def _likeness(
    picture: NDArray[np.float32], kernel: NDArray[np.float32], gain: NDArray[np.float32], y: int, x: int
) -> float:
    size = kernel.shape[1]
    top, left = y - size // 2, x - size // 2
    total = 0.0
    for c in range(kernel.shape[0]):
        response = np.float32(0.0)
        for j in range(size):
            for i in range(size):
                response += picture[top + j, left + i] * kernel[c, j, i]
        total += gain[c] * response * response
    return total


@numba.njit(nogil=True, cache=True)
def _climb(
    pictures: NDArray[np.float32],
    kernel: NDArray[np.float32],
    gain: NDArray[np.float32],
    start: NDArray[np.int64],
    reach: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    count, size = pictures.shape[0], pictures.shape[1]
    middle = size // 2
    offset = np.zeros((count, 2))
    likeness = np.zeros(count)
    for n in range(count):
        # One more than the reach on each side, for the quadratic at the end.
        known = np.full((2 * reach + 3, 2 * reach + 3), np.float32(-1.0))
        y, x = start[n, 0] + reach + 1, start[n, 1] + reach + 1
        while True:
            for j in range(y - 1, y + 2):
                for i in range(x - 1, x + 2):
                    if known[j, i] < 0.0:
                        row, column = middle + j - reach - 1, middle + i - reach - 1
                        known[j, i] = _likeness(pictures[n], kernel, gain, row, column)
            top_y, top_x = y, x
            for j in range(y - 1, y + 2):
                for i in range(x - 1, x + 2):
                    if known[j, i] > known[top_y, top_x]:
                        top_y, top_x = j, i
            inside = (top_y - reach - 1) ** 2 + (top_x - reach - 1) ** 2 <= reach * reach
            if (top_y == y and top_x == x) or not inside:
                break
            y, x = top_y, top_x
        fy, fx, likeness[n] = refine_peak(known, y, x)
        offset[n, 0], offset[n, 1] = fy - reach - 1, fx - reach - 1
    return offset, likeness
