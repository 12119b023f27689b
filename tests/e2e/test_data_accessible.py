"""The data pages for everybody: by screen reader, on a phone, dark and light."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from tests.e2e.products import add_products
from tests.e2e.test_accessible import look_at
from tests.e2e.world import build, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page
    from tests.e2e.world import World

PAGES = (
    "plots?range=ctf_resolution_a:..4.5",
    "plots?view=scatter",
    "plots?view=groups",
    "plots?view=rates",
    "table?movie=FoilHole_00025_Data&show=all&range=ctf_resolution_a:..4",
    "gallery?movie=FoilHole_00025_Data",
    "micrographs?movie=FoilHole_00025_Data",
    "classes",
    "classes?do=choose",
    "classes?class=2",
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Make a small server with everything."""
    made = build(tmp_path_factory.mktemp("world"), 30)
    add_products(made, newest=10)
    with serving(made) as world:
        yield world


def test_no_data_page_has_serious_faults(open_page: Callable[..., Page], world: World) -> None:
    look_at(open_page("/sessions"), [f"/sessions/{world.main}/{path}" for path in PAGES])


def test_no_data_page_is_wider_than_a_phone(open_page: Callable[..., Page], world: World) -> None:
    page = open_page("/sessions", width=390, height=844)
    for path in PAGES:
        page.goto(f"/sessions/{world.main}/{path}")
        expect(page.get_by_role("heading").first).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
