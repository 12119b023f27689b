"""Settings: what may be said, what is refused, and what a change redoes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil.model.errors import InputError
from frazil.model.settings import STAGES, SettingInfo, Settings, all_settings, with_values
from frazil.model.settings_stages import classification_fingerprint, stage_fingerprints

REDONE_FROM = {
    "align": {
        *(
            "kind",
            "has_frames",
            "gain_path",
            "gain_rotation_deg",
            "gain_flip_x",
            "gain_flip_y",
            "gain_invert",
        ),
        *("defects_path", "hot_pixel_sigma", "pixel_size_a", "dose_per_movie_e_per_a2"),
        *("pre_exposure_e_per_a2", "mag_major", "mag_minor", "mag_angle_deg", "alignment_method"),
        *("patch_grid", "patch_overlap_percent", "alignment_bfactor_a2", "local_bfactor_a2"),
        *("alignment_low_a", "alignment_high_a", "whiten", "frame_group", "first_frame", "last_frame"),
        *("eer_upsampling", "eer_frames_per_fraction", "output_binning"),
    },
    "sum": {
        *("invert_contrast", "voltage_kv", "dose_weighting", "sum_dose_min_e_per_a2"),
        *("sum_dose_max_e_per_a2", "write_unweighted", "write_half_sums", "output_depth"),
    },
    "ctf": {
        *("cs_mm", "amplitude_contrast", "write_power_spectrum", "ctf_low_a", "ctf_high_a", "defocus_min_a"),
        *("defocus_max_a", "defocus_step_a", "ctf_window_px", "fit_astigmatism", "astigmatism_max_a"),
        *("known_astigmatism_a", "known_astigmatism_angle_deg", "fit_phase_shift", "phase_shift_min_deg"),
        *("phase_shift_max_deg", "phase_shift_step_deg", "fit_tilt", "known_tilt_axis_deg"),
        "fit_thickness",
    },
    "pick": {
        *("picking_method", "particle_diameter_min_a", "particle_diameter_max_a", "blob_shape"),
        *("pick_threshold", "min_distance_a", "max_picks", "expected_particles", "contamination_mask"),
        *("template_selection", "model_path", "model_pixel_size_a", "import_coordinates"),
    },
    "extract": {"box_size_px", "particle_pixel_size_a", "normalise_radius_a"},
}

PARTNERS = {
    "known_astigmatism_a": {"known_astigmatism_angle_deg": 10.0},
    "known_astigmatism_angle_deg": {"known_astigmatism_a": 300.0},
}


def other_value(info: SettingInfo) -> Any:
    """Return a legal value that is not the default."""
    if info.choices:
        other = next(choice for choice in info.choices if choice != str(info.default))
        return int(other) if info.kind == "int" else other
    if info.name == "patch_grid":
        return "5x5"
    if info.kind == "bool":
        return not info.default
    if info.kind == "str":
        return {"export_walltime": "0-02:00:00"}.get(info.name, "something")
    if info.kind == "list":
        return ({"range_rules": "particles<5"}.get(info.name, "something"),)
    low = info.low or 0.0
    value = (info.default if info.default is not None else low) + 2
    if info.high is not None and value > info.high:
        value = info.high if info.default is None else max(low, info.default - 0.05)
    return int(value) if info.kind == "int" else float(value)


@pytest.mark.parametrize("name", list(all_settings()))
def test_a_change_redoes_its_stage_and_those_that_follow(name: str) -> None:
    partners = PARTNERS.get(name, {})
    before = with_values(Settings(), {})
    changed = with_values(before, {name: other_value(all_settings()[name]), **partners})
    old, new = stage_fingerprints(before, "movie"), stage_fingerprints(changed, "movie")
    redone = {stage for stage in STAGES if old[stage] != new[stage]}
    first = next((stage for stage, names in REDONE_FROM.items() if name in names), None)
    assert redone == (set(STAGES[STAGES.index(first) :]) if first else set())


def test_every_name_of_the_table_exists() -> None:
    assert set().union(*REDONE_FROM.values()) <= set(all_settings())


def test_another_movie_has_other_fingerprints() -> None:
    assert not set(stage_fingerprints(Settings(), "a").values()) & set(
        stage_fingerprints(Settings(), "b").values()
    )


def test_names_are_unique_over_all_tabs() -> None:
    settings = Settings()
    names = [
        name for tab in type(settings).model_fields for name in type(getattr(settings, tab)).model_fields
    ]
    assert len(names) == len(set(names)) == len(all_settings())


def test_text_is_read_as_the_setting_s_type() -> None:
    settings = with_values(
        Settings(),
        {
            "pixel_size_a": "0.83",
            "gain_flip_x": "on",
            "gain_rotation_deg": "90",
            "pick_threshold": "auto",
            "file_patterns": "*.tif, *.mrc",
            "patch_grid": "5×7",
            "last_frame": "30",
        },
    )
    assert settings.microscope.pixel_size_a == 0.83
    assert settings.gain.gain_flip_x is True
    assert settings.gain.gain_rotation_deg == 90
    assert settings.detection.pick_threshold is None
    assert settings.image_data.file_patterns == ("*.tif", "*.mrc")
    assert settings.alignment.patch_grid == "5x7"
    assert settings.alignment.last_frame == 30


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"pixle_size_a": "1"}, "did you mean pixel_size_a"),
        ({"max_picks": "40.5"}, "max_picks=40.5: must be a whole number from 1 to 50000"),
        ({"pixel_size_a": "-1"}, "pixel_size_a=-1: must be a number from 0.1 to 20 Å"),
        ({"pixel_size_a": "nan"}, "pixel_size_a=nan: must be a number"),
        ({"pixel_size_a": float("inf")}, "must be a number"),
        ({"gain_flip_x": "maybe"}, "gain_flip_x=maybe: must be on or off"),
        ({"gain_rotation_deg": "45"}, "one of 0, 90, 180, 270"),
        ({"output_depth": "float8"}, "one of float16, float32"),
        ({"patch_grid": "2x5"}, "3 to 12"),
        ({"ctf_window_px": "513"}, "even"),
        ({"box_size_px": True}, "must be a whole number"),
        ({"defocus_min_a": "60000"}, r"defocus_min_a \(60000\) must not be larger than defocus_max_a"),
        ({"known_astigmatism_a": "300"}, "go together"),
        ({"range_rules": "0"}, "range_rules: '0' is no rule"),
        ({"class_count": ""}, "class_count"),
        ({"class_count": None}, "needs a value"),
    ],
)
def test_nonsense_is_refused_with_what_is_allowed(values: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        with_values(Settings(), values)


@given(st.sampled_from(list(all_settings())), st.text(max_size=12))
def test_any_text_gives_a_value_or_a_clear_refusal(name: str, text: str) -> None:
    try:
        settings = with_values(Settings(), {name: text})
    except InputError as error:
        assert name in str(error)
    else:
        assert settings.value(name) is None or isinstance(
            settings.value(name), bool | int | float | str | tuple
        )


def test_changed_lists_only_what_differs() -> None:
    assert with_values(Settings(), {"class_count": "20", "cs_mm": "2.7"}).changed() == {"class_count": 20}


def test_classification_depends_on_its_settings_and_its_particles() -> None:
    one = classification_fingerprint(Settings(), {"a": "1"})
    assert one == classification_fingerprint(with_values(Settings(), {"publish_s": 60}), {"a": "1"})
    assert one != classification_fingerprint(with_values(Settings(), {"class_count": 20}), {"a": "1"})
    assert one != classification_fingerprint(Settings(), {"a": "2"})
