"""The window over the specimen is large where the specimen is, and even where it is everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from frazil.compute.motion.emphasis import signal_window
from frazil.compute.motion.likelihood import Frames
from frazil.compute.motion.spectra import Band, band_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE = 128
PIXEL_A = 3.0


def _still_frames(scene: NDArray[np.float64], seed: int) -> Frames:
    """Eight still frames of a scene under unit white noise."""
    rng = np.random.default_rng(seed)
    band: Band = band_of((SIZE, SIZE), (PIXEL_A, PIXEL_A), 300.0, 8.0)
    spectra = np.fft.rfft2(scene + rng.standard_normal((8, SIZE, SIZE))) / SIZE
    chosen = spectra[:, band.rows.numpy()[:, None], band.columns.numpy()[None, :]]
    values = torch.as_tensor(chosen, dtype=torch.complex64)
    own = np.stack([band.ring_mean(f.real**2 + f.imag**2) for f in values]).sum(0)
    return Frames(band, values, np.ones((8, band.rings)), own, np.zeros((8, 2)))


def _window(scene: NDArray[np.float64], seed: int = 0) -> NDArray[np.float32]:
    frames = _still_frames(scene, seed)
    return signal_window(frames, frames.estimate_signal(), (SIZE, SIZE), (SIZE, SIZE), PIXEL_A)


def test_window_opens_where_the_specimen_is() -> None:
    scene = np.zeros((SIZE, SIZE))
    scene[:40, 80:] = np.random.default_rng(1).standard_normal((40, 48)) * 1.5
    window = _window(scene)
    assert window.shape == (SIZE, SIZE)
    assert window.max() == 1.0
    assert window[8:32, 88:120].mean() > 1.8 * window[70:, :60].mean()
    assert window.min() > 0


def test_window_is_even_over_an_even_scene() -> None:
    window = _window(np.random.default_rng(2).standard_normal((SIZE, SIZE)))
    assert window.std() < 0.25 * window.mean()


def test_without_signal_nothing_is_preferred() -> None:
    frames = _still_frames(np.zeros((SIZE, SIZE)), 3)
    window = signal_window(frames, np.zeros(frames.band.rings), (SIZE, SIZE), (SIZE, SIZE), PIXEL_A)
    assert (window == 1).all()
