"""Where in the field the specimen is, so that empty ice adds less noise to the alignment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from frazil.compute.motion.likelihood import Frames, ring_weight

if TYPE_CHECKING:
    from numpy.typing import NDArray

_REACH_A = 40.0
_BRIGHTEST = 6.0
_FAINTEST = 0.05


def signal_window(
    frames: Frames,
    signal: NDArray[np.float64],
    shape: tuple[int, int],
    padded: tuple[int, int],
    pixel_a: float,
) -> NDArray[np.float32]:
    """Weight of each place of the aligned field, by how much specimen the Wiener-filtered sum shows there.

    Parameters
    ----------
    frames
        Aligned frames.
    signal
        Shape (rings,): mean power of the specimen.
    shape, padded, pixel_a
        Size of the frames (rows, columns) and of their transforms, and their pixel, Å.

    Returns
    -------
    window
        Shape ``shape``, at most 1: ``window² ~ ρ / (1 + ρ a)``, the weight that the likelihood would give a
        stretch of field of power ``ρ`` relative to the mean; ``a`` is the signal-to-noise ratio of the sum
        where the alignment draws on it. It levels off, so that one bright object can't take over.
    """
    band = frames.band
    kept = frames.kept.sum(0)
    wiener = ring_weight(signal, frames.kept) * kept
    filtered = frames.values.sum(0) * band.spread(wiener / np.maximum(kept, 1e-9))
    plane = torch.zeros(padded[0], padded[1] // 2 + 1, dtype=filtered.dtype, device=filtered.device)
    plane[band.rows[:, None], band.columns[None, :]] = filtered
    image = torch.fft.irfft2(plane, s=padded).cpu().numpy()[: shape[0], : shape[1]].astype(np.float64)
    pixels = float(padded[0] * padded[1])
    expected_noise = 2 * (band.count * wiener**2 / np.maximum(kept, 1e-9)).sum() / pixels**2
    expected_signal = 2 * (band.count * wiener**2 * signal).sum() / pixels**2
    if not expected_signal > 0:
        return np.ones(shape, dtype=np.float32)
    local = (gaussian_filter(image**2, _REACH_A / pixel_a) - expected_noise) / expected_signal
    local = np.clip(local, 0.0, _BRIGHTEST) + _FAINTEST
    drawn_on = band.count * band.ring_k**2 * wiener * signal
    ratio = float((drawn_on * signal * kept).sum() / drawn_on.sum())
    window = np.sqrt(local / (1 + local * ratio))
    return np.asarray(window / window.max(), dtype=np.float32)
