"""Dirt that hides more electrons than any particle does."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from frazil.compute.picking.contamination import find_opaque

sys.path.insert(0, str(Path(__file__).parent))
from fields import disc  # type: ignore[import-not-found,unused-ignore]

SHAPE, DIAMETER_PX = (240, 260), 30.0
PARTICLES = ((60.0, 60.0), (150.0, 90.0), (90.0, 180.0), (200.0, 170.0))
CRYSTALS = ((4.0, 120.0, 24.0), (180.0, 215.0, 12.0))


@pytest.fixture(scope="module")
def transmission() -> np.ndarray:
    """Share of the electrons that arrive: particles hide 6 %, crystals (one at the border) a quarter."""
    image = np.ones(SHAPE)
    for x, y in PARTICLES:
        image -= 0.06 * disc(SHAPE, x, y, DIAMETER_PX)
    for x, y, size in CRYSTALS:
        image -= 0.25 * disc(SHAPE, x, y, size)
    return np.asarray(image + 0.05 * np.random.default_rng(1).standard_normal(SHAPE), np.float32)


@pytest.mark.parametrize("electrons", [0.7, 30.0])
def test_crystals_of_any_size_are_opaque_and_particles_are_not(
    transmission: np.ndarray, electrons: float
) -> None:
    valid = np.ones(SHAPE, dtype=bool)
    mask = find_opaque(np.asarray(electrons * transmission, np.float32), valid, DIAMETER_PX)
    for x, y, size in CRYSTALS:
        inside = disc(SHAPE, x, y, size) > 0.5
        assert mask[inside].all()
    for x, y in PARTICLES:
        assert not mask[disc(SHAPE, x, y, DIAMETER_PX) > 0.5].any()
    assert mask.mean() < 0.06


@pytest.mark.parametrize("level", [0.0, 0.02, -3.0])
def test_without_a_zero_that_means_no_electrons_nothing_is_opaque(
    transmission: np.ndarray, level: float
) -> None:
    valid = np.ones(SHAPE, dtype=bool)
    image = (transmission - transmission.mean()) / transmission.std() + level
    assert not find_opaque(np.asarray(image, np.float32), valid, DIAMETER_PX).any()


def test_where_nothing_is_known_nothing_is_opaque(transmission: np.ndarray) -> None:
    assert not find_opaque(transmission, np.zeros(SHAPE, dtype=bool), DIAMETER_PX).any()
    valid = np.ones(SHAPE, dtype=bool)
    valid[:, 200:] = False
    image = np.where(valid, transmission, np.float32(0.0))
    assert not find_opaque(image, valid, DIAMETER_PX)[:, 215:].any()
