"""Where particles lie and how they are turned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from frazil.microscope.coarse import COARSE_PX
from frazil.microscope.contaminants import smooth_noise
from frazil.microscope.projection import in_plane_rotation, random_rotations

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.microscope.contaminants import Surroundings
    from frazil.microscope.settings import ExposureSettings
    from frazil.microscope.specimens import Specimen

_ATTEMPTS = 60


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


def place_particles(
    settings: ExposureSettings,
    rng: np.random.Generator,
    specimens: tuple[Specimen, ...],
    surroundings: Surroundings,
    height_px: int,
    width_px: int,
    margin_px: int,
) -> ParticleTable:
    """Scatter particles over a canvas of the given size; the field begins ``margin_px`` inside it."""
    px = settings.pixel_size_a
    diameters = np.array([s.diameter_a for s in specimens])
    kinds = _kinds(settings, rng, diameters, height_px * width_px)
    x, y, kind = _scatter(settings, rng, diameters, kinds, surroundings, (height_px, width_px))
    n = len(x)
    carbon = surroundings.carbon
    on_carbon = carbon[nearest_coarse(y, carbon.shape[0]), nearest_coarse(x, carbon.shape[1])] > 0.5
    rotation = _orientations(rng, n, settings.preferred_orientation)
    z_a = rng.uniform(-settings.z_spread_a, settings.z_spread_a, n)
    overlapping = _overlapping(x * px, y * px, diameters[kind])
    x, y = x - margin_px, y - margin_px
    inside = (x >= 0) & (y >= 0) & (x <= settings.width_px - 1) & (y <= settings.height_px - 1)
    return ParticleTable(x, y, z_a, kind, rotation, inside & ~on_carbon, overlapping)


def _kinds(
    settings: ExposureSettings, rng: np.random.Generator, diameters_a: NDArray[np.float64], canvas: int
) -> NDArray[np.int64]:
    """Which specimen each particle to be placed is; as many as the settings ask for on a canvas' pixels."""
    if settings.empty or settings.dead:
        return np.zeros(0, dtype=np.int64)
    shares = np.asarray(settings.fractions or [1.0] * len(diameters_a), dtype=np.float64)
    shares /= shares.sum()
    field = settings.height_px * settings.width_px
    count: float | None = settings.particles
    if count is None:
        distance_a = settings.spacing * float(np.sum(shares * diameters_a))
        count = field * settings.pixel_size_a**2 / distance_a**2
    return rng.choice(len(diameters_a), round(count * canvas / field), p=shares)


def _scatter(
    settings: ExposureSettings,
    rng: np.random.Generator,
    diameters_a: NDArray[np.float64],
    kinds: NDArray[np.int64],
    surroundings: Surroundings,
    canvas_px: tuple[int, int],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int32]]:
    """Positions on the canvas (pixels) and kinds of the particles that found a place."""
    px = settings.pixel_size_a
    masks = surroundings.masks
    blocked = masks["ice_crystal"] | masks["ethane"] | masks["aggregate"]
    reach = 0.4 * float(diameters_a.mean()) / (px * COARSE_PX)
    blocked = ndimage.binary_dilation(blocked, iterations=max(1, round(reach)))
    cells = _Cells(float(diameters_a.max()))
    crowd = _crowding(settings, rng, blocked.shape)
    height, width = canvas_px
    x: list[float] = []
    y: list[float] = []
    kept: list[int] = []
    for kind in kinds:
        free = rng.random() < settings.overlap
        raft = bool(x) and rng.random() < settings.clustering
        for _ in range(_ATTEMPTS):
            cx, cy = rng.uniform(0.0, width), rng.uniform(0.0, height)
            if raft:
                other, turn = int(rng.integers(len(x))), rng.uniform(0.0, 2.0 * np.pi)
                apart = 0.5 * (diameters_a[kind] + diameters_a[kept[other]]) * rng.uniform(1.0, 1.08) / px
                cx, cy = x[other] + apart * np.cos(turn), y[other] + apart * np.sin(turn)
            row, column = round(cy / COARSE_PX), round(cx / COARSE_PX)
            if not (0 <= cx < width and 0 <= cy < height) or blocked[row, column]:
                continue
            welcome = 1.0 if raft else crowd[row, column]
            # Few particles stay on carbon.
            if rng.random() > (0.1 if surroundings.carbon[row, column] > 0.5 else welcome):
                continue
            if free or cells.room(cx * px, cy * px, float(diameters_a[kind])):
                x.append(float(cx))
                y.append(float(cy))
                kept.append(int(kind))
                cells.add(cx * px, cy * px, float(diameters_a[kind]))
                break
    return np.array(x), np.array(y), np.array(kept, dtype=np.int32)


def _orientations(rng: np.random.Generator, count: int, preferred: float) -> NDArray[np.float64]:
    """Uniform rotations; a share of ``preferred`` has its z axis within some 12 degrees of the beam."""
    if count == 0:
        return np.zeros((0, 3, 3))
    rotation = random_rotations(rng, count)
    for i in np.flatnonzero(rng.random(count) < preferred):
        tilt = np.deg2rad(12.0) * rng.standard_normal()
        lean = np.array([[np.cos(tilt), 0, np.sin(tilt)], [0, 1, 0], [-np.sin(tilt), 0, np.cos(tilt)]])
        rotation[i] = in_plane_rotation(rng.uniform(0, 360)) @ lean @ in_plane_rotation(rng.uniform(0, 360))
    return rotation


def _overlapping(
    x_a: NDArray[np.float64], y_a: NDArray[np.float64], diameter_a: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which particles have another one nearer than 0.8 mean diameters."""
    result = np.zeros(len(x_a), dtype=bool)
    if len(x_a):
        points = np.stack([x_a, y_a], axis=1)
        for i, j in cKDTree(points).query_pairs(0.8 * float(diameter_a.max())):
            if np.hypot(*(points[i] - points[j])) < 0.4 * (diameter_a[i] + diameter_a[j]):
                result[[i, j]] = True
    return result


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


def nearest_coarse(position_px: NDArray[np.floating[Any]], size: int) -> NDArray[np.int64]:
    """Index of the coarse point nearest to positions in canvas pixels."""
    return np.clip(np.rint(position_px / COARSE_PX).astype(np.int64), 0, size - 1)
