"""Particle images: cut from the micrograph, cleaned, normalised, Fourier-cropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.fft

from frazil.compute.friendly_size import friendly_size
from frazil.compute.parallel import for_each
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

BACKGROUND_DIAMETERS = 0.6
"""Background begins at this share of the particle's diameter from the centre, where nothing else is asked."""
LARGEST_SHARE_OUTSIDE = 0.25
"""Boxes with more than this outside the micrograph are dropped."""
_BLOCK = 16


@dataclass(frozen=True)
class Extracted:
    """Particle images and where they came from.

    Attributes
    ----------
    images
        Shape (n, m, m), float32: background mean 0 and σ 1 outside the background radius; the pixel
        (x_int, y_int) of the micrograph lies at m // 2.
    kept
        Shape (n,): indices of the input positions that are here.
    x_int_px, y_int_px
        Shape (n,): the box centre, whole pixels of the micrograph.
    rest_x_a, rest_y_a
        Shape (n,): given position minus box centre, Å: the particle lies there in the box. RELION's origin
        is its negative (true position = coordinate − origin / pixel).
    pixel_size_a
        Exact pixel of the images, Å: box · micrograph pixel / m.
    """

    images: NDArray[np.float32]
    kept: NDArray[np.int64]
    x_int_px: NDArray[np.int64]
    y_int_px: NDArray[np.int64]
    rest_x_a: NDArray[np.float64]
    rest_y_a: NDArray[np.float64]
    pixel_size_a: float


def choose_box(diameter_a: float, pixel_size_a: float, *, padding: float = 1.6) -> int:
    """Smallest even, FFT-friendly (2, 3, 5, 7) number of pixels that holds ``padding`` diameters."""
    return friendly_size(int(np.ceil(padding * diameter_a / pixel_size_a)))


def extract_particles(
    micrograph: NDArray[np.float32],
    x_px: ArrayLike,
    y_px: ArrayLike,
    *,
    pixel_size_a: float,
    box_px: int,
    output_pixel_size_a: float | None = None,
    background_radius_a: float | None = None,
    invert: bool = True,
    outlier_sigma: float = 5.0,
    seed: int = 0,
    threads: int = 1,
) -> Extracted:
    """Cut out and normalise particles.

    Outside the micrograph a box repeats the nearest pixels of its edge, as RELION's extraction does. Pixels
    further than ``outlier_sigma`` from the box's mean or not finite become noise; the plane through the
    background is subtracted; the image is Fourier-cropped to the wanted pixel (the next friendly size that is
    not coarser), inverted and divided by the background's σ.

    Parameters
    ----------
    micrograph
        Shape (H, W).
    x_px, y_px
        Shape (P,): centres, 0-based pixels; boxes are cut around the nearest whole pixel.
    pixel_size_a
        Pixel of the micrograph, Å.
    box_px
        Box in pixels of the micrograph, even.
    output_pixel_size_a
        Wanted pixel, Å; None or finer than the micrograph's: no cropping.
    background_radius_a
        Background lies outside this radius, Å; None: 0.375 of the box (0.6 of a diameter of box / 1.6).
    invert
        True where protein is dark in the micrograph; images always have it white.
    outlier_sigma
        See above; 0 keeps all finite pixels.
    seed
        Of the noise that fills holes; the same particle gets the same noise whatever else is cut.
    threads
        The result does not depend on it.

    Raises
    ------
    InputError
        If the box is odd or the background radius does not leave the corners free.
    """
    if box_px < 8 or box_px % 2:
        message = f"box of {box_px} pixels: choose an even number of at least 8"
        raise InputError(message)
    radius_px = 0.375 * box_px if background_radius_a is None else background_radius_a / pixel_size_a
    if radius_px > 0.65 * box_px:
        message = (
            f"background radius of {radius_px * pixel_size_a:.0f} Å leaves no background in a box of "
            f"{box_px * pixel_size_a:.0f} Å: choose a larger box or a smaller radius"
        )
        raise InputError(message)
    x, y = np.asarray(x_px, dtype=np.float64).ravel(), np.asarray(y_px, dtype=np.float64).ravel()
    x_int, y_int = np.floor(x + 0.5).astype(np.int64), np.floor(y + 0.5).astype(np.int64)
    share = _share_inside(x_int, micrograph.shape[1], box_px) * _share_inside(
        y_int, micrograph.shape[0], box_px
    )
    kept = np.nonzero(share >= 1.0 - LARGEST_SHARE_OUTSIDE)[0]
    wanted = pixel_size_a if output_pixel_size_a is None else max(output_pixel_size_a, pixel_size_a)
    # The tolerance keeps a ratio like 64.00000001 from becoming 70.
    least = int(np.ceil(box_px * pixel_size_a / wanted - 1e-6))
    size = box_px if wanted <= pixel_size_a else min(friendly_size(least), box_px)
    images = np.empty((kept.size, size, size), np.float32)
    background = _Background(box_px, radius_px)
    coarse = _Background(size, radius_px * size / box_px)

    def cut(start: int) -> None:
        boxes = np.stack(
            [
                _clean_box(micrograph, x_int[p], y_int[p], box_px, background, outlier_sigma, seed)
                for p in kept[start : start + _BLOCK]
            ]
        )
        images[start : start + _BLOCK] = coarse.normalised(_fourier_crop(boxes, size))

    for_each(cut, range(0, kept.size, _BLOCK), threads)
    if invert:
        images *= -1.0
    return Extracted(
        images=images,
        kept=kept,
        x_int_px=x_int[kept],
        y_int_px=y_int[kept],
        rest_x_a=(x - x_int)[kept] * pixel_size_a,
        rest_y_a=(y - y_int)[kept] * pixel_size_a,
        pixel_size_a=box_px * pixel_size_a / size,
    )


def _share_inside(centre: NDArray[np.int64], length: int, box: int) -> NDArray[np.float64]:
    first = centre - box // 2
    covered = np.minimum(first + box, length) - np.maximum(first, 0)
    share: NDArray[np.float64] = np.clip(covered, 0, None) / box
    return share


def _clean_box(
    micrograph: NDArray[np.float32],
    x: int,
    y: int,
    box: int,
    background: _Background,
    outlier_sigma: float,
    seed: int,
) -> NDArray[np.float32]:
    """One box minus its background plane, with outliers and missing pixels replaced by noise."""
    image = _cut(micrograph, int(x) - box // 2, int(y) - box // 2, box)
    bad = ~np.isfinite(image)
    if bad.all():
        return np.zeros((box, box), np.float32)
    flat = background.flattened(image, ~bad)
    sigma = float(flat[~bad].std())
    # Rounding of a constant image is not noise.
    if outlier_sigma > 0.0 and sigma > 1e-6 * float(np.abs(image[~bad]).max()):
        far = ~bad & (np.abs(flat) > outlier_sigma * sigma)
        if far.any():
            bad |= far
            flat = background.flattened(image, ~bad)
            sigma = float(flat[~bad].std())
    if bad.any():
        random = np.random.default_rng((seed, abs(int(x)), abs(int(y))))
        flat[bad] = random.standard_normal(int(bad.sum()), dtype=np.float32) * np.float32(sigma)
    return flat


def _cut(micrograph: NDArray[np.float32], left: int, top: int, box: int) -> NDArray[np.float32]:
    """One box; pixels outside the micrograph are those of its edge that are nearest to them."""
    height, width = micrograph.shape
    if left >= 0 and top >= 0 and left + box <= width and top + box <= height:
        return micrograph[top : top + box, left : left + box]
    place = np.arange(box)
    rows, columns = np.clip(top + place, 0, height - 1), np.clip(left + place, 0, width - 1)
    return micrograph[rows[:, None], columns[None, :]]


def _fourier_crop(images: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Images (..., n, n) on m x m pixels with pixel n // 2 at m // 2; both even, m at most n."""
    old = images.shape[-1]
    if size == old:
        return images
    # Pixel 0 stays where it is, and so does the middle, as both sizes are even.
    spectrum = scipy.fft.rfft2(images)
    half = size // 2
    cropped = np.zeros((*images.shape[:-2], size, half + 1), spectrum.dtype)
    # Of the two lines that become the Nyquist line the positive one is kept, as RELION does.
    cropped[..., : half + 1, :] = spectrum[..., : half + 1, : half + 1]
    cropped[..., half + 1 :, :] = spectrum[..., old - half + 1 :, : half + 1]
    small: NDArray[np.float32] = scipy.fft.irfft2(cropped, s=(size, size)) * np.float32((size / old) ** 2)
    return small.astype(np.float32, copy=False)


class _Background:
    """The pixels of a box outside the particle, and the plane through them."""

    def __init__(self, box: int, radius_px: float) -> None:
        axis = np.arange(box) - box // 2
        self.outside = np.hypot(axis[:, None], axis[None, :]) > radius_px
        self.scaled = axis / (box / 2)
        # One, x and y of each background pixel, zero inside: shape (3, pixels).
        self.terms = np.stack(
            [
                self.outside,
                np.where(self.outside, self.scaled[None, :], 0.0),
                np.where(self.outside, self.scaled[:, None], 0.0),
            ]
        ).reshape(3, -1)
        self.normal = self.terms @ self.terms.T

    def flattened(self, image: NDArray[np.float32], good: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Image minus the plane through its good background pixels; 0 where not good."""
        flat = np.array(image)
        bad = np.flatnonzero(~good)
        flat.reshape(-1)[bad] = 0.0
        # What is bad is zero in the one sum, and taken from the other.
        sums, missing = self.terms @ flat.reshape(-1).astype(np.float64), self.terms[:, bad]
        if self.normal[0, 0] - missing[0].sum() >= 16:
            plane = np.linalg.lstsq(self.normal - missing @ missing.T, sums, rcond=None)[0]
        else:
            plane = np.array([flat.sum(dtype=np.float64) / (flat.size - bad.size), 0.0, 0.0])
        flat -= (plane[0] + plane[1] * self.scaled).astype(np.float32)
        flat -= (plane[2] * self.scaled).astype(np.float32)[:, None]
        flat.reshape(-1)[bad] = 0.0
        return flat

    def normalised(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Images with background mean 0 and σ 1; blank ones stay blank."""
        values = images[:, self.outside]
        mean = values.mean(1, dtype=np.float64)[:, None, None]
        sigma = values.std(1, dtype=np.float64)[:, None, None]
        result: NDArray[np.float32] = (images - mean) / np.where(sigma > 0.0, sigma, 1.0)
        return result.astype(np.float32, copy=False)
