"""Settings of what is done with one movie: frame alignment, CTF, particle detection."""

from __future__ import annotations

from typing import Literal

from pydantic import field_validator, model_validator

from frazil.model.settings_field import Tab, setting


def _ordered(low: float | None, high: float | None, low_name: str, high_name: str) -> None:
    if low is not None and high is not None and low > high:
        raise ValueError(f"{low_name} ({low:g}) must not be larger than {high_name} ({high:g})")


class AlignmentSettings(Tab):
    """Frame alignment."""

    alignment_method: Literal["local", "global", "none"] = setting("local", "Alignment", stage="align")
    patch_grid: str = setting("auto", "Patches", "auto or n×m, 3 to 12; local only", stage="align")
    patch_overlap_percent: int = setting(25, "Patch overlap", unit="%", low=0, high=80, stage="align")
    alignment_bfactor_a2: float = setting(
        500.0, "B-factor, global", "larger for noisier data", unit="Å²", low=0, high=5000, stage="align"
    )
    local_bfactor_a2: float = setting(150.0, "B-factor, local", unit="Å²", low=0, high=5000, stage="align")
    alignment_low_a: float = setting(
        300.0, "Resolution band, low end", unit="Å", low=2, high=1000, stage="align"
    )
    alignment_high_a: float = setting(
        8.0, "Resolution band, high end", unit="Å", low=2, high=1000, stage="align"
    )
    whiten: bool = setting(True, "Whiten spectra", "amplitudes flattened", stage="align")
    reference_frame: str = setting(
        "first", "Zero shift at", "first, middle or a number; for display, STAR is always first"
    )
    frame_group: int | None = setting(
        None, "Frames per group", "enough signal per alignment step", low=1, high=50, stage="align"
    )
    first_frame: int = setting(1, "First frame", "counted from 1", low=1, stage="align")
    last_frame: int = setting(0, "Last frame", "0: all", low=0, stage="align")
    eer_upsampling: Literal[1, 2] = setting(1, "EER super-resolution", "grid 4k or 8k", stage="align")
    eer_frames_per_fraction: int | None = setting(
        None, "EER frames averaged", "auto: about 0.7 e/Å²", low=1, high=200, stage="align"
    )
    output_binning: float | None = setting(
        None,
        "Output binning",
        "auto: 2 for super-resolution, else 1; Fourier crop",
        low=1,
        high=8,
        stage="align",
    )
    dose_weighting: bool = setting(True, "Exposure weighting", stage="sum")
    sum_dose_min_e_per_a2: float = setting(
        0.0, "Dose range of the sum, from", "of an unweighted sum", unit="e/Å²", low=0, stage="sum"
    )
    sum_dose_max_e_per_a2: float = setting(
        0.0, "Dose range of the sum, to", "0: all", unit="e/Å²", low=0, stage="sum"
    )
    write_unweighted: bool = setting(False, "Also unweighted", "for CTF programs", stage="sum")
    write_half_sums: bool = setting(False, "Odd and even sums", "for denoisers", stage="sum")
    output_depth: Literal["float16", "float32"] = setting("float16", "Averages stored as", stage="sum")
    write_power_spectrum: bool = setting(True, "Store spectra", stage="ctf")

    @field_validator("patch_grid")
    @classmethod
    def _grid(cls, value: str) -> str:
        if value == "auto":
            return value
        numbers = value.replace("×", "x").split("x")
        if len(numbers) != 2 or not all(n.isdigit() and 3 <= int(n) <= 12 for n in numbers):
            raise ValueError("auto or n×m with n and m from 3 to 12, for instance 5x5")
        return value.replace("×", "x")

    @model_validator(mode="after")
    def _consistent(self) -> AlignmentSettings:
        _ordered(self.alignment_high_a, self.alignment_low_a, "alignment_high_a", "alignment_low_a")
        if self.last_frame:
            _ordered(self.first_frame, self.last_frame, "first_frame", "last_frame")
        if self.sum_dose_max_e_per_a2:
            _ordered(
                self.sum_dose_min_e_per_a2,
                self.sum_dose_max_e_per_a2,
                "sum_dose_min_e_per_a2",
                "sum_dose_max_e_per_a2",
            )
        return self


class CtfSettings(Tab):
    """CTF."""

    ctf_low_a: float = setting(30.0, "Lowest resolution", unit="Å", low=10, high=100, stage="ctf")
    ctf_high_a: float = setting(
        3.5,
        "Highest resolution",
        "reached only where rings are significant",
        unit="Å",
        low=2,
        high=15,
        stage="ctf",
    )
    defocus_min_a: float = setting(
        3500.0, "Defocus range, from", "under = positive", unit="Å", low=500, high=150000, stage="ctf"
    )
    defocus_max_a: float = setting(
        50000.0, "Defocus range, to", "under = positive", unit="Å", low=500, high=150000, stage="ctf"
    )
    defocus_step_a: float = setting(
        100.0, "Search step", "refined afterwards", unit="Å", low=10, high=1000, stage="ctf"
    )
    ctf_window_px: int | None = setting(
        None, "Tile size", "auto by defocus, at least 512; even", unit="px", low=256, high=2048, stage="ctf"
    )
    fit_astigmatism: bool = setting(True, "Fit astigmatism", stage="ctf")
    astigmatism_max_a: float = setting(
        2500.0,
        "Expected astigmatism up to",
        "search range",
        unit="Å",
        low=0,
        high=20000,
        stage="ctf",
    )
    known_astigmatism_a: float | None = setting(
        None, "Known astigmatism", "fixed when given", unit="Å", low=0, high=20000, stage="ctf"
    )
    known_astigmatism_angle_deg: float | None = setting(
        None, "Angle of the known astigmatism", unit="deg", low=-180, high=180, stage="ctf"
    )
    fit_phase_shift: bool = setting(False, "Fit phase shift", "phase plate", stage="ctf")
    phase_shift_min_deg: float = setting(
        0.0, "Phase range, from", "as the end: held there", unit="deg", low=0, high=180, stage="ctf"
    )
    phase_shift_max_deg: float = setting(180.0, "Phase range, to", unit="deg", low=0, high=180, stage="ctf")
    phase_shift_step_deg: float = setting(10.0, "Phase step", unit="deg", low=1, high=45, stage="ctf")
    fit_tilt: bool = setting(False, "Fit tilt", "axis and angle", stage="ctf")
    known_tilt_axis_deg: float | None = setting(
        None, "Known tilt axis", unit="deg", low=-180, high=180, stage="ctf"
    )
    fit_thickness: bool = setting(False, "Fit ice thickness", stage="ctf")

    @field_validator("ctf_window_px")
    @classmethod
    def _even(cls, value: int | None) -> int | None:
        if value is not None and value % 2:
            raise ValueError("must be even")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> CtfSettings:
        _ordered(self.ctf_high_a, self.ctf_low_a, "ctf_high_a", "ctf_low_a")
        _ordered(self.defocus_min_a, self.defocus_max_a, "defocus_min_a", "defocus_max_a")
        _ordered(
            self.phase_shift_min_deg, self.phase_shift_max_deg, "phase_shift_min_deg", "phase_shift_max_deg"
        )
        if (self.known_astigmatism_a is None) != (self.known_astigmatism_angle_deg is None):
            raise ValueError("known_astigmatism_a and known_astigmatism_angle_deg go together")
        return self


class DetectionSettings(Tab):
    """Particle detection."""

    picking_method: Literal["none", "blob", "template", "model", "import", "manual"] = setting(
        "blob",
        "Method",
        "template: from selected classes; model: trained in the session",
        stage="pick",
    )
    particle_diameter_min_a: float | None = setting(
        None, "Particle diameter, from", unit="Å", low=20, high=2000, stage="pick"
    )
    particle_diameter_max_a: float | None = setting(
        None, "Particle diameter, to", unit="Å", low=20, high=2000, stage="pick"
    )
    blob_shape: Literal["disc", "ring"] = setting("disc", "Blob", stage="pick")
    pick_threshold: float | None = setting(
        None, "Threshold", "auto: drawn between noise and particles", unit="σ", low=0, high=50, stage="pick"
    )
    min_distance_a: float | None = setting(
        None, "Minimum distance", "auto: half the diameter", unit="Å", low=1, high=2000, stage="pick"
    )
    max_picks: int = setting(4000, "At most per micrograph", low=1, high=50000, stage="pick")
    expected_particles: int | None = setting(
        None,
        "Expected per micrograph",
        "prior for the automatic threshold",
        low=1,
        high=50000,
        stage="pick",
    )
    contamination_mask: bool = setting(True, "Mask ice, carbon, edges", stage="pick")
    template_selection: str | None = setting(None, "Templates", "a selection of classes", stage="pick")
    model_path: str | None = setting(None, "Trained model", "made by Frazil", stage="pick")
    model_pixel_size_a: float | None = setting(None, "Model works at", unit="Å", low=3, high=20, stage="pick")
    import_coordinates: str | None = setting(
        None, "Coordinates", "STAR, box, cs or csv, by micrograph name", stage="pick"
    )
    box_size_px: int | None = setting(
        None,
        "Box",
        "of extracted particles, even; auto: at least 1.5 diameters",
        unit="px",
        low=16,
        high=1024,
        stage="extract",
    )
    particle_pixel_size_a: float | None = setting(
        None,
        "Particle pixel size",
        "not below the micrograph's; auto: 2.67 Å, for 2D up to 8 Å",
        unit="Å",
        low=0.1,
        high=40,
        stage="extract",
    )
    normalise_radius_a: float | None = setting(
        None,
        "Background outside",
        "auto: 0.6 diameters",
        unit="Å",
        low=1,
        high=2000,
        stage="extract",
    )

    @field_validator("box_size_px")
    @classmethod
    def _even(cls, value: int | None) -> int | None:
        if value is not None and value % 2:
            raise ValueError("must be even")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> DetectionSettings:
        _ordered(
            self.particle_diameter_min_a,
            self.particle_diameter_max_a,
            "particle_diameter_min_a",
            "particle_diameter_max_a",
        )
        return self
