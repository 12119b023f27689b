"""Stage sum for input that is already averaged: take the micrograph over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from frazil.formats.mrc import read_mrc
from frazil.formats.tiff_pages import is_tiff
from frazil.model.errors import InputError
from frazil.stages.checks import check_size, check_space
from frazil.stages.pictures import THUMBNAIL_PX, save_picture

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.stages.exposure import Exposure

_LARGEST_MEAN_SIGMA = 20.0
_ONLY_ONE = "an averaged micrograph has one; movies are for `frazil process` without --micrographs"


def run_averaged(exposure: Exposure) -> None:
    """Read, check and store an averaged micrograph, and its pictures."""
    settings = exposure.settings
    source = exposure.task.source
    if settings.microscope.pixel_size_a is None:
        raise InputError("pixel_size_a: the pixel size is not given")
    exposure.pixel_size_a = settings.microscope.pixel_size_a
    image = read_image(source)
    height, width = image.shape
    check_size(exposure, width, height)
    check_space(exposure, image.size)
    mean, sigma = float(image.mean(dtype=np.float64)), float(image.std(dtype=np.float64))
    if sigma == 0.0:
        raise InputError(f"{source}: every pixel has the value {mean:g}; there is no image in it")
    exposure.numbers.update(
        intensity_e_per_px=mean,
        frames=1.0,
        micrograph_pixel_size_a=exposure.pixel_size_a,
        width_px=float(width),
        height_px=float(height),
    )
    if settings.image_data.invert_contrast:
        image = np.float32(2.0 * mean) - image
    exposure.keep_micrograph(_storable(image, mean, sigma))
    store_previews(exposure)


def read_image(path: Path) -> NDArray[np.float32]:
    """Read one image from an MRC or TIFF file: shape (rows, columns)."""
    if is_tiff(path):
        from frazil.formats.tiff import TiffMovie

        with TiffMovie(path) as movie:
            if movie.frames != 1:
                raise InputError(f"{path}: {movie.frames} pages; {_ONLY_ONE}")
            return movie.read_frame(0).astype(np.float32)
    data = read_mrc(path).data
    if data.ndim != 2:
        raise InputError(f"{path}: {len(data)} images in one file; {_ONLY_ONE}")
    return data.astype(np.float32)


def _storable(image: NDArray[np.float32], mean: float, sigma: float) -> NDArray[np.float32]:
    """Values that half precision holds: no large offset, nothing beyond its range."""
    if abs(mean) > _LARGEST_MEAN_SIGMA * sigma:
        image = image - np.float32(mean)
    largest = float(np.abs(image).max())
    if largest > 6e4:
        image = image * np.float32(2.0 ** -np.ceil(np.log2(largest / 6e4)))
    return image


def store_previews(exposure: Exposure) -> None:
    """Write preview and thumbnail, beside what comes next."""
    files = exposure.files

    def write() -> None:
        picture, _ = exposure.preview()
        save_picture(files.picture("preview"), picture)
        small = picture.copy()
        small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
        save_picture(files.picture("thumbnail"), small)

    exposure.later(write, files.picture("preview"), files.picture("thumbnail"))
