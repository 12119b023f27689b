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

# In the bank's column "visited": an image that is left out for its strength.
STRONG = -3
# Times the median power. Particles, rare large ones among small ones too, stay below eight; at usual
# noise edges and ice lie beyond twenty.
MOST_TIMES = 10.0
# Finest detail looked at, mask radii.
_DETAIL_RADII = 0.6
# Fewer images than this have no typical power, and more than so many are not needed for it.
_FEWEST, _ENOUGH = 20, 6000


def coarse_power(engine: Engine, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Power of images at the coarse detail that tells their shape, (p,), any unit."""
    k = engine.grid.frequencies_per_a().numpy()
    rings = max(2, int(np.count_nonzero(k <= 1.0 / (_DETAIL_RADII * engine.grid.mask_radius_a))))
    out = np.zeros(len(rows))
    for piece in pieces(len(rows), 512):
        series = engine.samples.read(rows[piece])[:, :rings].astype(np.float32)
        out[piece] = np.square(series).mean(-1, dtype=np.float64) @ k[:rings]
    return out


def typical_power(engine: Engine, rows: NDArray[np.int64]) -> float:
    """Median coarse power of images; 0 of too few."""
    if len(rows) < _FEWEST:
        return 0.0
    some = rows[np.linspace(0, len(rows) - 1, min(len(rows), _ENOUGH)).astype(np.int64)]
    return float(np.median(coarse_power(engine, some)))


def strong(engine: Engine, rows: NDArray[np.int64], typical: float) -> NDArray[np.bool_]:
    """Which images are far stronger than is typical, (p,); none where nothing is."""
    if typical <= 0.0:
        return np.zeros(len(rows), dtype=np.bool_)
    return coarse_power(engine, rows) > MOST_TIMES * typical
