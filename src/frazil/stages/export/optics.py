"""Optics groups of an export: consecutive numbers, one pixel size and one set of optics in each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from frazil.formats.relion_optics import OpticsGroup
from frazil.model.errors import InputError
from frazil.model.optics import Optics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from frazil.stages.export.gather import Gathered

_WITHOUT_IMAGES = -2
"""Of what one group can have only once, the last two are pixel and box of its images."""


@dataclass(frozen=True)
class ExportOptics:
    """Groups of an export.

    Attributes
    ----------
    groups
        Those of particles first.
    with_images
        How many of them have particle images.
    number_of
        For each movie, its group's number, from 1.
    origin
        For each group, the session's groups that it is made of.
    """

    groups: list[OpticsGroup]
    with_images: int
    number_of: list[int]
    origin: list[list[int]]


def find_optics(movies: Sequence[Gathered], fewest: int) -> ExportOptics:
    """Group movies by the session's optics groups and by everything that one group can have only once.

    Micrographs without particles are of the group that others of the same settings are of. Groups with fewer
    than ``fewest`` movies are joined with the largest one of the same settings.
    """
    own = [movie.movie.row.get("optics_group") or 1 for movie in movies]
    physics = _with_images_of_others(own, [_physics(movie) for movie in movies])
    sizes = Counter(zip(own, physics, strict=True))
    joined = {}
    for (group, kind), size in sizes.items():
        largest = max((key for key in sizes if key[1] == kind), key=lambda key: (sizes[key], -key[0]))
        joined[group, kind] = largest[0] if size < fewest else group
    keys = [(joined[group, kind], kind) for group, kind in zip(own, physics, strict=True)]
    order = sorted(set(keys), key=lambda key: (key[1][-1] == 0, key[0], key[1]))
    number = {key: place + 1 for place, key in enumerate(order)}
    origin: list[set[int]] = [set() for _ in order]
    for group, key in zip(own, keys, strict=True):
        origin[number[key] - 1].add(group)
    return ExportOptics(
        groups=[_group(kind) for _, kind in order],
        with_images=sum(kind[-1] > 0 for _, kind in order),
        number_of=[number[key] for key in keys],
        origin=[sorted(groups) for groups in origin],
    )


def _with_images_of_others(own: Sequence[int], physics: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Give micrographs without particles box and pixel of most images of the same group and settings."""
    images: dict[tuple[Any, ...], Counter[tuple[Any, ...]]] = {}
    for group, kind in zip(own, physics, strict=True):
        if kind[-1]:
            images.setdefault((group, *kind[:_WITHOUT_IMAGES]), Counter())[kind] += 1
    return [
        images[key].most_common(1)[0][0]
        if (key := (group, *kind[:_WITHOUT_IMAGES])) in images and not kind[-1]
        else kind
        for group, kind in zip(own, physics, strict=True)
    ]


def _physics(found: Gathered) -> tuple[Any, ...]:
    microscope = found.settings.microscope
    if microscope.pixel_size_a is None or microscope.voltage_kv is None:
        raise InputError(f"{found.movie.name}: the settings it was made with lack pixel size or voltage")
    is_movie = found.record.stage("align").state == "done"
    upsampling = found.settings.alignment.eer_upsampling if is_movie else 1
    return (
        round(microscope.pixel_size_a / upsampling, 6),
        round(found.record.number("micrograph_pixel_size_a"), 6),
        microscope.voltage_kv,
        microscope.cs_mm,
        microscope.amplitude_contrast,
        round(found.image_pixel_size_a, 6),
        found.image_size_px,
    )


def _group(kind: tuple[Any, ...]) -> OpticsGroup:
    movie_pixel, micrograph_pixel, voltage, cs, contrast, image_pixel, image_size = kind
    return OpticsGroup(
        Optics(voltage, cs, contrast),
        movie_pixel,
        micrograph_pixel,
        image_pixel if image_size else None,
        image_size or None,
    )
