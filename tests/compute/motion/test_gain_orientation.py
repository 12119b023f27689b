"""The orientation of a gain reference is found from raw frames, and only said to be sure when it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from frazil.compute.motion.gain_orientation import judge_orientations, oriented

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.float32]

SQUARE, OBLONG = (256, 256), (192, 256)


def frames(shape: tuple[int, int], gain: Image, electrons: float, seed: int = 1) -> Image:
    """Mean of frames of a camera with this gain, a specimen on it and some hot pixels."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    specimen = electrons * (1 + 0.3 * np.sin(x / 25.0) * np.cos(y / 31.0))
    counts = random.poisson(specimen / gain).astype(np.float32)
    counts[random.integers(0, shape[0], 20), random.integers(0, shape[1], 20)] = 50 * electrons
    return np.asarray(counts, np.float32)


def a_gain(shape: tuple[int, int], seed: int = 2) -> Image:
    gain = 1 + 0.06 * np.random.default_rng(seed).normal(size=shape)
    return np.asarray(gain.clip(0.5, 2), np.float32)


@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
@pytest.mark.parametrize("flip_x", [False, True])
def test_each_of_the_eight_is_found(rotation_deg: int, flip_x: bool) -> None:
    stored = a_gain(SQUARE)
    stored[10:12] = 0  # A defect line.
    laid = oriented(np.where(stored > 0, stored, np.float32(1)), rotation_deg, flip_x=flip_x)
    found = judge_orientations(frames(SQUARE, laid, 60.0), stored)
    assert (found.best.rotation_deg, found.best.flip_x) == (rotation_deg, flip_x)
    assert found.sure and not found.inverted and found.ratio > 3
    assert len(found.orientations) == 8


def test_an_oblong_camera_leaves_four_and_an_inverted_reference_is_told() -> None:
    stored = a_gain((256, 192))
    laid = oriented(stored, 90, flip_x=False)
    found = judge_orientations(frames(OBLONG, laid, 60.0), np.float32(1) / stored)
    assert len(found.orientations) == 4
    assert (found.best.rotation_deg, found.best.flip_x) == (90, False)
    assert found.inverted and found.sure


def test_frames_that_are_corrected_already_fit_no_orientation() -> None:
    for seed in range(5):
        found = judge_orientations(
            frames(SQUARE, np.ones(SQUARE, np.float32), 60.0, seed), a_gain(SQUARE, seed + 50)
        )
        assert not found.sure


def test_another_camera_is_refused() -> None:
    with pytest.raises(ValueError, match="can't be laid"):
        judge_orientations(frames(SQUARE, np.ones(SQUARE, np.float32), 9.0), a_gain(OBLONG))
