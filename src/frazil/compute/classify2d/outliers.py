"""Images far stronger than the particles: ice, edges of carbon and gold.

A few of them, with a hundred times the power of a particle where the particles' shape shows, would be most of
what is taken for noise, and small particles could no longer be told from one another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from frazil.compute.classify2d.prepared import pieces

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.classify2d.engine import Engine
    from frazil.compute.classify2d.stage import Images

# In the bank's column "visited": an image that is left out for its strength.
STRONG = -3
# Times the median power. Particles, rare large ones among small ones too, stay below eight; at usual
# noise edges and ice lie beyond twenty.
MOST_TIMES = 10.0
# Finest detail looked at, mask radii.
_DETAIL_RADII = 0.6
# Fewer images than this have no typical power.
_FEWEST = 20


def coarse_power(engine: Engine, rows: NDArray[np.int64], images: Images) -> NDArray[np.float64]:
    """Power of images at the coarse detail that tells their shape, (p,), any unit."""
    sampler = engine.limited_sampler(_DETAIL_RADII * engine.grid.mask_radius_a)
    k = sampler.grid.frequencies_per_a().numpy()
    out = np.zeros(len(rows))
    for piece in pieces(len(rows), 2048):
        some = rows[piece]
        series = engine.sampled(some, images, np.zeros((len(some), 2)), sampler).astype(np.float32)
        out[piece] = np.square(series).mean(-1, dtype=np.float64) @ k
    return out


def typical_power(power: NDArray[np.float64]) -> float:
    """Median coarse power of images; 0 of too few."""
    return float(np.median(power)) if len(power) >= _FEWEST else 0.0
