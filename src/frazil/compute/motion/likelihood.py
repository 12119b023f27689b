"""The likelihood of frame shifts.

The frames are the same specimen ``O`` with strength ``a_f``, shifted, plus noise. Integrating ``O`` out, its
power ``τ²`` per ring being known, leaves the log-likelihood (Gaussian, in nats)

    L(u) = Σ_k w |S|²,   S = Σ_f a_f F_f exp(2πi k·u_f),   w = τ² / (1 + τ² Σ_f a_f²)

(half plane, noise of unit variance). It needs no reference: what a frame says to itself cancels in the
gradient. The curvature is known from ``τ²`` alone and never has the noise of one measured from the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from frazil.compute.motion.spectra import Band, crop_values, ramps, signal_power
from frazil.compute.parallel import for_each

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COEFFICIENTS_AT_ONCE = 2_000_000
"""Of all frames together: enough to be worth a call, few enough to share among threads."""


@dataclass
class Frames:
    """Coefficients of all frames times ``a_f``, and what is known of their signal.

    Attributes
    ----------
    values
        Shape (F, Ky, Kx) complex64: ``a_f F_f`` with noise of unit variance in ``F_f``, moved by `shift_a`.
    kept
        Shape (F, rings): ``a_f²``, what is left of the specimen's power in each frame.
    own_power
        Shape (rings,): ring mean of ``Σ_f |values|²`` (no shift changes it).
    shift_a
        Shape (F, 2): the shifts already applied to ``values``, Å.
    share
        Independent coefficients per coefficient: tapered edges and padding make neighbours alike.
    threads
        For work on many coefficients; no result depends on it.
    """

    band: Band
    values: torch.Tensor
    kept: NDArray[np.float64]
    own_power: NDArray[np.float64]
    shift_a: NDArray[np.float64]
    share: float = 1.0
    threads: int = 1

    def move_to(self, shift_a: NDArray[np.float64]) -> None:
        """Apply ``exp(+2πi k·u)`` so that the frames are aligned for these shifts (F, 2)."""
        step = torch.as_tensor(shift_a - self.shift_a, dtype=torch.float32, device=self.values.device)
        moved = torch.nonzero(step.abs().sum(1) > 0).ravel().tolist()
        along_y, along_x = ramps(self.band, step[moved])

        def move(number: int) -> None:
            frame = self.values[moved[number]]
            frame *= along_y[number]
            frame *= along_x[number]

        for_each(move, range(len(moved)), self.threads)
        self.shift_a = shift_a.copy()

    def rows_at_once(self) -> list[slice]:
        """Rows of coefficients that are handled in one go, in the order of the rows."""
        count, height, width = self.values.shape
        rows = height
        if self.values.device.type == "cpu":
            rows = max(_COEFFICIENTS_AT_ONCE // (width * count), 1)
        return [slice(first, first + rows) for first in range(0, height, rows)]

    def total(self) -> torch.Tensor:
        """Sum of all frames, shape (Ky, Kx)."""
        total = torch.empty_like(self.values[0])

        def add(rows: slice) -> None:
            torch.sum(self.values[:, rows], dim=0, out=total[rows])

        for_each(add, self.rows_at_once(), self.threads)
        return total

    def crop(self, high_a: float) -> Frames:
        """Copy of the part below ``1 / high_a``."""
        band, half, width = self.band.crop(high_a)
        values = crop_values(self.values, half, width)
        rings = band.rings
        kept, own = self.kept[:, :rings], self.own_power[:rings]
        return Frames(band, values, kept, own, self.shift_a.copy(), self.share, self.threads)

    def drop(self, lost: NDArray[np.int64]) -> None:
        """Forget what these frames show; the prior alone then says where they were."""
        for frame in lost.tolist():
            self.own_power -= self.band.ring_mean(self.values[frame].real ** 2 + self.values[frame].imag ** 2)
        self.values[torch.as_tensor(lost, device=self.values.device)] = 0
        self.kept = self.kept.copy()
        self.kept[lost] = 0.0

    def without_signal(self, signal: NDArray[np.float64]) -> NDArray[np.int64]:
        """Frames that clearly hold less than a fifth of the specimen that the others show.

        Each aligned frame is projected on the sum of the others, with the weights of the likelihood.
        """
        weight = ring_weight(signal, self.kept)
        total = self.total()
        found = np.empty(self.kept.shape)

        def project(number: int) -> None:
            frame = self.values[number]
            shared = total.real * frame.real + total.imag * frame.imag - frame.real**2 - frame.imag**2
            found[number] = self.band.ring_mean(shared)

        for_each(project, range(len(found)), self.threads)
        others = self.kept.sum(0) - self.kept
        rings = self.share * self.band.count * weight
        expected = (self.kept * others * signal) @ rings
        noise = np.sqrt((self.kept * others * (1 + signal * others)) @ (rings * weight) / 2)
        share = (found @ rings) / np.maximum(expected, 1e-12)
        sure = share + 4 * noise / np.maximum(expected, 1e-12) < 0.6
        return np.nonzero((expected > 0) & (share < 0.2) & sure)[0]

    def estimate_signal(self) -> NDArray[np.float64]:
        """Power of the specimen per ring as the frames now agree."""
        total = self.total()
        power = total.real**2 + total.imag**2
        return signal_power(self.band.ring_mean(power), self.own_power, self.kept, self.band.count)


def ring_weight(signal: NDArray[np.float64], kept: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weight of ``|S|²`` per ring: ``τ² / (1 + τ² Σ a_f²)``."""
    weight: NDArray[np.float64] = signal / (1 + signal * kept.sum(0))
    return weight


def fisher_information(
    band: Band, weight: NDArray[np.float64], signal: NDArray[np.float64], kept: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the expected curvature of L for shifts along one axis: shape (F, F), 1/Å².

    A weighted graph Laplacian: a common shift of all frames costs nothing.
    """
    per_ring = 2 * band.count * 0.5 * (2 * np.pi * band.ring_k) ** 2 * weight * signal
    diagonal = (per_ring * kept * kept.sum(0)).sum(1)
    return np.asarray(np.diag(diagonal) - (kept * per_ring) @ kept.T, dtype=np.float64)


def log_likelihood_and_gradient(
    frames: Frames, weight: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """L in nats (up to what no shift changes) and its gradient (F, 2) with respect to the shifts, 1/Å."""
    band = frames.band
    spread = band.spread(weight)
    parts = frames.rows_at_once()
    values = np.empty(len(parts))
    gradients = np.empty((len(parts), len(frames.values), 2))

    def evaluate(number: int) -> None:
        rows = parts[number]
        part = frames.values[:, rows]
        total = part.sum(0)
        weighted = total * spread[rows]
        values[number] = float((weighted.real * total.real + weighted.imag * total.imag).sum().double())
        sides = torch.stack([weighted * band.kx, weighted * band.ky[rows, None]]).conj().reshape(2, -1).T
        product = part.reshape(len(part), -1) @ sides
        gradients[number] = product.imag.double().cpu().numpy()

    for_each(evaluate, range(len(parts)), frames.threads)
    gradient = -4 * np.pi * gradients.sum(0)
    return frames.share * float(values.sum()), frames.share * gradient
