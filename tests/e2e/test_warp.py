"""A session on a Warp folder is made in a browser: what is found is told, and Warp is followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from playwright.sync_api import expect

from frazil.microscope.warp_output import WarpOutput, WarpParticles

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from tests.e2e.world import World


def test_a_warp_folder_is_chosen_and_followed(open_page: Callable[..., Page], world: World) -> None:
    warp = WarpOutput(world.folder / "microscope" / "Warp")
    warp.save_settings()
    zeros = np.zeros(3)
    particles = WarpParticles(
        np.zeros((3, 48, 48), np.float32), zeros, zeros, zeros + 9e3, zeros + 9e3, zeros
    )
    warp.process("m1", particles)
    page = open_page("/sessions/new", login="otto")
    page.get_by_label("Source kind").select_option("warp")
    page.get_by_label("Name", exact=True).fill("Beside Warp")
    page.get_by_role("button", name="Warp folder", exact=True).click()
    field = page.get_by_role("textbox", name="Warp folder")
    field.fill(str(warp.folder / "particles"))
    expect(page.get_by_text("holds no previous.settings")).to_be_visible()
    field.fill(str(warp.folder))
    expect(page.get_by_text("1 movie, 3 particles, box 48 px of 2 Å")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    track = page.get_by_role("article", name="Follow Warp")
    expect(track).to_be_visible()
    expect(page.get_by_role("article", name="File transfer")).to_have_count(0)
    page.get_by_role("tab", name="Settings").or_(page.get_by_role("link", name="Settings")).first.click()
    page.get_by_role("tab", name="Particle detection").click()
    expect(page.get_by_label("Box")).to_have_value("48")
    expect(page.get_by_label("Box")).to_be_disabled()
