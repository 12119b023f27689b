"""Particles found on one micrograph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Picks:
    """Particle candidates of one micrograph, best first, also those below the threshold.

    Attributes
    ----------
    x_px, y_px
        Shape (n,): sub-pixel centres, 0-based pixels of the micrograph.
    score
        Shape (n,): z-score; comparable between micrographs.
    threshold
        Candidates with ``score >= threshold`` are the picks.
    diameter_a
        Particle diameter used or found, Å.
    contaminated_fraction
        Share of the field masked as carbon, ice crystal, aggregate or edge.
    note
        What a person should know: for instance why nothing was picked.
    by_hand
        Shape (n,): 1 added by a person, -1 removed by one, 0 untouched; None: all untouched.
    """

    x_px: NDArray[np.float64]
    y_px: NDArray[np.float64]
    score: NDArray[np.float64]
    threshold: float
    diameter_a: float
    contaminated_fraction: float
    note: str = ""
    by_hand: NDArray[np.int8] | None = None

    @property
    def accepted(self) -> NDArray[np.bool_]:
        """Shape (n,): which candidates are picks."""
        found: NDArray[np.bool_] = self.score >= self.threshold
        if self.by_hand is None:
            return found
        decided: NDArray[np.bool_] = (self.by_hand > 0) | (found & (self.by_hand == 0))
        return decided
