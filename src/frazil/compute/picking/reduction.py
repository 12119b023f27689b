"""From a micrograph to the small, flat image that particles are looked for in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba
import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from frazil.compute.parallel import for_each

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROWS = 64
HOT_PIXEL_SIGMA = 8.0
"""Single pixels further than this from the median are X-rays or hot pixels; clipped there."""


@dataclass(frozen=True)
class ReducedMicrograph:
    """A micrograph at a pixel of a few Å.

    Attributes
    ----------
    pixels
        Shape (h, w), float32: grey values as in the micrograph; 0 where not ``valid``.
    valid
        Shape (h, w): False where the micrograph holds no finite numbers.
    pixel_size_a
        Pixel along (x, y), Å; the two differ by less than one in a thousand.
    step_px
        Micrograph pixels per pixel along (x, y).
    offset_px
        Where the centre of pixel 0 lies in the micrograph, pixels.
    """

    pixels: NDArray[np.float32]
    valid: NDArray[np.bool_]
    pixel_size_a: float
    step_px: tuple[float, float]
    offset_px: float

    def to_micrograph(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Coordinates in the micrograph of coordinates in ``pixels``."""
        return x * self.step_px[0] + self.offset_px, y * self.step_px[1] + self.offset_px


@numba.njit(nogil=True, cache=True)
def _block_means(
    image: NDArray[np.float32],
    block: int,
    low: float,
    high: float,
    mean: NDArray[np.float32],
    count: NDArray[np.float32],
) -> None:  # pragma: no cover - compiled
    """Means of what is finite in blocks, limited to low … high, and how much that is; both from zero."""
    rows, columns = mean.shape
    for row in range(rows):
        for inner in range(block):
            line = image[row * block + inner]
            for column in range(columns):
                for index in range(column * block, (column + 1) * block):
                    value = line[index]
                    if np.isfinite(value):
                        mean[row, column] += min(max(value, low), high)
                        count[row, column] += 1.0
        for column in range(columns):
            if count[row, column] > 0.0:
                mean[row, column] /= count[row, column]


def _in_blocks(
    image: NDArray[np.float32], block: int, limits: tuple[float, float], threads: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean (rows, columns) of blocks and their number of finite pixels, see `_block_means`."""
    rows, columns = image.shape[0] // block, image.shape[1] // block
    mean, count = np.zeros((rows, columns), np.float32), np.zeros((rows, columns), np.float32)

    def work(first: int) -> None:
        part = slice(first, first + _ROWS)
        _block_means(image[first * block :], block, *limits, mean[part], count[part])

    for_each(work, range(0, rows, _ROWS), threads)
    return mean, count


def reduce_micrograph(
    micrograph: NDArray[np.float32],
    pixel_size_a: float,
    target_pixel_a: float,
    device: torch.device,
    threads: int = 1,
) -> ReducedMicrograph | None:
    """Reduce by block averages to about half the wanted pixel and by a Fourier crop from there.

    Parameters
    ----------
    micrograph
        Shape (H, W), any real values, NaN where unknown.
    pixel_size_a, target_pixel_a
        Its pixel and the wanted one, Å; never enlarged.

    Returns
    -------
    reduced
        None if the micrograph is constant, holds no finite numbers or is smaller than 16 pixels then.
    """
    sample = micrograph[:: max(micrograph.shape[0] // 500, 1), :: max(micrograph.shape[1] // 500, 1)]
    sample = sample[np.isfinite(sample)]
    if sample.size == 0:
        return None
    lower, median, upper = np.percentile(sample, [15.87, 50.0, 84.13])
    sigma = 0.5 * float(upper - lower)
    if not sigma > 0.0:
        return None
    reach = HOT_PIXEL_SIGMA * sigma
    block = max(int(0.5 * target_pixel_a / pixel_size_a), 1)
    if min(micrograph.shape) // block < 16:
        return None
    limits = float(median) - reach, float(median) + reach
    mean, count = _in_blocks(micrograph, block, limits, threads)
    valid = count >= 0.5 * block * block
    if not valid.any():
        return None
    centre = float(mean[valid].mean())
    mean = np.where(valid, mean - np.float32(centre), np.float32(0.0))
    factor = max(target_pixel_a / (pixel_size_a * block), 1.0)
    size = [max(2 * round(n / factor / 2), 16) for n in mean.shape]
    pixels = fourier_crop(torch.from_numpy(mean).to(device), size[0], size[1]).cpu().numpy()
    step_y, step_x = (n / m * block for n, m in zip(mean.shape, size, strict=True))
    row = np.minimum((np.arange(size[0]) * step_y / block + 0.5).astype(int), mean.shape[0] - 1)
    column = np.minimum((np.arange(size[1]) * step_x / block + 0.5).astype(int), mean.shape[1] - 1)
    valid = valid[row[:, None], column[None, :]]
    return ReducedMicrograph(
        pixels=np.where(valid, pixels + np.float32(centre), np.float32(0.0)),
        valid=valid,
        pixel_size_a=0.5 * (step_x + step_y) * pixel_size_a,
        step_px=(step_x, step_y),
        offset_px=0.5 * (block - 1),
    )


def fourier_crop(images: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """Band-limited images on a coarser grid; pixel 0 stays where it is.

    Parameters
    ----------
    images
        Shape (..., H, W).
    rows, columns
        New size, even, at most the old one. The new grid's Nyquist line is left out (unless the size
        is unchanged): which half of it belongs to the image is not known.

    Returns
    -------
    cropped
        Shape (..., rows, columns); grey values keep their scale.
    """
    height, width = images.shape[-2:]
    if (height, width) == (rows, columns):
        return images
    spectrum = torch.fft.rfft2(images)
    half = rows // 2
    cropped = torch.cat([spectrum[..., :half, :], spectrum[..., height - half :, :]], dim=-2)
    cropped = cropped[..., : columns // 2 + 1].clone()
    if rows < height:
        cropped[..., half, :] = 0.0
    if columns < width:
        cropped[..., columns // 2] = 0.0
    smaller: torch.Tensor = torch.fft.irfft2(cropped, s=(rows, columns))
    return smaller * (rows * columns / (height * width))


def flatten_background(
    pixels: NDArray[np.float32], usable: NDArray[np.bool_], sigma_px: float
) -> NDArray[np.float32]:
    """Subtract the local mean of the usable pixels (Gaussian weights); 0 where not usable.

    The mean is taken at a quarter of the size: it is smooth.
    """
    step = 4
    rows, columns = (-(-n // step) * step for n in pixels.shape)
    grown = ((0, rows - pixels.shape[0]), (0, columns - pixels.shape[1]))

    def coarse(values: NDArray[np.float32]) -> NDArray[np.float32]:
        blocks = np.pad(values, grown).reshape(rows // step, step, columns // step, step)
        means: NDArray[np.float32] = gaussian_filter(blocks.mean((1, 3)), sigma_px / step, mode="constant")
        return means

    weight = coarse(usable.astype(np.float32))
    mean = coarse(np.where(usable, pixels, np.float32(0.0))) / np.maximum(weight, 1e-6)
    y = np.clip((np.arange(pixels.shape[0]) + 0.5) / step - 0.5, 0, rows // step - 1)
    x = np.clip((np.arange(pixels.shape[1]) + 0.5) / step - 0.5, 0, columns // step - 1)
    y0 = np.minimum(y.astype(int), max(rows // step - 2, 0))
    x0 = np.minimum(x.astype(int), max(columns // step - 2, 0))
    wy = (y - y0).astype(np.float32)[:, None]
    wx = (x - x0).astype(np.float32)[None, :]
    lines = mean[:, x0] * (1 - wx) + mean[:, np.minimum(x0 + 1, mean.shape[1] - 1)] * wx
    smooth = lines[y0] * (1 - wy) + lines[np.minimum(y0 + 1, mean.shape[0] - 1)] * wy
    return np.where(usable, pixels - smooth, np.float32(0.0)).astype(np.float32)
