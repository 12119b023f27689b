"""What went wrong is told on pages that are as accessible as the others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect
from tests.e2e.test_accessible import violations

from frazil.app import settings_changes
from frazil.app.access import SERVER
from frazil.store.catalogue import movies

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from tests.e2e.conftest import Watch
    from tests.e2e.world import World

FAILED = "FoilHole_00003_Data"


def settled(page: Page) -> None:
    """No fault that is serious or worse."""
    page.wait_for_load_state("networkidle")
    assert violations(page) == [], page.url


def test_a_failed_movie_says_why_wherever_it_is_shown(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/micrographs?movie={FAILED}")
    expect(page.get_by_text(re.compile("31 frames readable of 40")).first).to_be_visible()
    settled(page)
    page.goto(f"/sessions/{world.main}/table?movie={FAILED}&show=all")
    side = page.get_by_role("complementary", name=f"Movie {FAILED}")
    expect(side).to_contain_text("31 frames readable of 40")
    settled(page)
    side.get_by_role("button", name="Close side view").click()
    expect(side).to_have_count(0)
    page.goto(f"/sessions/{world.main}/operation")
    page.get_by_role("region", name="Failed movies", exact=True).get_by_role("link", name=FAILED).click()
    expect(page.get_by_role("region", name="Log of Pre-processing")).to_contain_text("truncated")
    settled(page)


def test_a_failed_movie_is_tried_again_or_ignored_where_it_is_looked_at(
    open_page: Callable[..., Page], world: World
) -> None:
    page = open_page(f"/sessions/{world.main}/micrographs?movie={FAILED}", login="otto")
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text(f"{FAILED} is tried again")).to_be_visible()
    other = "FoilHole_00100_Data"
    page.goto(f"/sessions/{world.main}/table?movie={other}&show=all")
    page.get_by_role("complementary").get_by_role("button", name="Ignore").click()
    expect(page.get_by_text(f"{other} is ignored")).to_be_visible()
    with world.hub.catalogue.read() as connection:
        states = [movies.get(connection, world.main, name)["state"] for name in (FAILED, other)]
    assert states == ["queued", "ignored"]


def test_many_failures_lead_to_the_table(open_page: Callable[..., Page], world: World) -> None:
    with world.hub.catalogue.write() as connection:
        for number in range(20, 85):
            movies.change(connection, world.main, number, state="failed", reason="no signal")
    page = open_page(f"/sessions/{world.main}/operation")
    page.get_by_role("link", name="all in the table").click()
    expect(page.get_by_label("State")).to_have_value("failed")
    expect(page.get_by_text(re.compile(r"^6[57] of 120 kept"))).to_be_visible()


def test_refused_settings_say_what_is_possible(
    open_page: Callable[..., Page], world: World, watch: Watch
) -> None:
    watch.expected += ["409 POST", "400 POST", "422 POST"]
    page = open_page(f"/sessions/{world.main}/settings?tab=classification", login="otto")
    first, last = (
        page.get_by_label(f"{word} high-resolution limit", exact=True) for word in ("Initial", "Final")
    )
    first.fill("1")
    expect(page.get_by_text(re.compile(r"Must be .* from 2 to 300"))).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Save"))).to_be_disabled()
    settled(page)
    # Each by itself is possible, both together are not: the server says so.
    first.fill("5")
    last.fill("6")
    page.get_by_role("button", name="Save 2 changes").click()
    dialog = page.get_by_role("dialog", name="Save settings")
    expect(dialog.get_by_role("alert")).to_contain_text("must not be smaller than")
    settled(page)
    dialog.get_by_role("button", name="Cancel").click()
    first.fill("50")
    last.fill("9")
    newest = settings_changes.show(world.hub, SERVER, world.main)["revision"]
    settings_changes.save(world.hub, SERVER, world.main, {"final_resolution_a": 7.0}, newest)
    expect(page.get_by_text(re.compile("saved revision"))).to_be_visible()
    page.get_by_role("button", name="Save 2 changes").click()
    expect(dialog).to_contain_text("What you both changed")
    settled(page)


def test_pages_of_a_server_that_is_away_say_so_and_ask_again(
    open_page: Callable[..., Page], world: World, watch: Watch
) -> None:
    watch.expected += ["ERR_", "503 GET"]
    page = open_page(f"/sessions/{world.main}/operation")
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    page.context.set_offline(True)
    expect(page.get_by_text("reconnecting…")).to_be_visible()
    assert violations(page) == []
    page.context.set_offline(False)
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    # A server behind a gateway that is down.
    down = re.compile(r"/api/(server|me|users)\b")
    page.route(down, lambda route: route.fulfill(status=503, body="down"))
    page.goto("/server")
    again = page.get_by_role("button", name="Try again")
    expect(again.first).to_be_visible()
    assert violations(page) == []
    page.unroute(down)
    again.first.click()
    expect(page.get_by_role("region", name="Disks")).to_be_visible()


def test_a_server_that_is_away_at_first_is_found_without_a_click(
    open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.expected.append("503 GET")
    page = open_page("/sessions")
    who = re.compile(r"/api/me$")
    page.route(who, lambda route: route.fulfill(status=503, body="down"))
    page.reload()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    page.unroute(who)
    expect(page.get_by_role("heading", name="Sessions")).to_be_visible()


def test_who_may_not_is_told(open_page: Callable[..., Page], watch: Watch) -> None:
    watch.expected += ["403 GET", "404 GET"]
    page = open_page("/people", login="otto")
    expect(page.get_by_text("Only admins see this page")).to_be_visible()
    settled(page)
    for address in ("/sessions/999/table", "/nowhere"):
        page.goto(address)
        expect(page.get_by_role("link", name="All sessions")).to_be_visible()
        settled(page)
        page.get_by_role("link", name="All sessions").click()
        expect(page.get_by_role("heading", name="Sessions")).to_be_visible()
