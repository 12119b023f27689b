"""Displacing an image against exact Fourier shifts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from frazil.microscope.warp import BLOCK_PX, add_displaced, block_centres_px

if TYPE_CHECKING:
    from numpy.typing import NDArray


def noise(band: float) -> NDArray[np.float64]:
    """Periodic noise of unit variance, band-limited to ``band`` of Nyquist."""
    spectrum = np.fft.fft2(np.random.default_rng(1).standard_normal((256, 256)))
    k = 2.0 * np.fft.fftfreq(256)
    spectrum[np.hypot(k, k[:, None]) > band] = 0
    image: NDArray[np.float64] = np.fft.ifft2(spectrum).real
    image /= image.std()
    return image


@pytest.mark.parametrize(("band", "limit"), [(0.5, 2e-3), (0.7, 3e-3), (0.85, 0.03)])
def test_uniform_shift_equals_fourier_shift(band: float, limit: float) -> None:
    image, margin = noise(band), 40
    k = np.fft.fftfreq(256)
    still = np.zeros((-(-170 // BLOCK_PX), -(-176 // BLOCK_PX), 2), np.float32)
    for shift in [(0.0, 0.0), (1.37, -20.61), (-7.5, 3.25)]:
        ramp = np.exp(-2j * np.pi * (k * shift[0] + k[:, None] * shift[1]))
        expected = np.fft.ifft2(np.fft.fft2(image) * ramp).real[margin : margin + 170, margin : margin + 176]
        out = np.zeros((170, 176), np.float32)
        add_displaced(image.astype(np.float32), margin, np.array(shift), still, 0.0, still, 0.0, 1.0, out)
        assert np.sqrt(np.mean((out - expected) ** 2)) < limit


def test_field_belongs_to_where_the_specimen_was() -> None:
    """A stretch u(x0) = a x0: what was at x0 lies at (1 + a) x0."""
    a, margin = 0.02, 30
    _, x = np.mgrid[0:260, 0:260].astype(np.float64) - margin
    image = np.cos(2 * np.pi * x / 11.0).astype(np.float32)
    bx, by = block_centres_px(200, 200)
    field = np.stack(np.broadcast_arrays(a * bx, 0.0 * by), axis=-1).astype(np.float32)
    out = np.zeros((200, 200), np.float32)
    add_displaced(image, margin, np.zeros(2), field, 1.0, field, 0.0, 1.0, out)
    expected = np.cos(2 * np.pi * np.arange(200) / (1 + a) / 11.0)
    # The displacement is constant over a block: at most 4 a pixels off at its edge.
    assert np.abs(out[100, 16:184] - expected[16:184]).max() < 2 * np.pi / 11.0 * 4.5 * a
