"""Aggregates that outshine the particles: seen as stretches of strong detail, and told apart from crowds.

Where particles are faint, a large aggregate has more to learn from than all of them, and what is learnt from
it finds more of the same. A crowd of particles looks alike; but these are as strong as those elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import binary_propagation, distance_transform_edt, gaussian_filter, label

from frazil.compute.picking.contamination import most_alike
from frazil.compute.picking.search import surely

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.picking.search import Candidates, Search, Start

SMOOTHING = 0.35
"""σ in diameters."""
SPREADS = 4.0
DEPTH = 0.7
"""Radius in diameters of a circle that fits inside: faint particles by themselves hold none of that size."""
MOST = 0.5
"""Share of the first particles that lies in clumps where these have taken over."""
FEWEST_BESIDE = 10
STRONGER = 1.6
"""Times the amplitude of particles beside them."""


def find_clumps(
    whitened: NDArray[np.float32], valid: NDArray[np.bool_], diameter_px: float
) -> NDArray[np.bool_]:
    """Stretches of strong detail that are wider than a particle.

    Parameters
    ----------
    whitened
        Shape (h, w): the field, its power made equal at all frequencies; 0 where not ``valid``.
    valid
        Shape (h, w): where there is anything.
    diameter_px
        Of the particle.

    Returns
    -------
    mask
        Shape (h, w).
    """
    sigma = SMOOTHING * diameter_px
    energy = gaussian_filter(whitened**2, sigma)
    energy /= np.maximum(gaussian_filter(valid.astype(np.float32), sigma), 0.1)
    mode, spread = most_alike(energy[valid])
    labels, count = label(valid & (energy > mode + SPREADS * spread))
    # Beyond the field's border it may go on.
    depth = distance_transform_edt(np.pad(labels > 0, 1, mode="edge"))[1:-1, 1:-1]
    deepest = np.zeros(count + 1)
    np.maximum.at(deepest, labels.ravel(), depth.ravel())
    deepest[0] = 0.0
    wide = (deepest > DEPTH * diameter_px)[labels]
    mask: NDArray[np.bool_] = binary_propagation(wide, mask=valid & (energy > mode + 0.5 * SPREADS * spread))
    return mask


def start_beside(
    search: Search,
    flat: NDArray[np.float32],
    clipped: NDArray[np.float32],
    usable: NDArray[np.bool_],
    blobs: list[NDArray[np.float64]],
    start: Start,
) -> tuple[Start, NDArray[np.bool_]]:
    """Start that is not learnt from aggregates, and where the field is usable without them.

    Clumps are left out if most of what was found lies in them, if the rest of the field has particles of its
    own, which explain more, and if what is in the clumps is much stronger than these; else everything is as
    it was. ``search`` looks at the clipped field, before and afterwards.

    Parameters
    ----------
    flat, clipped
        Shape (h, w): the field without its background, as it is and without extremes.
    usable
        Shape (h, w).
    blobs, start
        What was searched with, and what came of it.
    """
    clumps = find_clumps(search.whitened(start.power), usable, search.diameter_px)
    if clumps.any():
        found = search.by(start)
        if clumps[_pixels(found.chosen(surely(found.score)))].mean() > MOST:
            rest = usable & ~clumps
            left = np.where(rest, clipped, np.float32(0.0))
            search.look_at(left, rest)
            other = search.start(blobs)
            if (
                other is not None
                and other.gain > start.gain
                and _outshone(search, other, flat, usable, clumps)
            ):
                search.look_at(left, rest)
                return other, rest
    search.look_at(clipped, usable)
    return start, usable


def _outshone(
    search: Search,
    other: Start,
    flat: NDArray[np.float32],
    usable: NDArray[np.bool_],
    clumps: NDArray[np.bool_],
) -> bool:
    """Whether what is in the clumps is much stronger than the particles of another start beside them."""
    beside = search.by(other)
    typical = beside.amplitude[surely(beside.score)]
    search.look_at(flat, usable)
    everywhere = search.by(other)
    strong = everywhere.amplitude[clumps[_pixels(everywhere)]]
    if typical.size < FEWEST_BESIDE or not strong.size:
        return False
    return float(np.median(strong)) > STRONGER * float(np.median(typical))


def _pixels(found: Candidates) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.rint(found.y).astype(np.int64), np.rint(found.x).astype(np.int64)
