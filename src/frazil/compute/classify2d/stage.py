"""How one pass looks at the particles, and what it needs of its surroundings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class SampleStore(Protocol):
    """Polar samples of all particles, by row of the bank."""

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.float16]:
        """Return samples (p, R, Q)."""

    def write(self, rows: NDArray[np.int64], samples: NDArray[np.float16]) -> None:
        """Set samples."""


class Images(Protocol):
    """Gives images (p, n, n) by row of the bank."""

    def __call__(self, rows: NDArray[np.int64], /) -> NDArray[np.float32]:
        """Read them."""


@dataclass(frozen=True)
class Stage:
    """How one pass looks at the particles.

    Attributes
    ----------
    resolution_a
        Finest ring that is compared.
    shift_step_a, shift_radius_a, shift_sigma_a
        Grid of shifts around each particle's present centre, and the width of the prior.
    null_share
        Prior share of the null class (nothing but noise); 0: none.
    coarse
        Stage whose evidence makes the short list of classes; None: all classes are looked at.
    """

    resolution_a: float
    shift_step_a: float
    shift_radius_a: float
    shift_sigma_a: float
    null_share: float = 0.0
    coarse: Stage | None = None


@dataclass(frozen=True)
class VisitReport:
    """Numbers of one visit: particles, Σ log evidence, how many changed their class."""

    particles: int
    evidence: float
    moved: int
