"""Tile spectra: scale, frequencies, terms, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from frazil.compute.ctf.spectra import periodograms_of_micrograph, spectrum_of_file_image
from frazil.model.errors import InputError


def test_white_noise_has_power_one_and_as_many_terms_as_it_scatters() -> None:
    rng = np.random.default_rng(0)
    image = rng.standard_normal((1200, 1500)).astype(np.float32)
    spectra = periodograms_of_micrograph(image, 1.6, tile_px=320)
    mean = spectra.average()
    assert mean[4:-4, 4:-4].mean() == pytest.approx(1.0, abs=0.01)
    # Sums over blocks of neighbouring pixels scatter as 1 / (terms · pixels).
    side = 12
    blocks = mean[4 : 4 + side * 12, 4 : 4 + side * 12].reshape(12, side, 12, side).mean(axis=(1, 3))
    assert 1.0 / (blocks.var() * side**2) == pytest.approx(spectra.terms, rel=0.3)


@pytest.mark.parametrize("pixel_size_a", [0.6, 1.0, 1.7])
def test_a_wave_stands_at_its_frequency(pixel_size_a: float) -> None:
    """Also after the spectrum has been cropped at 2.9 Å."""
    kx, ky = 0.11, -0.06
    y, x = np.mgrid[:700, :840] * pixel_size_a
    image = np.cos(2 * np.pi * (kx * x + ky * y)).astype(np.float32)
    spectra = periodograms_of_micrograph(image, pixel_size_a)
    row, column = np.unravel_index(np.argmax(spectra.average()), spectra.power.shape[1:])
    step = 1.0 / (spectra.size * spectra.pixel_size_a)
    signed_row = row if row < spectra.size // 2 else row - spectra.size
    assert column * step == pytest.approx(kx, abs=step)
    assert signed_row * step == pytest.approx(ky, abs=step)
    assert spectra.pixel_size_a >= max(pixel_size_a, 1.4) - 1e-9 or spectra.pixel_size_a >= pixel_size_a


def test_tiles_cover_the_image_and_say_where_they_are() -> None:
    image = np.zeros((900, 1700), dtype=np.float32)
    spectra = periodograms_of_micrograph(image, 1.0, tile_px=400)
    assert spectra.x_px.min() == 200
    assert spectra.x_px.max() == 1500
    assert spectra.y_px.max() == 700
    assert spectra.movie_pixel_size_a == 1.0


def test_a_few_bad_pixels_do_not_matter_but_many_do() -> None:
    rng = np.random.default_rng(1)
    image = rng.standard_normal((256, 256)).astype(np.float32)
    image[10, 10:20] = np.nan
    assert np.isfinite(periodograms_of_micrograph(image, 1.5).power).all()
    image[:40] = np.inf
    with pytest.raises(InputError, match="not numbers"):
        periodograms_of_micrograph(image, 1.5)


@pytest.mark.parametrize("pixel_size_a", [0.0, -1.2, math.nan])
def test_pixel_size_must_be_positive(pixel_size_a: float) -> None:
    with pytest.raises(InputError, match="pixel size"):
        periodograms_of_micrograph(np.zeros((256, 256), dtype=np.float32), pixel_size_a)


def test_too_small_images_and_wrong_tiles_are_refused() -> None:
    with pytest.raises(InputError, match="too small"):
        periodograms_of_micrograph(np.zeros((40, 400), dtype=np.float32), 1.0)
    with pytest.raises(InputError, match="do not fit"):
        periodograms_of_micrograph(np.zeros((300, 300), dtype=np.float32), 1.0, tile_px=512)


def test_a_file_spectrum_is_centred_and_squared() -> None:
    image = np.ones((128, 128), dtype=np.float32)
    image[64 + 5, 64 + 20] = image[64 - 5, 64 - 20] = 3.0
    spectra = spectrum_of_file_image(image, 1.4)
    assert spectra.power.shape == (1, 128, 65)
    assert spectra.power[0, 5, 20] == 9.0
    assert spectrum_of_file_image(image, 1.4, is_amplitude=False).power[0, 5, 20] == 3.0


def test_a_filtered_or_oblong_file_spectrum_is_refused() -> None:
    with pytest.raises(InputError, match="square"):
        spectrum_of_file_image(np.ones((128, 64), dtype=np.float32), 1.4)
    with pytest.raises(InputError, match="negative"):
        spectrum_of_file_image(-np.ones((128, 128), dtype=np.float32), 1.4)
