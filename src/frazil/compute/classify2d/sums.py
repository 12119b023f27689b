"""Running sums of the classes, and the averages, noise and resolution that follow from them.

    A = Num/(Den + σ²/τ²)

The sums are kept in double precision: what is taken out of them leaves nothing behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from frazil.compute.classify2d.transfer import SQUARE_ORDERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.classify2d.polar import PolarGrid


@dataclass
class Sums:
    """Weighted sums of K classes in two half sets.

    Attributes
    ----------
    num
        Shape (2, K, Q/2, re | im, R filled up to a multiple of eight), float64.
    den
        Shape (2, K, R, 3), complex128: orders 0, 2, 4.
    weight
        Shape (2, K), float64.
    """

    grid: PolarGrid
    num: NDArray[np.float64]
    den: NDArray[np.complex128]
    weight: NDArray[np.float64]

    @classmethod
    def zeros(cls, grid: PolarGrid, classes: int) -> Sums:
        """Empty sums."""
        padded = -(-grid.ring_count // 8) * 8
        return cls(
            grid,
            np.zeros((2, classes, grid.angle_count // 2, 2, padded)),
            np.zeros((2, classes, grid.ring_count, SQUARE_ORDERS), np.complex128),
            np.zeros((2, classes)),
        )

    def tensors(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Num (2, K, R, Q/2) and Den (2, K, R, 3), complex64."""
        num = torch.as_tensor(self.num[..., : self.grid.ring_count].astype(np.float32))
        values = torch.complex(num[..., 0, :], num[..., 1, :]).transpose(-1, -2).contiguous()
        return values, torch.as_tensor(self.den.astype(np.complex64))

    def clear(self, slots: NDArray[np.int64]) -> None:
        """Empty some classes."""
        self.num[:, slots] = 0.0
        self.den[:, slots] = 0.0
        self.weight[:, slots] = 0.0


def den_values(den: torch.Tensor, angle_count: int) -> torch.Tensor:
    """Den on half the circle, real, (..., R, Q/2), from its orders; never negative."""
    values: torch.Tensor = torch.fft.irfft(den, n=angle_count // 2, norm="forward")
    return values.clamp_(min=0.0)


@dataclass(frozen=True)
class Spectra:
    """Signal of the classes ring by ring.

    Attributes
    ----------
    frc
        Shape (K, R): correlation of the half sets.
    signal
        Shape (K, R): E|A|², from the half sets' cross power, steadied by that of all classes.
    """

    frc: torch.Tensor
    signal: torch.Tensor


def half_spectra(sums: Sums, steady_members: float = 40.0) -> Spectra:
    """Correlate the half sets.

    Parameters
    ----------
    sums
        Of all classes.
    steady_members
        A class's own power counts as much as that of all classes when it has so many members.
    """
    num, den = sums.tensors()
    floor = 0.05 * den[..., 0].real.mean(-1, keepdim=True)[..., None] + 1e-6
    one, two = num / (den_values(den, sums.grid.angle_count) + floor)
    cross = (one * two.conj()).real.mean(-1)
    norm = (one.abs().square().mean(-1) * two.abs().square().mean(-1)).sqrt()
    members = torch.as_tensor(sums.weight.sum(0)).clamp(min=0.0)
    share = (members / members.sum().clamp(min=1e-9)).float()
    pooled = (share[:, None] * cross).sum(0)
    own = (members / (members + steady_members)).float()[:, None]
    signal = own * cross + (1.0 - own) * pooled[None]
    signal = torch.maximum(smoothed(signal), 0.02 * smoothed(pooled[None]).clamp(min=0.0)).clamp(min=1e-12)
    return Spectra(cross / norm.clamp(min=1e-20), signal)


def smoothed(rings: torch.Tensor) -> torch.Tensor:
    """[1 2 1]/4 along the rings."""
    padded = torch.cat([rings[:, :1], rings, rings[:, -1:]], dim=1)
    return 0.25 * padded[:, :-2] + 0.5 * padded[:, 1:-1] + 0.25 * padded[:, 2:]


def solve(sums: Sums, signal: torch.Tensor, variance: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Averages and their variance per real component.

    Parameters
    ----------
    sums
        Of all classes.
    signal
        (K, R): E|A|² = 2τ².
    variance
        (R,): σ² of a particle's samples per real component.

    Returns
    -------
    tuple
        A (K, R, Q/2), complex64, and V (K, R) = σ²/(Den + σ²/τ²).
    """
    num, den = (part.sum(0) for part in sums.tensors())
    variance = variance.to(signal.dtype)
    penalty = 2.0 * variance[None] / signal
    average = num / (den_values(den, sums.grid.angle_count) + penalty[..., None])
    spread = variance[None] / (den[..., 0].real.clamp(min=0.0) + penalty)
    return average, spread


def crossing(frc: torch.Tensor, frequencies_per_a: torch.Tensor, threshold: float) -> torch.Tensor:
    """Resolution in Å where FRC curves (K, R) fall below a threshold for good; inf if at once."""
    curves = frc.double()
    out = torch.full((len(curves),), float("inf"), dtype=torch.float64)
    k = frequencies_per_a.double().cpu()
    for c, curve in enumerate(curves.cpu()):
        below = (curve < threshold).nonzero().reshape(-1)
        # A single ring (of few samples) below, with the next two above, doesn't end the curve.
        first = next(
            (int(b) for b in below if bool((curve[int(b) : int(b) + 3] < threshold).sum() >= 2)), len(curve)
        )
        if first == 0:
            continue
        if first >= len(curve):
            out[c] = 1.0 / k[-1]
            continue
        high, low = float(curve[first - 1]), float(curve[first])
        t = min(1.0, max(0.0, (high - threshold) / max(high - low, 1e-9)))
        out[c] = 1.0 / (k[first - 1] + t * (k[first] - k[first - 1]))
    return out
