"""Frames as alignment sees them: gain-corrected and binned, made whenever they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.compute.motion.frame_kernels import bin_frame, mean_and_std
from frazil.compute.parallel import for_each

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class BinnedFrames:
    """Sums over b x b pixels of each frame. Kept, they could take as much memory as the movie itself.

    Attributes
    ----------
    raw
        Shape (F, h, w), any type of pixel.
    pixel_gain, block_gain
        What each pixel (h, w), or each block (h // b, w // b), is multiplied with; (0, 0) for nothing.
    binning
        b.
    means, stds
        Shape (F,): of the binned pixels.
    """

    raw: NDArray[Any]
    pixel_gain: NDArray[np.float32]
    block_gain: NDArray[np.float32]
    binning: int
    means: NDArray[np.float64]
    stds: NDArray[np.float64]

    @classmethod
    def measured(
        cls,
        raw: NDArray[Any],
        pixel_gain: NDArray[np.float32],
        block_gain: NDArray[np.float32],
        binning: int,
        threads: int = 1,
    ) -> BinnedFrames:
        """Bin each frame once, for its mean and deviation; the result does not depend on the threads."""
        count = len(raw)
        frames = cls(raw, pixel_gain, block_gain, binning, np.empty(count), np.empty(count))

        def measure(number: int) -> None:
            frames.means[number], frames.stds[number] = mean_and_std(frames.frame(number))

        for_each(measure, range(count), threads)
        return frames

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of frames, rows, columns."""
        count, height, width = self.raw.shape
        return count, max(height // self.binning, 1), max(width // self.binning, 1)

    def frame(self, number: int) -> NDArray[np.float32]:
        """Return one frame, a new array of shape (h // b, w // b)."""
        out = np.empty(self.shape[1:], dtype=np.float32)
        bin_frame(self.raw[number], self.pixel_gain, self.block_gain, self.binning, out)
        return out
