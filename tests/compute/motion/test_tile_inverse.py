"""From blocks of coefficients back to pixels, against NumPy's transforms."""

import numpy as np
import pytest
from numpy.typing import NDArray

from frazil.compute.motion.tile_fft import TransformPlan, transform_plan
from frazil.compute.motion.tile_inverse import inverse_tiles


def _blocks(images: NDArray[np.float64], plan: TransformPlan) -> NDArray[np.float32]:
    """Transforms of square images in the order of the blocks; what stands beyond Nyquist must not matter."""
    size = plan.size
    full = np.fft.fft2(images.transpose(0, 2, 1))[:, plan.order]
    full = np.concatenate([full[..., : size // 2 + 1], 99.0 + full], axis=-1)[..., : 8 * plan.blocks]
    parts = np.stack([full.real, full.imag], axis=2).reshape(len(images), size, 2, plan.blocks, 8)
    return np.ascontiguousarray(parts.transpose(0, 3, 1, 2, 4), np.float32).reshape(len(images), -1)


@pytest.mark.parametrize("size", [64, 128, 256])
def test_a_transformed_tile_comes_back(size: int) -> None:
    plan = transform_plan(size)
    images = np.random.default_rng(size).standard_normal((2, size, size))
    found = inverse_tiles(_blocks(images, plan), np.empty(0, np.float32), plan, plan)
    np.testing.assert_allclose(found, images, atol=3e-6)


@pytest.mark.parametrize(
    ("size", "new"),
    [(256, 128), (256, 160), (256, 240), (256, 72), (256, 120), (128, 16), (128, 40), (128, 96), (128, 24)],
)
def test_a_cropped_tile_shows_the_same_field(size: int, new: int) -> None:
    plan = transform_plan(size)
    images = np.random.default_rng(new).standard_normal((1, size, size))
    found = inverse_tiles(_blocks(images, plan), np.empty(0, np.float32), plan, transform_plan(new))[0]
    half = new // 2
    kept = np.zeros((new, half + 1), complex)
    spectrum = np.fft.rfft2(images[0])
    kept[:half, :half], kept[1 - half :, :half] = spectrum[:half, :half], spectrum[1 - half :, :half]
    expected = np.fft.irfft2(kept, s=(new, new)) * (new / size) ** 2
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_coefficients_are_scaled() -> None:
    plan = transform_plan(64)
    image = np.random.default_rng(3).standard_normal((1, 64, 64))
    kx, ky = np.abs(plan.kx), plan.ky.reshape(plan.blocks, 1, 8)
    falling = np.exp(-3.0 * np.hypot(kx[None, :, None], ky)).astype(np.float32).reshape(-1)
    found = inverse_tiles(_blocks(image, plan), falling, plan, plan)[0]
    k = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.rfftfreq(64)[None, :])
    expected = np.fft.irfft2(np.fft.rfft2(image[0]) * np.exp(-3.0 * k), s=(64, 64))
    np.testing.assert_allclose(found, expected, atol=2e-6)
