"""What a change of each setting redoes: the table of the design, setting by setting."""

from __future__ import annotations

from typing import Any

import pytest

from frazil.model.errors import InputError
from frazil.model.redo import compare, run_token
from frazil.model.settings import STAGES, SettingInfo, Settings, Stage, all_settings, with_values
from frazil.model.settings_effect import reason_without_effect, refuse_without_effect
from frazil.model.settings_stages import stage_fingerprints
from frazil.stages.plan import stages_missing
from frazil.stages.record import MovieRecord, StageRecord

BASE = with_values(Settings(), {"pixel_size_a": 1.0, "voltage_kv": 300.0, "box_size_px": 200})

# Written from the table by hand, not from the declarations that it checks.
REDONE_FROM: dict[Stage, str] = {
    "align": """kind has_frames gain_path gain_rotation_deg gain_flip_x gain_flip_y gain_invert defects_path
        hot_pixel_sigma pixel_size_a dose_per_movie_e_per_a2 pre_exposure_e_per_a2 mag_major mag_minor
        mag_angle_deg alignment_method patch_grid patch_overlap_percent alignment_bfactor_a2 local_bfactor_a2
        alignment_low_a alignment_high_a whiten frame_group first_frame last_frame eer_upsampling
        eer_frames_per_fraction output_binning""",
    "sum": """voltage_kv invert_contrast dose_weighting sum_dose_min_e_per_a2 sum_dose_max_e_per_a2
        write_unweighted write_half_sums output_depth""",
    "ctf": """cs_mm amplitude_contrast write_power_spectrum ctf_low_a ctf_high_a defocus_min_a defocus_max_a
        defocus_step_a ctf_window_px fit_astigmatism astigmatism_max_a known_astigmatism_a
        known_astigmatism_angle_deg fit_phase_shift phase_shift_min_deg phase_shift_max_deg
        phase_shift_step_deg fit_tilt known_tilt_axis_deg fit_thickness""",
    "pick": """picking_method particle_diameter_min_a particle_diameter_max_a blob_shape pick_threshold
        min_distance_a max_picks expected_particles contamination_mask template_selection model_path
        model_pixel_size_a import_coordinates""",
    "extract": "box_size_px particle_pixel_size_a normalise_radius_a",
}
STAGE_OF = {name: stage for stage, names in REDONE_FROM.items() for name in names.split()}
TOGETHER = {
    "known_astigmatism_a": {"known_astigmatism_angle_deg": 10.0},
    "known_astigmatism_angle_deg": {"known_astigmatism_a": 500.0},
}


def other_value(info: SettingInfo, value: Any) -> Any:
    """Another value that is allowed."""
    if info.choices:
        chosen = next(choice for choice in info.choices if choice != str(value))
        return int(chosen) if info.kind == "int" else chosen
    if info.kind == "bool":
        return not value
    if info.kind == "list":
        return (*value, {"range_rules": "particles<5"}.get(info.name, "more"))
    if info.kind == "str":
        known = {"patch_grid": "5x5", "export_walltime": "0-02:00:00", "work_subfolder": "other"}
        return known.get(info.name, "/data/other")
    low = 0.0 if info.low is None else info.low
    high = low + 1000.0 if info.high is None else info.high
    now = low if value is None else float(value)
    wanted = now + min(2.0, (high - now) / 2.0) if high > now else now - min(2.0, (now - low) / 2.0)
    if info.kind == "int":
        # Even numbers, for boxes and tiles.
        return 2 * round(wanted / 2.0) if now % 2 == 0 else round(wanted)
    return wanted


def changed(name: str) -> Settings:
    info = all_settings()[name]
    values = {name: other_value(info, BASE.value(name)), **TOGETHER.get(name, {})}
    return with_values(BASE, values)


def done_with(settings: Settings) -> MovieRecord:
    fingerprints = stage_fingerprints(settings, "movie")
    stages = {
        stage: StageRecord(state="done", fingerprint=fingerprints[stage], products=[f"{stage}.out"])
        for stage in STAGES
    }
    return MovieRecord(name="m", source="m.tif", source_signature="movie", stages=stages)


@pytest.mark.parametrize("name", list(all_settings()))
def test_a_change_redoes_the_stages_of_the_table_and_no_others(name: str) -> None:
    after = changed(name)
    assert after.value(name) != BASE.value(name)
    todo = stages_missing(done_with(BASE), after, "movie", lambda _product: True)
    first = STAGE_OF.get(name)
    expected = [] if first is None else list(STAGES[STAGES.index(first) :])
    assert todo == expected
    assert list(compare(BASE, after).stages) == expected


@pytest.mark.parametrize("name", list(all_settings()))
def test_the_effect_on_2d_is_that_of_the_table(name: str) -> None:
    redo = compare(BASE, changed(name))
    none = {"output_depth", "write_unweighted", "write_half_sums", "write_power_spectrum"}
    if name in ("engine", "class_count", "mask_radius_a", "cs_mm"):
        # The table says of the last one that the run goes on; the classifier has one Cs for a run.
        expected = "new_run"
    elif name in none:
        expected = "none"
    elif name in STAGE_OF:
        expected = "go_on" if STAGE_OF[name] in ("ctf", "pick") else "new_run"
    elif all_settings()[name].tab == "classification" and redo.classification != "none":
        expected = "go_on"
    else:
        expected = "none"
    assert redo.classification == expected
    if STAGE_OF.get(name) is not None:
        assert (run_token(changed(name)) != run_token(BASE)) == (expected == "new_run")


def test_the_diameter_begins_a_new_run_only_where_the_box_follows_it() -> None:
    automatic = with_values(BASE, {"box_size_px": None})
    other = {"particle_diameter_max_a": 300.0}
    assert compare(BASE, with_values(BASE, other)).classification == "go_on"
    assert compare(automatic, with_values(automatic, other)).classification == "new_run"


def test_several_changes_are_as_strong_as_the_strongest() -> None:
    redo = compare(BASE, with_values(BASE, {"ctf_low_a": 40.0, "box_size_px": 100, "name": "other"}))
    assert (redo.stage, redo.classification) == ("ctf", "new_run")
    assert redo.stages == ("ctf", "pick", "extract")
    assert set(redo.changed) == {"ctf_low_a", "box_size_px", "name"}


@pytest.mark.parametrize("name", [name for name in all_settings() if reason_without_effect(name)])
def test_a_setting_without_effect_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(InputError, match=f"^{name} has no effect: "):
        refuse_without_effect(BASE, changed(name))
    # Going back to the default is always possible.
    refuse_without_effect(changed(name), BASE)


def test_choices_that_are_not_built_are_refused() -> None:
    with pytest.raises(InputError, match="picking_method=template is not possible yet"):
        refuse_without_effect(BASE, with_values(BASE, {"picking_method": "template"}))
