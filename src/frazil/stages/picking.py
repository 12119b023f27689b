"""Stage pick: find particles on one micrograph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq

from frazil.compute.picking.manual import with_manual_picks
from frazil.compute.picking.pick import pick_particles
from frazil.formats.atomic import atomic_path
from frazil.formats.relion_micrographs import write_picks
from frazil.model.errors import InputError
from frazil.model.picks import Picks
from frazil.stages.columns import arrow_table
from frazil.stages.machine import worker_threads
from frazil.stages.pictures import save_picture, with_circles

if TYPE_CHECKING:
    from pathlib import Path

    from frazil.stages.exposure import Exposure

_SCHEMA = {"schema_version": "1"}


def run_picking(exposure: Exposure) -> None:
    """Find particles; store all candidates, and the picks for RELION."""
    settings = exposure.settings.detection
    if settings.particle_diameter_min_a is None and settings.particle_diameter_max_a is None:
        raise InputError("particle_diameter_min_a: picking needs the particle's diameter")
    low = settings.particle_diameter_min_a or settings.particle_diameter_max_a or 0.0
    if settings.picking_method == "manual":
        found = _nothing(settings.particle_diameter_max_a or low)
    else:
        found = _search(exposure, low)
    picks = with_manual_picks(found, exposure.task.manual_picks, exposure.pixel_size_a)
    exposure.picks = picks
    files = exposure.files
    accepted = picks.accepted
    exposure.numbers.update(
        picks=float(accepted.sum()),
        pick_score_median=_median_score(picks),
        pick_threshold=picks.threshold,
        particle_diameter_a=picks.diameter_a,
        contaminated_fraction=picks.contaminated_fraction,
    )
    if picks.note:
        exposure.notes.append(f"picking: {picks.note}")
    _write_candidates(files.candidates, picks)
    exposure.products.append(files.candidates)
    if accepted.any():
        write_picks(files.picks_star, picks.x_px[accepted], picks.y_px[accepted], picks.score[accepted])
        exposure.products.append(files.picks_star)
    else:
        files.picks_star.unlink(missing_ok=True)
        if not picks.note and settings.picking_method != "manual":
            exposure.notes.append("picking: no particles found")
    exposure.later(lambda: _draw(exposure, picks), files.picture("picks"))


def _draw(exposure: Exposure, picks: Picks) -> None:
    picture, scale = exposure.preview()
    radius = 0.5 * picks.diameter_a / exposure.pixel_size_a * scale
    x_px, y_px = picks.x_px[picks.accepted], picks.y_px[picks.accepted]
    save_picture(exposure.files.picture("picks"), with_circles(picture, x_px * scale, y_px * scale, radius))


def _search(exposure: Exposure, low: float) -> Picks:
    settings = exposure.settings.detection
    fit = exposure.ctf
    return pick_particles(
        exposure.micrograph(),
        exposure.pixel_size_a,
        diameter_min_a=low,
        diameter_max_a=settings.particle_diameter_max_a,
        ctf=fit if fit is not None and fit.has_rings else None,
        optics=exposure.optics,
        shape=settings.blob_shape,
        threshold=settings.pick_threshold,
        min_distance_a=settings.min_distance_a,
        max_picks=settings.max_picks,
        expected_particles=settings.expected_particles,
        mask_contamination=settings.contamination_mask,
        device=exposure.task.device,
        threads=worker_threads(),
    )


def _nothing(diameter_a: float) -> Picks:
    """Of a micrograph on which a person picks: only what that one adds counts."""
    none = np.zeros(0)
    return Picks(none, none, none, 0.0, diameter_a, 0.0)


def _median_score(picks: Picks) -> float:
    """Of the picks that have one: what a person added has none."""
    scores = picks.score[picks.accepted if picks.by_hand is None else picks.accepted & (picks.by_hand == 0)]
    return float(np.median(scores)) if scores.size else float("nan")


def _write_candidates(path: Path, picks: Picks) -> None:
    extra = {
        **_SCHEMA,
        "threshold": repr(float(picks.threshold)),
        "diameter_a": repr(float(picks.diameter_a)),
        "contaminated_fraction": repr(float(picks.contaminated_fraction)),
    }
    columns = {
        "x_px": picks.x_px,
        "y_px": picks.y_px,
        "score": picks.score,
        "accepted": picks.accepted,
        "by_hand": np.zeros(picks.score.size, np.int8) if picks.by_hand is None else picks.by_hand,
    }
    with atomic_path(path) as part:
        pq.write_table(arrow_table(columns, extra), part)


def read_candidates(path: Path) -> Picks:
    """Read what `run_picking` stored."""
    with pq.ParquetFile(path) as file:
        table = file.read()
    extra = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    return Picks(
        x_px=table.column("x_px").to_numpy(),
        y_px=table.column("y_px").to_numpy(),
        score=table.column("score").to_numpy(),
        threshold=float(extra["threshold"]),
        diameter_a=float(extra["diameter_a"]),
        contaminated_fraction=float(extra["contaminated_fraction"]),
        by_hand=table.column("by_hand").to_numpy() if "by_hand" in table.column_names else None,
    )
