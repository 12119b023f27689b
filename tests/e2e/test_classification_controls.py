"""What streaming classification alone has: Keep, a final pass at Stop; and runs cleared one by one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from tests.e2e.products import add_products
from tests.e2e.world import build, serving

from frazil.app import controls
from frazil.app.access import SERVER
from frazil.store.catalogue import audit, class_updates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page
    from tests.e2e.world import World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Make a server with class averages."""
    made = build(tmp_path_factory.mktemp("world"), 30)
    add_products(made, newest=1)
    with serving(made) as world:
        yield world


def test_a_stream_is_kept_and_stopped_after_a_final_pass(
    open_page: Callable[..., Page], world: World
) -> None:
    controls.start(world.hub, SERVER, world.main, "classify2d")
    page = open_page(f"/sessions/{world.main}/operation", login="otto")
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_text("An update follows the present batch")).to_be_visible()
    page.get_by_role("button", name="Stop after a final pass").click()
    expect(page.get_by_role("article", name="2D classification")).to_contain_text("stopped")
    expect(page.get_by_role("button", name="Keep")).to_have_count(0)


def test_only_ticked_runs_are_cleared(open_page: Callable[..., Page], world: World) -> None:
    with world.hub.catalogue.write() as connection:
        last = class_updates.get(connection, world.main)
        values = {name: value for name, value in last.items() if name not in ("session_id", "number")}
        class_updates.add(
            connection, world.main, 900, {**values, "run": 2, "folder": "classes/run002/update001"}
        )
    page = open_page(f"/sessions/{world.main}/operation", login="otto")
    page.get_by_role("button", name="Clear 2D classification").click()
    dialog = page.get_by_role("dialog", name="Clear 2D classification")
    dialog.get_by_role("checkbox", name=re.compile("Run 1: ")).uncheck()
    expect(dialog).to_contain_text("1 in all")
    expect(dialog).to_contain_text("the other runs")
    dialog.get_by_role("checkbox", name=re.compile("Run 2: ")).uncheck()
    expect(dialog.get_by_role("button", name="Clear", exact=True)).to_be_disabled()
    dialog.get_by_role("checkbox", name=re.compile("Run 2: ")).check()
    dialog.get_by_role("button", name="Clear", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    with world.hub.catalogue.read() as connection:
        row = audit.listed(connection, session_id=world.main)[0]
    assert (row["what"], row["after"]["runs"]) == ("track.clear", [2])


def test_classes_are_kept_by_hand_and_by_a_threshold(open_page: Callable[..., Page], world: World) -> None:
    with world.hub.catalogue.write() as connection:
        real = [row["number"] for row in class_updates.listed(connection, world.main) if row["run"] == 1]
        last = class_updates.get(connection, world.main, real[-1])
        judged = [
            {**item, "stable_id": item["class_id"], "quality": 1.0 - item["class_id"] / 48, "selected": False}
            for item in last["summary"]["classes"]
        ]
        values = {name: value for name, value in last.items() if name not in ("session_id", "number")}
        values["summary"] = {**last["summary"], "classes": judged}
        class_updates.add(connection, world.main, 901, values)
    page = open_page(f"/sessions/{world.main}/classes?do=choose", login="otto")
    bar = page.get_by_role("region", name="Selection of classes")
    expect(bar).to_contain_text("0 of 48 classes")
    bar.get_by_label("quality ≥").fill("0.8")
    bar.get_by_role("button", name="Make it the threshold").click()
    expect(bar).to_contain_text("9 of 48 classes")
    page.get_by_role("button", name=re.compile(r"^Class 1\b")).click()
    bar.get_by_role("button", name="Keep these").click()
    expect(page.get_by_text("These classes are kept, in later updates too")).to_be_visible()
    page.reload()
    expect(bar).to_contain_text("8 of 48 classes")
