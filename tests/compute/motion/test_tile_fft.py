import numpy as np
import pytest
from numba import njit

from frazil.compute.lanes import load, splat, store
from frazil.compute.motion.tile_fft import can_transform, split_columns, transform_plan
from frazil.compute.motion.tile_passes import transform

SIZES = [8, 16, 24, 40, 64, 72, 96, 128, 160, 240, 256, 512, 1024]


@njit
def _transform_tile(image, strip, blocks, size, place, radices, twiddles):  # type: ignore[no-untyped-def]
    flat = image.reshape(-1)
    half = splat(np.float32(0.5))
    for x in range(0, size, 16):
        for y in range(size):
            store(strip, y * 16, load(flat, y * size + x) * half)
            store(strip, y * 16 + 8, load(flat, y * size + x + 8) * half)
        transform(strip, 0, size, radices, twiddles)
        split_columns(strip, blocks, 0, x, size, place)
    for j in range(size // 16 + 1):
        transform(blocks, j * size * 16, size, radices, twiddles)


@pytest.mark.parametrize("size", SIZES)
def test_eight_complex_transforms(size: int) -> None:
    plan = transform_plan(size)
    rng = np.random.default_rng(size)
    values = rng.standard_normal((size, 2, 8)).astype(np.float32)
    data = np.concatenate([np.zeros(16, np.float32), values.reshape(-1)])
    transform(data, 16, size, plan.radices, plan.twiddles)
    expected = np.fft.fft(values[:, 0] + 1j * values[:, 1], axis=0)
    found = data[16:].reshape(size, 2, 8)[plan.place]
    np.testing.assert_allclose(found[:, 0] + 1j * found[:, 1], expected, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("size", [64, 128, 256, 512])
def test_transform_of_a_real_tile(size: int) -> None:
    plan = transform_plan(size)
    image = np.random.default_rng(size).standard_normal((size, size)).astype(np.float32)
    strip = np.empty(size * 16, np.float32)
    blocks = np.empty(plan.blocks * plan.block_floats, np.float32)
    _transform_tile(image, strip, blocks, size, plan.place, plan.radices, plan.twiddles)
    parts = blocks.reshape(plan.blocks, size, 2, 8)
    found = (parts[:, :, 0] + 1j * parts[:, :, 1]).transpose(1, 0, 2).reshape(size, -1)[plan.place]
    expected = np.fft.rfft2(image.T)
    np.testing.assert_allclose(found[:, : size // 2 + 1], expected, atol=1e-6 * np.abs(expected).max())


def test_frequencies_of_positions_and_lanes() -> None:
    plan = transform_plan(64)
    np.testing.assert_array_equal(plan.kx[plan.place], np.fft.fftfreq(64))
    np.testing.assert_array_equal(plan.ky[:33], np.arange(33) / 64)


def test_other_sizes_are_refused() -> None:
    for size in (300, 4, 2048, 112):
        assert not can_transform(size)
        with pytest.raises(ValueError, match=f"of {size} pixels"):
            transform_plan(size)
