"""Particles cut out anew in an export: the box that was asked for, around the pixel that the tables name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import starfile
from scipy.ndimage import gaussian_filter

from frazil.formats.mrc import read_mrc, write_mrc
from frazil.model.errors import InputError
from frazil.stages.export.request import ExportRequest
from frazil.stages.export.run import run_export

from .world import HEIGHT_PX, IMAGE_PIXEL_A, PIXEL_A, WIDTH_PX, World, add_classes, coordinates, make_world

if TYPE_CHECKING:
    from pathlib import Path

BOX = 40
SPOT_PX = 4.0


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Each particle is a dark spot where the class says that it is; the last two aren't classified."""
    made = make_world(tmp_path / "s")
    y, x = np.mgrid[:HEIGHT_PX, :WIDTH_PX]
    for number in (1, 2, 3):
        image = np.random.default_rng(number).normal(0.0, 0.05, (HEIGHT_PX, WIDTH_PX))
        for row, (px, py) in enumerate(zip(*centres(number, classified=True), strict=True)):
            # Apart, so that boxes show one each.
            if row == 3:
                image -= 0.3 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * SPOT_PX**2))
        write_mrc(made.products(number).micrograph, image.astype(np.float32), PIXEL_A, depth="float32")
    return made


def centres(number: int, *, classified: bool) -> tuple[np.ndarray, np.ndarray]:
    box_x, box_y = coordinates(number, 5)
    if classified:
        return box_x - (1.5 + number) / PIXEL_A, box_y + 2.5 / PIXEL_A
    return box_x + 0.25, box_y - 0.5


def spot(image: np.ndarray) -> tuple[float, float]:
    """Centre of the bright spot, from the middle of the box."""
    size = image.shape[-1]
    y, x = np.mgrid[:size, :size] - size // 2
    weight = gaussian_filter(image, size / 12) ** 4
    return float((weight * x).sum() / weight.sum()), float((weight * y).sum() / weight.sum())


@pytest.mark.parametrize("recenter", [False, True])
@pytest.mark.parametrize("pixel_a", [0.0, 3.0])
def test_images_show_what_the_tables_say(world: World, recenter: bool, pixel_a: float) -> None:
    request = ExportRequest(box_px=BOX, pixel_size_a=pixel_a, recenter=recenter)
    task = world.prepare(request, classes=add_classes(world, 5))
    result = run_export(task)
    blocks = starfile.read(task.final / "particles.star", always_dict=True)
    optics, table = blocks["optics"], blocks["particles"]
    assert result["counts"]["particles"] == len(table)
    size, pixel = (BOX, PIXEL_A) if pixel_a == 0.0 else (BOX // 2, 3.0)
    assert optics.rlnImageSize.tolist() == [size] and optics.rlnImagePixelSize.tolist() == [pixel]
    for number in (1, 2, 3):
        stack = read_mrc(task.final / "particles" / f"movie_{number:04d}.mrcs")
        mine = table[table.rlnMicrographName == f"micrographs/movie_{number:04d}.mrc"]
        assert stack.pixel_size_a == pytest.approx(pixel) and len(stack.data) == len(mine)
        row = mine[mine.rlnAnglePsi == 30.0].iloc[0]
        image = stack.data[int(row.rlnImageName[:6]) - 1].astype(np.float32)
        x, y = spot(image)
        # The particle lies at minus the origin, from the middle of the box.
        assert x * pixel == pytest.approx(-row.rlnOriginXAngst, abs=0.3 * pixel)
        assert y * pixel == pytest.approx(-row.rlnOriginYAngst, abs=0.3 * pixel)
        true_x, true_y = (values[3] for values in centres(number, classified=True))
        assert row.rlnCoordinateX - row.rlnOriginXAngst / PIXEL_A == pytest.approx(true_x, abs=1e-4)
        assert row.rlnCoordinateY - row.rlnOriginYAngst / PIXEL_A == pytest.approx(true_y, abs=1e-4)
        if recenter:
            assert abs(row.rlnOriginXAngst) <= 0.5 * PIXEL_A + 1e-5
        else:
            assert row.rlnCoordinateX == coordinates(number, 5)[0][3]


@pytest.mark.parametrize(("format_", "path"), [("relion", "class2d/run_it000_"), ("cistem", "")])
def test_averages_come_to_box_and_pixel_of_the_images(world: World, format_: str, path: str) -> None:
    request = ExportRequest.model_validate({"format": format_, "box_px": BOX, "pixel_size_a": 0.0})
    task = world.prepare(request, classes=add_classes(world, 5))
    run_export(task)
    averages = read_mrc(task.final / f"{path}classes.mrcs")
    assert averages.data.shape == (3, BOX, BOX) and averages.pixel_size_a == pytest.approx(PIXEL_A)
    # They are made of the new images, not of the session's.
    assert all(average.any() for average in averages.data)
    # Beyond the session's mask there is nothing.
    assert not averages.data[:, 0].any() and not averages.data[:, :, -1].any()


def test_the_session_is_left_alone_and_only_chosen_particles_are_cut_out(world: World) -> None:
    before = world.products(1).particles.read_bytes()
    classes = add_classes(world, 5)
    classes.classes = [2]
    task = world.prepare(ExportRequest(box_px=BOX), classes=classes)
    run_export(task)
    assert world.products(1).particles.read_bytes() == before
    stack = read_mrc(task.final / "particles" / "movie_0001.mrcs")
    # The pixel stays what it was when only the box is new.
    assert (
        stack.data.shape[-2:] == (20, 20)
        and stack.data.size == 400
        and stack.pixel_size_a == pytest.approx(IMAGE_PIXEL_A)
    )


def test_boxes_over_the_edge_are_left_out_and_told(world: World) -> None:
    task = world.prepare(ExportRequest(box_px=88, pixel_size_a=0.0))
    result = run_export(task)
    assert 0 < result["counts"]["particles"] < 15
    assert any("over the edge" in note for note in result["notes"])
    with pytest.raises(InputError, match="smaller box"):
        run_export(world.prepare(ExportRequest(box_px=512), name="large"))


def test_cistem_gets_them_in_its_one_stack(world: World) -> None:
    task = world.prepare(ExportRequest(format="cistem", box_px=BOX, pixel_size_a=0.0))
    run_export(task)
    stack = read_mrc(task.final / "particles.mrcs")
    table = starfile.read(task.final / "particles.star")
    assert stack.data.shape == (len(table), BOX, BOX) and (table.cisTEMPixelSize == PIXEL_A).all()
    assert not (task.final / "particles").exists()


def test_a_lost_micrograph_is_named(world: World) -> None:
    world.products(2).micrograph.unlink()
    task = world.prepare(ExportRequest(contents=("particles",), box_px=BOX))
    with pytest.raises(InputError, match=r"movie_0002\.mrc: is gone"):
        run_export(task)
    assert not task.final.exists()
