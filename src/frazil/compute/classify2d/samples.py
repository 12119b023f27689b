"""Polar samples of some particles, in memory (see `frazil.compute.classify2d.stage.SampleStore`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.classify2d.sampler import Sampler


class FewSamples:
    """Samples of some rows, sorted, zero until they are set."""

    def __init__(self, rows: NDArray[np.int64], sampler: Sampler) -> None:
        grid = sampler.grid
        self._rows = rows
        self._all = np.zeros((len(rows), grid.ring_count, grid.angle_count), dtype=np.float16)

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.float16]:
        """Return samples of rows."""
        return self._all[np.searchsorted(self._rows, rows)]

    def write(self, rows: NDArray[np.int64], samples: NDArray[np.float16]) -> None:
        """Set samples of rows."""
        self._all[np.searchsorted(self._rows, rows)] = samples
