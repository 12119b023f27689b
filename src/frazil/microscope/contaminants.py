"""What else is in the field: carbon, ice crystals, denatured clumps, ethane; drawn on a coarse canvas."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from frazil.microscope.coarse import COARSE_PX, upsample
from frazil.microscope.form_factors import interaction_rad_per_va
from frazil.microscope.solids import (
    CARBON_MEAN_FREE_PATH_A,
    CARBON_POTENTIAL_V,
    ICE_MEAN_FREE_PATH_A,
    ICE_POTENTIAL_V,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.microscope.settings import ExposureSettings

_STRONGEST_PHASE_RAD = 0.5
"""Thick objects are not weak: their mean phase is capped, or a linear image would turn negative."""


@dataclass(frozen=True)
class Crystal:
    """Lattice fringes of one ice crystal: centre and radius in Å of the canvas, (x, y) frequencies in 1/Å."""

    x_a: float
    y_a: float
    radius_a: float
    frequency_per_a: NDArray[np.float64]
    phase_rad: NDArray[np.float64]
    amplitude_rad: float
    cover: NDArray[np.float32]


@dataclass(eq=False)
class Surroundings:
    """Everything but the particles, on a grid of `COARSE_PX` pixels that covers the canvas.

    Attributes
    ----------
    log_transmission
        Logarithm of the share of electrons that gets through.
    phase_rad
        Mean phase of solid objects.
    carbon
        Share of carbon, 0 to 1.
    crystals
        Lattice fringes.
    masks
        Boolean masks by name: carbon, ice_crystal, aggregate, ethane.
    aggregates
        (x, y, radius) of the clumps, Å of the canvas.
    """

    log_transmission: NDArray[np.float32]
    phase_rad: NDArray[np.float32]
    carbon: NDArray[np.float32]
    crystals: list[Crystal] = field(default_factory=list)
    masks: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    aggregates: list[tuple[float, float, float]] = field(default_factory=list)


def make_surroundings(
    settings: ExposureSettings, rng: np.random.Generator, height_px: int, width_px: int, margin_px: int
) -> Surroundings:
    """Draw what surrounds the particles on a canvas of the given size (pixels of the movie).

    The field begins ``margin_px`` from the canvas's first row and column.
    """
    rows, columns = -(-height_px // COARSE_PX) + 1, -(-width_px // COARSE_PX) + 1
    step_a = COARSE_PX * settings.pixel_size_a
    y = (np.arange(rows, dtype=np.float32) * step_a)[:, None]
    x = (np.arange(columns, dtype=np.float32) * step_a)[None, :]
    zero = np.zeros((rows, columns), dtype=np.float32)
    scene = Surroundings(zero.copy(), zero.copy(), zero.copy())
    for name in ("carbon", "ice_crystal", "aggregate", "ethane"):
        scene.masks[name] = np.zeros((rows, columns), dtype=bool)
    size_a = float(max(x[0, -1], y[-1, 0]))
    centre = np.array([0.5 * x[0, -1], 0.5 * y[-1, 0]])

    angle = rng.uniform(0.0, 2.0 * np.pi)
    slope = ((x - centre[0]) * np.cos(angle) + (y - centre[1]) * np.sin(angle)) / size_a
    mottle = sum(
        smooth_noise(rng, zero.shape, length_a / step_a) * np.float32(rms)
        for length_a, rms in [(700.0, 0.06), (250.0, 0.03), (90.0, 0.015)]
    )
    thickness = settings.ice_thickness_a * (1.0 + settings.ice_gradient * slope + mottle)
    if settings.carbon != "none":
        _add_carbon(scene, settings, rng, x, y, margin_px)
        # Ice climbs towards the edge of the hole.
        near = ndimage.zoom(ndimage.gaussian_filter(scene.carbon[::8, ::8], 75.0 / step_a), 8, order=1)
        near = near[: thickness.shape[0], : thickness.shape[1]]
        thickness = thickness * (1.0 + 0.35 * near)
    scene.log_transmission -= np.maximum(thickness, 50.0) / np.float32(ICE_MEAN_FREE_PATH_A)

    for _ in range(settings.ice_crystals):
        _add_crystal(scene, settings, rng, x, y)
    for _ in range(settings.ethane):
        _add_ethane(scene, rng, x, y)
    for _ in range(settings.aggregates):
        cx, cy = rng.uniform(0.0, x[0, -1]), rng.uniform(0.0, y[-1, 0])
        radius = rng.uniform(150.0, 350.0)
        scene.aggregates.append((float(cx), float(cy), float(radius)))
        scene.masks["aggregate"] |= np.hypot(x - cx, y - cy) < radius
    scene.phase_rad = _STRONGEST_PHASE_RAD * np.tanh(scene.phase_rad / _STRONGEST_PHASE_RAD)
    return scene


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], length: float) -> NDArray[np.float32]:
    """Noise of unit variance that is smooth over ``length`` points."""
    # Drawn coarsely: a wide filter over every point would cost more than the rest of the scene.
    step = max(1, int(length / 3.0))
    coarse = rng.standard_normal((shape[0] // step + 9, shape[1] // step + 9), dtype=np.float32)
    coarse = ndimage.gaussian_filter(coarse, length / step, mode="wrap")
    coarse /= max(float(coarse.std()), 1e-12)
    out = np.empty(shape, dtype=np.float32)
    upsample(coarse, step, out)
    return out


def _add_carbon(
    scene: Surroundings,
    settings: ExposureSettings,
    rng: np.random.Generator,
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    margin_px: int,
) -> None:
    """Cover the field's share of carbon: outside a round hole, or everything."""
    if settings.carbon == "all":
        scene.carbon += 1.0
    else:
        radius = rng.uniform(5500.0, 8500.0)
        angle = rng.uniform(0.0, 2.0 * np.pi)
        first, step = margin_px // COARSE_PX, 1.0 / COARSE_PX
        rows = slice(first, first + int(settings.height_px * step), 4)
        columns = slice(first, first + int(settings.width_px * step), 4)
        field = (rows, columns)
        centre = np.array([x[0, columns].mean(), y[rows, 0].mean()])
        far = centre - 1e4 * np.array([np.cos(angle), np.sin(angle)])
        ragged = 4.0 * smooth_noise(rng, scene.carbon.shape, 10.0)
        # A circle through the field: find the distance that leaves the wanted share outside.
        along = (x - far[0]) * np.cos(angle) + (y - far[1]) * np.sin(angle)
        across = -(x - far[0]) * np.sin(angle) + (y - far[1]) * np.cos(angle)
        bulge = radius - np.sqrt(np.maximum(radius**2 - across**2, 1.0))
        depth = along + bulge + ragged
        edge = np.quantile(depth[field], 1.0 - settings.carbon_share)
        scene.carbon += 1.0 / (1.0 + np.exp(-np.clip((depth - edge) / 6.0, -30.0, 30.0))).astype(np.float32)
    scene.masks["carbon"] |= scene.carbon > 0.5
    thickness = settings.carbon_thickness_a
    scene.log_transmission -= scene.carbon * np.float32(thickness / CARBON_MEAN_FREE_PATH_A)
    phase = interaction_rad_per_va(settings.optics.voltage_kv) * CARBON_POTENTIAL_V * thickness
    scene.phase_rad += scene.carbon * np.float32(phase)


def _add_crystal(
    scene: Surroundings,
    settings: ExposureSettings,
    rng: np.random.Generator,
    x: NDArray[np.float32],
    y: NDArray[np.float32],
) -> None:
    """Add one crystal of hexagonal ice: a bevelled polygon with lattice fringes."""
    cx, cy = rng.uniform(0.0, x[0, -1]), rng.uniform(0.0, y[-1, 0])
    radius, thickness = rng.uniform(90.0, 260.0), rng.uniform(150.0, 500.0)
    corners = np.sort(rng.uniform(0.0, 2.0 * np.pi, int(rng.integers(5, 8))))
    inside = np.full(scene.carbon.shape, np.inf, dtype=np.float32)
    for corner in corners:
        reach = radius * rng.uniform(0.75, 1.1)
        inside = np.minimum(inside, reach - (x - cx) * np.cos(corner) - (y - cy) * np.sin(corner))
    # A gap between the corners would leave the polygon open.
    inside = np.minimum(inside, 1.25 * radius - np.hypot(x - cx, y - cy)).astype(np.float32)
    cover = np.clip(inside / 25.0, 0.0, 1.0).astype(np.float32)
    if not cover.any():
        return
    scene.masks["ice_crystal"] |= inside > 0.0
    scene.log_transmission -= cover * np.float32(thickness / (0.6 * ICE_MEAN_FREE_PATH_A))
    phase = interaction_rad_per_va(settings.optics.voltage_kv) * ICE_POTENTIAL_V * thickness
    scene.phase_rad += cover * np.float32(phase)
    turn = rng.uniform(0.0, np.pi)
    if rng.random() < 0.5:
        spacing, turns = np.array([3.90, 3.90, 3.90]), turn + np.deg2rad([0.0, 60.0, 120.0])
    else:
        spacing, turns = np.array([3.67, 3.90, 3.44]), turn + np.deg2rad([0.0, 90.0, 62.0])
    frequency = np.stack([np.cos(turns), np.sin(turns)], axis=1) / spacing[:, None]
    scene.crystals.append(
        Crystal(
            float(cx),
            float(cy),
            1.3 * float(radius),
            frequency,
            rng.uniform(0.0, 2.0 * np.pi, 3),
            float(rng.uniform(0.05, 0.2)),
            cover,
        )
    )


def _add_ethane(
    scene: Surroundings, rng: np.random.Generator, x: NDArray[np.float32], y: NDArray[np.float32]
) -> None:
    """Add one dark, rounded drop."""
    cx, cy = rng.uniform(0.0, x[0, -1]), rng.uniform(0.0, y[-1, 0])
    radius = rng.uniform(70.0, 220.0)
    angle = np.arctan2(y - cy, x - cx)
    wobble = 1.0 + 0.12 * np.cos(2 * angle + rng.uniform(0, 6)) + 0.08 * np.cos(3 * angle + rng.uniform(0, 6))
    distance = np.hypot(x - cx, y - cy) / (radius * wobble)
    height = np.sqrt(np.clip(1.0 - distance**2, 0.0, None)).astype(np.float32)
    scene.masks["ethane"] |= distance < 1.0
    scene.log_transmission -= height * np.float32(rng.uniform(0.25, 0.6))
    scene.phase_rad += height * np.float32(rng.uniform(0.2, 0.5))
