"""One field of view: where the particles lie and what is around them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from frazil.microscope.contaminants import Surroundings, make_surroundings
from frazil.microscope.placement import ParticleTable, nearest_coarse, place_particles
from frazil.microscope.projection import random_rotations
from frazil.microscope.specimens import load_specimen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.microscope.settings import ExposureSettings
    from frazil.microscope.specimens import Specimen


@dataclass(eq=False)
class Scene:
    """A canvas larger than the field by ``margin_px`` on every side at least.

    ``litter`` holds the molecules of aggregates, and fragments; they are no targets and not in ``particles``.
    Fragments follow the specimens of the settings in ``specimens``.
    """

    settings: ExposureSettings
    height_px: int
    width_px: int
    margin_px: int
    specimens: tuple[Specimen, ...]
    particles: ParticleTable
    litter: ParticleTable
    surroundings: Surroundings

    @property
    def field(self) -> tuple[slice, slice]:
        """Rows and columns of the canvas that the camera sees."""
        m, s = self.margin_px, self.settings
        return slice(m, m + s.height_px), slice(m, m + s.width_px)

    def field_mask(self, name: str, bin_px: int) -> NDArray[np.bool_]:
        """Mask of a contaminant over the field, one value per ``bin_px`` pixels."""
        mask = self.surroundings.masks[name]
        h, w = self.settings.height_px, self.settings.width_px
        y = (np.arange(-(-h // bin_px)) + 0.5) * bin_px + self.margin_px
        x = (np.arange(-(-w // bin_px)) + 0.5) * bin_px + self.margin_px
        return mask[np.ix_(nearest_coarse(y, mask.shape[0]), nearest_coarse(x, mask.shape[1]))]


def make_scene(
    settings: ExposureSettings,
    height_px: int,
    width_px: int,
    margin_px: int,
    specimens: tuple[Specimen, ...] | None = None,
    positions: ParticleTable | None = None,
) -> Scene:
    """Draw a field of view on a canvas of the given size; ``positions`` replaces the particles drawn."""
    molecules = specimens or tuple(load_specimen(name) for name in settings.specimens)
    rng = np.random.default_rng([settings.seed, 1])
    surroundings = make_surroundings(settings, rng, height_px, width_px, margin_px)
    rng = np.random.default_rng([settings.seed, 2])
    drawn = positions is None
    if positions is None:
        positions = place_particles(settings, rng, molecules, surroundings, height_px, width_px, margin_px)
    pieces = tuple(_fragment(m, rng) for m in molecules for _ in range(2)) if drawn else ()
    fragments = round(settings.fragments * len(positions)) if drawn else 0
    canvas_px = (height_px, width_px)
    litter = _litter(settings, rng, len(molecules), fragments, surroundings, canvas_px, margin_px)
    return Scene(
        settings, height_px, width_px, margin_px, molecules + pieces, positions, litter, surroundings
    )


def _fragment(specimen: Specimen, rng: np.random.Generator) -> Specimen:
    """Cut a molecule along a plane and keep the smaller part."""
    normal = rng.standard_normal(3)
    height = specimen.position_a @ (normal / np.linalg.norm(normal))
    kept = height >= np.quantile(height, rng.uniform(0.5, 0.8))
    position = specimen.position_a[kept] - specimen.position_a[kept].mean(axis=0)
    name = f"{specimen.name} fragment {rng.integers(2**31)}"
    return replace(
        specimen, name=name, position_a=position, element=specimen.element[kept], b_a2=specimen.b_a2[kept]
    )


def _litter(
    settings: ExposureSettings,
    rng: np.random.Generator,
    specimens: int,
    fragments: int,
    surroundings: Surroundings,
    canvas_px: tuple[int, int],
    margin_px: int,
) -> ParticleTable:
    """Molecules piled up where the aggregates are, and fragments anywhere."""
    x = [rng.uniform(0.0, canvas_px[1], fragments) - margin_px]
    y = [rng.uniform(0.0, canvas_px[0], fragments) - margin_px]
    kind = [specimens + rng.integers(0, 2 * specimens, fragments)]
    for cx, cy, radius in surroundings.aggregates:
        count = int(np.clip(3.0 * (radius / 60.0) ** 2 * rng.uniform(0.5, 1.0), 8, 60))
        r, angle = 0.85 * radius * np.sqrt(rng.random(count)), rng.uniform(0.0, 2.0 * np.pi, count)
        x.append((cx + r * np.cos(angle)) / settings.pixel_size_a - margin_px)
        y.append((cy + r * np.sin(angle)) / settings.pixel_size_a - margin_px)
        kind.append(rng.integers(0, specimens, count))
    n = sum(len(part) for part in x)
    return ParticleTable(
        np.concatenate(x),
        np.concatenate(y),
        rng.uniform(-settings.z_spread_a, settings.z_spread_a, n),
        np.concatenate(kind).astype(np.int32),
        random_rotations(rng, n) if n else np.zeros((0, 3, 3)),
        np.zeros(n, dtype=bool),
        np.ones(n, dtype=bool),
    )
