"""What is known of every movie: the columns of the table, the catalogue, filters, plots and exports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "integer", "number", "time"]
Group = Literal["identity", "time", "exposure", "motion", "CTF", "particles", "decision"]


@dataclass(frozen=True)
class MovieColumn:
    """One column.

    Attributes
    ----------
    name
        In the API, CSV and catalogue; the unit is in it.
    kind
        ``time`` is seconds since 1970 (UTC).
    group, label, unit
        For people.
    """

    name: str
    kind: Kind
    group: Group
    label: str
    unit: str = ""


def _columns(group: Group, *rows: tuple[str, Kind, str, str]) -> tuple[MovieColumn, ...]:
    return tuple(MovieColumn(name, kind, group, label, unit) for name, kind, label, unit in rows)


MOVIE_COLUMNS: tuple[MovieColumn, ...] = (
    *_columns(
        "identity",
        ("name", "text", "Name", ""),
        ("path", "text", "File", ""),
        ("grid_square", "text", "Grid square", ""),
        ("foil_hole", "text", "Foil hole", ""),
        ("shot", "text", "Shot", ""),
        ("optics_group", "integer", "Optics group", ""),
        ("stage_x_um", "number", "Stage x", "µm"),
        ("stage_y_um", "number", "Stage y", "µm"),
        ("state", "text", "State", ""),
        ("failed_stage", "text", "Failed stage", ""),
        ("reason", "text", "Reason", ""),
        ("attempts", "integer", "Attempts", ""),
        ("settings_revision", "integer", "Settings revision", ""),
    ),
    *_columns(
        "time",
        ("acquired_at", "time", "Acquired", ""),
        ("found_at", "time", "Found", ""),
        ("transferred_at", "time", "Transferred", ""),
        ("done_at", "time", "Done", ""),
        ("latency_s", "number", "Latency", "s"),
        ("seconds_transfer", "number", "Transfer", "s"),
        ("seconds_align", "number", "Alignment", "s"),
        ("seconds_sum", "number", "Sum", "s"),
        ("seconds_ctf", "number", "CTF", "s"),
        ("seconds_pick", "number", "Picking", "s"),
        ("seconds_extract", "number", "Extraction", "s"),
        ("seconds_total", "number", "All stages", "s"),
    ),
    *_columns(
        "exposure",
        ("frames", "integer", "Frames", ""),
        ("dose_per_movie_e_per_a2", "number", "Dose", "e/Å²"),
        ("intensity_e_per_px", "number", "Intensity", "e/px"),
        ("gain_residual", "number", "Gain residual", ""),
    ),
    *_columns(
        "motion",
        ("motion_total_a", "number", "Motion, total", "Å"),
        ("motion_early_a", "number", "Motion, early", "Å"),
        ("motion_late_a", "number", "Motion, late", "Å"),
        ("motion_mean_a", "number", "Motion, average", "Å"),
        ("motion_max_step_a", "number", "Motion, largest step", "Å"),
        ("motion_local_rms_a", "number", "Motion, local", "Å"),
    ),
    *_columns(
        "CTF",
        ("ctf_score", "number", "CTF fit", ""),
        ("ctf_resolution_a", "number", "CTF resolution", "Å"),
        ("defocus_u_a", "number", "Defocus U", "Å"),
        ("defocus_v_a", "number", "Defocus V", "Å"),
        ("defocus_mean_a", "number", "Defocus", "Å"),
        ("defocus_error_a", "number", "Defocus error", "Å"),
        ("astigmatism_a", "number", "Astigmatism", "Å"),
        ("astigmatism_angle_deg", "number", "Astigmatism angle", "deg"),
        ("phase_shift_deg", "number", "Phase shift", "deg"),
        ("tilt_deg", "number", "Tilt", "deg"),
        ("thickness_a", "number", "Ice thickness", "Å"),
        ("ice_ring", "number", "Ice ring", ""),
    ),
    *_columns(
        "particles",
        ("particles", "integer", "Particles", ""),
        ("picks", "integer", "Picks", ""),
        ("pick_score_median", "number", "Pick score", ""),
        ("contaminated_fraction", "number", "Contaminated", ""),
        ("particles_classified", "integer", "Particles classified", ""),
        ("particles_good", "integer", "Particles in good classes", ""),
        ("class_yield", "number", "Class yield", ""),
    ),
    *_columns("decision", ("override", "text", "Override", ""), ("reason_rejected", "text", "Rejected", "")),
)

COLUMN_BY_NAME = {column.name: column for column in MOVIE_COLUMNS}
