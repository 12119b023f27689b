"""Class averages in a browser: history, full size, selection, jobs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from tests.e2e.products import add_products
from tests.e2e.world import build, serving

from frazil.store.catalogue import class_updates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page
    from tests.e2e.world import World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Make a server with class averages."""
    made = build(tmp_path_factory.mktemp("world"), 30)
    add_products(made, newest=3)
    with serving(made) as world:
        yield world


def last_update(world: World) -> int:
    """Number of the newest entry."""
    with world.hub.catalogue.read() as connection:
        return class_updates.last_numbers(connection, world.main)[0]


def test_the_history_is_browsed_in_two_ways(open_page: Callable[..., Page], world: World) -> None:
    last = last_update(world)
    page = open_page(f"/sessions/{world.main}/classes")
    history = page.get_by_role("region", name="History of class averages")
    expect(history.get_by_role("status")).to_contain_text(f"Update {last}")
    expect(history.get_by_role("status")).to_contain_text("particles in 48 classes")
    history.get_by_label("Update", exact=True).fill("1")
    expect(history.get_by_role("status")).to_contain_text("Update 2")
    expect(page).to_have_url(re.compile("update=2"))
    history.get_by_label("Choose an update").select_option("5")
    expect(history.get_by_role("status")).to_contain_text("Update 5")
    history.get_by_role("button", name="Earlier update").click()
    history.get_by_role("button", name="Later update").click()
    page.keyboard.press("ArrowRight")
    expect(history.get_by_role("status")).to_contain_text("Update 6")
    history.get_by_role("button", name="Play").click()
    expect(history.get_by_role("status")).to_contain_text("Update 8")
    history.get_by_role("button", name="Pause").click()
    history.get_by_role("button", name="Newest").click()
    expect(history.get_by_role("status")).to_contain_text(f"Update {last}")


def test_an_update_that_is_gone_is_told(open_page: Callable[..., Page], world: World) -> None:
    last = last_update(world)
    page = open_page(f"/sessions/{world.main}/classes?update=9999")
    told = page.get_by_text("Update 9999 is not in this session's history")
    expect(told).to_be_visible()
    history = page.get_by_role("region", name="History of class averages")
    expect(history.get_by_role("status")).to_contain_text(f"Update {last}")
    history.get_by_label("Choose an update").select_option("5")
    expect(history.get_by_role("status")).to_contain_text("Update 5")
    expect(told).to_have_count(0)


def test_a_class_is_shown_at_full_size(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/classes")
    page.get_by_role("button", name=re.compile(r"^Class 1\b")).click()
    window = page.get_by_role("dialog", name="Class 1")
    expect(window.get_by_role("img", name="Average of class 1")).to_be_visible()
    expect(window).to_contain_text(re.compile(r"[\d,]+ particles"))
    expect(window).to_contain_text("1 of 48")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("dialog", name="Class 2")).to_be_visible()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Previous").click()
    expect(page).to_have_url(re.compile("class=2"))
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_label("Order of classes").select_option("resolution")
    page.get_by_label("Size").fill("200")
    page.get_by_role("button", name="Sort again").click()


def test_classes_are_selected_and_kept_under_a_name(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/classes")
    page.get_by_role("button", name="Select", exact=True).click()
    bar = page.get_by_role("region", name="Selection of classes")
    expect(bar).to_contain_text("16 of 48 classes")
    page.get_by_role("button", name=re.compile(r"^Class 1\b")).click()
    expect(bar).to_contain_text("15 of 48 classes")
    bar.get_by_role("button", name="None").click()
    expect(bar).to_contain_text("0 of 48 classes")
    first = page.get_by_role("button", name=re.compile(r"^Class 1\b")).bounding_box()
    third = page.get_by_role("button", name=re.compile(r"^Class 3\b")).bounding_box()
    assert first is not None and third is not None
    page.mouse.move(first["x"] + 20, first["y"] + 20)
    page.mouse.down()
    page.mouse.move(third["x"] + 40, third["y"] + 60, steps=6)
    page.mouse.up()
    expect(bar).to_contain_text("3 of 48 classes")
    bar.get_by_role("button", name="Invert").click()
    expect(bar).to_contain_text("45 of 48 classes")
    bar.get_by_role("button", name="All").click()
    bar.get_by_role("button", name="Automatic").click()
    bar.get_by_label("quality ≥").fill("0.9")
    bar.get_by_label("particles ≥").fill("1")
    bar.get_by_label(re.compile("resolution")).fill("30")
    bar.get_by_role("button", name=re.compile("Select these")).click()
    expect(bar).to_contain_text("5 of 48 classes")
    bar.get_by_role("button", name="Save as…").click()
    page.get_by_label("Name", exact=True).fill("sharp")
    page.keyboard.press("Enter")
    expect(bar.get_by_label("Saved selection")).to_have_value("sharp")
    bar.get_by_role("button", name="None").click()
    bar.get_by_label("Saved selection").select_option("")
    bar.get_by_label("Saved selection").select_option("sharp")
    expect(bar).to_contain_text("5 of 48 classes")
    bar.get_by_role("button", name="Delete selection sharp").click()
    expect(bar.get_by_label("Saved selection")).to_have_value("")
    page.get_by_role("button", name="Look").click()


def test_settings_are_staged_here_and_sent_by_a_start_button(
    open_page: Callable[..., Page], world: World
) -> None:
    page = open_page(f"/sessions/{world.main}/classes")
    jobs = page.get_by_role("complementary", name="2D classification")
    jobs.get_by_text("User settings").click()
    jobs.get_by_label(re.compile("Mask radius")).fill("75")
    expect(jobs.get_by_text("1 not sent")).to_be_visible()
    jobs.get_by_text("Expert settings").click()
    expect(jobs.get_by_label(re.compile("^Classes|Number of classes")).first).to_be_visible()
    jobs.get_by_role("button", name="Start job now").click()
    expect(jobs.get_by_text("1 not sent")).to_have_count(0)
    saved = page.context.request.get(f"/api/sessions/{world.main}/settings").json()
    assert saved["values"]["mask_radius_a"] == 75
    jobs.get_by_role("button", name="Stop all jobs").click()
    expect(jobs.get_by_text("stopped", exact=True)).to_be_visible()
    expect(page.get_by_role("region", name="Job output")).to_be_visible()


def test_whoever_follows_sees_what_comes(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/classes")
    status = page.get_by_role("region", name="History of class averages").get_by_role("status")
    last = last_update(world)
    expect(status).to_contain_text(f"Update {last}")
    with world.hub.catalogue.write() as connection:
        row = class_updates.get(connection, world.main, last)
        values = {key: value for key, value in row.items() if key not in ("number", "session_id")}
        class_updates.add(connection, world.main, last + 1, values)
    world.hub.feed.publish(world.main, "classes", {"number": last + 1})
    expect(status).to_contain_text(f"Update {last + 1}")
