"""Averages without what lies outside of the particle.

Most of the disc in which particles are compared is solvent. What an average holds there is noise, which
blurs the comparison with other classes as much as noise inside the particle does. So it is taken out before
particles are compared: what stands out of the smoothed average, and some margin, is kept.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from frazil.compute.classify2d.prepared import pieces
from frazil.compute.classify2d.sums import smoothed
from frazil.compute.parallel import for_each

if TYPE_CHECKING:
    from frazil.compute.classify2d.sampler import Sampler

# An average at a coarser limit than this knows too little of its outline.
COARSEST_A = 25.0
# Of the largest density of the smoothed average: what is above is particle.
_ABOVE = 0.2
# Standard deviations of the smoothing, of the margin and of its edge, Å; where the margin begins and ends.
_SMOOTH_A, _MARGIN_A, _EDGE_A = 8.0, 7.2, 4.0
_RISE = (0.05, 0.2)
# Depth of the deepest place as a share of the largest density, from which on the outline is noise.
_NOISY = (0.4, 0.6)
# Classes worked on at a time by one thread.
_TOGETHER = 10


class Support:
    """Takes the solvent out of averages on the grid of a sampler.

    Parameters
    ----------
    sampler
        Its grid, its mask and its working pixels.
    """

    def __init__(self, sampler: Sampler) -> None:
        grid = sampler.grid
        n, pixel_a = sampler.working_box_px, sampler.working_pixel_a
        kx = torch.fft.rfftfreq(n, pixel_a, device=sampler.device)
        ky = torch.fft.fftfreq(n, pixel_a, device=sampler.device)
        self._squares = kx[None].square() + ky[:, None].square()
        # Quadrature: both halves of the circle, twice the real part.
        k = grid.frequencies_per_a(sampler.device)
        scale = sampler.mask_norm * pixel_a**2
        self._weight = (4.0 * math.pi * grid.ring_step_per_a / grid.angle_count * scale * k).float()
        self._mask = sampler.mask.float().to(sampler.device)
        self._transform = sampler.transform
        self._window = self._transform.window((sampler.mask > 0.0) / sampler.mask_norm)

    def __call__(
        self, averages: torch.Tensor, spread: torch.Tensor, threads: int = 1
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Averages (K, R, Q/2) and their variance (K, R), both without the solvent's part."""
        inside, share = torch.empty_like(averages), torch.empty_like(spread)

        def work(some: slice) -> None:
            with torch.inference_mode():
                if some.stop > some.start:
                    inside[some], share[some] = self._without_solvent(averages[some], spread[some])

        for_each(work, pieces(len(averages), _TOGETHER), threads)
        return inside, share

    def _without_solvent(
        self, averages: torch.Tensor, spread: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        pictures = self._transform.pictures(averages * self._weight[:, None])
        support = self.of(pictures)
        outside = (1.0 - support) * self._mask
        # The averages lack the zero frequency: the solvent is what it should be zero at.
        level = (pictures * outside).sum((1, 2)) / outside.sum((1, 2)).clamp(min=1e-6)
        solvent = (pictures - level[:, None, None] * self._mask) * (1.0 - support)
        re, im = self._transform(solvent, self._window)
        square = self._mask.square()
        outer = 1.0 - (support.square() * square).sum((1, 2)) / square.sum()
        # What is there beyond the noise that is to be expected is signal: the CTF carries it outwards.
        power = smoothed((re.square() + im.square()).mean(-1))
        noise = 2.0 * spread.float() * outer[:, None]
        part = (noise / power.clamp(min=1e-30)).clamp(max=1.0)
        left = 1.0 - (2.0 - part) * part * outer[:, None]
        return averages - part[..., None] * torch.complex(re, im), spread * left.to(spread.dtype)

    def of(self, pictures: torch.Tensor) -> torch.Tensor:
        """Where the particle is, from 0 to 1, in pictures (K, n, n) of working pixels."""
        smooth = self._blurred(pictures * self._mask, _SMOOTH_A)
        # Bright or dark: what stands out, not the fringe of the other sign around it.
        smooth = smooth * smooth.pow(3).sum((1, 2), keepdim=True).sign()
        top, bottom = smooth.amax((1, 2), keepdim=True), -smooth.amin((1, 2), keepdim=True)
        above = (smooth > _ABOVE * top).float()
        wide = (self._blurred(above, _MARGIN_A) - _RISE[0]) / (_RISE[1] - _RISE[0])
        support = self._blurred(wide.clamp(0.0, 1.0), _EDGE_A).clamp(0.0, 1.0)
        # Noise is as strong on either side: whose outline can't be told from it keeps everything.
        noisy = (bottom / top.clamp(min=1e-20) - _NOISY[0]) / (_NOISY[1] - _NOISY[0])
        return torch.maximum(support, noisy.clamp(0.0, 1.0))

    def _blurred(self, pictures: torch.Tensor, sigma_a: float) -> torch.Tensor:
        fall = torch.exp(-2.0 * (math.pi * sigma_a) ** 2 * self._squares)
        blurred: torch.Tensor = torch.fft.irfft2(torch.fft.rfft2(pictures) * fall, s=pictures.shape[1:])
        return blurred
