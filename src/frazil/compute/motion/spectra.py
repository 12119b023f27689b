"""Band-limited spectra of frames, and how much signal each ring holds.

Everything the alignment needs of a movie is a stack of Fourier coefficients between two resolutions,
scaled so that the noise of a coefficient has unit variance, and three small tables: the ring of each
coefficient, the strength of the specimen in each ring and how much of it is left in each frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_LINE = 2
"""Rows and columns of the transform nearer to zero than this are left out: fixed pattern lives there."""


@dataclass(frozen=True)
class Band:
    """Which coefficients of a real transform are used.

    Attributes
    ----------
    rows, columns
        Their indices in the ``rfft2`` of an image, (Ky,) and (Kx,); rows come as as many of positive as of
        negative frequency, in the transform's order.
    ky, kx
        Their frequencies, 1/Å.
    ring
        Shape (Ky, Kx): ring of each; ``rings`` for those outside the band (they get no weight).
    rings, ring_width
        Number of rings, and their width in 1/Å.
    count
        Shape (rings,): coefficients of the half plane in each ring.
    ring_k
        Shape (rings,): mean frequency of each, 1/Å.
    """

    rows: torch.Tensor
    columns: torch.Tensor
    ky: torch.Tensor
    kx: torch.Tensor
    ring: torch.Tensor
    rings: int
    ring_width: float
    count: NDArray[np.float64]
    ring_k: NDArray[np.float64]

    def ring_mean(self, power: torch.Tensor) -> NDArray[np.float64]:
        """Mean over each ring of ``power`` (..., Ky, Kx): shape (..., rings)."""
        flat = power.reshape(-1, self.ring.numel())
        sums = torch.zeros(flat.shape[0], self.rings + 1, dtype=flat.dtype, device=flat.device)
        sums.index_add_(1, self.ring.reshape(-1), flat)
        mean = sums[:, :-1].double().cpu().numpy() / np.maximum(self.count, 1.0)
        return np.asarray(mean.reshape(*power.shape[:-2], self.rings), dtype=np.float64)

    def spread(self, table: NDArray[np.float64]) -> torch.Tensor:
        """Values per ring (..., rings) at every coefficient: (..., Ky, Kx) float32, zero outside the band."""
        padded = np.concatenate([table, np.zeros((*table.shape[:-1], 1))], axis=-1)
        values = torch.as_tensor(padded, dtype=torch.float32, device=self.ring.device)
        return values[..., self.ring]

    def crop(self, high_a: float) -> tuple[Band, int, int]:
        """Part of the band below ``1 / high_a``, and how many rows of either sign and columns it keeps."""
        half = int((self.ky[: len(self.ky) // 2] <= 1 / high_a).sum())
        width = int((self.kx <= 1 / high_a).sum())
        rings = max(int(np.searchsorted(self.ring_k, 1 / high_a)), 1)
        part = Band(
            _both_ends(self.rows, half, 0),
            self.columns[:width],
            _both_ends(self.ky, half, 0),
            self.kx[:width],
            _both_ends(self.ring[:, :width], half, 0).clamp(max=rings),
            rings,
            self.ring_width,
            self.count[:rings],
            self.ring_k[:rings],
        )
        return part, half, width


def crop_values(values: torch.Tensor, half: int, width: int) -> torch.Tensor:
    """Coefficients (..., Ky, Kx) that `Band.crop` keeps."""
    return _both_ends(values[..., :width], half, values.ndim - 2)


def _both_ends(values: torch.Tensor, half: int, axis: int) -> torch.Tensor:
    size = values.shape[axis]
    return torch.cat([values.narrow(axis, 0, half), values.narrow(axis, size - half, half)], dim=axis)


def band_of(
    shape: tuple[int, int],
    pixel_a: tuple[float, float],
    low_a: float,
    high_a: float,
    *,
    ring_width: float = 1 / 600,
    device: torch.device | str | None = None,
) -> Band:
    """Coefficients between two resolutions (Å); ``shape`` and ``pixel_a`` are those of the image, (y, x).

    Rows and columns close to zero frequency are left out, so every coefficient kept stands for itself and
    its conjugate. The band ends below Nyquist whatever ``high_a`` says.
    """
    height, width = shape
    high = min(1 / high_a, 0.49 / max(pixel_a))
    row = torch.arange(height, device=device)
    row = torch.where(row > (height - 1) // 2, row - height, row)
    column = torch.arange(width // 2 + 1, device=device)
    row = row[(row.abs() >= MIN_LINE) & (row.abs() <= high * height * pixel_a[0])]
    column = column[(column >= MIN_LINE) & (column <= high * width * pixel_a[1])]
    ky = row.float() / (height * pixel_a[0])
    kx = column.float() / (width * pixel_a[1])
    k = torch.sqrt(ky[:, None] ** 2 + kx[None, :] ** 2)
    rings = max(int(high / ring_width), 1)
    ring = (k / (high / rings)).long()
    ring[(ring >= rings) | (k < 1 / low_a)] = rings
    flat = ring.reshape(-1)
    count = torch.bincount(flat, minlength=rings + 1)[:rings].double().cpu().numpy()
    total = torch.bincount(flat, weights=k.double().reshape(-1), minlength=rings + 1)[:rings].cpu().numpy()
    centre = (np.arange(rings) + 0.5) * high / rings
    ring_k = np.where(count > 0, total / np.maximum(count, 1), centre)
    return Band(row % height, column, ky, kx, ring, rings, high / rings, count, ring_k)


def edge_taper(length: int, fraction: float) -> NDArray[np.float32]:
    """Raised-cosine window that rises over ``fraction`` of the length at either end."""
    ramp = max(round(fraction * length), 1)
    window = np.ones(length)
    edge = 0.5 * (1 - np.cos(np.pi * (np.arange(ramp) + 0.5) / ramp))
    window[:ramp] = edge
    window[length - ramp :] = edge[::-1]
    return window.astype(np.float32)


def ramps(band: Band, shift_a: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """``exp(+2πi k·u)`` as two factors: shifts (..., 2) in (x, y), Å, to (..., Ky, 1) and (..., 1, Kx)."""
    angle_y = 2 * torch.pi * shift_a[..., 1, None] * band.ky
    angle_x = 2 * torch.pi * shift_a[..., 0, None] * band.kx
    along_y = torch.polar(torch.ones_like(angle_y), angle_y)
    along_x = torch.polar(torch.ones_like(angle_x), angle_x)
    return along_y[..., :, None], along_x[..., None, :]


def signal_power(
    aligned_sum_power: NDArray[np.float64],
    own_power: NDArray[np.float64],
    kept: NDArray[np.float64],
    count: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Power of the specimen per ring from how the frames agree, in units of the noise of one frame.

    Parameters
    ----------
    aligned_sum_power, own_power
        Shape (..., rings): mean of ``|Σ_f a_f F_f|²`` and of ``Σ_f |a_f F_f|²``.
    kept
        Shape (F, rings): ``a_f²``, what is left of the specimen's power in each frame.
    count
        Shape (rings,): coefficients per ring.

    Returns
    -------
    power
        Shape (..., rings): the unbiased estimate, smoothed over neighbouring rings, not below zero.
    """
    pairs = np.maximum(kept.sum(0) ** 2 - (kept**2).sum(0), 1e-12)
    raw = (aligned_sum_power - own_power) / pairs
    weight = np.broadcast_to(np.maximum(count, 1e-9), raw.shape)
    smooth = _three_taps(raw * weight) / _three_taps(weight)
    return np.asarray(np.maximum(smooth, 0.0), dtype=np.float64)


def _three_taps(values: NDArray[np.float64]) -> NDArray[np.float64]:
    padded = np.pad(values, [(0, 0)] * (values.ndim - 1) + [(1, 1)], mode="edge")
    mixed: NDArray[np.float64] = 0.25 * padded[..., :-2] + 0.5 * padded[..., 1:-1] + 0.25 * padded[..., 2:]
    return mixed


def shift_error_bound_a(ssnr: NDArray[np.float64], k: NDArray[np.float64], area_a2: float) -> float:
    """Cramér-Rao bound of one frame's shift along one axis against a perfect reference, Å.

    Parameters
    ----------
    ssnr
        Shape (n,): spectral signal-to-noise ratio of one frame, signal power over noise power.
    k
        Shape (n,): its frequencies, 1/Å, ascending.
    area_a2
        Area of the image, Å².

    Notes
    -----
    ``I = A 4π³ ∫ k³ SSNR dk``: the sum of ``(2π k_x)² SSNR`` over the full plane.
    """
    information = area_a2 * 4 * np.pi**3 * np.trapezoid(k**3 * ssnr, k)
    return float("inf") if information <= 0 else float(information**-0.5)
