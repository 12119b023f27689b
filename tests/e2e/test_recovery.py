"""What breaks under an open page mends itself: no F5."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect
from tests.e2e.world import PASSWORD, build, listening, make_hub

from frazil.app import sessions, settings_changes
from frazil.app.access import SERVER

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser


def test_a_server_that_was_restarted_is_found_again_and_what_changed_is_shown(
    browser: Browser, tmp_path: Path
) -> None:
    world = build(tmp_path, 20)
    context = browser.new_context()
    page = context.new_page()
    with listening(world):
        port = int(world.url.rpartition(":")[2])
        origin = {"Origin": world.url}
        context.request.post(
            f"{world.url}/api/login", data={"login": "ann", "password": PASSWORD}, headers=origin
        )
        page.goto(f"{world.url}/sessions/{world.main}/settings?tab=ctf")
        expect(page.get_by_text("live", exact=True)).to_be_visible()
        # What is typed stays, too.
        page.get_by_label("Search step", exact=True).fill("200")
    expect(page.get_by_text("reconnecting…")).to_be_visible()
    world.hub.close()
    world.hub = make_hub(world.hub.config)
    sessions.change(world.hub, SERVER, world.main, {"name": "Renamed meanwhile"})
    settings_changes.save(world.hub, SERVER, world.main, {"fit_tilt": True}, 2)
    with listening(world, port):
        expect(page.get_by_text("live", exact=True)).to_be_visible(timeout=20_000)
        expect(page.get_by_role("heading", name="Renamed meanwhile")).to_be_visible()
        expect(page.get_by_label("Fit tilt")).to_be_checked()
        expect(page.get_by_label("Search step", exact=True)).to_have_value("200")
        context.close()
    world.hub.close()


def test_somebody_whose_account_was_disabled_is_asked_to_log_in(browser: Browser, tmp_path: Path) -> None:
    world = build(tmp_path, 20)
    context = browser.new_context()
    page = context.new_page()
    with listening(world):
        origin = {"Origin": world.url}
        context.request.post(
            f"{world.url}/api/login", data={"login": "vera", "password": PASSWORD}, headers=origin
        )
        page.goto(f"{world.url}/sessions/{world.main}/operation")
        expect(page.get_by_text("live", exact=True)).to_be_visible()
        admin = browser.new_context()
        answer = admin.request.post(
            f"{world.url}/api/login", data={"login": "admin", "password": PASSWORD}, headers=origin
        )
        users = admin.request.get(f"{world.url}/api/users").json()
        vera = next(user["id"] for user in users if user["login"] == "vera")
        answer = admin.request.patch(f"{world.url}/api/users/{vera}", data={"disabled": True}, headers=origin)
        assert answer.ok
        expect(page.get_by_label("Password")).to_be_visible()
        admin.close()
        context.close()
    world.hub.close()
