"""RELION averages exported particles by our angles and shifts, over many defoci: they are our averages."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.relion.test_exports import ring_correlation
from tests.relion.test_session_tables import relion
from tests.stages.export.world import IMAGE_PIXEL_A, PIXEL_A, World, make_world

from frazil.compute.classify2d import classify
from frazil.formats.mrc import read_mrc, write_mrc
from frazil.formats.star import read_star, write_star
from frazil.microscope.particles import SimulatedParticles, simulate_particles
from frazil.model.optics import Optics
from frazil.stages.export.request import ChosenClasses, ExportRequest
from frazil.stages.export.run import run_export
from frazil.stages.record import StageRecord
from frazil.stages.record_file import store_record, stored_record

if TYPE_CHECKING:
    from pathlib import Path

    from frazil.model.classes import Classification

pytestmark = [
    pytest.mark.relion,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("relion_refine") is None, reason="RELION is not installed"),
]

PARTICLES, BOX_PX, MASK_A = 480, 72, 150.0
SETTINGS = {"pixel_size_a": PIXEL_A, "voltage_kv": 300.0, "cs_mm": 2.7, "amplitude_contrast": 0.1}


def add_particles(world: World, made: SimulatedParticles) -> None:
    """One movie gets all particles, each with its own defocus."""
    files, ctf = world.products(1), made.ctf
    write_mrc(files.particles, made.images, IMAGE_PIXEL_A, depth="float32")
    place = np.arange(PARTICLES)
    table: dict[str, Any] = {
        **dict.fromkeys(("x_px", "y_px"), place.astype(float)),
        **dict.fromkeys(("box_x_px", "box_y_px", "stack_index"), place),
        "score": np.ones(PARTICLES),
        "defocus_u_a": ctf.defocus_u_a,
        "defocus_v_a": ctf.defocus_v_a,
        "astigmatism_angle_deg": ctf.astigmatism_angle_deg,
        "phase_shift_deg": ctf.phase_shift_deg,
    }
    extra = {"pixel_size_a": repr(IMAGE_PIXEL_A), "micrograph_pixel_size_a": repr(PIXEL_A)}
    pq.write_table(pa.table(table).replace_schema_metadata(extra), files.particle_table)
    record = stored_record(world.folder, files.name)
    assert record is not None
    stages = record.stages | {"extract": StageRecord(state="done")}
    store_record(world.folder, record.model_copy(update={"stages": stages}))


def add_classes(world: World, found: Classification) -> ChosenClasses:
    place = "classes/run001/update001"
    folder = world.folder / place
    folder.mkdir(parents=True)
    columns = {
        name: getattr(found, name)
        for name in ("class_id", "psi_deg", "shift_x_a", "shift_y_a", "posterior", "log_evidence")
    }
    stack = [f"particles/{world.movies[0].name}.mrcs"] * PARTICLES
    table = pa.table({"stack": stack, "stack_index": np.arange(PARTICLES), **columns})
    pq.write_table(table, folder / "assignments.parquet")
    write_mrc(folder / "classes.mrcs", found.averages, IMAGE_PIXEL_A, depth="float32")
    classes = [{"class_id": k, "particles": int(n)} for k, n in enumerate(found.population, 1)]
    (folder / "summary.json").write_text(json.dumps({"mask_radius_a": MASK_A / 2, "classes": classes}))
    return ChosenClasses(number=1, folder=place, finished_at=100.0, good=[1])


def test_relion_averages_many_defoci_as_we_do(tmp_path: Path) -> None:
    made = simulate_particles(
        ["apoferritin", "beta-galactosidase"],
        PARTICLES,
        BOX_PX,
        IMAGE_PIXEL_A,
        Optics(voltage_kv=300.0, cs_mm=2.7, amplitude_contrast=0.1),
        snr=0.3,
        defocus_range_a=(8_000.0, 25_000.0),
        astigmatism_a=400.0,
        views_per_specimen=2,
        shift_sigma_a=4.0,
        seed=11,
    )
    found = classify(
        made.images,
        made.ctf,
        pixel_size_a=IMAGE_PIXEL_A,
        # Fewer than views: one of them holds two.
        classes=3,
        mask_diameter_a=MASK_A,
        final_resolution_a=8.0,
        seed=3,
        threads=1,
    )
    world = make_world(tmp_path / "s", movies=1, particles=0)
    world.settings = {1: SETTINGS}
    add_particles(world, made)
    task = world.prepare(
        ExportRequest(image_depth="float32", files="copy"), classes=add_classes(world, found)
    )
    run_export(task)
    agreement, members = [], []
    for k in range(len(found.averages)):
        if found.population[k] >= 30:
            agreement.append(frc_of_class(task.final, k))
            members.append(int(found.population[k]))
    assert sum(members) > 0.9 * PARTICLES
    rings_a = BOX_PX * IMAGE_PIXEL_A / np.arange(1, len(agreement[0]) + 1)
    for own, count in zip(agreement, members, strict=True):
        # Every class by itself, also small ones and those that hold two views.
        assert own[rings_a >= 12.0].min() >= 0.9, (count, own)
        assert own[(rings_a < 60.0) & (rings_a >= 12.0)].min() >= 0.99, (count, own)
        # Shifts that are wrong by 2 Å would show here first.
        assert own[(rings_a < 12.0) & (rings_a >= 9.0)].mean() >= 0.95, (count, own)


def frc_of_class(export: Path, k: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Agreement by ring of class ``k`` (from 0) with what RELION makes of its members where they are."""
    ours = read_mrc(export / "class2d" / "run_it000_classes.mrcs").data[k]
    table = read_star(export / "particles.star")
    mine = np.flatnonzero(table["particles"].integers("rlnClassNumber") == k + 1).tolist()
    some = {name: [column[row] for row in mine] for name, column in table["particles"].columns.items()}
    some["rlnClassNumber"] = [1] * len(mine)
    write_star(export / f"only{k}.star", {"optics": table["optics"], "particles": some})
    write_mrc(export / f"only{k}.mrc", ours, IMAGE_PIXEL_A, depth="float32")
    (export / f"job{k}").mkdir()
    relion(
        export,
        "refine",
        *("--i", f"only{k}.star", "--o", f"job{k}/run", "--iter", "1", "--K", "1", "--ctf", "--skip_align"),
        *("--ref", f"only{k}.mrc", "--particle_diameter", str(MASK_A), "--zero_mask"),
        *("--tau2_fudge", "20", "--pad", "2", "--norm", "--scale"),
    )
    theirs = read_mrc(export / f"job{k}" / "run_it001_classes.mrcs").data
    return ring_correlation(ours, theirs if theirs.ndim == 2 else theirs[0], IMAGE_PIXEL_A)
