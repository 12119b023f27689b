"""The form of a new session is filled from what the microscope wrote beside its movies, as far as wanted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from playwright.sync_api import expect

from frazil.formats.mrc import write_mrc

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page
    from tests.e2e.world import World

XML = """<MicroscopeImage xmlns="http://x" xmlns:a="http://y">
<CustomData><a:KeyValue><a:Key>Dose</a:Key><a:Value>5E+21</a:Value></a:KeyValue></CustomData>
<SpatialScale><pixelSize><x><numericValue>0.85E-10</numericValue></x></pixelSize></SpatialScale>
<microscopeData><acquisition><camera><ReadoutArea><a:width>64</a:width><a:height>64</a:height></ReadoutArea>
</camera></acquisition><gun><AccelerationVoltage>300000</AccelerationVoltage></gun></microscopeData>
</MicroscopeImage>"""


def folder_with_metadata(world: World) -> Path:
    """Make a folder with one movie and what EPU wrote about it."""
    folder = world.folder / "microscope" / "Told"
    folder.mkdir()
    movie = world.folder / "microscope" / "Supervisor_20260203" / "FoilHole_000_Data.tif"
    (folder / "a_fractions.tif").write_bytes(movie.read_bytes())
    (folder / "a.xml").write_text(XML)
    return folder


def test_what_the_microscope_says_never_takes_the_place_of_what_was_typed(
    open_page: Callable[..., Page], world: World
) -> None:
    page = open_page("/sessions/new?tab=microscope", login="otto")
    page.get_by_label("Voltage", exact=True).fill("200")
    page.get_by_role("tab", name=re.compile("^Image data")).click()
    page.get_by_label("Location", exact=True).fill(str(folder_with_metadata(world)))
    said = page.get_by_role("region", name="What the microscope says")
    expect(said).to_contain_text("EPU, a.xml")
    expect(said).to_contain_text("0.85 Å")
    expect(said.get_by_text("written beside")).to_be_hidden()
    said.get_by_text("Where this comes from, and what is not told").click()
    expect(said.get_by_text("written beside")).to_be_visible()
    page.get_by_role("tab", name=re.compile("^Microscope parameters")).click()
    # Proposed, not done.
    expect(page.get_by_label("Pixel size", exact=True)).to_have_value("")
    expect(page.get_by_text("the microscope says 0.85 Å (EPU, a.xml)")).to_be_visible()
    said.get_by_role("button", name="Use what the microscope says").click()
    expect(page.get_by_label("Pixel size", exact=True)).to_have_value("0.85")
    expect(page.get_by_label("Dose per movie", exact=True)).to_have_value("50")
    expect(page.get_by_label("Voltage", exact=True)).to_have_value("200")
    expect(page.get_by_text("as the microscope says (EPU, a.xml)")).to_have_count(2)
    said.get_by_role("button", name="Use Voltage 300 kV").click()
    expect(page.get_by_label("Voltage", exact=True)).to_have_value("300")
    expect(page.get_by_text("as the microscope says (EPU, a.xml)")).to_have_count(3)


def test_the_orientation_of_the_gain_reference_is_tried_and_taken(
    open_page: Callable[..., Page], world: World
) -> None:
    folder = world.folder / "microscope" / "Turned"
    folder.mkdir()
    random = np.random.default_rng(3)
    gain = (1 + 0.08 * random.normal(size=(96, 96))).clip(0.6, 2).astype(np.float32)
    frames = random.poisson(9.0 / np.rot90(gain, -1)[:, ::-1], (8, 96, 96)).astype(np.float32)
    write_mrc(folder / "movie.mrc", frames, 1.0)
    write_mrc(folder.parent / "reference.mrc", gain, 1.0)
    page = open_page("/sessions/new?tab=image_data", login="otto")
    page.get_by_label("Location", exact=True).fill(str(folder))
    page.get_by_role("tab", name=re.compile("^Gain")).click()
    page.get_by_label("Location", exact=True).fill(str(folder.parent / "reference.mrc"))
    test = page.get_by_role("region", name="Orientation of the gain reference")
    expect(test).to_contain_text("fits 90° and flipped, not as it is set")
    expect(test.get_by_alt_text("Mean of the frames")).to_be_visible()
    expect(test.get_by_alt_text(re.compile("^Gain reference"))).to_have_count(8)
    # Proposed, not done.
    expect(page.get_by_label("Rotation, clockwise", exact=True)).to_have_value("0")
    test.get_by_role("button", name="Use 90° and flipped").click()
    expect(page.get_by_label("Rotation, clockwise", exact=True)).to_have_value("90")
    expect(page.get_by_label("Flip left-right", exact=True)).to_be_checked()
    expect(test).to_contain_text("fits as it is set")
    test.get_by_role("button", name="Use the orientation 180°", exact=True).click()
    expect(page.get_by_label("Rotation, clockwise", exact=True)).to_have_value("180")
    test.get_by_role("button", name="Test again").click()
    expect(test).to_contain_text("fits 90° and flipped, not as it is set")
