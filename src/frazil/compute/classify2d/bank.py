"""Everything that is known of the particles: growing columns, and their polar samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Poses drawn and classes remembered of each particle.
DRAWS = 4
TOP_CLASSES = 4

# name: (type, further dimensions, value of a new particle)
COLUMNS: dict[str, tuple[type, tuple[int, ...], float]] = {
    "key": (np.int64, (), -1),
    # Image stack and place in it, for whoever reads the images.
    "stack": (np.int32, (), -1),
    "place": (np.int32, (), -1),
    "alive": (np.bool_, (), 1),
    "half": (np.int8, (), 0),
    # Mean defocus, astigmatism, its angle, phase of χ at k = 0: Å, Å, rad, rad.
    "ctf": (np.float64, (4,), 0),
    # Where the samples were taken, (x, y) from the box's centre, Å.
    "offset_a": (np.float32, (2,), 0),
    # Most probable class (slot from 0, -1 for junk), its probability, and the best pose in it: γ, δx, δy.
    "slot": (np.int16, (), -1),
    "probability": (np.float32, (), 0),
    "pose": (np.float32, (3,), 0),
    # ln of the evidence of all classes over that of pure noise.
    "evidence": (np.float32, (), 0),
    "top_slot": (np.int16, (TOP_CLASSES,), -1),
    "top_probability": (np.float32, (TOP_CLASSES,), 0),
    # What the sums hold of the particle: draws (γ, δx, δy, and the variances of γ and of δ along one axis)
    # and the weight of each.
    "draw_slot": (np.int16, (DRAWS,), -1),
    "draw_pose": (np.float32, (DRAWS, 5), 0),
    "draw_weight": (np.float32, (DRAWS,), 0),
    # How often and when (number of the batch) it was visited.
    "visits": (np.int16, (), 0),
    "visited": (np.int32, (), -1),
}


@dataclass
class Bank:
    """Columns of P particles, in the order in which they came.

    ``columns[name][:count]`` holds; `column` gives that view. See the names in this module.
    """

    count: int
    columns: dict[str, NDArray[Any]]

    @classmethod
    def empty(cls) -> Bank:
        """No particle."""
        return cls(0, {name: np.zeros((0, *shape), kind) for name, (kind, shape, _) in COLUMNS.items()})

    def column(self, name: str) -> NDArray[Any]:
        """View of one column."""
        return self.columns[name][: self.count]

    def add(self, count: int) -> NDArray[np.int64]:
        """Make room for new particles; returns their rows."""
        needed = self.count + count
        if needed > len(self.columns["key"]):
            capacity = max(needed, 2 * len(self.columns["key"]), 1024)
            for name, (kind, shape, value) in COLUMNS.items():
                grown: NDArray[Any] = np.full((capacity, *shape), value, kind)
                grown[: self.count] = self.column(name)
                self.columns[name] = grown
        rows = np.arange(self.count, needed)
        self.count = needed
        return rows

    def forget(self, rows: NDArray[np.int64]) -> None:
        """Mark what the sums hold of these particles as nothing."""
        self.columns["draw_slot"][rows] = -1
        self.columns["draw_weight"][rows] = 0.0
