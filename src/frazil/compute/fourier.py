"""Small Fourier tools that several stages share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.fft

if TYPE_CHECKING:
    from numpy.typing import NDArray


def even_size(length: float) -> int:
    """Return the even number next to ``length``, at least 2."""
    return max(2, 2 * round(length / 2.0))


def fourier_resize(
    image: NDArray[np.float32], shape: tuple[int, int], *, threads: int = 1
) -> NDArray[np.float32]:
    """Image on another grid over the same field, without interpolation: its spectrum is cut or padded.

    Values keep their level: the mean stays what it is. What lies at the Nyquist frequency of the smaller
    grid is dropped.

    Parameters
    ----------
    image
        Shape (h, w).
    shape
        New (h, w).

    Returns
    -------
    image
        float32.
    """
    if tuple(image.shape) == tuple(shape):
        return np.array(image, dtype=np.float32)
    height, width = image.shape
    new_height, new_width = shape
    spectrum = scipy.fft.rfft2(np.asarray(image, dtype=np.float32), workers=threads)
    # Frequencies strictly below both Nyquist frequencies.
    rows = (min(height, new_height) - 1) // 2
    columns = (min(width, new_width) - 1) // 2 + 1
    resized = np.zeros((new_height, new_width // 2 + 1), dtype=np.complex64)
    resized[: rows + 1, :columns] = spectrum[: rows + 1, :columns]
    if rows:
        resized[-rows:, :columns] = spectrum[-rows:, :columns]
    resized *= (new_height * new_width) / (height * width)
    out: NDArray[np.float32] = scipy.fft.irfft2(resized, s=shape, workers=threads)
    return out.astype(np.float32, copy=False)


def radial_frequency(height: int, width: int, pixel_size_a: float = 1.0) -> NDArray[np.float64]:
    """|k| of each coefficient of ``rfft2`` of an image: shape (height, width // 2 + 1), 1/Å."""
    ky = np.fft.fftfreq(height, pixel_size_a)
    kx = np.fft.rfftfreq(width, pixel_size_a)
    frequency: NDArray[np.float64] = np.hypot(ky[:, None], kx[None, :])
    return frequency


def radial_mean(power: NDArray[np.floating], width: int, bins: int) -> NDArray[np.float64]:
    """Mean of a half plane over rings of equal width between zero and Nyquist.

    Parameters
    ----------
    power
        Shape (..., height, width // 2 + 1), as ``rfft2`` orders it.
    width
        Of the image, pixels.
    bins
        Number of rings; ring i holds i / bins <= 2 |f| < (i + 1) / bins, f in cycles per pixel.

    Returns
    -------
    mean
        Shape (..., bins); each coefficient counts as often as in the full plane; empty rings are NaN.
    """
    height = power.shape[-2]
    ring = (radial_frequency(height, width) * 2.0 * bins + 1e-9).astype(np.int64)
    times = np.full(ring.shape, 2.0)
    times[:, 0] = 1.0
    if width % 2 == 0:
        times[:, -1] = 1.0
    inside = ring < bins
    count = np.bincount(ring[inside], times[inside], minlength=bins)
    flat = np.asarray(power, dtype=np.float64).reshape(-1, *power.shape[-2:])
    sums = [np.bincount(ring[inside], (times * plane)[inside], minlength=bins) for plane in flat]
    with np.errstate(invalid="ignore"):
        mean: NDArray[np.float64] = (np.stack(sums) / count).reshape(*power.shape[:-2], bins)
    return mean
