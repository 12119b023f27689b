"""How much of a step of Fisher scoring is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LEAST = 0.1


class Pace:
    """Shortens steps that overshoot.

    The expected curvature is a mean over directions. Frames in which the specimen travels tell much more
    about the direction across its way, where nothing is blurred, than about the way itself: whole steps would
    swing about the most probable shifts, ever more widely where the true curvature is more than twice the
    expected one. How far the next step goes back on the last one tells their ratio.
    """

    def __init__(self) -> None:
        self._share = 1.0
        self._last: NDArray[np.float64] | None = None

    def of(self, step: NDArray[np.float64]) -> float:
        """Share of ``step``, from the present shifts to those aimed at, that is to be taken."""
        last, self._last = self._last, step
        if last is not None:
            turn = float((step * last).sum()) / max(float((last * last).sum()), 1e-30)
            # This share of the last step has left `turn` of the way.
            self._share = float(np.clip(self._share / max(1.0 - turn, 1e-30), _LEAST, self._share))
        return self._share
