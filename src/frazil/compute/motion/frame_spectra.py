"""Whitened transforms of binned frames: the data of the global fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from frazil.compute.motion.dose import dose_weights
from frazil.compute.motion.likelihood import Frames
from frazil.compute.motion.spectra import MIN_LINE, Band, band_of, edge_taper
from frazil.compute.parallel import for_each

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.motion.binned import BinnedFrames

_EDGE = 0.03


@dataclass(frozen=True)
class FrameSpectra:
    """Binned frames and what their transforms need: trust and dose (F,) of each, pixel in Å."""

    binned: BinnedFrames
    padded: tuple[int, int]
    pixel_a: float
    trust: NDArray[np.float64]
    middle_dose: NDArray[np.float64]
    voltage_kv: float
    device: torch.device | str
    threads: int

    def frames(
        self,
        low_a: float,
        high_a: float,
        emphasis: NDArray[np.float32] | None = None,
        shift_a: NDArray[np.float64] | None = None,
        *,
        fading: bool = True,
    ) -> Frames:
        """Whitened transforms between two resolutions, times the strength of the signal.

        Parameters
        ----------
        low_a, high_a
            The resolutions, Å.
        emphasis
            Shape of a frame: window over the aligned specimen.
        shift_a
            Shape (F, 2): where the specimen is known to be in each frame, Å. The window follows it, and what
            the specimen travels within a frame is reckoned with: along that way fine detail is blurred.
        fading
            Whether the strength includes the loss by radiation damage.
        """
        padded, trust, means = self.padded, self.trust, self.binned.means
        count, height, width = self.binned.shape
        band = band_of(padded, (self.pixel_a, self.pixel_a), low_a, high_a, device=self.device)
        window = edge_taper(height, _EDGE)[:, None] * edge_taper(width, _EDGE)[None, :]
        over = None if emphasis is None else torch.as_tensor(emphasis, device=self.device)
        places = np.round(np.zeros((count, 2)) if shift_a is None else shift_a / self.pixel_a).astype(
            np.int64
        )
        values, power = self._transform(band, torch.as_tensor(window, device=self.device), over, places)
        good = np.nonzero(trust > 0)[0]
        typical = np.median(power[good], axis=0)
        typical = np.maximum(typical, 1e-6 * max(float(typical.max()), 1e-30))
        level = np.ones(count)
        level[good] = np.maximum((power[good] / typical) @ band.count / band.count.sum(), 1e-3)
        # The specimen's share of a frame goes with its mean, its noise with the measured level.
        strength = trust.copy()
        strength[good] *= means[good] / np.median(means[good]) / np.sqrt(level[good])
        undamaged = dose_weights(band.ring_k, self.middle_dose - self.middle_dose[0], self.voltage_kv)
        amplitude = strength[:, None] * (undamaged if fading else np.ones_like(undamaged))
        scale = amplitude / np.sqrt(level)[:, None] / np.sqrt(typical)

        travel = None if shift_a is None else travel_in_frames(shift_a)
        kept = amplitude**2

        def whiten(frame: int) -> None:
            values[frame] *= band.spread(scale[frame])
            if travel is not None:
                left = _blur(band, travel[frame])
                values[frame] *= left
                kept[frame] *= band.ring_mean(left**2)
            power[frame] = band.ring_mean(values[frame].real ** 2 + values[frame].imag ** 2)

        for_each(whiten, range(count), self.threads)
        energy = (window if emphasis is None else window * emphasis) ** 2
        share = float(energy.sum()) / (padded[0] * padded[1])
        if emphasis is not None:
            share *= float(energy.sum() / (energy**2).sum())
        return Frames(band, values, kept, power.sum(0), np.zeros((count, 2)), share, self.threads)

    def _transform(
        self, band: Band, window: torch.Tensor, emphasis: torch.Tensor | None, places: NDArray[np.int64]
    ) -> tuple[torch.Tensor, NDArray[np.float64]]:
        """Coefficients of the band (F, Ky, Kx), zero for frames without trust, and their power (F, rings)."""
        half, across = len(band.rows) // 2, slice(MIN_LINE, MIN_LINE + len(band.columns))
        first, last = int(band.rows[0]), int(band.rows[half - 1]) + 1
        count, means = self.binned.shape[0], self.binned.means
        shape = (count, 2 * half, len(band.columns))
        values = torch.zeros(shape, dtype=torch.complex64, device=self.device)
        power = np.zeros((count, band.rings))

        def transform(frame: int) -> None:
            centred = torch.from_numpy(self.binned.frame(frame)).to(self.device)
            centred.sub_(float(means[frame])).mul_(window)
            if emphasis is not None:
                centred *= torch.roll(emphasis, (int(places[frame, 1]), int(places[frame, 0])), (0, 1))
            spectrum = torch.fft.rfft2(centred, s=self.padded)
            values[frame, :half] = spectrum[first:last, across]
            values[frame, half:] = spectrum[self.padded[0] - last + 1 : self.padded[0] - first + 1, across]
            power[frame] = band.ring_mean(values[frame].real ** 2 + values[frame].imag ** 2)

        for_each(transform, np.nonzero(self.trust > 0)[0].tolist(), self.threads)
        return values, power


def travel_in_frames(shift_a: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far the specimen moves while each frame is taken: shape (F, 2), Å.

    From the shifts (F, 2) of the frames: the mean of the steps before and after; at either end the steps are
    continued.
    """
    steps = np.diff(shift_a, axis=0)
    if len(steps) < 2:
        return np.zeros_like(shift_a)
    ends = 2 * steps[[0, -1]] - steps[[1, -2]]
    padded = np.concatenate([ends[:1], steps, ends[1:]])
    travel: NDArray[np.float64] = 0.5 * (padded[1:] + padded[:-1])
    return travel


def _blur(band: Band, travel_a: NDArray[np.float64]) -> torch.Tensor:
    """Share of each coefficient (Ky, Kx) that steady motion by ``travel_a`` (2,) during a frame leaves."""
    return torch.sinc(band.ky[:, None] * float(travel_a[1]) + band.kx[None, :] * float(travel_a[0]))
