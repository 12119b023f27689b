"""Find particles in the whole neighbourhood of their boxes' centres, and sample them there.

A search for centres compares coarse detail only: the images are sampled on a coarse grid for it, which costs
a tenth of samples to the final resolution.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from frazil.compute.classify2d.prepared import centre_a, prepare

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.classify2d.engine import Engine
    from frazil.compute.classify2d.expectation import Found
    from frazil.compute.classify2d.samples import BoxViews
    from frazil.compute.classify2d.stage import Images, Stage

# No centre may lie further from the box's, mask radii.
FURTHEST = 0.4


def search(
    engine: Engine, rows: NDArray[np.int64], images: Images, stage: Stage, held: BoxViews | None = None
) -> Found:
    """Look for particles around the centres of their boxes; bank, samples and sums stay as they are.

    Parameters
    ----------
    engine
        Its sums should not hold the particles.
    rows, images
        Particles, and what gives their images.
    stage
        Of coarse detail, with a radius that reaches as far as particles may be off.
    held
        Some particles as this very search needs them.
    """
    prepared = None if held is None else held.of(rows)
    if prepared is not None:
        return engine.expect(prepared, stage)[0]
    sampler = engine.limited_sampler(stage.resolution_a)
    samples = engine.sampled(rows, images, np.zeros((len(rows), 2)), sampler)
    ctf = engine.bank.columns["ctf"][rows].astype(np.float64)
    return engine.expect(prepare(sampler.grid, samples, ctf, engine.optics, engine.threads), stage)[0]


def find_centres(
    engine: Engine, rows: NDArray[np.int64], images: Images, stage: Stage, held: BoxViews | None = None
) -> None:
    """Search particles and sample them around what is found; the sums then lack them.

    What was found of them is in the bank, ready to be put into the sums. Parameters as `search`.
    """
    columns = engine.bank.columns
    engine.remove(rows)
    found = search(engine, rows, images, stage, held)
    columns["offset_a"][rows] = 0.0
    engine.note(rows, found)
    engine.resample(rows, images, within_reach(engine, centre_a(columns["pose"][rows])))


def within_reach(engine: Engine, wanted_a: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return centres (p, 2), those too far out replaced by the box's own."""
    near = np.hypot(*wanted_a.T) <= FURTHEST * engine.grid.mask_radius_a
    return np.where(near[:, None], wanted_a, 0.0)


def recentre(engine: Engine, rows: NDArray[np.int64], images: Images) -> None:
    """Take the best shifts of particles over into the centres at which they are sampled.

    Those never visited, or too far out, stay as they are.
    """
    columns = engine.bank.columns
    wanted = columns["offset_a"][rows] + centre_a(columns["pose"][rows])
    known = (columns["visits"][rows] > 0) & (np.hypot(*wanted.T) <= FURTHEST * engine.grid.mask_radius_a)
    engine.sample_at(rows[known], images, wanted[known])
