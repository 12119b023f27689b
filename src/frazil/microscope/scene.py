"""One field of view: where the particles lie and what is around them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from frazil.microscope.coarse import COARSE_PX
from frazil.microscope.contaminants import Surroundings, make_surroundings, smooth_noise
from frazil.microscope.projection import in_plane_rotation, random_rotations
from frazil.microscope.specimens import load_specimen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.microscope.settings import ExposureSettings
    from frazil.microscope.specimens import Specimen


@dataclass(frozen=True)
class ParticleTable:
    """Particles of one exposure; all arrays have one entry per particle.

    Attributes
    ----------
    x_px, y_px
        Centre in the first frame: 0-based pixels, column and row.
    z_a
        Height: its defocus is the exposure's plus this.
    specimen_id
        Index into the exposure's specimens.
    rotation
        Shape (n, 3, 3): atom r goes to R r; x is then the column, y the row.
    visible
        The centre lies in the field and not on carbon, crystals, clumps or drops.
    overlapping
        Another particle is nearer than 0.8 diameters.
    """

    x_px: NDArray[np.float64]
    y_px: NDArray[np.float64]
    z_a: NDArray[np.float64]
    specimen_id: NDArray[np.int32]
    rotation: NDArray[np.float64]
    visible: NDArray[np.bool_]
    overlapping: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.x_px)


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

    def field_mask(self, name: str, bin_px: int = 8) -> NDArray[np.bool_]:
        """Mask of a contaminant over the field, one value per ``bin_px`` pixels."""
        mask = self.surroundings.masks[name]
        h, w = self.settings.height_px, self.settings.width_px
        y = (np.arange(-(-h // bin_px)) + 0.5) * bin_px + self.margin_px
        x = (np.arange(-(-w // bin_px)) + 0.5) * bin_px + self.margin_px
        return mask[np.ix_(_nearest(y, mask.shape[0]), _nearest(x, mask.shape[1]))]


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
        positions = _place(settings, rng, molecules, surroundings, height_px, width_px, margin_px)
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


def _nearest(position_px: NDArray[np.floating[Any]], size: int) -> NDArray[np.int64]:
    return np.clip(np.rint(position_px / COARSE_PX).astype(np.int64), 0, size - 1)


def _place(
    settings: ExposureSettings,
    rng: np.random.Generator,
    specimens: tuple[Specimen, ...],
    surroundings: Surroundings,
    height_px: int,
    width_px: int,
    margin_px: int,
) -> ParticleTable:
    """Scatter particles over the canvas."""
    px = settings.pixel_size_a
    shares = np.asarray(settings.fractions or [1.0] * len(specimens), dtype=np.float64)
    diameters = np.array([s.diameter_a for s in specimens])
    mean_a = float(np.sum(shares * diameters) / shares.sum())
    field = settings.height_px * settings.width_px
    count = settings.particles
    if count is None:
        count = round(field * px**2 / (settings.spacing * mean_a) ** 2)
    if settings.empty or settings.dead:
        count = 0
    count = round(count * height_px * width_px / field)
    specimen = rng.choice(len(specimens), count, p=shares / shares.sum())
    blocked = (
        surroundings.masks["ice_crystal"] | surroundings.masks["ethane"] | surroundings.masks["aggregate"]
    )
    blocked = ndimage.binary_dilation(blocked, iterations=max(1, round(0.4 * mean_a / (px * COARSE_PX))))
    cells = _Cells(float(diameters.max()))
    crowd = _crowding(settings, rng, blocked.shape)
    x: list[float] = []
    y: list[float] = []
    kept: list[int] = []
    for s in specimen:
        free = rng.random() < settings.overlap
        raft = bool(x) and rng.random() < settings.clustering
        for _ in range(60):
            cx, cy = rng.uniform(0.0, width_px), rng.uniform(0.0, height_px)
            if raft:
                other, turn = int(rng.integers(len(x))), rng.uniform(0.0, 2.0 * np.pi)
                apart = 0.5 * (diameters[s] + diameters[kept[other]]) * rng.uniform(1.0, 1.08) / px
                cx, cy = x[other] + apart * np.cos(turn), y[other] + apart * np.sin(turn)
                if not (0.0 <= cx < width_px and 0.0 <= cy < height_px):
                    continue
            row, column = (
                _nearest(np.array([cy]), blocked.shape[0])[0],
                _nearest(np.array([cx]), blocked.shape[1])[0],
            )
            if blocked[row, column] or (surroundings.carbon[row, column] > 0.5 and rng.random() < 0.9):
                continue
            if not raft and rng.random() > crowd[row, column]:
                continue
            if free or cells.room(cx * px, cy * px, diameters[s]):
                x.append(cx)
                y.append(cy)
                kept.append(s)
                cells.add(cx * px, cy * px, diameters[s])
                break
    n = len(x)
    px_x, px_y = np.array(x) - margin_px, np.array(y) - margin_px
    specimen_id = np.array(kept, dtype=np.int32)
    rotation = random_rotations(rng, n) if n else np.zeros((0, 3, 3))
    for i in np.flatnonzero(rng.random(n) < settings.preferred_orientation):
        tilt = np.deg2rad(12.0) * rng.standard_normal()
        lean = np.array([[np.cos(tilt), 0, np.sin(tilt)], [0, 1, 0], [-np.sin(tilt), 0, np.cos(tilt)]])
        rotation[i] = in_plane_rotation(rng.uniform(0, 360)) @ lean @ in_plane_rotation(rng.uniform(0, 360))
    inside = (px_x >= 0) & (px_y >= 0) & (px_x <= settings.width_px - 1) & (px_y <= settings.height_px - 1)
    on_carbon = np.zeros(n, dtype=bool)
    overlapping = np.zeros(n, dtype=bool)
    if n:
        rows = _nearest(px_y + margin_px, blocked.shape[0])
        columns = _nearest(px_x + margin_px, blocked.shape[1])
        on_carbon = surroundings.carbon[rows, columns] > 0.5
        points = np.stack([px_x, px_y], axis=1) * px
        for i, j in cKDTree(points).query_pairs(0.8 * float(diameters.max())):
            reach = 0.4 * (diameters[specimen_id[i]] + diameters[specimen_id[j]])
            if np.hypot(*(points[i] - points[j])) < reach:
                overlapping[[i, j]] = True
    return ParticleTable(
        px_x,
        px_y,
        rng.uniform(-settings.z_spread_a, settings.z_spread_a, n),
        specimen_id,
        rotation,
        inside & ~on_carbon,
        overlapping,
    )


def _crowding(
    settings: ExposureSettings, rng: np.random.Generator, shape: tuple[int, int]
) -> NDArray[np.float32]:
    """How likely a place is to be taken, 0 to 1, on the coarse canvas: some of the ice is better."""
    noise = smooth_noise(rng, shape, 600.0 / (settings.pixel_size_a * COARSE_PX))
    likely: NDArray[np.float32] = np.exp(np.float32(settings.clustering) * noise)
    likely /= likely.max()
    return likely


class _Cells:
    """Remembers placed discs by cells as large as the largest disc."""

    def __init__(self, size_a: float) -> None:
        self._size = size_a
        self._content: dict[tuple[int, int], list[tuple[float, float, float]]] = {}

    def room(self, x_a: float, y_a: float, diameter_a: float) -> bool:
        """Tell whether a disc fits without touching another."""
        cx, cy = int(x_a // self._size), int(y_a // self._size)
        for i in (cx - 1, cx, cx + 1):
            for j in (cy - 1, cy, cy + 1):
                for ox, oy, other in self._content.get((i, j), ()):
                    if (ox - x_a) ** 2 + (oy - y_a) ** 2 < (0.5 * (other + diameter_a)) ** 2:
                        return False
        return True

    def add(self, x_a: float, y_a: float, diameter_a: float) -> None:
        """Remember a disc."""
        key = (int(x_a // self._size), int(y_a // self._size))
        self._content.setdefault(key, []).append((x_a, y_a, diameter_a))


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
