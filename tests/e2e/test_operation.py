"""Tracks and what they do, live: every control, and a page that follows without being asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from frazil.app import controls, sessions
from frazil.app.access import SERVER
from frazil.store.catalogue import movies

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from tests.e2e.conftest import Watch
    from tests.e2e.world import World


def test_strip_and_rows_say_how_it_goes(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/operation")
    strip = page.get_by_role("region", name="Numbers of the session")
    for words in (r"120\s*movies", r"115\s*done", r"2\s*failed", "behind by", r"median\s*3\.\d Å", "classes"):
        expect(strip).to_contain_text(re.compile(words))
    transfer = page.get_by_role("article", name="File transfer")
    expect(transfer).to_contain_text("of 120 delivered")
    expect(transfer.get_by_role("img", name=re.compile("last hour"))).to_be_visible()
    expect(page.get_by_role("heading", name="Workers")).to_be_visible()
    expect(page.get_by_role("heading", name="Storage")).to_be_visible()


def test_start_stop_and_restart_of_one_track(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/operation", login="otto")
    row = page.get_by_role("article", name="Pre-processing")
    page.get_by_role("button", name="Start Pre-processing", exact=True).click()
    expect(row).to_contain_text("running")
    expect(page.get_by_role("button", name="Start Pre-processing", exact=True)).to_be_disabled()
    page.get_by_role("button", name="Restart Pre-processing").click()
    dialog = page.get_by_role("dialog", name="Restart Pre-processing")
    expect(dialog).to_contain_text("failed movies are tried again")
    dialog.get_by_role("button", name="Restart", exact=True).click()
    expect(row).to_contain_text("running")
    page.get_by_role("button", name="Stop Pre-processing").click()
    expect(row).to_contain_text("stopped")


def test_start_all_and_stop_all(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/operation")
    page.get_by_role("button", name="Start all").click()
    for name in ("File transfer", "Pre-processing", "2D classification"):
        expect(page.get_by_role("article", name=name)).to_contain_text("running")
    page.get_by_role("button", name="Stop all", exact=True).click()
    for name in ("File transfer", "Pre-processing", "2D classification"):
        expect(page.get_by_role("article", name=name)).to_contain_text("stopped")


def test_what_another_does_is_seen_without_reloading(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/operation", login="vera")
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    controls.stop_all(world.hub, SERVER, world.main)
    expect(page.get_by_role("article", name="File transfer")).to_contain_text("stopped")
    controls.start(world.hub, SERVER, world.main, "transfer")
    expect(page.get_by_role("article", name="File transfer")).to_contain_text("running", timeout=3000)
    controls.stop(world.hub, SERVER, world.main, "transfer")
    expect(page.get_by_role("article", name="File transfer")).to_contain_text("stopped", timeout=3000)


def test_clear_stops_first_and_says_what_goes(open_page: Callable[..., Page], world: World) -> None:
    controls.start(world.hub, SERVER, world.main, "preprocess")
    page = open_page(f"/sessions/{world.main}/operation")
    page.get_by_role("button", name="Clear Pre-processing").click()
    dialog = page.get_by_role("dialog", name="Clear Pre-processing")
    expect(dialog).to_contain_text("pictures")
    expect(dialog).to_contain_text("raw files")
    dialog.get_by_role("button", name="Stop it first").click()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    dialog.get_by_role("button", name="Clear", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("article", name="Pre-processing")).to_contain_text("stopped")
    page.wait_for_load_state("networkidle")
    # Not one of the products that were shown, which may be gone.
    assert [url for url in asked if re.search(r"/updates/\d+$|/movies/\w+", url)] == []


def test_failed_movies_are_retried_and_ignored(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/operation", login="otto")
    panel = page.get_by_role("region", name="Failed movies", exact=True)
    expect(panel).to_contain_text("31 frames readable of 40")
    page.get_by_role("button", name="Retry FoilHole_00003_Data").click()
    expect(panel).not_to_contain_text("FoilHole_00003_Data")
    page.get_by_role("button", name="Ignore FoilHole_00100_Data").click()
    expect(panel).to_contain_text("No movie has failed")
    with world.hub.catalogue.write() as connection:
        movies.change(connection, world.main, 4, state="failed", reason="no signal", failed_stage="ctf")
    world.hub.feed.publish(world.main, "movies", {"names": ["FoilHole_00003_Data"]})
    expect(panel).to_contain_text("no signal")
    page.get_by_role("button", name="Retry all 1").click()
    expect(panel).to_contain_text("No movie has failed")


def test_an_alert_can_be_put_to_sleep(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/operation")
    alerts = page.get_by_role("region", name="Alerts")
    expect(alerts).to_contain_text("7 of the last 20 movies failed")
    note = alerts.locator(".note", has_text="7 of the last 20")
    note.get_by_role("button", name="Snooze 30 min").click()
    expect(note).to_contain_text("quiet until")
    page.goto("/sessions")
    note = page.get_by_role("region", name="Alerts").locator(".note", has_text="7 of the last 20")
    note.get_by_role("button", name="Wake it").click()
    note.get_by_role("button", name="Snooze 30 min").click()
    page.goto(f"/sessions/{world.main}/operation")
    note.get_by_role("button", name="Wake it").click()
    expect(note.get_by_role("button", name="Snooze 30 min")).to_be_visible()
    page.goto("/sessions")
    note.get_by_role("link", name="Apoferritin, grid 3").click()
    expect(page.get_by_role("heading", name="Apoferritin, grid 3")).to_be_visible()


def test_logs_lead_to_the_log_of_the_track(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/operation")
    page.get_by_role("article", name="Pre-processing").get_by_role("link", name="last error").click()
    expect(page.get_by_label("Level")).to_have_value("error")
    page.go_back()
    page.get_by_role("link", name="Logs of Pre-processing").click()
    log = page.get_by_role("region", name="Log of Pre-processing")
    expect(log).to_contain_text("the file is truncated")
    page.get_by_label("Level").select_option("error")
    expect(page.get_by_text("1 line", exact=True)).to_be_visible()
    page.get_by_role("button", name=re.compile("truncated")).click()
    expect(page.get_by_role("region", name="Chosen line")).to_contain_text('"stage": "align"')
    page.get_by_role("button", name="Close line").click()
    page.get_by_label("Level").select_option("info")
    page.get_by_label("Search in the log").fill("00118")
    expect(page.get_by_text("1 line", exact=True)).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename.endswith("preprocess.jsonl")
    page.get_by_role("button", name="File transfer").click()
    expect(page.get_by_text("No line fits")).to_be_visible()
    page.get_by_label("Search in the log").fill("")
    page.get_by_label("Follow").uncheck()


def test_a_session_that_is_deleted_under_ones_eyes(
    open_page: Callable[..., Page], world: World, watch: Watch
) -> None:
    watch.expected.append("404 GET")
    made = sessions.create(world.hub, SERVER, {"name": "Short life", "group": "ribosome"})["id"]
    page = open_page(f"/sessions/{made}/operation")
    expect(page.get_by_role("heading", name="Short life")).to_be_visible()
    answer = page.context.request.delete(
        f"/api/sessions/{made}", data={"name": "Short life"}, headers={"Origin": world.url}
    )
    assert answer.ok
    expect(page.get_by_role("heading", name=f"There is no session S{made}")).to_be_visible(timeout=15_000)
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(5000)
    assert [url for url in asked if f"/sessions/{made}" in url] == [], "what is gone is not asked for again"
