"""Patches of the frames, ring by ring, for the likelihood of `ice`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch

from frazil.compute.motion.ice import Shared, measure_powers, pair_information, pair_weights
from frazil.compute.parallel import for_each

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.motion.patches import Patches


@dataclass
class IcePatches:
    """Coefficients sorted by ring, and the weights of their pairs.

    Attributes
    ----------
    rings
        For each ring of n coefficients: shape (P, F, 2 n) float32, real parts first.
    frequency
        For each ring: (kx, ky) of its coefficients, shape (2, n), 1/Å.
    kept
        Shape (F, R): ``a_f²``.
    count, ring_k
        Shape (R,): coefficients per ring and their mean frequency.
    shared
        How specimen and ice are alike from frame to frame.
    share
        Shape (P,): factor on the log-likelihood of each patch, see `Patches`.
    shift_a
        Shape (P, F, 2): shifts applied to the coefficients, Å.
    weight
        Shape (P, R, F, F): ``W``, once measured.
    """

    rings: list[torch.Tensor]
    frequency: list[torch.Tensor]
    kept: NDArray[np.float64]
    count: NDArray[np.float64]
    ring_k: NDArray[np.float64]
    shared: Shared
    share: NDArray[np.float64]
    shift_a: NDArray[np.float64]
    weight: NDArray[np.float32]
    threads: int = 1

    @classmethod
    def of(cls, patches: Patches, dose: NDArray[np.float64], voltage_kv: float) -> IcePatches:
        """Sort patches of single frames at doses (F,), e/Å², whose strength leaves damage out."""
        band = patches.band
        places, frames = patches.values.shape[:2]
        order = torch.argsort(band.ring.reshape(-1), stable=True)
        ends = np.concatenate([[0], np.cumsum(band.count)]).astype(int)
        members = [order[first:last] for first, last in pairwise(ends)]
        flat = patches.values.reshape(places, frames, -1)
        kx = band.kx.repeat(len(band.ky))
        ky = band.ky.repeat_interleave(len(band.kx))
        rings: list[torch.Tensor] = []
        for chosen in members:
            part = flat[:, :, chosen]
            rings.append(torch.cat([part.real, part.imag], dim=2))
        return cls(
            rings,
            [torch.stack([kx[chosen], ky[chosen]]) for chosen in members],
            patches.kept,
            band.count,
            band.ring_k,
            Shared.over(band.ring_k, dose, voltage_kv),
            patches.share,
            patches.shift_a.copy(),
            np.zeros((places, band.rings, frames, frames), dtype=np.float32),
            patches.threads,
        )

    def below(self, high_a: float) -> IcePatches:
        """Return the rings below ``1 / high_a`` alone; moving them leaves these where they are."""
        n = int(np.searchsorted(self.ring_k, 1 / high_a))
        return IcePatches(
            self.rings[:n], self.frequency[:n], self.kept[:, :n], self.count[:n], self.ring_k[:n],
            self.shared.below(n), self.share, self.shift_a, self.weight[:, :n], self.threads,
        )  # fmt: skip

    def move_to(self, shift_a: NDArray[np.float64]) -> None:
        """Apply ``exp(+2πi k·u)`` so that the patches are aligned for these shifts (P, F, 2)."""
        step = torch.as_tensor(2 * np.pi * (shift_a - self.shift_a), dtype=torch.float32)

        def move(ring: int) -> None:
            angle = step @ self.frequency[ring]
            real, imag = self.rings[ring].chunk(2, dim=2)
            cos, sin = torch.cos(angle), torch.sin(angle)
            self.rings[ring] = torch.cat([real * cos - imag * sin, real * sin + imag * cos], dim=2)

        for_each(move, range(len(self.rings)), self.threads)
        self.shift_a = shift_a.copy()

    def measure(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Measure specimen and ice as the frames now agree, and weigh pairs of frames by them.

        Returns the size (P,) of each patch's information and its mean course over the frames (F, F), 1/Å².
        """
        places, rings, frames = self.weight.shape[:3]
        products = np.empty((places, rings, frames, frames), dtype=np.float32)

        def multiply(ring: int) -> None:
            values = self.rings[ring]
            products[:, ring] = torch.bmm(values, values.transpose(1, 2)).numpy()

        for_each(multiply, range(rings), self.threads)
        powers = measure_powers(products, self.kept, self.count, self.shared)
        courses = np.empty((places, frames, frames))

        def weigh(place: int) -> None:
            covariance = self.shared.covariance(powers.specimen, powers.ice, powers.scale[place])
            weight = pair_weights(covariance, self.kept)
            self.weight[place] = weight
            courses[place] = pair_information(weight, covariance, self.kept, self.count, self.ring_k)

        for_each(weigh, range(places), self.threads)
        size = np.trace(courses, axis1=1, axis2=2)
        return self.share * size / max(float(size.mean()), 1e-30), courses.mean(0)

    def gradient(self) -> NDArray[np.float64]:
        """Gradient (P, F, 2) of the log-likelihood with respect to the shifts, 1/Å."""
        places, rings, frames = self.weight.shape[:3]
        parts = np.empty((rings, places, frames, 2))

        def evaluate(ring: int) -> None:
            values = self.rings[ring]
            weighted = torch.bmm(torch.as_tensor(self.weight[:, ring]), values)
            real, imag = values.chunk(2, dim=2)
            across = weighted[:, :, : real.shape[2]] * imag - weighted[:, :, real.shape[2] :] * real
            parts[ring] = (across @ self.frequency[ring].T).numpy()

        for_each(evaluate, range(rings), self.threads)
        return np.asarray(-4 * np.pi * self.share[:, None, None] * parts.sum(0), dtype=np.float64)
