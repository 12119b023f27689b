"""What frames share: a specimen that fades and ice that rearranges itself.

Amorphous ice scatters, too, all over the field; where particles are few it scatters ten times as much as
they do. Its molecules move by about 1 Å² per e/Å² (McMullan, Vinothkumar & Henderson 2015, Ultramicroscopy
158, 26), so frames near in dose show the same ice and frames far apart another one, the sooner the finer the
detail. The aligned coefficients ``z_f`` of the frames at a place are Gaussian; what they share has, per ring,
the covariance

    S_fg = τ d_f d_g + θ exp(−(2πk)² m |D_f − D_g| / 6)

with the specimen's power ``τ`` and what damage leaves of it, ``d``, the ice's power ``θ`` and its mobility
``m``. With frames of strength ``a_f`` and noise of unit variance the log-likelihood is, up to what no shift
changes,

    L(u) = Σ_k zᴴ W z,   W = S (1 + A S)⁻¹,   A = diag(a_f²),   z_f = a_f F_f exp(2πi k·u_f)

which for ``θ = 0`` is the one of `likelihood`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from frazil.compute.motion.dose import dose_weights, voltage_factor

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOBILITY_A2_PER_E_PER_A2 = 1.0
"""Mean square displacement of water, in three dimensions, by one e/Å² at 300 kV."""
_DOUBT = 4.0
"""How firmly a patch is taken to be like the others, in standard deviations of 1 / sqrt(this)."""
_STRENGTH = (0.1, 5.0)


@dataclass(frozen=True)
class Shared:
    """How specimen and ice of unit power are alike from frame to frame: both of shape (R, F, F)."""

    specimen: NDArray[np.float64]
    ice: NDArray[np.float64]

    @classmethod
    def over(cls, ring_k: NDArray[np.float64], dose: NDArray[np.float64], voltage_kv: float) -> Shared:
        """At frequencies ``ring_k`` (R,), 1/Å, for frames at doses (F,), e/Å²."""
        left = dose_weights(ring_k, dose - dose[0], voltage_kv).T
        apart = np.abs(dose[:, None] - dose[None, :]) / voltage_factor(voltage_kv)
        spread_a2 = MOBILITY_A2_PER_E_PER_A2 * apart
        ice = np.exp(-((2 * np.pi * ring_k[:, None, None]) ** 2) * spread_a2 / 6)
        return cls(left[:, :, None] * left[:, None, :], ice)

    def below(self, rings: int) -> Shared:
        """Of the first ``rings`` only."""
        return Shared(self.specimen[:rings], self.ice[:rings])

    def covariance(
        self, specimen: NDArray[np.float64], ice: NDArray[np.float64], scale: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """``S`` (R, F, F) for powers (R,) that a place has ``scale`` (2,) times of."""
        total: NDArray[np.float64] = (scale[0] * specimen)[:, None, None] * self.specimen
        total += (scale[1] * ice)[:, None, None] * self.ice
        return total


@dataclass(frozen=True)
class Powers:
    """Power per ring, in units of the noise of one frame, and how many times of it each patch has.

    ``specimen`` and ``ice`` have shape (R,), ``scale`` shape (P, 2).
    """

    specimen: NDArray[np.float64]
    ice: NDArray[np.float64]
    scale: NDArray[np.float64]


def measure_powers(
    products: NDArray[np.float32], kept: NDArray[np.float64], count: NDArray[np.float64], shared: Shared
) -> Powers:
    """Tell specimen and ice apart by how long they last; neither is negative.

    Parameters
    ----------
    products
        Shape (P, R, F, F): sum over a ring of ``Re conj(z_f) z_g``.
    kept
        Shape (F, R): ``a_f²``.
    count
        Shape (R,): coefficients per ring.
    """
    first, second = np.triu_indices(kept.shape[0], 1)
    # A product of two frames has the variance a_f² a_g² / 2 and the mean a_f² a_g² S_fg.
    both = (kept[first] * kept[second]).T
    shapes = (shared.specimen[:, first, second], shared.ice[:, first, second])
    seen = products[:, :, first, second]
    along = np.stack([np.einsum("prn,rn->pr", seen, shape) for shape in shapes])
    overlap = np.array([[count * (both * a * b).sum(1) for b in shapes] for a in shapes])
    mean = _smooth(along.mean(1))
    weight = _smooth(overlap)
    alone = np.maximum(mean / np.maximum(weight[[0, 1], [0, 1]], 1e-30), 0.0)
    determinant = np.maximum(weight[0, 0] * weight[1, 1] - weight[0, 1] ** 2, 1e-30)
    specimen = (weight[1, 1] * mean[0] - weight[0, 1] * mean[1]) / determinant
    ice = (weight[0, 0] * mean[1] - weight[0, 1] * mean[0]) / determinant
    specimen, ice = (
        np.where(ice < 0, alone[0], np.maximum(specimen, 0.0)),
        np.where(specimen < 0, alone[1], np.maximum(ice, 0.0)),
    )
    power = np.stack([specimen, ice])
    normal = np.einsum("abr,ar,br->ab", overlap, power, power) + _DOUBT * np.eye(2)
    told = np.einsum("apr,ar->ap", along, power) + _DOUBT
    scale = np.clip(np.linalg.solve(normal, told).T, *_STRENGTH)
    return Powers(specimen, ice, scale)


def pair_weights(covariance: NDArray[np.float64], kept: NDArray[np.float64]) -> NDArray[np.float64]:
    """``W = S (1 + A S)⁻¹`` (R, F, F) from ``S`` (R, F, F) and ``a_f²`` (F, R)."""
    weight = covariance @ np.linalg.inv(np.eye(len(kept)) + kept.T[:, :, None] * covariance)
    symmetric: NDArray[np.float64] = 0.5 * (weight + weight.transpose(0, 2, 1))
    return symmetric


def pair_information(
    weight: NDArray[np.float64],
    covariance: NDArray[np.float64],
    kept: NDArray[np.float64],
    count: NDArray[np.float64],
    ring_k: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the expected curvature of L for shifts along one axis: shape (F, F), 1/Å².

    A weighted graph Laplacian, as `likelihood.fisher_information`: each pair of frames holds together by
    ``2 W_fg a_f² a_g² S_fg`` per coefficient.
    """
    per_ring = count * 0.5 * (2 * np.pi * ring_k) ** 2
    bond = np.einsum("r,rfg,rfg,fr,gr->fg", 2 * per_ring, weight, covariance, kept, kept, optimize=True)
    np.fill_diagonal(bond, 0.0)
    return np.asarray(np.diag(bond.sum(1)) - bond, dtype=np.float64)


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weighted mean of neighbouring rings, the last axis."""
    padded = np.pad(values, [(0, 0)] * (values.ndim - 1) + [(1, 1)], mode="edge")
    mixed: NDArray[np.float64] = 0.25 * padded[..., :-2] + 0.5 * padded[..., 1:-1] + 0.25 * padded[..., 2:]
    return mixed
