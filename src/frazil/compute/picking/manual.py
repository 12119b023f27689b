"""Bring together what picking found and what a person decided about it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from frazil.model.manual_picks import SAME_PARTICLE_DIAMETERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.model.manual_picks import ManualPicks
    from frazil.model.picks import Picks


def near(
    x_px: NDArray[np.float64],
    y_px: NDArray[np.float64],
    points_px: NDArray[np.float64],
    reach_px: float,
) -> NDArray[np.bool_]:
    """Tell which candidates, shape (n,), lie within ``reach_px`` of any of the points, shape (m, 2)."""
    result = np.zeros(x_px.size, dtype=bool)
    for x, y in points_px:
        result |= np.hypot(x_px - x, y_px - y) <= reach_px
    return result


def with_manual_picks(picks: Picks, manual: ManualPicks, pixel_size_a: float) -> Picks:
    """Apply what a person decided.

    Candidates at a removed place, or at that of an added particle, are picks no longer; added ones follow
    behind all candidates. They have no score of their own: that of the threshold stands for it.

    Parameters
    ----------
    picks
        What was found, best first.
    manual
        Places in Å.
    pixel_size_a
        Of the micrograph, Å.
    """
    if not manual.token:
        return picks
    added = np.array(manual.added, dtype=np.float64).reshape(-1, 2) / pixel_size_a
    removed = np.array(manual.removed, dtype=np.float64).reshape(-1, 2) / pixel_size_a
    reach = SAME_PARTICLE_DIAMETERS * picks.diameter_a / pixel_size_a
    taken = near(picks.x_px, picks.y_px, np.concatenate([added, removed]), reach)
    return replace(
        picks,
        x_px=np.concatenate([picks.x_px, added[:, 0]]),
        y_px=np.concatenate([picks.y_px, added[:, 1]]),
        score=np.concatenate([picks.score, np.full(len(added), picks.threshold)]),
        by_hand=np.concatenate([np.where(taken, -1, 0), np.ones(len(added))]).astype(np.int8),
    )
