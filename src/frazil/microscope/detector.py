"""The camera: how sensitive its pixels are, and what it counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from frazil.microscope.chance import derived_seed, poisson_counts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from frazil.microscope.settings import ExposureSettings


def detector_transfer(frequency_per_a: ArrayLike, pixel_size_a: float) -> NDArray[np.float64]:
    """Amplitude sqrt(DQE(k)/DQE(0)) of a counting camera: 0.64 at Nyquist."""
    result: NDArray[np.float64] = np.sinc(np.asarray(frequency_per_a, dtype=np.float64) * pixel_size_a)
    return result


@dataclass(frozen=True, eq=False)
class Detector:
    """One camera with its faults; the same for all exposures of a ``detector_seed``.

    Attributes
    ----------
    sensitivity
        Shape (h, w): counts per counted electron, mean 1; 0 for dead pixels.
    hot_y, hot_x, hot_counts
        Hot pixels and the counts that each adds to a frame.
    gain
        Shape (h, w), float32: multiply raw counts with it; 0 for dead pixels.
    """

    sensitivity: NDArray[np.float32]
    hot_y: NDArray[np.int64]
    hot_x: NDArray[np.int64]
    hot_counts: NDArray[np.float64]
    gain: NDArray[np.float32]

    @classmethod
    def make(cls, settings: ExposureSettings) -> Detector:
        """Draw the camera's pixel pattern, columns, quadrants, hot and dead pixels."""
        h, w = settings.height_px, settings.width_px
        rng = np.random.default_rng(derived_seed(settings.detector_seed, 17))
        sigma = settings.gain_sigma
        pattern = rng.standard_normal((h, w), dtype=np.float32)
        pattern *= np.float32(sigma)
        pattern += np.float32(0.4 * sigma) * rng.standard_normal(w, dtype=np.float32)
        quadrant = sigma * rng.standard_normal((2, 4))
        tiles = np.ix_(np.arange(h) * 2 // h, np.arange(w) * 4 // w)
        pattern += quadrant[tiles].astype(np.float32)
        sensitivity = np.exp(pattern, out=pattern)
        # Mean 1 before the dead pixels, so that the dose is what the settings say.
        sensitivity /= sensitivity.mean(dtype=np.float64)
        dead = rng.integers(0, h * w, settings.dead_pixels)
        sensitivity.reshape(-1)[dead] = 0.0
        for _ in range(settings.dead_columns):
            start = int(rng.integers(0, h // 2))
            sensitivity[start:, int(rng.integers(0, w))] = 0.0
        hot = np.unique(rng.integers(0, h * w, int(rng.poisson(settings.hot_pixels * h * w))))
        hot_counts = np.minimum(rng.lognormal(1.5, 1.2, len(hot)), 100.0)
        gain = np.zeros_like(sensitivity)
        np.divide(np.float32(1.0), sensitivity, out=gain, where=sensitivity > 0)
        return cls(sensitivity, hot // w, hot % w, hot_counts, gain)

    def expose(self, rate: NDArray[np.float32], electrons_per_px: float, seed: int) -> NDArray[np.uint8]:
        """Count one frame; ``rate`` is the intensity relative to vacuum: shape (h, w)."""
        counts = np.empty(rate.shape, dtype=np.uint8)
        poisson_counts(rate, self.sensitivity, electrons_per_px, seed, counts)
        if len(self.hot_y):
            rng = np.random.default_rng(derived_seed(seed, 23))
            extra = rng.poisson(self.hot_counts) + counts[self.hot_y, self.hot_x]
            counts[self.hot_y, self.hot_x] = np.minimum(extra, 255).astype(np.uint8)
        return counts
