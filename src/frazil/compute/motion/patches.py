"""Patches of the aligned frames: the data of the local fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.fft import next_fast_len

from frazil.compute.motion.spectra import MIN_LINE, Band, band_of, crop_values, edge_taper, ramps
from frazil.compute.parallel import for_each

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.motion.likelihood import Frames


@dataclass
class Patches:
    """Spectra of patches of grouped frames, and where they are.

    Attributes
    ----------
    values
        Shape (P, G, Ky, Kx) complex64, as `Frames.values` for each patch.
    kept
        Shape (G, rings): signal power left in each group.
    own_power
        Shape (P, rings): ring mean of the summed power of a patch's groups.
    shift_a
        Shape (P, G, 2): shifts applied to ``values``, Å.
    place
        Shape (P, 2): centre of each patch in (x, y), as a fraction of the field.
    share
        Shape (P,): factor on the log-likelihood that undoes the double counting of overlapping patches and of
        coefficients that a window has made alike.
    threads
        For work on all patches; no result depends on it.
    """

    band: Band
    values: torch.Tensor
    kept: NDArray[np.float64]
    own_power: NDArray[np.float64]
    shift_a: NDArray[np.float64]
    place: NDArray[np.float64]
    share: NDArray[np.float64]
    threads: int = 1

    def move_to(self, shift_a: NDArray[np.float64]) -> None:
        """Apply ``exp(+2πi k·u)`` so that the patches are aligned for these shifts (P, G, 2)."""
        step = torch.as_tensor(shift_a - self.shift_a, dtype=torch.float32, device=self.values.device)

        def move(patch: int) -> None:
            along_y, along_x = ramps(self.band, step[patch])
            self.values[patch] *= along_y
            self.values[patch] *= along_x

        for_each(move, range(len(step)), self.threads)
        self.shift_a = shift_a.copy()

    def crop(self, high_a: float) -> Patches:
        """Copy of the part below ``1 / high_a``."""
        band, half, width = self.band.crop(high_a)
        return Patches(
            band,
            crop_values(self.values, half, width),
            self.kept[:, : band.rings],
            self.own_power[:, : band.rings],
            self.shift_a.copy(),
            self.place,
            self.share,
            self.threads,
        )


def frame_groups(dose_start: NDArray[np.float64], dose_end: NDArray[np.float64]) -> list[list[int]]:
    """Consecutive frames that may share one local shift: single at first, then 2 and 4 e/Å² wide."""
    groups: list[list[int]] = []
    begun = 0.0
    since = dose_start - dose_start[0]
    until = dose_end - dose_start[0]
    for frame in range(since.size):
        limit = 0.0 if since[frame] < 6 else 2.0 if since[frame] < 14 else 4.0
        if groups and until[frame] - begun <= limit * 1.01:
            groups[-1].append(frame)
        else:
            groups.append([frame])
            begun = float(since[frame])
    return groups


def cut_patches(
    frames: Frames,
    groups: list[list[int]],
    pixel_a: float,
    shape: tuple[int, int],
    padded: tuple[int, int],
    *,
    patch_a: float,
    overlap: float,
    low_a: float,
    emphasis: NDArray[np.float32] | None = None,
    threads: int = 1,
) -> Patches:
    """Patches of the aligned frames.

    Parameters
    ----------
    pixel_a, shape
        Pixel and size (rows, columns) of the frames the spectra were made of.
    padded
        Size of the transforms.
    emphasis
        Shape ``shape``: the window that the aligned frames were multiplied with, if any.
    """
    device = frames.values.device
    high = float(frames.band.ring_width * frames.band.rings)
    image_shape = [min(next_fast_len(int(2.06 * high * n * pixel_a) + 4), n) for n in padded]
    pixels = (pixel_a * padded[0] / image_shape[0], pixel_a * padded[1] / image_shape[1])
    field = [int(n * pixel_a / pixel) for n, pixel in zip(shape, pixels, strict=True)]
    size = [min(next_fast_len(round(patch_a / p)), n) for p, n in zip(pixels, field, strict=True)]
    starts = [_starts(n, s, overlap) for n, s in zip(field, size, strict=True)]
    corners = [(y, x) for y in starts[0] for x in starts[1]]
    taper = edge_taper(size[0], overlap)[:, None] * edge_taper(size[1], overlap)[None, :]
    window = torch.as_tensor(taper, device=device)
    # The transforms have unit noise per coefficient; it is made so again for each patch.
    covered = frames.share * image_shape[0] * image_shape[1]
    energy, total = _window_energy(emphasis, field, covered)
    noise, effective = _noise_and_weight(energy, total, taper.astype(np.float64), corners)
    band = band_of(
        (size[0], size[1]), pixels, low_a, 1 / high, ring_width=frames.band.ring_width, device=device
    )
    half, width = len(band.rows) // 2, len(band.columns)
    values = torch.empty(len(corners), len(groups), 2 * half, width, dtype=torch.complex64, device=device)
    # Rows of negative frequency keep their distance from the end when the image shrinks.
    rows = torch.where(frames.band.ky < 0, frames.band.rows - padded[0] + image_shape[0], frames.band.rows)
    first, last = int(band.rows[0]), int(band.rows[half - 1]) + 1

    def cut_group(index: int) -> None:
        members = groups[index]
        plane = torch.zeros(image_shape[0], image_shape[1] // 2 + 1, dtype=torch.complex64, device=device)
        plane[rows, MIN_LINE : MIN_LINE + len(frames.band.columns)] = frames.values[members].sum(0)
        image = torch.fft.irfft2(plane, s=(image_shape[0], image_shape[1]))
        for place, (y, x) in enumerate(corners):
            cut = torch.fft.rfft2(image[y : y + size[0], x : x + size[1]] * window) / float(noise[place])
            cut = cut[:, MIN_LINE : MIN_LINE + width]
            values[place, index, :half] = cut[first:last]
            values[place, index, half:] = cut[size[0] - last + 1 : size[0] - first + 1]

    for_each(cut_group, range(len(groups)), threads)
    grouped = np.stack([frames.kept[members].sum(0) for members in groups])
    kept = np.stack([np.interp(band.ring_k, frames.band.ring_k, row) for row in grouped])
    own = np.empty((len(values), band.rings))

    def measure(index: int) -> None:
        own[index] = band.ring_mean((values[index].real ** 2 + values[index].imag ** 2).sum(0))

    for_each(measure, range(len(values)), threads)
    place_of = np.array(
        [[(x + 0.5 * size[1]) / field[1], (y + 0.5 * size[0]) / field[0]] for y, x in corners]
    )
    share = effective * min(1.0, field[0] * field[1] / (len(corners) * size[0] * size[1]))
    still = np.zeros((len(corners), len(groups), 2))
    return Patches(band, values, kept, own, still, place_of, share, threads)


def _window_energy(
    emphasis: NDArray[np.float32] | None, field: list[int], covered: float
) -> tuple[NDArray[np.float64], float]:
    """Noise power of each place of the field, and the sum of it that makes coefficients of unit noise."""
    if emphasis is None:
        return np.ones(field), covered
    y, x = ((np.arange(n) + 0.5) * m / n for n, m in zip(field, emphasis.shape, strict=True))
    energy = emphasis[np.ix_(y.astype(int), x.astype(int))].astype(np.float64) ** 2
    return energy, float(energy.sum())


def _noise_and_weight(
    energy: NDArray[np.float64], total: float, window: NDArray[np.float64], corners: list[tuple[int, int]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Noise of each patch's coefficients (P,), and how many are independent (P,), relative to white."""
    square = window**2
    noise, effective = [], []
    for y, x in corners:
        inside = square * energy[y : y + window.shape[0], x : x + window.shape[1]]
        noise.append(np.sqrt(inside.sum() / total))
        effective.append(inside.sum() ** 2 / (inside**2).sum())
    return np.array(noise), np.array(effective) * (square**2).sum() / square.sum() ** 2


def _starts(length: int, size: int, overlap: float) -> list[int]:
    count = 1 if size >= length else int(np.ceil((length - overlap * size) / ((1 - overlap) * size) - 0.2))
    count = max(count, 1 if size >= length else 2)
    return [round(start) for start in np.linspace(0, length - size, count)]
