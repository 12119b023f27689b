"""The form of a new session is filled from what the microscope wrote beside its movies, as far as wanted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

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
