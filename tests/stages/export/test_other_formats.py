"""Exports for cryoSPARC and cisTEM, and plain tables."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
import pytest
import starfile

from frazil.formats.mrc import read_mrc
from frazil.model.errors import InputError
from frazil.model.movie_columns import MOVIE_COLUMNS
from frazil.stages.export.request import ExportRequest
from frazil.stages.export.run import run_export

from .world import HEIGHT_PX, IMAGE_PIXEL_A, PIXEL_A, World, add_classes, coordinates, make_world

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path / "s")


def test_cistem_gets_one_stack_in_the_order_of_its_table(world: World) -> None:
    task = world.prepare(ExportRequest(format="cistem"), classes=add_classes(world, 5))
    run_export(task)
    stack = read_mrc(task.final / "particles.mrcs")
    table = starfile.read(task.final / "particles.star")
    assert stack.data.dtype == np.float32 and stack.pixel_size_a == pytest.approx(IMAGE_PIXEL_A)
    assert stack.data[:, 0, 0].tolist() == [100 * m + p for m in (1, 2, 3) for p in range(5)]
    assert table.cisTEMPositionInStack.tolist() == list(range(1, 16))
    assert table.cisTEMBest2DClass[:5].tolist() == [1, 2, 3, 1, 0]
    assert table.cisTEMAnglePsi[:5].tolist() == [0, 10, 20, 30, 0]
    assert table.cisTEMXShift[:5].tolist() == [2.5] * 4 + [round(-0.25 * PIXEL_A, 2)]
    assert table.cisTEMOccupancy[:5].tolist() == [75, 75, 75, 75, 100]
    assert (table.cisTEMDefocus1[:5] == 12_001).all() and (table.cisTEMMicroscopeVoltagekV == 200).all()
    assert (table.cisTEMPixelSize == IMAGE_PIXEL_A).all()
    assert len(table.columns) == 22
    assert read_mrc(task.final / "classes.mrcs").data.shape == (3, 16, 16)


def test_cistem_without_particles_is_refused(tmp_path: Path) -> None:
    world = make_world(tmp_path / "s", particles=0)
    with pytest.raises(InputError, match="particles"):
        run_export(world.prepare(ExportRequest(format="cistem")))


def test_phase_shifts_are_radians_for_cistem(world: World) -> None:
    path = world.products(1).particle_table
    table = pq.read_table(path)
    column = table.schema.get_field_index("phase_shift_deg")
    pq.write_table(table.set_column(column, "phase_shift_deg", [np.full(5, 90.0)]), path)
    task = world.prepare(ExportRequest(format="cistem"))
    run_export(task)
    phases = starfile.read(task.final / "particles.star").cisTEMPhaseShift
    assert phases[:5].tolist() == [1.5708] * 5 and phases[5:].tolist() == [0.0] * 10


def test_cryosparc_gets_both_ways_of_looking_at_tiff_movies(world: World) -> None:
    world.movies[2].raw_path = str(world.folder / "raw" / "movie_0003.eer")
    task = world.prepare(ExportRequest(format="cryosparc"), classes=add_classes(world, 5))
    run_export(task)
    plain = starfile.read(task.final / "particles.star")["particles"]
    turned = starfile.read(task.final / "particles_flipped_y.star")["particles"]
    tiff = plain.rlnMicrographName != "micrographs/movie_0003.mrc"
    _, y = coordinates(1, 5)
    assert plain.rlnCoordinateY[:5].tolist() == y.tolist()
    assert turned.rlnCoordinateY[:5].tolist() == (HEIGHT_PX - 1 - y).tolist()
    assert (turned.rlnCoordinateX == plain.rlnCoordinateX).all()
    # EER is turned over by nobody.
    assert (turned.rlnCoordinateY[~tiff] == plain.rlnCoordinateY[~tiff]).all()
    # The true centre is mirrored, too.
    centre = plain.rlnCoordinateY - plain.rlnOriginYAngst / PIXEL_A
    mirrored = turned.rlnCoordinateY - turned.rlnOriginYAngst / PIXEL_A
    assert np.allclose(mirrored[tiff], HEIGHT_PX - 1 - centre[tiff])
    # Our images are not: nothing there claims them.
    assert "rlnImageName" not in turned and "rlnAnglePsi" not in turned


def test_tables_are_the_same_as_csv_and_parquet(world: World) -> None:
    world.movies[0].row |= {"ctf_resolution_a": 3.25, "reason": 'said "no", twice', "frames": 6}
    task = world.prepare(ExportRequest(format="csv"), classes=add_classes(world, 5))
    run_export(task)
    assert not list(task.final.glob("*.star")) and not (task.final / "micrographs").exists()
    with (task.final / "micrographs.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [column.name for column in MOVIE_COLUMNS]
    assert (rows[0]["ctf_resolution_a"], rows[1]["ctf_resolution_a"]) == ("3.25", "")
    assert rows[0]["reason"] == 'said "no", twice'
    assert rows[1]["done_at"] == "1970-01-01T00:00:10.000Z"
    parquet = pq.read_table(task.final / "micrographs.parquet").to_pylist()
    assert parquet[0]["ctf_resolution_a"] == 3.25 and parquet[1]["ctf_resolution_a"] is None
    with (task.final / "particles.csv").open(newline="", encoding="utf-8") as file:
        particles = list(csv.DictReader(file))
    assert [row["class_state"] for row in particles[:5]] == [
        "selected",
        "selected",
        "rejected",
        "selected",
        "unset",
    ]
    assert particles[4]["class_id"] == "" and particles[4]["psi_deg"] == ""
    assert (particles[1]["x_px"], particles[1]["y_px"]) == ("24.25", "36.5")
    assert pq.read_table(task.final / "particles.parquet").num_rows == 15
    classes = pq.read_table(task.final / "classes.parquet").to_pylist()
    assert [row["selected"] for row in classes] == [True, True, False]
    assert classes[0]["resolution_a"] == 9.0 and classes[0]["reason"] == "clear"
