"""Images on another grid: against the function that they are samples of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from frazil.compute.resample import resample_centred

if TYPE_CHECKING:
    from numpy.typing import NDArray


def blob(size: int, pixel_a: float) -> NDArray[np.float32]:
    """A smooth blob off the centre, wider along y."""
    y, x = (np.mgrid[:size, :size] - size // 2) * pixel_a
    values: NDArray[np.float64] = np.exp(-((x - 9.0) ** 2 / 200.0 + (y + 5.0) ** 2 / 300.0))
    return values.astype(np.float32)


@pytest.mark.parametrize(("size", "pixel_a"), [(100, 2.8), (64, 1.7), (45, 3.21), (150, 1.6), (80, 2.0)])
@pytest.mark.parametrize("old_size", [79, 80])
def test_a_smooth_image_is_that_of_the_new_grid(old_size: int, size: int, pixel_a: float) -> None:
    made = resample_centred(np.stack([blob(old_size, 2.0)] * 2), 2.0, size, pixel_a)
    assert made.shape == (2, size, size) and made.dtype == np.float32
    np.testing.assert_allclose(made[1], blob(size, pixel_a), atol=2e-4)


def test_the_same_pixel_only_cuts_and_pads() -> None:
    image = np.random.default_rng(1).standard_normal((32, 32)).astype(np.float32)
    np.testing.assert_allclose(resample_centred(image, 1.5, 20, 1.5), image[6:26, 6:26], atol=1e-5)
    np.testing.assert_allclose(resample_centred(image, 1.5, 44, 1.5), np.pad(image, 6), atol=1e-5)


def test_what_coarser_pixels_cannot_hold_is_gone() -> None:
    x = np.broadcast_to(np.arange(60), (60, 60))
    fine = np.cos(2 * np.pi * 0.35 * x).astype(np.float32)
    assert np.abs(resample_centred(fine, 1.0, 30, 2.0)).max() < 1e-5
    coarse = np.cos(2 * np.pi * 0.1 * (x - 30)).astype(np.float32)
    expected = np.cos(2 * np.pi * 0.2 * (np.arange(30) - 15))
    np.testing.assert_allclose(resample_centred(coarse, 1.0, 30, 2.0)[7], expected, atol=1e-5)
