"""Images of the aligned dose groups, and the power of their tiles for the CTF fit.

The tiles that follow the motion are too small for Thon rings: their dose groups, cropped in frequency, are
put together again and cut into larger ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from frazil.compute.motion.tile_fft import can_transform, transform_plan
from frazil.compute.motion.tile_kernels import add_tile_power
from frazil.compute.motion.tiles import TileLayout, add_tile, tile_window
from frazil.compute.parallel import in_order
from frazil.model.periodograms import Periodograms

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIZE = 512
_COARSEST_PIXEL_A = 1.67
"""Rings are fitted to 4 Å at most, the ice ring ends at 3.57 Å; both lie inside."""
_OVERLAP = 128


class GroupImages:
    """Sums of the frames of each dose group at a coarser pixel.

    Parameters
    ----------
    layout
        Tiles of the movie.
    pixel_size_a
        Of the movie.
    frame_groups
        Shape (F,): group of each frame, negative where it is not used.
    """

    def __init__(self, layout: TileLayout, pixel_size_a: float, frame_groups: NDArray[np.int64]) -> None:
        self._layout = layout
        self.count = int(frame_groups.max()) + 1
        self._frames = int((frame_groups >= 0).sum())
        self.tile_size = _coarse_size(layout.size, pixel_size_a)
        self._ratio = layout.size / self.tile_size
        self._pixel_size_a = pixel_size_a * self._ratio
        shape = (int(layout.height_px / self._ratio), int(layout.width_px / self._ratio))
        self.images: NDArray[np.float32] = np.zeros((self.count, *shape), dtype=np.float32)

    def add(self, number: int, tiles: NDArray[np.float32]) -> None:
        """Add tile ``number`` of every group: shape (groups, tile_size, tile_size), mean removed."""
        y, x = self._layout.tiles[number]
        add_tile(self.images, tiles, round(y / self._ratio), round(x / self._ratio))

    def periodograms(self, threads: int = 1) -> Periodograms:
        """Power of the tiles of all groups, averaged over the groups."""
        return tile_power(
            self.images,
            self._pixel_size_a,
            # Cropping takes (1 - 1/ratio²) of the variance of white noise with it.
            scale=self._ratio**2 / self._frames,
            to_movie_px=self._ratio,
            threads=threads,
        )


def _coarse_size(size: int, pixel_size_a: float) -> int:
    """Smallest size whose pixel is fine enough, quick to transform.

    A multiple of eight: tiles lie eighths of their size apart, and so start on whole pixels of the coarse
    grid too.
    """
    wanted = size * pixel_size_a / _COARSEST_PIXEL_A
    sizes = [n for n in range(16, size, 8) if n >= wanted and can_transform(n)]
    return sizes[0] if sizes else size


def tile_power(
    images: NDArray[np.float32],
    pixel_size_a: float,
    *,
    scale: float,
    to_movie_px: float = 1.0,
    threads: int = 1,
) -> Periodograms:
    """Power of tiles of 512 pixels, faded out over 128, summed over images and multiplied by ``scale``.

    Parameters
    ----------
    images
        Shape (groups, h, w), with a mean of zero: small fields are filled with that.
    to_movie_px
        Pixels of the movie per pixel of the images.
    """
    height, width = images.shape[1:]
    plan = transform_plan(_SIZE)
    window = tile_window(_SIZE, _OVERLAP)
    small = (window * np.sqrt(0.5)).astype(np.float32)
    y, x = _spread(height), _spread(width)
    starts = [(int(a), int(b)) for a in y for b in x]

    def work(number: int) -> NDArray[np.float32]:
        power = np.zeros(plan.blocks * plan.size * 8, dtype=np.float32)
        for image in images:
            add_tile_power(
                image, *starts[number], small, plan.size, plan.place, plan.radices, plan.twiddles, power
            )
        half = power.reshape(plan.blocks, plan.size, 8).transpose(1, 0, 2).reshape(plan.size, -1)
        return half[plan.place, : plan.size // 2 + 1]

    power = np.empty((len(starts), _SIZE, _SIZE // 2 + 1), dtype=np.float32)
    for number, (half, (top, left)) in enumerate(
        zip(in_order(work, range(len(starts)), threads), starts, strict=True)
    ):
        rows = _energy(window, top, height)
        columns = _energy(window, left, width)
        # Blocks have x along their rows: turn the half plane over the other axis.
        power[number] = _other_half(half) * np.float32(scale / (rows * columns))
    centre = np.array(starts, dtype=np.float64).reshape(-1, 2) + 0.5 * (_SIZE - 1)
    share = _share(y, window) * _share(x, window)
    return Periodograms(
        power=power,
        terms_per_tile=len(images) * share,
        pixel_size_a=pixel_size_a,
        x_px=np.clip(centre[:, 1], 0, width - 1) * to_movie_px,
        y_px=np.clip(centre[:, 0], 0, height - 1) * to_movie_px,
        movie_pixel_size_a=pixel_size_a / to_movie_px,
    )


def _spread(length: int) -> NDArray[np.int64]:
    """First pixels of tiles that cover ``length`` evenly and overlap by a quarter or more."""
    if length <= _SIZE:
        return np.array([(length - _SIZE) // 2], dtype=np.int64)
    count = -(-(length - _SIZE) // (_SIZE - _OVERLAP)) + 1
    return np.round(np.linspace(0, length - _SIZE, count)).astype(np.int64)


def _energy(window: NDArray[np.float64], start: int, length: int) -> float:
    low, high = max(-start, 0), min(length - start, _SIZE)
    return float((window[low:high] ** 2).sum())


def _share(starts: NDArray[np.int64], window: NDArray[np.float64]) -> float:
    """Part of a tile, along one axis, that its neighbours don't repeat: from the overlap of the windows."""
    copies = np.zeros((len(starts), int(starts[-1] - starts[0]) + _SIZE))
    for copy, start in zip(copies, starts - starts[0], strict=True):
        copy[start : start + _SIZE] = window
    overlap = copies @ copies.T / float((window**2).sum())
    return float(len(starts) / (overlap**2).sum())


def _other_half(half: NDArray[np.float32]) -> NDArray[np.float32]:
    """From ``power[kx, ky >= 0]`` to ``power[ky, kx >= 0]`` of a real image."""
    n = half.shape[0]
    out = np.empty_like(half)
    columns = np.arange(n // 2 + 1)
    out[: n // 2 + 1] = half[columns].T
    # Negative ky: the power at (-kx, ky).
    out[n // 2 + 1 :] = half[-columns % n][:, n // 2 - 1 : 0 : -1].T
    return out
