"""Buttons for what seldom happens: sources that change, raw files that go, sessions that move."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from tests.e2e.products import add_products
from tests.e2e.world import build, serving

from frazil.app import controls, relocation, settings_changes
from frazil.app.access import SERVER, session_for
from frazil.model.movie_filter import MovieFilter
from frazil.store import manifest
from frazil.store.catalogue import audit, filters, movies, source_files
from frazil.store.log import TrackLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page
    from tests.e2e.conftest import Watch
    from tests.e2e.world import World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Make a server with everything."""
    made = build(tmp_path_factory.mktemp("world"), 120)
    add_products(made, newest=2)
    with serving(made) as world:
        yield world


def folder_of(world: World, session: int) -> Path:
    """Where a session lies."""
    with world.hub.catalogue.read() as connection:
        return Path(session_for(connection, SERVER, session, "viewer").folder)


def last_audit(world: World) -> tuple[str, Any]:
    """What was done last in the main session, and what came of it."""
    with world.hub.catalogue.read() as connection:
        row = audit.listed(connection, session_id=world.main)[0]
    return row["what"], row["after"]


def test_of_a_source_that_changed_the_new_or_the_old_one_counts(
    open_page: Callable[..., Page], world: World
) -> None:
    names = ("FoilHole_00010_Data", "FoilHole_00011_Data")
    with world.hub.catalogue.write() as connection:
        for number, name in zip((11, 12), names, strict=True):
            movies.change(connection, world.main, number, reason=f"{name}.tif changed after it was delivered")
            source = {"path": f"{name}.tif", "kind": "movie", "state": "changed", "movie_number": number}
            sizes = {"size_bytes": 2, "mtime_ns": 2, "found_at": 1.0}
            source_files.add_many(connection, world.main, [source | sizes])
    controls.start(world.hub, SERVER, world.main, "transfer")
    page = open_page(f"/sessions/{world.main}/operation", login="otto")
    panel = page.get_by_role("region", name="Sources that changed after they were delivered")
    first, second = (panel.get_by_role("listitem").filter(has_text=name) for name in names)
    first.get_by_role("button", name="Take the new one").click()
    expect(page.get_by_text(f"{names[0]} is transferred and processed again")).to_be_visible()
    assert last_audit(world) == ("movie.source", {"movie": names[0], "choice": "replace"})
    second.get_by_role("button", name="Keep the old one").click()
    expect(page.get_by_text(f"{names[1]} stays as it was delivered")).to_be_visible()
    assert last_audit(world) == ("movie.source", {"movie": names[1], "choice": "ignore"})
    with world.hub.catalogue.write() as connection:
        for number in (11, 12):
            movies.change(connection, world.main, number, reason=None)
    world.hub.feed.publish(world.main, "movies", {"names": list(names)})
    expect(panel).to_have_count(0)
    controls.stop_all(world.hub, SERVER, world.main)


def test_raw_files_of_rejected_movies_go_exactly_as_listed(
    open_page: Callable[..., Page], world: World
) -> None:
    folder = folder_of(world, world.main)
    raw, source = folder / "raw" / "FoilHole_00003_Data.tif", world.folder / "microscope" / "only.tif"
    for path in (raw, source):
        path.write_bytes(b"x" * 2_000_000)
    form = {"size_bytes": 2_000_000, "mtime_ns": source.stat().st_mtime_ns}
    with world.hub.catalogue.write() as connection:
        movies.change(connection, world.main, 4, raw_path=str(raw))
        row: dict[str, Any] = {"path": "only.tif", "kind": "movie", "state": "done", "movie_number": 4}
        row |= {"found_at": 1.0, "delivered_path": "raw/FoilHole_00003_Data.tif", "delivered_mode": "copy"}
        row |= {"delivered_size_bytes": form["size_bytes"], "delivered_mtime_ns": form["mtime_ns"]}
        source_files.add_many(connection, world.main, [row | form])
    place = {"path": "raw/FoilHole_00003_Data.tif", "source": str(source), "mode": "copy", "at": 1.0}
    manifest.append(folder, [manifest.Delivered.model_validate(place | form)])
    page = open_page(f"/sessions/{world.main}/operation", login="ann")
    page.get_by_role("button", name="Remove raw files of rejected movies").click()
    dialog = page.get_by_role("dialog", name="Remove raw files of rejected movies")
    expect(dialog).to_contain_text("1 file of 1 movie")
    dialog.get_by_text("List", exact=True).click()
    expect(dialog.get_by_text("FoilHole_00003_Data.tif")).to_be_visible()
    dialog.get_by_label("Also files of which there is no other copy").check()
    dialog.get_by_label("Raw files of").select_option("excluded")
    expect(dialog.get_by_role("button", name="Remove 0 files")).to_be_disabled()
    dialog.get_by_label("Raw files of").select_option("failed")
    dialog.get_by_role("button", name="Remove 1 file").click()
    expect(page.get_by_text("are being removed")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert not raw.exists() and source.exists()


def test_a_session_is_copied_moved_and_worked_with_again(
    open_page: Callable[..., Page], world: World
) -> None:
    page = open_page("/sessions", login="ann")
    target = world.folder / "microscope" / "archive"
    target.mkdir()
    for what in ("Copy", "Move"):
        page.get_by_role("button", name="Archive or move Empty one").click()
        dialog = page.get_by_role("dialog", name="Archive or move Empty one")
        dialog.get_by_role("button", name="Stay here").click()
        expect(dialog.get_by_label("Called")).to_have_count(0)
        dialog.get_by_role("button", name=f"{what} to").click()
        dialog.get_by_role("button", name="Browse the server's files").click()
        browser = page.get_by_role("dialog", name="Choose a folder on the server")
        browser.locator(".file-entry").filter(has_text="microscope").click()
        browser.locator(".file-entry").filter(has_text="archive").click()
        expect(browser.locator(".dialog-foot")).to_contain_text("/archive")
        browser.get_by_role("button", name="Choose this folder").click()
        expect(dialog.get_by_label("Into this folder")).to_have_value(str(target))
        # It can be typed, too.
        dialog.get_by_label("Into this folder").fill(f"{target}/no such folder")
        expect(dialog.get_by_role("button", name=what, exact=True)).to_be_disabled()
        dialog.get_by_label("Into this folder").fill(str(target))
        dialog.get_by_label("Called").fill(f"after {what}")
        dialog.get_by_label("Read-only afterwards").set_checked(what == "Move")
        dialog.get_by_role("button", name=what, exact=True).click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        for _ in range(100):
            if relocation.show_relocation(world.hub, SERVER, world.others["Empty one"])["state"] == "done":
                break
            page.wait_for_timeout(100)
        assert (target / f"after {what}" / "session.json").exists()
    assert folder_of(world, world.others["Empty one"]) == target / "after Move"
    page.get_by_label("Life").select_option("archived")
    page.get_by_role("button", name="Unarchive Empty one").click()
    expect(page.get_by_text("Empty one can be worked with again")).to_be_visible()
    page.get_by_label("Life").select_option("")
    expect(page.get_by_role("article", name="Empty one")).to_be_visible()


def test_what_is_on_its_way_can_be_cancelled(open_page: Callable[..., Page], world: World) -> None:
    """A copy that takes long, as the server would tell it."""
    page = open_page("/sessions", login="ann")
    asked: list[str] = []
    going = {"state": "copying", "mode": "copy", "source": "/a", "target": "/b", "files": 1, "of_files": 9}
    state = [going | {"bytes": 10, "of_bytes": 90, "result": {}}]

    def answer(route: Any) -> None:
        if route.request.method == "POST":
            asked.append(route.request.url)
            state[0] = {**state[0], "state": "cancelled"}
            route.fulfill(status=204)
        else:
            route.fulfill(json=state[0])

    page.route(re.compile(r"/relocation(/cancel)?$"), answer)
    page.goto(f"/sessions/{world.main}/operation")
    expect(page.get_by_text("Being copied to /b: 1 of 9 files")).to_be_visible()
    page.locator(".session-head").get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Being copied to")).to_have_count(0)
    assert len(asked) == 1


def _somebody_saves(world: World, **values: Any) -> None:
    newest = settings_changes.show(world.hub, SERVER, world.main)["revision"]
    settings_changes.save(world.hub, SERVER, world.main, values, newest)


def test_who_finds_the_settings_changed_keeps_or_drops_what_was_typed(
    open_page: Callable[..., Page], world: World
) -> None:
    page = open_page(f"/sessions/{world.main}/settings?tab=ctf", login="otto")
    step = page.get_by_label("Search step", exact=True)
    step.fill("200")
    _somebody_saves(world, ctf_high_a=4.1)
    page.get_by_role("button", name="Keep my changes").click()
    expect(page.get_by_role("button", name="Keep my changes")).to_have_count(0)
    expect(step).to_have_value("200")
    expect(page.get_by_label("Highest resolution", exact=True)).to_have_value("4.1")
    _somebody_saves(world, ctf_high_a=4.2)
    page.get_by_role("button", name="Drop them").click()
    expect(step).to_have_value("100")
    expect(page.get_by_label("Highest resolution", exact=True)).to_have_value("4.2")


def test_of_two_versions_mine_or_theirs_is_taken_as_a_whole(
    open_page: Callable[..., Page], world: World, watch: Watch
) -> None:
    watch.expected.append("409 POST")
    page = open_page(f"/sessions/{world.main}/settings?tab=ctf", login="otto")
    step = page.get_by_label("Search step", exact=True)
    dialog = page.get_by_role("dialog", name="Save settings")
    for theirs, choice, left in (
        ("150", "Keep mine on top of theirs", "200"),
        ("160", "Take theirs, drop mine", "160"),
    ):
        step.fill("200")
        _somebody_saves(world, defocus_step_a=float(theirs))
        expect(page.get_by_text(re.compile("saved revision"))).to_be_visible()
        page.get_by_role("button", name="Save 1 change").click()
        dialog.get_by_role("button", name=choice).click()
        expect(dialog).to_have_count(0)
        expect(step).to_have_value(left)
    expect(page.get_by_role("button", name=re.compile(r"^Save \d"))).to_have_count(0)


def test_only_the_movies_that_the_filter_keeps_are_redone(
    open_page: Callable[..., Page], world: World
) -> None:
    with world.hub.catalogue.write() as connection:
        sharp = MovieFilter.model_validate({"ranges": {"ctf_resolution_a": {"high": 4.0}}})
        filters.save(connection, world.main, "sharp", sharp, saved_by="ann", saved_at=1.0)
    page = open_page(f"/sessions/{world.main}/settings?tab=detection&filter=sharp", login="otto")
    page.get_by_label("Threshold", exact=True).fill("7")
    page.get_by_role("button", name="Save 1 change").click()
    page.get_by_role("button", name=re.compile(r"^Redo the \d+ kept")).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    newest = settings_changes.show(world.hub, SERVER, world.main)["revision"]
    with world.hub.catalogue.read() as connection:
        rows = list(movies.by_number(connection, world.main, range(1, 121)).values())
    redone = [row["ctf_resolution_a"] for row in rows if row["target_revision"] == newest]
    left = [row["ctf_resolution_a"] for row in rows if row["target_revision"] != newest]
    assert len(redone) > 20 and max(redone) <= 4.0
    assert all(value is None or value > 4.0 for value in left)


def test_the_files_of_the_server_are_walked(open_page: Callable[..., Page], world: World) -> None:
    for name in ("many", "others"):
        for number in range(210):
            (world.folder / "microscope" / name / f"folder_{number:03d}").mkdir(parents=True)
    page = open_page("/sessions/new?tab=image_data", login="otto")
    page.get_by_role("button", name="Browse the server's files").first.click()
    dialog = page.get_by_role("dialog", name="Choose a folder on the server")
    entries = dialog.locator(".file-entry")
    entries.filter(has_text="microscope").click()
    entries.filter(has_text="many").click()
    expect(entries).to_have_count(200)
    dialog.get_by_role("button", name="More").click()
    expect(entries).to_have_count(210)
    dialog.get_by_role("navigation", name="Folder").get_by_role("button", name="microscope").click()
    entries.filter(has_text="others").click()
    expect(entries).to_have_count(200)
    # What is found may be in a part of the folder that was not shown yet.
    dialog.get_by_label("Find in this folder").fill("_20")
    expect(entries).to_have_count(10)
    dialog.get_by_role("navigation", name="Folder").get_by_role("button", name="microscope").click()
    expect(entries.filter(has_text="many")).to_have_count(1)
    dialog.get_by_role("button", name="Up one folder").click()
    expect(dialog.get_by_role("button", name="Choose this folder")).to_be_disabled()
    entries.filter(has_text="microscope").click()
    dialog.get_by_role("button", name="Folders", exact=True).click()
    expect(dialog.get_by_role("button", name="Choose this folder")).to_be_disabled()
    dialog.get_by_role("button", name="Cancel").click()
    # Files are chosen where a file is asked for.
    page.get_by_role("tab", name=re.compile("^Gain")).click()
    page.get_by_role("button", name="Browse the server's files").first.click()
    dialog = page.get_by_role("dialog", name="Choose a file on the server")
    expect(dialog.get_by_role("button", name="Choose this file")).to_be_disabled()
    dialog.get_by_role("button", name="Folders", exact=True).click()
    entries = dialog.locator(".file-entry")
    entries.filter(has_text="microscope").click()
    dialog.get_by_label("Find in this folder").fill("ANY")
    expect(entries).to_have_count(1)
    expect(entries).to_contain_text("many")
    dialog.get_by_role("navigation", name="Folder").get_by_role("button", name="microscope").click()
    dialog.get_by_role("button", name="Up one folder").click()
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Browse the server's files").first.click()
    dialog.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name="Sessions")).to_be_visible()


def test_earlier_lines_of_a_log_come_when_asked_for(open_page: Callable[..., Page], world: World) -> None:
    with contextlib.closing(TrackLog(folder_of(world, world.main), "transfer")) as log:
        for number in range(1, 1201):
            log.info(f"line {number} of the transfer")
    page = open_page(f"/sessions/{world.main}/logs?track=transfer")
    expect(page.get_by_text("1,000 lines", exact=True)).to_be_visible()
    page.get_by_role("button", name="Earlier lines").click()
    expect(page.get_by_text("1,200 lines", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Earlier lines")).to_have_count(0)
    for track in ("Pre-processing", "2D classification", "File transfer"):
        page.get_by_role("button", name=track).click()
        expect(page.get_by_role("button", name=track)).to_have_attribute("aria-pressed", "true")


def test_files_that_are_left_out_are_listed(open_page: Callable[..., Page], world: World) -> None:
    def answer(route: Any) -> None:
        response = route.fetch()
        told = response.json()
        transfer = next(track for track in told if track["track"] == "transfer")
        left_out = {"ignored": {"*gain*": 3}, "ignored_examples": [{"rule": "*gain*", "path": "a_gain.mrc"}]}
        transfer["details"] = {**(transfer["details"] or {}), "files": [], **left_out}
        route.fulfill(response=response, json=told)

    page = open_page("/sessions")
    page.route(re.compile(r"/sessions/\d+/tracks$"), answer)
    page.goto(f"/sessions/{world.main}/operation")
    panel = page.get_by_role("region", name="Transfer", exact=True)
    expect(panel.get_by_text("a_gain.mrc")).to_be_hidden()
    panel.get_by_text("3 files ignored").click()
    expect(panel.get_by_text("a_gain.mrc")).to_be_visible()
