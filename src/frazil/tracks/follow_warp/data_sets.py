"""Data sets of a Warp folder: particles that were picked and cut out alike. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from frazil.model.errors import InputError
from frazil.model.redo import run_token
from frazil.model.settings import with_values

if TYPE_CHECKING:
    from frazil.formats.warp_settings import WarpSettings
    from frazil.model.settings import Settings

_SAME_PIXEL = 1e-3


class DataSet(BaseModel):
    """Particles between two changes of network, threshold, box or pixel size in Warp.

    Attributes
    ----------
    revision, token
        The first settings revision with these values, and what its particles share (`run_token`).
    neural_net, wanted_box_px, wanted_pixel_size_a
        By Warp's settings.
    table
        Name of the particle table; empty before it was seen.
    box_px, pixel_size_a
        Of the images that Warp exported; None before the first.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    revision: int
    token: str
    neural_net: str | None
    wanted_box_px: int | None
    wanted_pixel_size_a: float | None
    table: str = ""
    box_px: int | None = None
    pixel_size_a: float | None = None

    def exports(self, box_px: int, pixel_size_a: float) -> bool:
        """Whether its images are of this size."""
        return (
            self.box_px == box_px
            and self.pixel_size_a is not None
            and abs(self.pixel_size_a - pixel_size_a) <= _SAME_PIXEL * pixel_size_a
        )

    def wants_other_images_than(self, other: DataSet) -> bool:
        """Whether Warp was told another box or pixel size."""
        return (self.wanted_box_px, self.wanted_pixel_size_a) != (
            other.wanted_box_px,
            other.wanted_pixel_size_a,
        )


class FollowMemory(BaseModel):
    """What the track remembers: the data sets, oldest first."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    data_sets: tuple[DataSet, ...] = ()

    @property
    def newest(self) -> DataSet:
        """The data set that new particles belong to."""
        return self.data_sets[-1]

    def strangers(self) -> frozenset[str]:
        """Tables of other networks than the present one."""
        newest = self.newest
        return frozenset(
            each.table
            for each in self.data_sets
            if each.table and each.neural_net != newest.neural_net and each.table != newest.table
        )

    def home_of(self, box_px: int, pixel_size_a: float) -> DataSet:
        """Return the data set that images of this size belong to.

        It is the newest, unless the images are as an earlier one had them and Warp was told otherwise since:
        then Warp has not exported that movie anew yet.
        """
        for earlier in reversed(self.data_sets[:-1]):
            if earlier.exports(box_px, pixel_size_a) and self.newest.wants_other_images_than(earlier):
                return earlier
        return self.newest

    def changed(self, data_set: DataSet, **values: Any) -> FollowMemory:
        """Return a copy in which a data set has other values."""
        sets = (
            each.model_copy(update=values) if each.revision == data_set.revision else each
            for each in self.data_sets
        )
        return FollowMemory(data_sets=tuple(sets))


def settings_as_warp(settings: Settings, warp: WarpSettings) -> Settings:
    """Return the settings with the values that Warp decides.

    Raises `InputError` where Warp's value is one that Frazil can't have.
    """
    try:
        return with_values(
            settings,
            {
                "neural_net": warp.network or None,
                "pick_threshold": warp.minimum_score,
                "box_size_px": warp.box_size_px,
                "particle_pixel_size_a": round(warp.particle_pixel_size_a, 6),
                "particle_diameter_min_a": round(warp.diameter_a, 1),
                "particle_diameter_max_a": round(warp.diameter_a, 1),
                "pixel_size_a": warp.pixel_size_a,
                "voltage_kv": warp.voltage_kv,
                "cs_mm": warp.cs_mm,
                "amplitude_contrast": warp.amplitude_contrast,
            },
        )
    except InputError as error:
        raise InputError(f"Warp's settings can't be followed: {error}") from error


def with_settings(memory: FollowMemory, settings: Settings, revision: int) -> FollowMemory:
    """Begin a data set if these settings, of the newest revision, are those of another one."""
    token = run_token(settings)
    if memory.data_sets and memory.newest.token == token:
        return memory
    begun = DataSet(
        revision=revision,
        token=token,
        neural_net=settings.image_data.neural_net,
        wanted_box_px=settings.detection.box_size_px,
        wanted_pixel_size_a=settings.detection.particle_pixel_size_a,
    )
    return FollowMemory(data_sets=(*memory.data_sets, begun))
