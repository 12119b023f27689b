import numpy as np
import pytest

from frazil.compute.fourier import even_size, fourier_resize, radial_frequency, radial_mean


def test_even_sizes() -> None:
    assert [even_size(x) for x in (0.2, 3.1, 682.67, 5.0)] == [2, 4, 682, 4]


@pytest.mark.parametrize(("old", "new"), [((60, 90), (40, 60)), ((61, 45), (30, 24)), ((32, 32), (48, 64))])
def test_resizing_samples_the_same_waves(old: tuple[int, int], new: tuple[int, int]) -> None:
    def waves(shape: tuple[int, int]) -> np.ndarray:
        y, x = np.arange(shape[0])[:, None] / shape[0], np.arange(shape[1])[None, :] / shape[1]
        return 3.0 + np.cos(2 * np.pi * (5 * x - 3 * y) + 0.4) + 0.5 * np.sin(2 * np.pi * (2 * x + 7 * y))

    out = fourier_resize(waves(old).astype(np.float32), new)
    np.testing.assert_allclose(out, waves(new), atol=2e-5)


def test_resizing_keeps_the_level_and_drops_what_is_too_fine() -> None:
    x = np.arange(64)
    fine = (2.0 + np.cos(2 * np.pi * 28 * x / 64)[None, :] * np.ones((64, 1))).astype(np.float32)
    np.testing.assert_allclose(fourier_resize(fine, (32, 32)), 2.0, atol=1e-5)


def test_same_size_is_a_copy() -> None:
    image = np.ones((4, 6), dtype=np.float32)
    out = fourier_resize(image, (4, 6))
    assert out is not image
    np.testing.assert_array_equal(out, image)


@pytest.mark.parametrize("width", [40, 41])
def test_radial_mean_of_a_radial_function(width: int) -> None:
    k = radial_frequency(48, width)
    rings = np.floor(2.0 * k * 12 + 1e-9)
    mean = radial_mean(rings[None].repeat(2, axis=0), width, 12)
    np.testing.assert_allclose(mean, np.tile(np.arange(12.0), (2, 1)))


def test_radial_mean_counts_the_full_plane() -> None:
    rng = np.random.default_rng(3)
    image = rng.standard_normal((32, 30))
    full = np.abs(np.fft.fft2(image)) ** 2
    ky, kx = np.fft.fftfreq(32)[:, None], np.fft.fftfreq(30)[None, :]
    inside = (np.hypot(ky, kx) >= 0.2) & (np.hypot(ky, kx) < 0.3)
    mean = radial_mean(np.abs(np.fft.rfft2(image)) ** 2, 30, 5)
    assert mean[2] == pytest.approx(full[inside].mean(), rel=1e-9)


def test_frequency_in_angstrom() -> None:
    k = radial_frequency(10, 8, pixel_size_a=0.5)
    assert k[0, 4] == pytest.approx(1.0)
    assert k[5, 0] == pytest.approx(1.0)
