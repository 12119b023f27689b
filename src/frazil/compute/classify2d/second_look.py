"""Find particles again that were lost: a wide search among good averages against what is believed so far.

Centres are found early, among poor averages, and later searches are narrow. A particle that went to a wrong
centre or into a class of leftovers stays there, sure of itself. So everybody is looked for once more in the
whole neighbourhood of the box's centre; who is found elsewhere is compared there, and keeps the better place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from frazil.compute.classify2d.centres import search, within_reach
from frazil.compute.classify2d.prepared import centre_a, prepare
from frazil.compute.classify2d.stage import VisitReport

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.classify2d.engine import Engine
    from frazil.compute.classify2d.samples import BoxViews
    from frazil.compute.classify2d.stage import Images, Stage

# What is found nearer than this to where a particle is believed to be is the same place, radii of the fine
# stage's search.
_SAME_PLACE = 1.5


def look_again(
    engine: Engine,
    rows: NDArray[np.int64],
    images: Images,
    wide: Stage,
    fine: Stage,
    held: BoxViews | None = None,
) -> VisitReport:
    """Search particles in the whole box; compare those found elsewhere there, and keep the better place.

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
    held
        Some particles as the search needs them.
    """
    columns = engine.bank.columns
    before = columns["slot"][rows].copy()
    engine.take_out(rows)
    old_centre = columns["offset_a"][rows] + centre_a(columns["pose"][rows])
    there = within_reach(engine, centre_a(search(engine, rows, images, wide, held).pose))
    elsewhere = np.hypot(*(there - old_centre).T) > _SAME_PLACE * fine.shift_radius_a
    some, old_centre, there = rows[elsewhere], old_centre[elsewhere], there[elsewhere]
    if len(some):
        samples = engine.sampled(some, images, there, engine.sampler)
        ctf = columns["ctf"][some].astype(np.float64)
        prepared = prepare(engine.grid, samples, ctf, engine.optics, engine.threads)
        found = engine.expect(prepared, fine, columns["slot"][some])[0]
        centre = there + centre_a(found.pose)
        nearer = (np.square(old_centre) - np.square(centre)).sum(1) / (2.0 * wide.shift_sigma_a**2)
        better = found.evidence - columns["evidence"][some] + nearer > 0.0
        engine.take_samples(some[better], samples[better], there[better])
        engine.note(some[better], found.some(better))
    engine.put_back(rows)
    moved = int((columns["slot"][rows] != before).sum())
    return VisitReport(len(rows) + len(some), float(columns["evidence"][rows].sum(dtype=np.float64)), moved)
