"""Polar samples of some particles, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.classify2d.prepared import Prepared
    from frazil.compute.classify2d.sampler import Sampler


class FewSamples:
    """Samples of some rows, sorted; zero until they are set. For an `Engine`."""

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


@dataclass(frozen=True)
class BoxViews:
    """Particles of some rows, sorted, sampled around the centres of their boxes and prepared."""

    rows: NDArray[np.int64]
    prepared: Prepared

    def of(self, rows: NDArray[np.int64]) -> Prepared | None:
        """Return these particles, if all are there; nothing is copied."""
        places = np.searchsorted(self.rows, rows).clip(max=len(self.rows) - 1)
        return self.prepared.some(places) if (self.rows[places] == rows).all() else None
