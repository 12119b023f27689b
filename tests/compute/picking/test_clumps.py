"""Faint particles beside large aggregates; crowds of particles beside empty ice."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from frazil.compute.picking import find_particles
from frazil.compute.picking.centring import isolate
from frazil.compute.picking.clumps import find_clumps
from frazil.compute.picking.template import Rings

if TYPE_CHECKING:
    from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))
from fields import micrograph, nearest, scatter  # type: ignore[import-not-found,unused-ignore]

SHAPE = (720, 720)
PIXEL_A, DIAMETER_A = 4.0, 160.0
DIAMETER_PX = DIAMETER_A / PIXEL_A


def _aggregate(seed: int, x: float, y: float, radius: float) -> NDArray[np.float32]:
    """Dark grains, piled up."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    inside = gaussian_filter((np.hypot(columns - x, rows - y) < radius).astype(float), 6.0)
    grains = gaussian_filter(rng.random(SHAPE) ** 6, 6.0)
    return np.asarray(inside * (grains - grains.mean()) / grains.std(), np.float32)


def test_an_aggregate_does_not_stand_for_faint_particles() -> None:
    rng = np.random.default_rng(5)
    places = scatter(rng, SHAPE, 55, 1.3 * DIAMETER_PX, 40.0)
    centres = np.array([[180.0, 190.0], [540.0, 520.0]])
    free = np.hypot(*(places[:, None] - centres).transpose(2, 0, 1)).min(1) > 125
    places = places[free]
    image = micrograph(places, SHAPE, DIAMETER_PX, contrast=0.22, seed=6)
    for number, (x, y) in enumerate(centres):
        image -= 1.2 * _aggregate(number, x, y, 90.0)
    picks = find_particles(image, PIXEL_A, diameter_min_a=DIAMETER_A).picks
    accepted = picks.score >= picks.threshold
    found = np.stack([picks.x_px, picks.y_px], axis=1)[accepted]
    on_aggregates = np.hypot(*(found[:, None] - centres).transpose(2, 0, 1)).min(1) < 90
    assert np.mean(nearest(found, places) < 0.5 * DIAMETER_PX) > 0.9
    assert on_aggregates.sum() <= 1


def test_a_crowd_of_particles_is_no_aggregate() -> None:
    rng = np.random.default_rng(7)
    crowd = scatter(rng, (280, 280), 26, 1.02 * DIAMETER_PX, 25.0) + 100.0
    alone = scatter(rng, SHAPE, 40, 1.6 * DIAMETER_PX, 40.0)
    alone = alone[nearest(crowd, alone) > 1.6 * DIAMETER_PX]
    places = np.concatenate([crowd, alone])
    image = micrograph(places, SHAPE, DIAMETER_PX, contrast=0.5, seed=8)
    picks = find_particles(image, PIXEL_A, diameter_min_a=DIAMETER_A).picks
    found = np.stack([picks.x_px, picks.y_px], axis=1)[picks.score >= picks.threshold]
    assert np.mean(nearest(found, crowd) < 0.25 * DIAMETER_PX) > 0.95
    assert np.mean(nearest(found, alone) < 0.25 * DIAMETER_PX) > 0.95


def test_clumps_are_wider_than_particles() -> None:
    detail = np.random.default_rng(9).standard_normal((300, 300)).astype(np.float32)
    rows, columns = np.mgrid[:300, :300]
    large, small = np.hypot(columns - 90, rows - 100) < 50, np.hypot(columns - 220, rows - 200) < 9
    strength = np.where(large | small, 2.0, 1.0).astype(np.float32)
    valid = columns > 20
    mask = find_clumps(np.where(valid, detail * strength, np.float32(0)), valid, 30.0)
    assert mask[large & valid].mean() > 0.95
    assert not mask[small].any()
    assert mask[~large].mean() < 0.1
    assert not mask[~valid].any()


def test_a_picture_of_a_particle_off_the_field_is_there() -> None:
    rings = Rings.of((60, 80), 20, 4.0, torch.device("cpu"))
    field = np.random.default_rng(1).standard_normal((60, 80)).astype(np.float32)
    even, none = np.ones(rings.weight.size), np.zeros(rings.weight.size)
    y, x = np.array([-4.0, 30.0, 64.0]), np.array([40.0, 85.0, -3.0])
    pictures = isolate(rings, rings.transform(field), even, none, y, x, np.ones(3), 8)
    assert pictures.shape == (3, 17, 17)
    np.testing.assert_allclose(pictures[0, 12:], field[:5, 32:49], atol=1e-4)
    np.testing.assert_allclose(pictures[0, :12], 0.0, atol=1e-4)
