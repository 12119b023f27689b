"""The optics table that stands first in every STAR file of RELION 3.1 and later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frazil.formats.star_table import StarTable

if TYPE_CHECKING:
    from frazil.model.optics import Optics


def optics_table(
    optics: Optics,
    *,
    movie_pixel_size_a: float,
    micrograph_pixel_size_a: float | None = None,
    image_pixel_size_a: float | None = None,
    image_size_px: int | None = None,
) -> StarTable:
    """One optics group; micrograph tables give the micrograph's pixel, particle tables the image's.

    Parameters
    ----------
    optics
        Voltage, Cs, amplitude contrast.
    movie_pixel_size_a, micrograph_pixel_size_a, image_pixel_size_a
        Pixels of the movie, the average and the particle images, Å.
    image_size_px
        Box of the particle images.
    """
    columns: dict[str, Any] = {
        "rlnOpticsGroupName": ["opticsGroup1"],
        "rlnOpticsGroup": [1],
        "rlnMicrographOriginalPixelSize": [movie_pixel_size_a],
        "rlnVoltage": [optics.voltage_kv],
        "rlnSphericalAberration": [optics.cs_mm],
        "rlnAmplitudeContrast": [optics.amplitude_contrast],
    }
    if micrograph_pixel_size_a is not None:
        columns["rlnMicrographPixelSize"] = [micrograph_pixel_size_a]
    if image_pixel_size_a is not None:
        columns["rlnImagePixelSize"] = [image_pixel_size_a]
        columns["rlnImageSize"] = [image_size_px]
        columns["rlnImageDimensionality"] = [2]
        columns["rlnCtfDataAreCtfPremultiplied"] = [0]
    return StarTable(columns)
