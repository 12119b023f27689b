"""What pre-processing can't do without."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from frazil.model.settings import Settings


def reason_incomplete(settings: Settings) -> str:
    """Which setting is missing, for a person; empty where movies can be processed."""
    microscope, detection = settings.microscope, settings.detection
    if microscope.pixel_size_a is None:
        return "the pixel size is missing: set pixel_size_a"
    if microscope.voltage_kv is None:
        return "the voltage is missing: set voltage_kv"
    is_movie = settings.session.kind == "movies" and settings.image_data.has_frames
    if is_movie and settings.alignment.dose_weighting and microscope.dose_per_movie_e_per_a2 is None:
        return "the dose is missing: set dose_per_movie_e_per_a2, or switch dose_weighting off"
    if detection.picking_method == "none":
        return ""
    if detection.picking_method != "blob":
        return f"picking_method {detection.picking_method} is not possible yet: choose blob or none"
    if detection.particle_diameter_min_a is None and detection.particle_diameter_max_a is None:
        return (
            "the particle's diameter is missing: set particle_diameter_min_a and particle_diameter_max_a, "
            "or picking_method none"
        )
    return ""
