"""The optics table that stands first in every STAR file of RELION 3.1 and later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from frazil.formats.star_table import StarTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from frazil.model.optics import Optics


@dataclass(frozen=True)
class OpticsGroup:
    """Micrographs and particles that were taken alike; pixels in Å, None where there is none.

    ``mtf``: name of the detector's MTF, empty where none is known.
    """

    optics: Optics
    movie_pixel_size_a: float
    micrograph_pixel_size_a: float | None = None
    image_pixel_size_a: float | None = None
    image_size_px: int | None = None
    mtf: str = ""


def groups_table(groups: Sequence[OpticsGroup], *, images: bool) -> StarTable:
    """Optics groups numbered from 1.

    ``images``: also the columns of particle tables, which all groups need then; otherwise the micrographs'
    pixel, if all groups have one. The MTF is named where all have one.
    """
    columns: dict[str, Any] = {
        "rlnOpticsGroupName": [f"opticsGroup{number}" for number in range(1, len(groups) + 1)],
        "rlnOpticsGroup": list(range(1, len(groups) + 1)),
    }
    if groups and all(group.mtf for group in groups):
        columns["rlnMtfFileName"] = [group.mtf for group in groups]
    columns |= {
        "rlnMicrographOriginalPixelSize": [group.movie_pixel_size_a for group in groups],
        "rlnVoltage": [group.optics.voltage_kv for group in groups],
        "rlnSphericalAberration": [group.optics.cs_mm for group in groups],
        "rlnAmplitudeContrast": [group.optics.amplitude_contrast for group in groups],
    }
    if all(group.micrograph_pixel_size_a is not None for group in groups):
        columns["rlnMicrographPixelSize"] = [group.micrograph_pixel_size_a for group in groups]
    if images:
        columns["rlnImagePixelSize"] = [group.image_pixel_size_a for group in groups]
        columns["rlnImageSize"] = [group.image_size_px for group in groups]
        columns["rlnImageDimensionality"] = [2] * len(groups)
        columns["rlnCtfDataAreCtfPremultiplied"] = [0] * len(groups)
    return StarTable(columns)


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
    group = OpticsGroup(
        optics, movie_pixel_size_a, micrograph_pixel_size_a, image_pixel_size_a, image_size_px
    )
    return groups_table([group], images=image_pixel_size_a is not None)
