"""What each grid square yields; filters that are copied and exported."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from frazil.formats.optics_groups import Group, GroupsState
from frazil.store.catalogue import tracks

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from tests.e2e.world import World


def test_a_grid_square_is_chosen_and_the_filter_copied_and_exported(
    open_page: Callable[..., Page], world: World
) -> None:
    shifts = GroupsState(
        groups=[
            Group(number=1, mode="", key="a", points=[(0.1, 0.2), (0.11, 0.2)]),
            Group(number=2, mode="", key="b", points=[(-0.4, 0.0)]),
        ]
    )
    with world.hub.catalogue.write() as connection:
        tracks.remember(connection, world.main, "transfer", {"optics_groups": shifts.model_dump(mode="json")})
    page = open_page(f"/sessions/{world.main}/plots", login="otto")
    page.get_by_role("button", name="Grid squares").click()
    rows = page.get_by_role("region", name="Yield").locator("tbody tr")
    # 120 movies in squares of 40; one of the first failed.
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("39")
    rows.nth(1).get_by_role("button", name="GridSquare_01").click()
    expect(page).to_have_url(re.compile("square=GridSquare_01"))
    expect(rows.first).to_contain_text("0 of 39")
    expect(page.get_by_text(re.compile("of 120 kept"))).to_contain_text("40 of 120")
    page.get_by_role("button", name="Defocus", exact=True).click()
    expect(rows.first).to_contain_text("µm")
    rows.first.get_by_role("button").click()
    expect(page).to_have_url(re.compile("range=defocus_mean_a"))
    page.get_by_role("button", name="Optics group").click()
    expect(page.get_by_text("No optics group is known")).to_be_visible()
    expect(page.get_by_role("img", name="Beam shifts of 2 optics groups")).to_be_visible()
    page.get_by_role("button", name="2 (0)").click()
    expect(page).to_have_url(re.compile("group=2"))
    page.get_by_role("button", name="Remove 1 optics group").click()
    page.get_by_role("button", name="Hole position").click()
    expect(page.get_by_text("No hole position is known")).to_be_visible()
    page.get_by_role("button", name="Save as…").click()
    page.get_by_label("Name", exact=True).fill("one square")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="Copy filter one square").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("one square copy")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_label("Saved filter")).to_have_value("one square copy")
    with page.expect_download() as file:
        page.get_by_role("button", name="Export filter one square copy").click()
    assert file.value.suggested_filename == "one square copy.filter.json"
    content = json.loads(Path(file.value.path()).read_text())
    assert content["definition"]["grid_squares"] == ["GridSquare_01"]
    answer = page.request.put(
        f"/api/sessions/{world.main}/filters/again", data=content, headers={"Origin": world.url}
    )
    assert answer.ok
    page.get_by_label("Saved filter").select_option(label="Session")
    expect(page).not_to_have_url(re.compile("square="))
