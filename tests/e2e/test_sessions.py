"""Sessions: found, made, copied, archived, deleted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from tests.e2e.conftest import Watch
    from tests.e2e.world import World


def test_login_with_a_wrong_password_says_so_and_with_the_right_one_opens_the_list(
    open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.expected.append("401 POST")
    page = open_page("/", login=None)
    page.get_by_label("Login").fill("ann")
    page.get_by_label("Password").fill("not this one")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Password").fill("correct horse 12")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Sessions")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Password")).to_be_visible()


def test_list_shows_what_each_session_does_and_the_search_is_in_the_address(
    open_page: Callable[..., Page],
) -> None:
    page = open_page("/sessions")
    card = page.get_by_role("article", name="Apoferritin, grid 3")
    expect(card).to_contain_text("micrographs")
    expect(card).to_contain_text("2D classification stopped")
    expect(card.get_by_role("img", name="Newest class averages")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("apofer")
    expect(page.get_by_role("article")).to_have_count(1)
    expect(page).to_have_url(re.compile("search=apofer"))
    page.reload()
    expect(page.get_by_role("article")).to_have_count(1)
    page.get_by_label("Search sessions").fill("nothing like it")
    expect(page.get_by_text("No session fits")).to_be_visible()
    page.get_by_label("Search sessions").fill("")
    page.get_by_label("Order").select_option("name")
    names = page.get_by_role("article").locator(".card-name").all_inner_texts()
    assert names == sorted(names, key=str.lower)
    page.get_by_label("Group").select_option("membrane proteins")
    expect(page.get_by_text("No session fits")).to_be_visible()


def test_sessions_as_a_table(open_page: Callable[..., Page]) -> None:
    page = open_page("/sessions")
    page.get_by_role("button", name="Table", exact=True).click()
    table = page.get_by_role("region", name="Table of sessions")
    row = table.get_by_role("row").filter(has_text="Apoferritin, grid 3")
    expect(row).to_contain_text("2D classification stopped")
    expect(row.get_by_role("img", name="Newest class averages")).to_be_visible()
    # Every heading sorts, and turns the order round.
    for heading in table.get_by_role("columnheader").filter(has=page.get_by_role("button")).all():
        heading.get_by_role("button").click()
        expect(heading).to_have_attribute("aria-sort", re.compile("ascending|descending"))
        before = heading.get_attribute("aria-sort") or ""
        heading.get_by_role("button").click()
        expect(heading).not_to_have_attribute("aria-sort", before)
    names = table.get_by_role("rowheader").get_by_role("link")
    table.get_by_role("button", name="Movies").click()
    expect(names.first).to_have_text("Apoferritin, grid 3")
    # Where the address says nothing, as it was chosen last.
    page.goto("/sessions")
    expect(row).to_be_visible()
    row.get_by_role("button", name="Copy settings of Apoferritin, grid 3").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    row.get_by_role("link", name="Apoferritin, grid 3").click()
    expect(page).to_have_url(re.compile("/sessions/1/operation"))
    page.go_back()
    page.get_by_role("button", name="Cards", exact=True).click()
    expect(page.get_by_role("article", name="Apoferritin, grid 3")).to_be_visible()


def test_new_session_as_the_tutorial_walks_it(open_page: Callable[..., Page]) -> None:
    page = open_page("/sessions", login="otto")
    page.get_by_role("link", name="New session").first.click()
    expect(page.get_by_role("heading", name="New session")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("Walked through")
    expect(page.get_by_text("Still to be said")).to_contain_text("Pixel size")
    # What is missing leads to the tab where it is said.
    for missing, tab in (
        ("Location of the movies", "Image data"),
        ("Voltage", "Microscope parameters"),
        ("Dose per movie", "Microscope parameters"),
        ("Pixel size", "Microscope parameters"),
    ):
        page.get_by_role("tab", name="Session").click()
        page.get_by_role("button", name=missing, exact=True).click()
        expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
    page.get_by_role("tab", name="Image data").click()
    page.get_by_role("button", name="Browse the server's files").first.click()
    dialog = page.get_by_role("dialog", name="Choose a folder on the server")
    dialog.get_by_role("button", name=re.compile("microscope")).click()
    dialog.get_by_role("button", name=re.compile("Supervisor_20260203")).click()
    expect(dialog.get_by_role("button", name=re.compile("FoilHole_003"))).to_be_disabled()
    dialog.get_by_role("button", name="Choose this folder").click()
    expect(page.get_by_text("12 movies, TIFF 64 x 64 x 4")).to_be_visible()
    page.get_by_role("tab", name="Gain reference").click()
    expect(page.get_by_label("Rotation, clockwise")).to_be_visible()
    page.get_by_role("tab", name="Microscope parameters").click()
    page.get_by_label("Pixel size", exact=True).fill("8o")
    expect(page.get_by_text("Must be a number from 0.1 to 20 Å.")).to_be_visible()
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    page.get_by_label("Pixel size", exact=True).fill("0.85")
    page.get_by_label("Voltage", exact=True).fill("300")
    page.get_by_label("Dose per movie", exact=True).fill("48")
    page.get_by_role("button", name="Particle diameter").click()
    page.get_by_label("Particle diameter, to", exact=True).fill("130")
    expect(page.get_by_text("Still to be said")).to_have_count(0)
    page.get_by_role("tab", name="Resources").click()
    page.get_by_label("Give up after", exact=True).fill("20")
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(re.compile(r"/sessions/\d+/operation"))
    expect(page.get_by_role("heading", name="Walked through")).to_be_visible()
    expect(page.get_by_text("300 kV · 0.85 Å/px · 48 e/Å²")).to_be_visible()
    # All watch the same folder: said when it was made.
    expect(page.get_by_text("watch the same folder")).to_be_visible()


def test_copy_opens_the_settings_of_the_new_session(open_page: Callable[..., Page], world: World) -> None:
    page = open_page("/sessions")
    page.get_by_role("button", name="Copy settings of Apoferritin, grid 3").click()
    folder = world.folder / "microscope" / "second"
    page.get_by_label("Name", exact=True).fill("Second grid")
    page.get_by_label("Folder", exact=True).fill(str(folder))
    page.get_by_role("button", name="Make the copy").click()
    expect(page).to_have_url(re.compile(r"/sessions/\d+/settings"))
    expect(page.get_by_role("heading", name="Second grid")).to_be_visible()
    assert (folder / "session.json").exists()
    page.get_by_role("tab", name="Microscope parameters").click()
    expect(page.get_by_label("Pixel size")).to_have_value("0.85")


def test_archive_makes_read_only(open_page: Callable[..., Page]) -> None:
    page = open_page("/sessions")
    page.get_by_role("button", name="Archive or move A rather long name").click()
    page.get_by_role("button", name="Archive", exact=True).click()
    expect(page.get_by_role("article", name=re.compile("A rather long name"))).to_have_count(0)
    page.get_by_label("Life").select_option("archived")
    page.get_by_role("link", name=re.compile("A rather long name")).click()
    expect(page.get_by_text("archived, read-only")).to_be_visible()
    expect(page.get_by_role("button", name="Start all")).to_have_count(0)


def test_delete_says_what_goes_and_asks_for_the_name(open_page: Callable[..., Page], world: World) -> None:
    page = open_page("/sessions", login="ann")
    folder = Path(world.folder / "data" / "sessions" / "Empty_one")
    assert folder.is_dir()
    page.get_by_role("button", name="Delete Empty one").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("session.json")
    button = dialog.get_by_role("button", name="Delete for ever")
    dialog.get_by_label("Keep exports/").check()
    dialog.get_by_label("Keep raw/").check()
    dialog.get_by_label("Keep raw/").uncheck()
    dialog.get_by_label(re.compile("Type the session's name")).fill("Empty")
    expect(button).to_be_disabled()
    dialog.get_by_label(re.compile("Type the session's name")).fill("Empty one")
    button.click()
    expect(page.get_by_role("article", name="Empty one")).to_have_count(0, timeout=20_000)
    assert not folder.exists()
    page.get_by_role("button", name="Close message").first.click()


def test_adopt_refuses_a_folder_without_a_session(
    open_page: Callable[..., Page], world: World, watch: Watch
) -> None:
    watch.expected.append("400 POST")
    page = open_page("/sessions")
    page.get_by_role("button", name="Adopt a folder").click()
    window = page.get_by_role("dialog", name="Adopt a session folder")
    window.get_by_label("Group").select_option("membrane proteins")
    window.get_by_role("button", name="Browse the server's files").click()
    browser = page.get_by_role("dialog", name="Choose a folder on the server")
    browser.locator(".file-entry").filter(has_text="microscope").click()
    browser.get_by_role("button", name="Choose this folder").click()
    folder = page.get_by_role("textbox", name="Session folder")
    expect(folder).to_have_value(str(world.folder / "microscope"))
    folder.fill(str(world.folder / "microscope" / "Supervisor_20260203"))
    page.get_by_role("button", name="Adopt", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Supervisor_20260203")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_viewers_can_look_and_nothing_else(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/operation", login="vera")
    expect(page.get_by_text("you may only look")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^(Start|Stop|Clear|Restart|Retry)"))).to_have_count(0)
    expect(page.get_by_role("link", name="Users and groups")).to_have_count(0)
    page.get_by_role("link", name="Settings").click()
    expect(page.get_by_text("changing them needs an operator")).to_be_visible()
    expect(page.get_by_label("Include subfolders")).to_be_disabled()
    page.goto("/sessions")
    expect(page.get_by_role("article").first).to_be_visible()
    expect(page.get_by_role("link", name="New session")).to_have_count(0)
    expect(page.get_by_role("button", name="Adopt a folder")).to_have_count(0)
