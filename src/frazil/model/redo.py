"""What a change of settings redoes, and what it means for 2D classification. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from frazil.model.particle_token import WITHOUT_EFFECT_ON_PARTICLES
from frazil.model.settings import STAGES, all_settings
from frazil.model.settings_stages import hash_of_values

if TYPE_CHECKING:
    from frazil.model.settings import Settings, Stage

EffectOn2D = Literal["new_run", "go_on", "none"]
_STRENGTH: dict[EffectOn2D, int] = {"none": 0, "go_on": 1, "new_run": 2}

NEW_RUN_2D = ("engine", "class_count", "mask_radius_a")
"""Settings of 2D classification that a run can't change."""
GO_ON_2D = (
    "initial_resolution_a",
    "final_resolution_a",
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
    "mode",
    "automask",
    "autocentre",
    "max_ctf_resolution_a",
    "classify_filter",
    "absorb_between_cycles",
)
"""Settings of 2D classification that hold from the next batch or job on."""
NEW_DATA_SET_WARP = (
    "neural_net",
    "pick_threshold",
    "box_size_px",
    "particle_pixel_size_a",
    "pixel_size_a",
)
"""What Warp's particles of one data set share; where one of them changes, all so far are another data set."""
_OPTICS = ("cs_mm",)
"""Read by the CTF stage, but a run has one spherical aberration for all its particles."""
_DIAMETERS = ("particle_diameter_min_a", "particle_diameter_max_a")

TEXTS: dict[EffectOn2D, str] = {
    "new_run": "2D classification begins a new run with the new particles; earlier runs stay in the history",
    "go_on": "2D classification goes on; particles are withdrawn and added as they change",
    "none": "2D classification does not change",
}


@dataclass(frozen=True)
class Redo:
    """What follows from a change.

    Attributes
    ----------
    changed
        Names of the settings that differ.
    stage
        The first stage that is redone, with all that follow; None: no movie is touched.
    classification
        Effect on 2D.
    """

    changed: tuple[str, ...]
    stage: Stage | None
    classification: EffectOn2D

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Stages that are redone."""
        return () if self.stage is None else STAGES[STAGES.index(self.stage) :]

    @property
    def text(self) -> str:
        """Effect on 2D, for a person."""
        return TEXTS[self.classification]


def compare(before: Settings, after: Settings) -> Redo:
    """Say what has to be redone of results made with ``before`` so that they are as made with ``after``."""
    changed = tuple(name for name in all_settings() if before.value(name) != after.value(name))
    touched = {all_settings()[name].stage for name in changed}
    stage = next((stage for stage in STAGES if stage in touched), None)
    automatic_box = before.detection.box_size_px is None or after.detection.box_size_px is None
    warp = after.session.kind == "warp"
    effects = [_effect(name, automatic_box=automatic_box, warp=warp) for name in changed]
    return Redo(changed, stage, max(effects, key=lambda effect: _STRENGTH[effect], default="none"))


def _effect(name: str, *, automatic_box: bool, warp: bool) -> EffectOn2D:
    if warp and name in NEW_DATA_SET_WARP:
        return "new_run"
    if name in WITHOUT_EFFECT_ON_PARTICLES:
        return "none"
    if name in NEW_RUN_2D or name in _OPTICS:
        return "new_run"
    if name in GO_ON_2D:
        return "go_on"
    if name in _DIAMETERS and automatic_box:
        # The box follows the diameter, and a run has one box.
        return "new_run"
    stage = all_settings()[name].stage
    if stage in ("align", "sum", "extract"):
        return "new_run"
    return "none" if stage is None else "go_on"


def run_token(settings: Settings) -> str:
    """Name what particles must share to be in one run: equal for settings between which a run goes on."""
    automatic_box = settings.detection.box_size_px is None
    warp = settings.session.kind == "warp"
    names = [
        name
        for name, info in all_settings().items()
        if (info.stage is not None or (warp and name in NEW_DATA_SET_WARP))
        and _effect(name, automatic_box=automatic_box, warp=warp) == "new_run"
    ]
    return hash_of_values({name: settings.value(name) for name in names}, "run")


def job_token(settings: Settings) -> str:
    """Name the settings of 2D classification that a run can't change."""
    return hash_of_values({name: settings.value(name) for name in NEW_RUN_2D}, "job")
