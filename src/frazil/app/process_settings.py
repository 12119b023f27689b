"""Which settings ``frazil process`` can honour; all others are refused with the reason, never ignored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from frazil.model.errors import InputError
from frazil.model.settings import all_settings, setting_info
from frazil.model.settings_stages import CLASSIFICATION_READS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from frazil.model.settings import Settings

_TAB_REASONS = {
    "transfer": "frazil process reads movies where they lie; transfer belongs to a live session",
    "notifications": "frazil process sends no notifications",
}
_REASONS = {
    "folder": "give it as --session",
    "group": "frazil process knows no users",
    "tags": "frazil process keeps no list of sessions",
    "kind": "give --micrographs for averaged input",
    "source_path": "give the movies as arguments",
    "metadata_path": "metadata of the microscope are not read; give the values as options",
    "warp_folder": "to classify particles of Warp, use frazil classify with its STAR file",
    "warp_particles": "there is no Warp folder",
    "neural_net": "there is no Warp folder",
    "work_subfolder": "there is no Warp folder",
    "write_live2d_folder": "there is no Warp folder",
    "gain_auto_orient": "the orientation of the gain reference is not tested",
    "mag_major": "magnification distortion is not corrected",
    "mag_minor": "magnification distortion is not corrected",
    "mag_angle_deg": "magnification distortion is not corrected",
    "mtf_path": "exports of a live session name it",
    "optics_grouping": "all movies are one optics group",
    "alignment_bfactor_a2": "the weight of each frequency is measured, not set",
    "local_bfactor_a2": "the weight of each frequency is measured, not set",
    "whiten": "spectra are always weighted by their measured signal-to-noise ratio",
    "reference_frame": "shifts are written relative to the first frame",
    "frame_group": "the motion model decides how many frames a step needs",
    "template_selection": "picking by templates needs a live session",
    "model_path": "trained models need a live session",
    "model_pixel_size_a": "trained models need a live session",
    "import_coordinates": "importing coordinates needs a live session",
    "mode": "all particles are classified at once",
    "low_resolution_a": "the classifier has no low-resolution limit",
    "start_particles": "all particles are classified at once",
    "update_particles": "all particles are classified at once",
    "classify_filter": "there are no named filters; max_ctf_resolution_a is the input filter",
    "engine": "only Frazil's own engine is built in",
    "worker_pool": "the work is done on this machine",
    "log_level": "everything is logged",
    "preprocess_workers": "give --workers",
    "preprocess_threads": "give --threads",
}
_RESOURCES_USED = {"movie_timeout_min", "max_attempts"}
_FRAMES_ONLY = ("gain", "alignment")
_ALSO_WITHOUT_FRAMES = {"output_depth", "write_power_spectrum"}


def reason_without_effect(name: str, *, micrographs: bool = False) -> str:
    """Why a setting can't be given to ``frazil process``; empty where it can."""
    info = setting_info(name)
    if info.tab in _TAB_REASONS:
        return _TAB_REASONS[info.tab]
    if name in _REASONS:
        return _REASONS[name]
    if info.tab == "classification" and name not in CLASSIFICATION_READS:
        return "it belongs to classification in a live session"
    if info.tab == "resources" and name not in _RESOURCES_USED:
        return "it belongs to the workers of a server"
    if micrographs and info.tab in _FRAMES_ONLY and name not in _ALSO_WITHOUT_FRAMES:
        return "averaged micrographs (--micrographs) have no frames"
    return ""


def settings_with_effect(*, micrographs: bool = False) -> list[str]:
    """Names that ``--set`` takes."""
    return [name for name in all_settings() if not reason_without_effect(name, micrographs=micrographs)]


def refuse_without_effect(values: Mapping[str, object], *, micrographs: bool) -> None:
    """Raise `InputError` for a setting that would change nothing."""
    for name in values:
        if reason := reason_without_effect(name, micrographs=micrographs):
            raise InputError(f"{name} has no effect here: {reason}")
        if name == "picking_method" and values[name] not in ("blob", "none"):
            raise InputError(f"picking_method={values[name]} needs a live session; here it is blob or none")


def require_complete(settings: Settings) -> None:
    """Raise `InputError` where something is missing that processing can't do without."""
    microscope, detection = settings.microscope, settings.detection
    if microscope.pixel_size_a is None:
        raise InputError("the pixel size is missing: give --pixel-size-a")
    if microscope.voltage_kv is None:
        raise InputError("the voltage is missing: give --voltage-kv")
    if (
        detection.picking_method != "none"
        and detection.particle_diameter_min_a is None
        and detection.particle_diameter_max_a is None
    ):
        raise InputError(
            "the particle's diameter is missing: give --particle-diameter-a, or --set picking_method=none"
        )
    is_movie = settings.session.kind == "movies" and settings.image_data.has_frames
    if is_movie and settings.alignment.dose_weighting and microscope.dose_per_movie_e_per_a2 is None:
        raise InputError("the dose is missing: give --dose-per-movie-e-per-a2, or --set dose_weighting=off")
    for path in (settings.gain.gain_path, settings.gain.defects_path):
        if path is not None and not Path(path).is_file():
            found = "is a folder, not a file" if Path(path).is_dir() else "no such file"
            raise InputError(f"{path}: {found}")
