import numpy as np
import pytest

from frazil.compute.fourier import radial_mean
from frazil.compute.motion.group_spectra import GroupImages, tile_power
from frazil.compute.motion.tiles import lay_tiles


@pytest.mark.parametrize("shape", [(1500, 1100), (512, 512), (700, 300)])
def test_white_noise_of_unit_variance_has_a_power_of_one(shape: tuple[int, int]) -> None:
    images = np.random.default_rng(1).standard_normal((3, *shape)).astype(np.float32)
    found = tile_power(images, 1.4, scale=1.0 / 3.0)
    assert found.power.shape[1:] == (512, 257)
    assert found.size == 512
    assert found.average()[10:500, 5:250].mean() == pytest.approx(1.0, abs=0.02)
    # Every ring, not only the mean of all.
    np.testing.assert_allclose(radial_mean(found.average(), 512, 8)[1:], 1.0, atol=0.05)


def test_spread_of_the_average_agrees_with_the_number_of_terms() -> None:
    images = np.random.default_rng(2).standard_normal((4, 1800, 1800)).astype(np.float32)
    found = tile_power(images, 1.0, scale=0.25)
    values = found.average()[20:490:9, 10:250:9]
    assert 1.0 / values.var() == pytest.approx(found.terms, rel=0.12)


def test_a_wave_is_found_at_its_frequency_with_the_right_sign_of_its_direction() -> None:
    y, x = np.mgrid[0:512, 0:600]
    wave = np.cos(2 * np.pi * (40 * x - 25 * y) / 512).astype(np.float32)
    power = tile_power(wave[None], 1.0, scale=1.0).average()
    assert np.argmax(power) == (512 - 25) * 257 + 40
    other = np.cos(2 * np.pi * (40 * x + 25 * y) / 512).astype(np.float32)
    power = tile_power(other[None], 1.0, scale=1.0).average()
    assert np.argmax(power) == 25 * 257 + 40


def test_tiles_lie_inside_and_threads_change_nothing() -> None:
    images = np.random.default_rng(3).standard_normal((2, 900, 1400)).astype(np.float32)
    one = tile_power(images, 1.0, scale=1.0, to_movie_px=2.0)
    two = tile_power(images, 1.0, scale=1.0, to_movie_px=2.0, threads=3)
    np.testing.assert_array_equal(one.power, two.power)
    assert one.x_px.min() == pytest.approx(2 * 255.5)
    assert one.x_px.max() == pytest.approx(2 * (1400 - 256.5))


@pytest.mark.parametrize(("pixel", "coarse"), [(0.5, 1.6), (0.83, 1.66), (1.06, 1.4133), (1.7, 1.7)])
def test_groups_are_kept_at_a_pixel_that_reaches_the_ice_ring(pixel: float, coarse: float) -> None:
    groups = GroupImages(lay_tiles(600, 800, 256, 32), pixel, np.array([0, 0, 1, -1]))
    assert groups.count == 2
    assert groups.images.shape[0] == 2
    found = groups.periodograms()
    assert found.pixel_size_a == pytest.approx(coarse, abs=1e-3)
    assert 1.0 / (2.0 * found.pixel_size_a) > 0.28
