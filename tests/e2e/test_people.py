"""Users, groups, roles, tokens, passwords, share links."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect
from tests.e2e.world import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page
    from tests.e2e.conftest import Watch
    from tests.e2e.world import World


def test_a_user_is_added_joins_a_group_and_is_removed(open_page: Callable[..., Page], watch: Watch) -> None:
    watch.expected.append("400 POST")
    page = open_page("/people")
    page.get_by_role("button", name="Add a user").click()
    dialog = page.get_by_role("dialog", name="Add a user")
    dialog.get_by_label("Login").fill("nina")
    dialog.get_by_label("Name").fill("Nina New")
    dialog.get_by_label("First password").fill("short")
    dialog.get_by_label(re.compile("^Admin")).check()
    dialog.get_by_label(re.compile("^Admin")).uncheck()
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("password")
    dialog.get_by_label("First password").fill(PASSWORD)
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("row", name=re.compile("nina"))).to_contain_text("Nina New")
    group = page.get_by_role("region", name="Group membrane proteins")
    group.get_by_label("Add a member to membrane proteins").select_option(label="nina")
    group.get_by_role("button", name="Add", exact=True).click()
    expect(group.get_by_label("Role of nina in membrane proteins")).to_have_value("operator")
    group.get_by_label("Role of nina in membrane proteins").select_option("viewer")
    expect(page.get_by_role("row", name=re.compile("nina"))).to_contain_text("membrane proteins: viewer")
    group.get_by_role("button", name="Take nina out of membrane proteins").click()
    expect(group).to_contain_text("0 members")
    page.get_by_role("button", name="Change nina").click()
    dialog = page.get_by_role("dialog", name="nina")
    dialog.get_by_label("New password").fill("another good 56")
    dialog.get_by_label(re.compile("^Admin")).check()
    dialog.get_by_label(re.compile("^Disabled")).check()
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row", name=re.compile("nina"))).to_contain_text("admin")
    expect(page.get_by_role("row", name=re.compile("nina"))).to_contain_text("disabled")
    page.get_by_role("button", name="Change nina").click()
    dialog.get_by_role("button", name="Remove").click()
    dialog.get_by_role("button", name="Really remove nina").click()
    expect(page.get_by_role("row", name=re.compile("nina"))).to_have_count(0)


def test_groups_are_added_and_removed(open_page: Callable[..., Page], watch: Watch) -> None:
    watch.expected.append("409 DELETE")
    page = open_page("/people")
    page.get_by_role("button", name="Add a group").click()
    page.get_by_role("dialog").get_by_label("Name").fill("guests")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Group guests")).to_be_visible()
    page.get_by_role("button", name="Remove group guests").click()
    expect(page.get_by_role("region", name="Group guests")).to_have_count(0)
    # One with sessions stays, and says why.
    page.get_by_role("button", name="Remove group ribosome").click()
    expect(page.get_by_role("alert")).to_contain_text("session")


def test_a_token_is_shown_once_and_works(
    open_page: Callable[..., Page], browser: Browser, world: World
) -> None:
    page = open_page("/profile", login="otto")
    page.get_by_label("Name").fill("dashboard")
    page.get_by_label("Valid").select_option("30")
    page.get_by_label("Scope").select_option("viewer")
    page.get_by_label("Group").select_option(label="ribosome")
    page.get_by_role("button", name="Make a token").click()
    secret = page.get_by_label("Text to copy").input_value()
    page.get_by_role("button", name="Copy").click()
    program = browser.new_context(extra_http_headers={"Authorization": f"Bearer {secret}"})
    assert program.request.get(f"{world.url}/api/me").json()["login"] == "otto"
    page.reload()
    expect(page.get_by_label("Text to copy")).to_have_count(0)
    page.get_by_role("button", name="Remove token dashboard").click()
    expect(page.get_by_role("row", name=re.compile("dashboard"))).to_have_count(0)
    assert program.request.get(f"{world.url}/api/me").status == 401
    program.close()


def test_a_password_is_changed_with_the_old_one(open_page: Callable[..., Page], watch: Watch) -> None:
    watch.expected.append("403 PATCH")
    page = open_page("/profile", login="vera")
    page.get_by_label("Old password").fill("wrong")
    page.get_by_label("New password", exact=True).fill("another good 34")
    page.get_by_label("New password, again").fill("another good 35")
    expect(page.get_by_text("The two differ.")).to_be_visible()
    page.get_by_label("New password, again").fill("another good 34")
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_role("alert")).to_contain_text("old password is wrong")
    page.get_by_label("Old password").fill(PASSWORD)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_text("The password is changed")).to_be_visible()


def test_a_share_link_shows_one_session_and_no_controls(
    open_page: Callable[..., Page], browser: Browser, world: World
) -> None:
    page = open_page(f"/sessions/{world.main}/operation", login="otto")
    page.get_by_role("button", name="Share").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Valid for").select_option("1")
    dialog.get_by_role("button", name="Make a link").click()
    link = dialog.get_by_label("Text to copy").input_value()
    dialog.get_by_role("button", name="Copy", exact=True).click()
    context = browser.new_context()
    guest = context.new_page()
    guest.goto(link)
    expect(guest.get_by_role("heading", name="Apoferritin, grid 3")).to_be_visible()
    expect(guest.get_by_role("article", name="Pre-processing")).to_be_visible()
    expect(guest.get_by_role("button", name=re.compile("^(Start|Stop|Share)"))).to_have_count(0)
    guest.get_by_role("link", name="Sessions").first.click()
    expect(guest.get_by_role("article")).to_have_count(1)
    guest.goto(f"{world.url}/sessions/2")
    expect(guest.get_by_text("There is no session S2")).to_be_visible()
    context.close()
    dialog.get_by_role("button", name="End").click()
    expect(dialog).to_contain_text("No link is valid now.")


def test_server_page_says_how_it_is_and_who_changed_what(open_page: Callable[..., Page]) -> None:
    page = open_page("/server")
    expect(page.get_by_role("region", name="Disks")).to_contain_text("free")
    expect(page.get_by_role("region", name="What was changed")).to_contain_text("settings saved")
    page.get_by_role("button", name="Light").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.get_by_role("button", name="Keys").click()
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("include the micrograph")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
