import numpy as np
import pytest
from numba import njit

from frazil.compute.lanes import load, multiply_add, splat, store, store_transposed


@njit
def _arithmetic(a, b, out):  # type: ignore[no-untyped-def]
    x, y = load(a, 1), load(b, 3)
    store(out, 0, multiply_add(x, splat(np.float32(2.5)), y))
    store(out, 8, (x - y) * y + x)


@njit
def _transpose(a, out):  # type: ignore[no-untyped-def]
    rows = (
        load(a, 0),
        load(a, 8),
        load(a, 16),
        load(a, 24),
        load(a, 32),
        load(a, 40),
        load(a, 48),
        load(a, 56),
    )
    store_transposed(out, 2, 10, rows)


@pytest.mark.parametrize(
    "kind", ["uint8", "int8", "uint16", "int16", "int32", "uint32", "float32", "float64"]
)
def test_arithmetic_on_every_pixel_type(kind: str) -> None:
    rng = np.random.default_rng(1)
    low = 0 if kind.startswith("u") else -100
    a = rng.integers(low, 120, 12).astype(kind)
    b = rng.standard_normal(12).astype(np.float32)
    out = np.zeros(16, dtype=np.float32)
    _arithmetic(a, b, out)
    x, y = a[1:9].astype(np.float32), b[3:11]
    np.testing.assert_allclose(out[:8], x * np.float32(2.5) + y, rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(out[8:], (x - y) * y + x, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize(("kind", "largest"), [("uint8", 255), ("uint16", 65535), ("uint32", 2**32 - 256)])
def test_unsigned_numbers_keep_their_sign(kind: str, largest: int) -> None:
    out = np.zeros(16, dtype=np.float32)
    _arithmetic(np.full(12, largest, dtype=kind), np.zeros(12, dtype=np.float32), out)
    np.testing.assert_array_equal(out[8:], np.float32(largest))


def test_transposition() -> None:
    a = np.arange(64, dtype=np.float32)
    out = np.full(2 + 8 * 10, -1.0, dtype=np.float32)
    _transpose(a, out)
    np.testing.assert_array_equal(out[2:].reshape(8, 10)[:, :8], a.reshape(8, 8).T)
    assert (out[:2] == -1).all()
    assert (out[2:].reshape(8, 10)[:, 8:] == -1).all()
