"""Bands, rings and the bound."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from frazil.compute.motion.spectra import band_of, crop_values, edge_taper, ramps, shift_error_bound_a


def test_band_keeps_what_lies_between_the_resolutions_once() -> None:
    band = band_of((60, 84), (3.0, 3.1), 100.0, 9.0)
    k = np.hypot(band.ky.numpy()[:, None], band.kx.numpy()[None, :])
    inside = band.ring.numpy() < band.rings
    assert k[inside].min() >= 1 / 100.0
    assert k[inside].max() <= 1 / 9.0 + 1e-6
    np.testing.assert_allclose(band.ky.numpy(), np.fft.fftfreq(60, 3.0)[band.rows.numpy()], rtol=1e-6)
    np.testing.assert_allclose(band.kx.numpy(), np.fft.rfftfreq(84, 3.1)[band.columns.numpy()], rtol=1e-6)
    # Neither lines of fixed pattern nor a coefficient together with its conjugate.
    assert band.kx.min() > 1 / (84 * 3.1)
    assert band.ky.abs().min() > 1 / (60 * 3.0)
    assert band.count.sum() == inside.sum()


def test_crop_is_the_band_of_a_lower_resolution() -> None:
    band = band_of((64, 64), (3.0, 3.0), 200.0, 8.0)
    part, half, width = band.crop(16.0)
    values = band.ky[:, None] + 1j * band.kx[None, :]
    np.testing.assert_array_equal(
        crop_values(values[None], half, width)[0], part.ky[:, None] + 1j * part.kx[None, :]
    )
    assert part.ky.abs().max() <= 1 / 16
    assert part.rings < band.rings


def test_ramps_move_an_image_back() -> None:
    image = np.zeros((32, 40))
    image[10, 20] = 1.0
    band = band_of((32, 40), (2.0, 2.0), 1000.0, 4.2)
    spectrum = torch.as_tensor(np.fft.rfft2(image))[band.rows][:, band.columns]
    along_y, along_x = ramps(band, torch.tensor([3 * 2.0, -4 * 2.0]))
    target = torch.as_tensor(np.fft.rfft2(np.roll(image, (4, -3), (0, 1))))[band.rows][:, band.columns]
    np.testing.assert_allclose((spectrum * along_y * along_x).numpy(), target.numpy(), atol=1e-5)


def test_taper_is_symmetric_and_flat_inside() -> None:
    window = edge_taper(50, 0.2)
    np.testing.assert_allclose(window, window[::-1])
    assert (window[10:40] == 1).all()
    assert 0 < window[0] < 0.1


def test_bound_of_a_flat_spectrum() -> None:
    """SSNR constant up to k: I = A π³ k⁴ SSNR."""
    k = np.linspace(0, 0.1, 2001)
    bound = shift_error_bound_a(np.full(k.size, 0.02), k, 1e6)
    assert bound == pytest.approx((1e6 * np.pi**3 * 1e-4 * 0.02) ** -0.5, rel=1e-4)
    assert shift_error_bound_a(np.zeros(3), k[:3], 1e6) == float("inf")


def test_bound_is_reached_by_a_matched_filter() -> None:
    """A sum over the coefficients of a real plane gives the same information as the integral."""
    size, pixel, ssnr = 256, 2.0, 0.01
    ky, kx = np.fft.fftfreq(size, pixel)[:, None], np.fft.fftfreq(size, pixel)[None, :]
    inside = np.hypot(ky, kx) < 0.1
    information = ((2 * np.pi * kx) ** 2 * ssnr * inside).sum()
    k = np.linspace(0, 0.1, 500)
    bound = shift_error_bound_a(np.full(k.size, ssnr), k, (size * pixel) ** 2)
    assert bound == pytest.approx(information**-0.5, rel=0.01)
