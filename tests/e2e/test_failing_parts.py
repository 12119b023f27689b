"""Parts of the page that fail say so in their place; the rest goes on, and nothing that was typed is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page, Route
    from tests.e2e.conftest import Watch
    from tests.e2e.world import World


def _broken(route: Route) -> None:
    route.fulfill(json={"rows": 5, "total": 1})


def test_a_tab_that_does_not_come_is_told_and_tried_again(
    open_page: Callable[..., Page], world: World, watch: Watch
) -> None:
    watch.expected += ["did not come", "ERR_FAILED"]
    page = open_page(f"/sessions/{world.main}/settings?tab=detection")
    page.get_by_label("Particle diameter, to", exact=True).fill("140")
    page.route("**/assets/plots-page*.js*", lambda route: route.abort())
    page.get_by_role("link", name="Plots").click()
    told = page.get_by_role("alert").filter(has_text="The Plots tab can't be shown")
    expect(told).to_be_visible()
    expect(page.get_by_label("Numbers of the session").get_by_text("failed")).to_be_visible()
    page.unroute("**/assets/plots-page*.js*")
    told.get_by_role("button", name="Retry").click()
    expect(page.locator(".plot canvas").first).to_be_visible()
    page.get_by_role("link", name="Settings", exact=True).click()
    page.get_by_role("tab", name="Particle detection").click()
    expect(page.get_by_label("Particle diameter, to", exact=True)).to_have_value("140")


def test_a_panel_that_fails_leaves_the_others(
    open_page: Callable[..., Page], world: World, watch: Watch
) -> None:
    watch.expected += ["is not a function", "error boundary"]
    page = open_page(f"/sessions/{world.main}/logs")
    page.route("**/movies?state=failed*", _broken)
    page.get_by_role("link", name="Operation").click()
    told = page.get_by_role("alert").filter(has_text="The list of failed movies can't be shown")
    expect(told).to_be_visible()
    expect(page.get_by_role("heading", name="Queue")).to_be_visible()
    expect(page.get_by_role("button", name="Stop File transfer")).to_be_attached()
    page.unroute("**/movies?state=failed*")
    told.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("button", name="Retry all")).to_be_visible()
    expect(told).to_be_hidden()


def test_what_was_typed_outlives_a_page_that_is_loaded_again(
    open_page: Callable[..., Page], world: World
) -> None:
    page = open_page(f"/sessions/{world.main}/settings?tab=detection")
    page.get_by_label("Particle diameter, to", exact=True).fill("142")
    page.reload()
    expect(page.get_by_text("1 change that you had not sent is still on the form")).to_be_visible()
    expect(page.get_by_label("Particle diameter, to", exact=True)).to_have_value("142")
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_text("had not sent")).to_be_hidden()
    page.reload()
    page.get_by_role("button", name="Drop it").click()
    expect(page.get_by_label("Particle diameter, to", exact=True)).to_have_value("130")
    page.reload()
    expect(page.get_by_label("Particle diameter, to", exact=True)).to_have_value("130")
    expect(page.get_by_text("had not sent")).to_be_hidden()
