"""Which settings a session can't honour yet, or not with its other settings: never silently ignored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frazil.model.errors import InputError
from frazil.model.settings import all_settings

if TYPE_CHECKING:
    from frazil.model.settings import Settings

_ONE_MACHINE = "workers belong to the server's own machine; see the server's settings"
_NEVER: dict[str, str] = {
    "mag_major": "magnification distortion is not corrected yet",
    "mag_minor": "magnification distortion is not corrected yet",
    "mag_angle_deg": "magnification distortion is not corrected yet",
    "alignment_bfactor_a2": "the weight of each frequency is measured, not set",
    "local_bfactor_a2": "the weight of each frequency is measured, not set",
    "whiten": "spectra are always weighted by their measured signal-to-noise ratio",
    "reference_frame": "shifts are written relative to the first frame",
    "frame_group": "the motion model decides how many frames a step needs",
    "template_selection": "picking by templates is not possible yet",
    "model_path": "picking by trained models is not possible yet",
    "model_pixel_size_a": "picking by trained models is not possible yet",
    "import_coordinates": "importing coordinates is not possible yet",
    "low_resolution_a": "the classifier has no low-resolution limit",
    "psi_step_deg": "only cisTEM's engine has it, which is not built in yet",
    "search_range_a": "only cisTEM's engine has it, which is not built in yet",
    "smoothing": "only cisTEM's engine has it, which is not built in yet",
    "worker_pool": _ONE_MACHINE,
    "preprocess_memory_gb": _ONE_MACHINE,
    "preprocess_gpus": _ONE_MACHINE,
    "worker_walltime": _ONE_MACHINE,
    "classify_threads": _ONE_MACHINE,
    "classify_memory_gb": _ONE_MACHINE,
    "classify_gpus": _ONE_MACHINE,
    "classify_walltime": _ONE_MACHINE,
    "classify_share": "2D classification has workers of its own, at a lower priority of the system",
    "extra_cluster_options": _ONE_MACHINE,
}
FROM_WARP = (
    "neural_net",
    "pick_threshold",
    "box_size_px",
    "particle_pixel_size_a",
    "particle_diameter_min_a",
    "particle_diameter_max_a",
    "pixel_size_a",
    "voltage_kv",
    "cs_mm",
    "amplitude_contrast",
)
"""Settings of a session on a Warp folder that are read from Warp's, and shown."""
_BY_WARP_TABS = ("image_data", "gain", "microscope", "transfer", "alignment", "ctf", "detection")
_BY_WARP = (
    "preprocess_workers",
    "preprocess_threads",
    "movie_timeout_min",
    "stop_grace_s",
    "failure_alarm_percent",
)
_BESIDE_WARP = (
    "warp_folder",
    "warp_particles",
    "work_subfolder",
    "write_live2d_folder",
    "poll_s",
    "min_free_gb",
    "output_depth",
    *FROM_WARP,
)
BY_WARP = "Warp does this"
_WARP_ONLY = ("warp_folder", "warp_particles", "neural_net", "work_subfolder", "write_live2d_folder")
_FRAMES_ONLY_TABS = ("gain", "alignment")
_ALSO_WITHOUT_FRAMES = {"output_depth", "write_power_spectrum"}
_JOBS_ONLY = (
    "startup_cycles",
    "seeded_startup_cycles",
    "refinement_cycles",
    "start_particles",
    "update_particles",
    "particles_per_class",
    "startup_fraction",
    "max_particles_abinit",
    "max_particles_seeded",
    "max_particles_refine",
    "absorb_between_cycles",
    "start_after_minutes",
    "listen_period_s",
)
_STREAMING_ONLY = ("stream_start_particles", "publish_s")
_UNBUILT_CHOICES = {
    "picking_method": ("template", "model", "import"),
    "engine": ("cistem",),
}


def reason_without_effect(name: str) -> str:
    """Why a setting does nothing in a session, whatever the others are; empty where it does something."""
    return _NEVER.get(name, "")


def reason_not_now(name: str, settings: Settings) -> str:
    """Why a setting does nothing together with the others: to be hidden, but not refused."""
    if reason := reason_without_effect(name):
        return reason
    info = all_settings()[name]
    if settings.session.kind == "warp":
        if (info.tab in _BY_WARP_TABS and name not in _BESIDE_WARP) or name in _BY_WARP:
            return BY_WARP
    elif name in _WARP_ONLY:
        return "only sessions on a Warp folder have it"
    frames = settings.session.kind == "movies" and settings.image_data.has_frames
    if (
        not frames
        and settings.session.kind != "warp"
        and info.tab in _FRAMES_ONLY_TABS
        and name not in _ALSO_WITHOUT_FRAMES
    ):
        return "averaged micrographs have no frames"
    if name in _JOBS_ONLY and settings.classification.mode == "streaming":
        return "only the scheduled kinds of classification have it"
    if name in _STREAMING_ONLY and settings.classification.mode != "streaming":
        return "only streaming classification has it"
    return ""


def refuse_without_effect(before: Settings, after: Settings) -> None:
    """Raise `InputError` where a change would change nothing, or asks for what is not built yet."""
    for name in all_settings():
        value = after.value(name)
        if value == before.value(name):
            continue
        if (reason := reason_without_effect(name)) and value != all_settings()[name].default:
            raise InputError(f"{name} has no effect: {reason}")
        if value != all_settings()[name].default:
            _refuse_beside_warp(name, after)
        if value in _UNBUILT_CHOICES.get(name, ()):
            raise InputError(f"{name}={value} is not possible yet")


def _refuse_beside_warp(name: str, after: Settings) -> None:
    """Raise `InputError` where a value that only Warp can give is given by a person."""
    if after.session.kind == "warp":
        if name in FROM_WARP:
            raise InputError(f"{name} is read from Warp's settings: change it in Warp")
        if reason_not_now(name, after) == BY_WARP:
            raise InputError(f"{name} has no effect: {BY_WARP}")
    elif name in _WARP_ONLY:
        raise InputError(f"{name} has no effect: only sessions on a Warp folder (kind=warp) have it")
