"""Every window is left as it was entered: by its cross and by its button, with nothing done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from tests.e2e.products import add_products
from tests.e2e.world import build, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page
    from tests.e2e.conftest import Watch
    from tests.e2e.world import World

NAME = "Apoferritin, grid 3"
# Where, what opens it, its title, and the button that leaves it; none: only the cross does.
WINDOWS = (
    ("/sessions", f"Copy settings of {NAME}", f"Copy settings of {NAME}", "Cancel"),
    ("/sessions", f"Archive or move {NAME}", f"Archive or move {NAME}", "Cancel"),
    ("/sessions", f"Delete {NAME}", f"Delete {NAME}", "Cancel"),
    ("/sessions", "Adopt a folder", "Adopt a session folder", "Cancel"),
    ("/people", "Add a user", "Add a user", "Cancel"),
    ("/people", "Change vera", "vera", "Cancel"),
    ("/people", "Add a group", "Add a group", "Cancel"),
    ("/server", "Keys", "Keys", "Close"),
    ("/sessions/new?tab=image_data", "Browse the server's files", "Choose a folder on the server", "Cancel"),
    ("operation", "Share", f"Share {NAME}", "Close"),
    ("operation", "Restart File transfer", "Restart File transfer", "Cancel"),
    ("operation", "Restart 2D classification", "Restart 2D classification", "Cancel"),
    ("operation", "Restart Pre-processing", "Restart Pre-processing", "Cancel"),
    ("operation", "Clear File transfer", "Clear File transfer", "Cancel"),
    ("operation", "Clear Pre-processing", "Clear Pre-processing", "Cancel"),
    ("operation", "Clear 2D classification", "Clear 2D classification", "Cancel"),
    ("operation", "Remove raw files of rejected movies", "Remove raw files of rejected movies", "Cancel"),
    ("table", "Columns", "Columns", "Done"),
    ("table?range=particles:100..", "Save as…", "Save filter", "Cancel"),
    ("table", "Export…", "New export", "Cancel"),
    ("exports", "New export", "New export", "Cancel"),
    ("classes?do=choose", "Save as…", "Save selection", "Cancel"),
    ("settings?tab=image_data", "Browse the server's files", "Choose a folder on the server", "Cancel"),
    ("settings", "Earlier revisions", "Earlier revisions", "Close"),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Make a server with everything."""
    made = build(tmp_path_factory.mktemp("world"), 30)
    add_products(made, newest=2)
    with serving(made) as world:
        yield world


def test_windows_are_left_by_their_cross_and_by_their_button(
    open_page: Callable[..., Page], world: World
) -> None:
    page = open_page("/sessions")
    at = "/sessions"
    for path, opener, title, leave in WINDOWS:
        address = path if path.startswith("/") else f"/sessions/{world.main}/{path}"
        if address != at:
            page.goto(address)
            at = address
        button = page.get_by_role("button", name=opener).first
        window = page.get_by_role("dialog", name=title)
        for way in ("cross", "button"):
            button.click()
            expect(window).to_be_visible()
            name = "Close" if way == "cross" else leave
            where = window.locator(".dialog-head" if way == "cross" else ".dialog-foot")
            where.get_by_role("button", name=name, exact=True).click()
            expect(page.get_by_role("dialog")).to_have_count(0)
        # The focus is back where it was.
        expect(button).to_be_focused()


def test_the_window_of_a_class_is_left_by_its_cross(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/classes?class=2")
    page.get_by_role("dialog", name="Class 2").get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_window_of_saving_is_left_and_what_was_typed_stays(
    open_page: Callable[..., Page], world: World
) -> None:
    page = open_page(f"/sessions/{world.main}/settings?tab=ctf")
    page.get_by_label("Search step", exact=True).fill("200")
    for name in ("Close", "Cancel"):
        page.get_by_role("button", name="Save 1 change").click()
        window = page.get_by_role("dialog", name="Save settings")
        window.get_by_role("button", name=name).click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page.get_by_label("Search step", exact=True)).to_have_value("200")
    page.get_by_role("button", name="Undo changes").click()


def test_the_ways_of_the_frame_lead_where_they_say(
    open_page: Callable[..., Page], world: World, watch: Watch
) -> None:
    watch.expected.append("404 GET")
    page = open_page(f"/sessions/{world.main}/operation")
    tabs = page.get_by_role("navigation", name="Session")
    for tab in (
        "Plots",
        "Table",
        "Gallery",
        "Micrographs",
        "2D Classes",
        "Exports",
        "Settings",
        "Logs",
        "Operation",
    ):
        tabs.get_by_role("link", name=tab).click()
        expect(tabs.get_by_role("link", name=tab)).to_have_attribute("aria-current", "page")
    page.locator(".session-head").get_by_role("link", name="Sessions").click()
    expect(page.get_by_role("heading", name="Sessions")).to_be_visible()
    rail = page.get_by_role("navigation", name="Main")
    for name, heading in (("Users and groups", "Users and groups"), ("Server", "Server"), ("admin", "admin")):
        rail.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", name=heading).first).to_be_visible()
    rail.get_by_role("link", name="Krios 2").click()
    expect(page.get_by_role("heading", name="Sessions")).to_be_visible()
    page.keyboard.press("Home")
    page.get_by_role("link", name="To the content").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_visible()
    for address in ("/nowhere", "/sessions/999/operation"):
        page.goto(address)
        page.get_by_role("link", name="All sessions").click()
        expect(page.get_by_role("heading", name="Sessions")).to_be_visible()
