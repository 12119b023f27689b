"""Particles of a micrograph are added and removed by clicking, and saved."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from tests.e2e.products import FIELD_A, add_products
from tests.e2e.world import build, serving

from frazil.app import manual_picks
from frazil.app.access import SERVER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Locator, Page
    from tests.e2e.conftest import Watch
    from tests.e2e.world import World

MOVIE = "FoilHole_00028_Data"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Make a server with micrographs that were picked."""
    world = build(tmp_path_factory.mktemp("by-hand"), 40)
    add_products(world, 20)
    with serving(world) as served:
        yield served


def saved(world: World) -> dict[str, Any]:
    """Return what was changed by hand."""
    return manual_picks.show_manual_picks(world.hub, SERVER, world.main, MOVIE)


def free_place(view: Locator) -> tuple[float, float]:
    """Find a place of the picture that is far from all circles, in px from its corner."""
    found: list[float] = view.evaluate(
        """view => {
          const area = view.querySelector("img").getBoundingClientRect();
          const circles = [...view.querySelectorAll("circle.pick")].map(c => c.getBoundingClientRect());
          let best = null, far = 0;
          for (let x = 20; x < area.width - 20; x += 9) for (let y = 60; y < area.height - 40; y += 9) {
            const near = Math.min(...circles.map(c => Math.hypot(
              c.x + c.width / 2 - area.x - x, c.y + c.height / 2 - area.y - y)));
            if (near > far) { far = near; best = [area.x + x, area.y + y]; }
          }
          return best;
        }"""
    )
    return found[0], found[1]


def test_particles_are_added_removed_taken_back_and_saved(
    open_page: Callable[..., Page], world: World, watch: Watch
) -> None:
    path = f"/sessions/{world.main}/micrographs?movie={MOVIE}"
    page = open_page(path, login="otto")
    view = page.get_by_role("application")
    circles = view.locator("circle.pick")
    expect(circles.first).to_be_attached()
    before = circles.count()
    page.get_by_role("button", name="Edit particles").click()
    bar = page.get_by_role("region", name="Particles by hand")
    expect(bar.get_by_role("button", name="Save particles")).to_be_disabled()
    x, y = free_place(view)
    page.mouse.click(x, y)
    expect(circles).to_have_count(before + 1)
    expect(view.locator("circle.by-hand")).to_have_count(1)
    # A drag moves the picture and is no click.
    page.mouse.move(x + 30, y + 30)
    page.mouse.down()
    page.mouse.move(x + 60, y + 60, steps=3)
    page.mouse.up()
    expect(circles).to_have_count(before + 1)
    page.mouse.click(x, y)
    expect(circles).to_have_count(before)
    bar.get_by_role("button", name="Undo").click()
    expect(circles).to_have_count(before + 1)
    box = circles.first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(circles).to_have_count(before)
    expect(bar).to_contain_text("1 added, 1 removed")
    # What is not saved outlives a look at another tab.
    page.get_by_role("link", name="Logs").click()
    expect(page.locator(".log-panel")).to_be_visible()
    page.go_back()
    page.get_by_role("button", name="Edit particles").click()
    expect(bar).to_contain_text("1 added, 1 removed")
    bar.get_by_role("button", name="Save particles").click()
    expect(page.get_by_text("1 added, 1 removed by hand")).to_be_visible()
    told = saved(world)
    assert told["removed"] == [0] and len(told["added"]) == 1
    image = view.locator("img").bounding_box()
    assert image is not None
    for place, pointer, start in zip(told["added"][0], (x, y), (image["x"], image["y"]), strict=True):
        assert abs(place - FIELD_A * (pointer - start) / image["width"]) < 0.01 * FIELD_A
    page.reload()
    expect(circles).to_have_count(before)
    expect(view.locator("circle.by-hand")).to_have_count(1)
    page.get_by_role("button", name="Edit particles").click()
    page.mouse.click(x, y)
    page.keyboard.press("z")
    page.mouse.click(x, y)
    bar.get_by_role("button", name="Forget these").click()
    expect(view.locator("circle.by-hand")).to_have_count(1)
    # Picked again under the open page: told, read again, nothing of what was clicked is lost.
    watch.expected.append("409 PUT")
    page.route(re.compile("/picks/manual$"), _with_old_version)
    page.mouse.click(x, y)
    bar.get_by_role("button", name="Save particles").click()
    expect(bar).to_contain_text("was picked again meanwhile")
    expect(bar).to_contain_text("your 1 change is kept")
    page.unroute(re.compile("/picks/manual$"))
    bar.get_by_role("button", name="Save particles").click()
    expect(page.get_by_text("0 added, 1 removed by hand")).to_be_visible()
    assert saved(world)["added"] == []


def _with_old_version(route: Any) -> None:
    if route.request.method == "PUT":
        route.continue_(post_data={**route.request.post_data_json, "version": "as it was before"})
    else:
        route.continue_()


def test_a_viewer_sees_the_particles_and_no_way_to_change_them(
    open_page: Callable[..., Page], world: World
) -> None:
    page = open_page(f"/sessions/{world.main}/micrographs?movie={MOVIE}", login="vera")
    expect(page.locator("circle.pick").first).to_be_attached()
    expect(page.get_by_role("button", name="Edit particles")).to_have_count(0)
    page.keyboard.press("e")
    expect(page.get_by_role("region", name="Particles by hand")).to_have_count(0)
