"""Names of eighty characters without a space, and addresses that are old or mistyped."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from tests.e2e.test_accessible import violations
from tests.e2e.world import PASSWORD, build, quick_guard, serving

from frazil.app import accounts, groups, sessions
from frazil.app.access import SERVER
from frazil.store.catalogue import movies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page
    from tests.e2e.conftest import Watch
    from tests.e2e.world import World

SESSION, GROUP, MOVIE = ("Session_" + "s" * 72, "Group_" + "g" * 54, "FoilHole_" + "m" * 71)
LOGIN = "user." + "u" * 35
# What reaches out of the box that it stands in, though nothing scrolls there.
_OUT = """root => [...(root ?? document).querySelectorAll('main *, dialog *')].filter((element) => {
  const style = getComputedStyle(element);
  return style.overflowX === 'visible' && style.display !== 'inline' && element.clientWidth > 1
    && element.scrollWidth > element.clientWidth + 1
    && !element.closest('.tabs, .table-wrap, .virtual, svg, .u-wrap');
}).map((element) => `${element.tagName}.${element.className}: ${element.textContent.slice(0, 40)}`)"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Make a server where whoever named things did not spare letters."""
    made = build(tmp_path_factory.mktemp("world"), 20)
    group = groups.add_group(made.hub, SERVER, GROUP)["id"]
    user = accounts.add_user(made.hub, SERVER, quick_guard(), login=LOGIN, password=PASSWORD, is_admin=False)[
        "id"
    ]
    groups.set_member(made.hub, SERVER, group, user, "owner")
    with serving(made) as world:
        values = {"group": GROUP, "name": SESSION, "source_path": str(world.folder / "microscope")}
        session = sessions.create(world.hub, SERVER, values)["id"]
        row = {"name": MOVIE, "path": f"{MOVIE}.tif", "state": "failed", "failed_stage": "align"}
        reason = {"reason": f"{MOVIE}.tif: 31 frames readable of 40 announced", "found_at": 1.0}
        with world.hub.catalogue.write() as connection:
            movies.add_many(
                connection, session, [row | reason | {"target_revision": 1, "settings_revision": 1}]
            )
        world.others["long"] = session
        yield world


@pytest.mark.parametrize("width", [1440, 390])
def test_long_names_stay_in_their_boxes(open_page: Callable[..., Page], world: World, width: int) -> None:
    page = open_page("/sessions", width=width)
    own = f"/sessions/{world.others['long']}"
    tabs = ("operation", "table?show=all", "gallery?show=all", f"micrographs?movie={MOVIE}", "exports")
    for path in ("/sessions", "/people", "/profile", "/server", *(f"{own}/{tab}" for tab in tabs)):
        page.goto(path)
        expect(page.get_by_role("heading").first).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.evaluate(_OUT) == [], path
    page.goto("/people")
    # A short role is not broken into letters by a long one beside it.
    short = page.get_by_text("ribosome: viewer").bounding_box()
    assert short is not None and short["height"] < 40
    for path, button in (
        ("/sessions", f"Copy settings of {SESSION}"),
        ("/sessions", f"Delete {SESSION}"),
        (f"{own}/operation", "Share"),
    ):
        page.goto(path)
        page.get_by_role("button", name=button).click()
        window = page.get_by_role("dialog")
        expect(window).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert window.evaluate("window => window.scrollWidth <= window.clientWidth"), button
        assert page.evaluate(_OUT) == [], button
        assert violations(page) == [], button


def test_whoever_has_a_long_name_logs_out_on_a_phone(open_page: Callable[..., Page], watch: Watch) -> None:
    watch.expected.append("401 GET")
    page = open_page("/profile", login=LOGIN, width=390)
    expect(page.get_by_role("heading", name=LOGIN)).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()


def test_tables_that_scroll_on_a_phone_are_reached_by_keys(open_page: Callable[..., Page]) -> None:
    page = open_page("/server", width=390)
    expect(page.get_by_role("region", name="Table of changes")).to_be_visible()
    assert violations(page) == []


def test_old_addresses_show_what_there_is(open_page: Callable[..., Page], world: World, watch: Watch) -> None:
    main = f"/sessions/{world.main}"
    page = open_page(f"{main}/table?sort=gone")
    expect(page.get_by_role("row").filter(has_text="FoilHole_00010_Data")).to_be_visible()
    page.goto(f"{main}/gallery?sort=gone")
    expect(page.get_by_role("button", name=re.compile("FoilHole_00010_Data"))).to_be_visible()
    page.goto(f"{main}/logs?track=gone&level=gone")
    expect(page.get_by_role("region", name="Log of Pre-processing")).to_contain_text("FoilHole_00010_Data")
    watch.expected.append("400 GET")
    page.goto(f"{main}/table?range=gone:1..2")
    told = page.get_by_role("alert")
    expect(told).to_contain_text("there is no column of numbers called gone")
    expect(told).not_to_contain_text("Value error")
    expect(page.get_by_text("No movie to show")).to_have_count(0)
    page.get_by_role("button", name="Clear filter").click()
    expect(page.get_by_role("row").filter(has_text="FoilHole_00010_Data")).to_be_visible()
