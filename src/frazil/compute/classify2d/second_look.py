"""Find particles again that were lost: a wide search among good averages against what is believed so far.

Centres are found early, among poor averages, and later searches are narrow. A particle that went to a wrong
centre or into a class of leftovers stays there, sure of itself. So everybody is looked for once more in the
whole neighbourhood of the box's centre, and keeps the better of the old and the new place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from frazil.compute.classify2d.prepared import centre_a
from frazil.compute.classify2d.stage import VisitReport

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.classify2d.engine import Engine
    from frazil.compute.classify2d.stage import Images, Stage

# What of a particle belongs to where it was found.
_PLACE = (
    "slot",
    "probability",
    "pose",
    "evidence",
    "top_slot",
    "top_probability",
    "draw_slot",
    "draw_pose",
    "draw_weight",
)


def look_again(
    engine: Engine, rows: NDArray[np.int64], images: Images, wide: Stage, fine: Stage
) -> VisitReport:
    """Visit particles twice, around the box's centre and around what is found there; keep the better place.

    Parameters
    ----------
    engine
        Holds sums with these particles, visited at ``fine`` before.
    rows
        Particles, distinct; a few hundred at a time, since the averages lack them meanwhile.
    images
        Gives their images.
    wide, fine
        Stages of the search and of the comparison. Of the wide one, the prior of the centre counts as well.
    """
    columns = engine.bank.columns
    old = {name: columns[name][rows].copy() for name in _PLACE}
    old_offset = columns["offset_a"][rows].astype(np.float64)
    old_centre = old_offset + centre_a(old["pose"])
    engine.remove(rows)
    engine.sample_at(rows, images, np.zeros_like(old_offset))
    engine.visit(rows, wide, keep=False)
    engine.bank.forget(rows)
    engine.recentre(rows, images, 0.4 * engine.grid.mask_radius_a)
    engine.visit(rows, fine, keep=False)
    centre = columns["offset_a"][rows] + centre_a(columns["pose"][rows])
    nearer = (np.square(old_centre) - np.square(centre)).sum(1) / (2.0 * wide.shift_sigma_a**2)
    stay = columns["evidence"][rows] - old["evidence"] + nearer <= 0.0
    engine.bank.forget(rows[stay])
    engine.sample_at(rows[stay], images, old_offset[stay])
    for name, values in old.items():
        columns[name][rows[stay]] = values[stay]
    engine.put_back(rows)
    moved = int((columns["slot"][rows] != old["slot"]).sum())
    return VisitReport(2 * len(rows), float(columns["evidence"][rows].sum(dtype=np.float64)), moved)
