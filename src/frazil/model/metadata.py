"""What a microscope's software says about one movie."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic reads the annotations

from pydantic import BaseModel, ConfigDict

_RATIOS = (2.0, 1.0, 0.5, 0.25)
_TOLERANCE = 0.005


class MovieMetadata(BaseModel):
    """Metadata of one movie from its side file and its name; what nobody told is None.

    Attributes
    ----------
    source
        Where it comes from: ``"EPU"``, ``"mdoc"`` or ``"name"``.
    pixel_size_a
        Pixel of the movie as stored (EER: physical pixel), Å. Only known once the movie's size is: see
        `with_movie_size`.
    image_pixel_size_a, image_width_px, image_height_px
        Pixel (Å) and size of the image beside the side file, which often is a binned one.
    voltage_kv, magnification, slit_width_ev, phase_plate
        Acceleration voltage, nominal magnification, energy filter slit, whether a phase plate was in.
    dose_per_movie_e_per_a2, frames, exposure_s
        Of the whole movie: dose at the specimen (e/Å²), number of frames, time (s).
    acquired_at
        In UTC where the microscope tells the zone, else its local time without zone.
    beam_shift, image_shift
        (x, y) in the microscope's own unit: EPU does not say which, SerialEM means µm. For grouping only.
    stage_x_um, stage_y_um, stage_z_um, tilt_deg
        Stage position (µm) and tilt.
    nominal_defocus_a
        What was asked for, Å, underfocus positive.
    grid_square, foil_hole
        Numbers of EPU.
    shot
        Position inside the hole: EPU's area number.
    multishot
        SerialEM's hole and position, as in ``"1-2"`` or ``"X+1Y-1-2"``.
    gain_name, defect_name
        File names (without folders) of the gain reference and the defect list.
    rotation_and_flip
        SerialEM's 0 to 7: n modulo 4 quarter turns, +4 flipped first.
    movie_name
        What the side file calls its movie, without folders.
    camera
        Commercial name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    source: str = "name"
    pixel_size_a: float | None = None
    image_pixel_size_a: float | None = None
    image_width_px: int | None = None
    image_height_px: int | None = None
    voltage_kv: float | None = None
    magnification: float | None = None
    slit_width_ev: float | None = None
    phase_plate: bool | None = None
    dose_per_movie_e_per_a2: float | None = None
    frames: int | None = None
    exposure_s: float | None = None
    acquired_at: datetime | None = None
    beam_shift: tuple[float, float] | None = None
    image_shift: tuple[float, float] | None = None
    stage_x_um: float | None = None
    stage_y_um: float | None = None
    stage_z_um: float | None = None
    tilt_deg: float | None = None
    nominal_defocus_a: float | None = None
    grid_square: str | None = None
    foil_hole: str | None = None
    shot: str | None = None
    multishot: str | None = None
    gain_name: str | None = None
    defect_name: str | None = None
    rotation_and_flip: int | None = None
    movie_name: str | None = None
    camera: str | None = None

    def with_movie_size(self, width_px: int, height_px: int | None = None) -> MovieMetadata:
        """Add the pixel of a movie of this size; None where the sizes do not settle it."""
        if self.image_pixel_size_a is None or self.image_width_px is None:
            return self.model_copy(update={"pixel_size_a": None})
        image = (self.image_width_px, self.image_height_px)
        return self.model_copy(
            update={"pixel_size_a": movie_pixel_size_a(self.image_pixel_size_a, image, (width_px, height_px))}
        )

    def with_defaults(self, other: MovieMetadata) -> MovieMetadata:
        """Take what is missing from ``other``."""
        missing = {name for name in type(self).model_fields if getattr(self, name) is None}
        return self.model_copy(update={name: getattr(other, name) for name in missing})


def movie_pixel_size_a(
    image_pixel_size_a: float, image_px: tuple[int, int | None], movie_px: tuple[int, int | None]
) -> float | None:
    """Pixel of a movie (Å) from that of an image of the same field.

    Parameters
    ----------
    image_pixel_size_a
        Pixel of the image, Å.
    image_px, movie_px
        (width, height) of both; a height may be unknown.

    Returns
    -------
    float or None
        None unless the image is 2, 1, 1/2 or 1/4 as large as the movie, along both axes where the heights are
        known: then one was cropped, or they do not belong together. A camera whose frames are stored turned
        by 90° is recognised if both heights are known.
    """
    width, height = movie_px
    if height is not None and image_px[1] is not None and (width < height) != (image_px[0] < image_px[1]):
        width, height = height, width
    if width <= 0 or image_px[0] <= 0:
        return None
    ratio = image_px[0] / width
    close = [known for known in _RATIOS if abs(ratio / known - 1.0) <= _TOLERANCE]
    if not close:
        return None
    if height is not None and image_px[1] is not None:
        if height <= 0 or abs(image_px[1] / height / close[0] - 1.0) > _TOLERANCE:
            return None
    return image_pixel_size_a * ratio
