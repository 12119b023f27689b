"""Tile power spectra from an averaged micrograph, and from spectra other programs wrote."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch

from frazil.model.errors import InputError
from frazil.model.periodograms import Periodograms

if TYPE_CHECKING:
    from numpy.typing import NDArray

TILE_LENGTH_A = 1000.0
"""Four samples per ring at 2.5 µm defocus and 4 Å (300 kV): a tile is as long as 8 λ Δf k."""
EDGE_FRACTION = 0.0625
SMALLEST_TILE_PX = 64
LARGEST_BAD_FRACTION = 0.01


def periodograms_of_micrograph(
    image: NDArray[np.float32],
    pixel_size_a: float,
    *,
    tile_px: int | None = None,
    finest_a: float = 2.9,
    device: str = "cpu",
) -> Periodograms:
    """Power spectra of slightly overlapping tiles with raised-cosine edges.

    Parameters
    ----------
    image
        Averaged micrograph, shape (rows, columns). A few non-finite pixels are replaced by the mean.
    pixel_size_a
        Å.
    tile_px
        Side of a tile in pixels; None chooses about 1000 Å, less where the image is small.
    finest_a
        Spectra are cropped here: no ring is looked for beyond.
    device
        Where the transforms run.

    Raises
    ------
    InputError
        Not an image, too small, a pixel size that is not positive, or more than 1 % of it not a number.
    """
    array = np.asarray(image, dtype=np.float32)
    _check(array, pixel_size_a)
    array = _finite(array)
    height, width = array.shape
    side = _tile_side(min(height, width), pixel_size_a) if tile_px is None else tile_px
    if not SMALLEST_TILE_PX <= side <= min(height, width):
        raise InputError(
            f"CTF tiles of {side} px do not fit an image of {width} x {height} px; "
            f"choose {SMALLEST_TILE_PX} to {min(height, width)}"
        )
    side -= side % 2
    rows, columns = _tile_starts(height, side), _tile_starts(width, side)
    wanted = side * 2.0 * pixel_size_a / finest_a
    kept = min(min((size for size in _quick_sizes() if size >= wanted), default=side), side)
    window = _window(side)
    data = torch.from_numpy(array).to(device)
    mean = data.mean()
    taper = torch.from_numpy(window).to(device)
    power = torch.empty((len(rows) * len(columns), kept, kept // 2 + 1), dtype=torch.float32, device=device)
    half = kept // 2
    for number, (row, column) in enumerate((r, c) for r in rows for c in columns):
        tile = (data[row : row + side, column : column + side] - mean) * taper[:, None] * taper[None, :]
        along_x = torch.fft.rfft(tile, dim=1)[:, : half + 1]
        spectrum = torch.fft.fft(along_x, dim=0)
        squared = spectrum.real.square().addcmul_(spectrum.imag, spectrum.imag)
        power[number, : kept - half] = squared[: kept - half]
        power[number, kept - half :] = squared[side - half :]
    power *= 1.0 / float(np.sum(window**2) ** 2)
    y, x = np.meshgrid(np.array(rows), np.array(columns), indexing="ij")
    terms = _independent(height, rows, window) * _independent(width, columns, window)
    return Periodograms(
        power=power.cpu().numpy(),
        terms_per_tile=terms,
        pixel_size_a=pixel_size_a * side / kept,
        x_px=x.reshape(-1) + float(side // 2),
        y_px=y.reshape(-1) + float(side // 2),
        movie_pixel_size_a=pixel_size_a,
    )


def spectrum_of_file_image(
    spectrum: NDArray[np.float32], pixel_size_a: float, *, is_amplitude: bool = True
) -> Periodograms:
    """Take a ready square spectrum with its zero frequency at pixel (n // 2, n // 2), as RELION writes it.

    Parameters
    ----------
    spectrum
        Shape (n, n), n even; amplitudes or powers.
    pixel_size_a
        The spectrum ends at 1 / (2 pixel_size_a) along its axes.
    is_amplitude
        Whether the values are amplitudes, which are squared here.

    Raises
    ------
    InputError
        Not square, odd, too small, negative, or not finite.
    """
    array = np.asarray(spectrum, dtype=np.float32)
    if array.ndim != 2 or array.shape[0] != array.shape[1] or array.shape[0] % 2:
        raise InputError(f"A power spectrum must be square with an even side, not {_sides(array)}")
    _check(array, pixel_size_a)
    array = _finite(array)
    n = array.shape[0]
    positive = np.maximum(array, 0.0)
    if np.mean(array < 0.0) > LARGEST_BAD_FRACTION:
        raise InputError(
            "The power spectrum has negative values: it was filtered for display; give the unfiltered one"
        )
    power = np.fft.ifftshift(positive**2 if is_amplitude else positive)
    half = np.ascontiguousarray(power[:, : n // 2 + 1])
    centre = np.zeros(1)
    return Periodograms(half[None], math.nan, pixel_size_a, centre, centre)


def _check(array: NDArray[np.float32], pixel_size_a: float) -> None:
    if not (math.isfinite(pixel_size_a) and pixel_size_a > 0.0):
        raise InputError(f"The pixel size is {pixel_size_a} Å; it must be positive")
    if array.ndim != 2 or min(array.shape) < SMALLEST_TILE_PX:
        raise InputError(
            f"An image of {_sides(array)} pixels is too small for a CTF estimate: "
            f"it needs {SMALLEST_TILE_PX} x {SMALLEST_TILE_PX}"
        )


def _sides(array: NDArray[np.float32]) -> str:
    """Width first, as images are described."""
    return " x ".join(str(side) for side in array.shape[::-1])


def _finite(array: NDArray[np.float32]) -> NDArray[np.float32]:
    total = float(np.sum(array, dtype=np.float64))
    if math.isfinite(total):
        return array
    good = np.isfinite(array)
    bad_fraction = 1.0 - float(np.mean(good))
    if bad_fraction > LARGEST_BAD_FRACTION:
        raise InputError(
            f"{100.0 * bad_fraction:.1f} % of the pixels are not numbers (NaN or infinite): "
            "the image is damaged or was averaged from damaged frames; make it again"
        )
    return np.where(good, array, np.float32(np.mean(array[good], dtype=np.float64)))


def _tile_side(shorter_px: int, pixel_size_a: float) -> int:
    """Whole parts of the shorter side, about `TILE_LENGTH_A` each, and quick to transform.

    Few, large tiles: each loses its tapered edge, and rings are sharper in a long one.
    """
    parts = max(1, round(shorter_px * pixel_size_a / TILE_LENGTH_A))
    if parts == 1:
        return max((side for side in _quick_sizes() if side <= shorter_px), default=shorter_px)
    return min(side for side in _quick_sizes() if side >= shorter_px * (1.0 + 0.5 * EDGE_FRACTION) / parts)


@lru_cache(maxsize=1)
def _quick_sizes() -> tuple[int, ...]:
    """Even sizes of fast Fourier transforms."""
    sizes = (2**a * 3**b * 5**c for a in range(1, 14) for b in range(4) for c in range(4))
    return tuple(sorted(size for size in sizes if size <= 16384))


def _tile_starts(length_px: int, side_px: int) -> list[int]:
    """Equal steps, first and last at the edges; neighbours share about their tapered edges."""
    steps = math.ceil((length_px - side_px) / side_px - 0.02)
    return [round(i * (length_px - side_px) / steps) for i in range(steps + 1)] if steps else [0]


@lru_cache(maxsize=8)
def _window(side_px: int) -> NDArray[np.float32]:
    edge = max(1, round(side_px * EDGE_FRACTION))
    window = np.ones(side_px, dtype=np.float32)
    ramp = 0.5 * (1.0 - np.cos(np.pi * (np.arange(edge) + 0.5) / edge))
    window[:edge] = ramp
    window[side_px - edge :] = ramp[::-1]
    return window


def _independent(length_px: int, starts: list[int], window: NDArray[np.float32]) -> float:
    """Effective over nominal number of spectra along one axis, for sums over many neighbouring pixels.

    Such a sum sees every image pixel with the weight W = Σ tiles window²: (Σ W)² / Σ W² pixels count.
    """
    covered = np.zeros(length_px)
    for start in starts:
        covered[start : start + len(window)] += window.astype(np.float64) ** 2
    effective = float(np.sum(covered) ** 2 / np.sum(covered**2))
    return effective / (len(window) * len(starts))
