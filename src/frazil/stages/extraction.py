"""Stage extract: particle images of one micrograph and the table that says where each comes from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from frazil.compute.extraction import BACKGROUND_DIAMETERS, choose_box, extract_particles
from frazil.formats.atomic import atomic_path
from frazil.formats.mrc import write_mrc
from frazil.formats.relion_micrographs import write_picks
from frazil.model.settings_stages import hash_of_values
from frazil.stages.columns import arrow_table
from frazil.stages.exposure import SkippedError
from frazil.stages.machine import worker_threads
from frazil.stages.particle_lineage import arrange, match, stored_lineage
from frazil.stages.picking import read_candidates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.extraction import Extracted
    from frazil.model.ctf import CtfFit
    from frazil.stages.exposure import Exposure
    from frazil.stages.particle_lineage import Lineage

DEFAULT_PARTICLE_PIXEL_SIZE_A = 8.0 / 3.0
"""Fine enough for class averages at 8 Å, the default limit of 2D classification."""


def run_extraction(exposure: Exposure) -> None:
    """Cut out the picks; a micrograph without picks or without a CTF has no particles.

    The picks that are written for RELION are those that were cut out, with the same coordinates: RELION would
    cut out the others, too, whatever part of their box is outside. Where nothing is cut out, they are all.
    """
    fit = exposure.ctf
    picks = exposure.picks if exposure.picks is not None else read_candidates(exposure.files.candidates)
    files = exposure.files
    accepted = np.flatnonzero(picks.accepted)
    exposure.numbers["particles"] = 0.0
    settings = exposure.settings.detection
    if not accepted.size:
        reason = "no picks"
    elif fit is None or not fit.has_rings:
        reason = "no CTF: its particles could not be classified"
    else:
        pixel = exposure.pixel_size_a
        box = settings.box_size_px
        finest = settings.particle_pixel_size_a or DEFAULT_PARTICLE_PIXEL_SIZE_A
        box = box if box is not None else choose_box(picks.diameter_a, pixel)
        background_a = settings.normalise_radius_a or BACKGROUND_DIAMETERS * picks.diameter_a
        depth = exposure.settings.alignment.output_depth
        cut = {"box_px": box, "finest_a": finest, "background_a": background_a, "beyond_edge": "repeated"}
        made_as = hash_of_values(cut, exposure.average)
        lineage = stored_lineage(files.particle_table, made_as)
        x, y = picks.x_px[accepted].copy(), picks.y_px[accepted].copy()
        rows = match(lineage, x, y)
        x[rows >= 0], y[rows >= 0] = lineage.x_px[rows[rows >= 0]], lineage.y_px[rows[rows >= 0]]
        extracted = extract_particles(
            exposure.micrograph(),
            x,
            y,
            pixel_size_a=pixel,
            box_px=box,
            output_pixel_size_a=finest,
            background_radius_a=background_a,
            threads=worker_threads(),
        )
        if len(extracted.images):
            lineage, order, ids = arrange(lineage, rows[extracted.kept])
            extracted = _in_order(extracted, order)
            write_mrc(files.particles, extracted.images, extracted.pixel_size_a, depth=depth)
            scores = picks.score[accepted][extracted.kept]
            _write_table(exposure, extracted, scores, fit, lineage, ids)
            write_picks(
                files.picks_star, extracted.x_int_px.astype(float), extracted.y_int_px.astype(float), scores
            )
            exposure.products += [files.particles, files.particle_table]
            exposure.numbers["particles"] = float(len(extracted.images))
            exposure.numbers["particle_pixel_size_a"] = extracted.pixel_size_a
            exposure.numbers["particle_box_px"] = float(extracted.images.shape[-1])
            return
        reason = "all picks are too close to the border"
    files.particles.unlink(missing_ok=True)
    files.particle_table.unlink(missing_ok=True)
    if accepted.size:
        write_picks(files.picks_star, picks.x_px[accepted], picks.y_px[accepted], picks.score[accepted])
    raise SkippedError(reason)


def _in_order(extracted: Extracted, order: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Extracted:
    return replace(
        extracted,
        images=extracted.images[order],
        kept=extracted.kept[order],
        x_int_px=extracted.x_int_px[order],
        y_int_px=extracted.y_int_px[order],
        rest_x_a=extracted.rest_x_a[order],
        rest_y_a=extracted.rest_y_a[order],
    )


def _write_table(
    exposure: Exposure,
    extracted: Extracted,
    scores: np.ndarray[tuple[int], np.dtype[np.float64]],
    fit: CtfFit,
    lineage: Lineage,
    ids: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> None:
    files = exposure.files
    count = len(extracted.images)
    extra = {
        "schema_version": "1",
        "pixel_size_a": repr(extracted.pixel_size_a),
        "micrograph_pixel_size_a": repr(exposure.pixel_size_a),
        **lineage.metadata(),
    }
    columns: dict[str, NDArray[Any] | tuple[str, int]] = {
        "micrograph": (files.relative(files.micrograph), count),
        "x_px": extracted.x_int_px + extracted.rest_x_a / exposure.pixel_size_a,
        "y_px": extracted.y_int_px + extracted.rest_y_a / exposure.pixel_size_a,
        "box_x_px": extracted.x_int_px,
        "box_y_px": extracted.y_int_px,
        "score": scores,
        "stack": (files.relative(files.particles), count),
        "stack_index": np.arange(count),
        "particle_id": ids,
        "defocus_u_a": np.full(count, fit.defocus_u_a),
        "defocus_v_a": np.full(count, fit.defocus_v_a),
        "astigmatism_angle_deg": np.full(count, fit.astigmatism_angle_deg),
        "phase_shift_deg": np.full(count, fit.phase_shift_deg),
        "optics_group": np.ones(count, np.int32),
    }
    with atomic_path(files.particle_table) as part:
        pq.write_table(arrow_table(columns, extra), part)
