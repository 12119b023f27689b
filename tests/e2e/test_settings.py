"""Settings of a running session: staged, previewed, saved; two people at once; back to an earlier one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from frazil.app import sessions, settings_changes
from frazil.app.access import SERVER

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from tests.e2e.conftest import Watch
    from tests.e2e.world import World


def revision(world: World) -> int:
    """Return the number of the newest settings."""
    found: int = settings_changes.show(world.hub, SERVER, world.main)["revision"]
    return found


def session_group(world: World) -> str:
    """Return the group of the main session."""
    found: str = sessions.show(world.hub, SERVER, world.main)["group"]
    return found


def test_a_change_is_marked_previewed_and_saved_for_new_movies_only(
    open_page: Callable[..., Page], world: World
) -> None:
    page = open_page(f"/sessions/{world.main}/settings?tab=ctf", login="otto")
    before = revision(world)
    page.get_by_label("Lowest resolution", exact=True).fill("40")
    expect(page.get_by_text("was 30 Å")).to_be_visible()
    expect(page.get_by_role("tab", name=re.compile("^CTF 1"))).to_be_visible()
    # What is staged outlives a look at another tab of the session.
    page.get_by_role("link", name="Logs").click()
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("tab", name=re.compile("^CTF")).click()
    expect(page.get_by_label("Lowest resolution", exact=True)).to_have_value("40")
    page.get_by_role("button", name="Save 1 change").click()
    dialog = page.get_by_role("dialog", name="Save settings")
    expect(dialog).to_contain_text("CTF and later stages of")
    expect(dialog).to_contain_text("2D classification")
    dialog.get_by_role("button", name="Apply to new movies only").click()
    expect(page.get_by_text(re.compile(rf"^Revision {before + 1}\b"))).to_be_visible()
    expect(page.get_by_text("was 30 Å")).to_have_count(0)
    assert revision(world) == before + 1


def test_one_movie_is_tried_with_what_is_staged(
    open_page: Callable[..., Page], world: World, watch: Watch
) -> None:
    watch.expected += ["400 POST", "404 GET"]
    page = open_page(f"/sessions/{world.main}/settings?tab=ctf")
    page.get_by_label("Highest resolution", exact=True).fill("4")
    page.get_by_role("button", name="Test on one movie").click()
    dialog = page.get_by_role("dialog", name="Test on one movie")
    expect(dialog.get_by_label("Movie", exact=True)).to_have_value(re.compile("FoilHole"))
    dialog.get_by_label("Movie", exact=True).select_option("FoilHole_00110_Data")
    dialog.get_by_role("button", name="Test", exact=True).click()
    # These movies have no raw file to process: the reason is said where one looks.
    expect(dialog.locator(".note.bad")).to_be_visible()
    dialog.get_by_role("button", name="Close").last.click()
    page.get_by_role("button", name="Undo changes").click()


def test_redo_all_puts_the_movies_into_the_queue(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/settings?tab=detection")
    page.get_by_label("Threshold", exact=True).fill("6")
    page.get_by_role("button", name="Save 1 change").click()
    page.get_by_role("button", name=re.compile(r"Redo all \d+")).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("link", name="Operation").click()
    row = page.get_by_role("row", name=re.compile("waiting for a worker"))
    expect(row).to_contain_text(re.compile(r"1\d\d"))


def test_undo_and_taking_one_change_back(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/settings?tab=ctf")
    page.get_by_label("Search step", exact=True).fill("50")
    page.get_by_label("Fit tilt", exact=True).check()
    expect(page.get_by_label("Known tilt axis", exact=True)).to_be_visible()
    page.get_by_role("button", name="Take back the change of Search step").click()
    expect(page.get_by_label("Search step", exact=True)).to_have_value("100")
    page.get_by_role("button", name="Undo changes").click()
    expect(page.get_by_label("Fit tilt", exact=True)).not_to_be_checked()
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    page.get_by_text(re.compile("no effect now")).click()
    expect(page.get_by_text("the phase shift is not fitted")).to_be_visible()


def test_of_two_people_the_second_sees_both_versions(
    open_page: Callable[..., Page], world: World, watch: Watch
) -> None:
    watch.expected.append("409 POST")
    path = f"/sessions/{world.main}/settings?tab=ctf"
    mine, theirs = open_page(path, login="ann"), open_page(path, login="otto")
    mine.get_by_label("Defocus range, to", exact=True).fill("40000")
    mine.get_by_label("Search step", exact=True).fill("200")
    theirs.get_by_label("Search step", exact=True).fill("150")
    theirs.get_by_role("button", name="Save 1 change").click()
    saving = theirs.get_by_role("dialog", name="Save settings")
    saving.get_by_role("button", name=re.compile("^(Save|Apply to new movies only)$")).click()
    # The first browser is told at once, without asking.
    expect(mine.get_by_text(re.compile("otto saved revision"))).to_be_visible()
    mine.get_by_role("button", name="Save 2 changes").click()
    dialog = mine.get_by_role("dialog", name="Save settings")
    expect(dialog).to_contain_text("What you both changed")
    dialog.get_by_role("button", name="Take theirs where both changed").click()
    expect(mine.get_by_label("Search step", exact=True)).to_have_value("150")
    expect(mine.get_by_label("Defocus range, to", exact=True)).to_have_value("40000")
    mine.get_by_role("button", name="Save 1 change").click()
    dialog.get_by_role("button", name=re.compile("^(Save|Apply to new movies only)$")).click()
    expect(mine.get_by_role("dialog")).to_have_count(0)
    expect(theirs.get_by_label("Defocus range, to", exact=True)).to_have_value("40000")


def test_an_earlier_revision_comes_back_on_the_form(open_page: Callable[..., Page], world: World) -> None:
    settings_changes.save(world.hub, SERVER, world.main, {"box_size_px": 256}, revision(world))
    page = open_page(f"/sessions/{world.main}/settings?tab=detection")
    expect(page.get_by_label("Box", exact=True)).to_have_value("256")
    page.get_by_role("button", name="Earlier revisions").click()
    dialog = page.get_by_role("dialog", name="Earlier revisions")
    dialog.get_by_text(re.compile("^Revision 2")).click()
    dialog.get_by_role("button", name="Put revision 2 on the form").click()
    expect(page.get_by_label("Box", exact=True)).to_have_value("")
    expect(page.get_by_text("was 256 px")).to_be_visible()
    page.get_by_role("button", name="Undo changes").click()


def test_name_and_group_are_changed_at_once(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/settings?tab=session")
    page.get_by_label("Name", exact=True).fill("Apoferritin, grid 4")
    page.get_by_label("Group", exact=True).select_option("membrane proteins")
    page.get_by_role("button", name="Save name and group").click()
    expect(page.get_by_role("heading", name="Apoferritin, grid 4")).to_be_visible()
    assert session_group(world) == "membrane proteins"


# Loaded with the first target, by a package of others.
@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_a_test_message_says_whether_it_was_sent(
    open_page: Callable[..., Page], world: World, watch: Watch
) -> None:
    watch.expected.append("400 POST")
    page = open_page(f"/sessions/{world.main}/settings?tab=notifications")
    expect(page.get_by_role("button", name="Send a test message")).to_be_disabled()
    page.get_by_label("Send to", exact=True).fill("json://localhost:9/nobody-listens")
    page.get_by_role("button", name="Send a test message").click()
    expect(page.locator(".note.bad")).to_be_visible(timeout=20_000)
    page.get_by_role("button", name="Undo changes").click()
