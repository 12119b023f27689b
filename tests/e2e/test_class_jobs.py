"""Jobs of 2D classification: settings that fold, stay in one browser, and are sent by a start button only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from tests.e2e.products import add_products
from tests.e2e.world import build, serving

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


def test_automatic_jobs_get_what_was_staged_and_are_stopped(
    open_page: Callable[..., Page], world: World
) -> None:
    path = f"/sessions/{world.main}/classes"
    mine, theirs = open_page(path), open_page(path, login="otto")
    jobs = mine.get_by_role("complementary", name="2D classification")
    expect(jobs.get_by_role("button", name="Start automatic jobs")).to_be_disabled()
    jobs.get_by_role("button", name="Seeded start-up").click()
    expert = jobs.get_by_text("Expert settings")
    field = jobs.get_by_label(re.compile("^Refinement cycles"))
    expect(field).to_be_hidden()
    expert.click()
    field.fill("7")
    expert.click()
    expect(field).to_be_hidden()
    expect(jobs.get_by_text("2 not sent")).to_be_visible()
    # Nothing has gone to the server, nor to whoever looks from elsewhere.
    settings = f"/api/sessions/{world.main}/settings"
    assert mine.context.request.get(settings).json()["values"].get("mode", "streaming") == "streaming"
    expect(theirs.get_by_text(re.compile(r"\d not sent"))).to_have_count(0)
    jobs.get_by_role("button", name="Start automatic jobs").click()
    expect(jobs.get_by_text("2 not sent")).to_have_count(0)
    values = mine.context.request.get(settings).json()["values"]
    assert (values["mode"], values["refinement_cycles"]) == ("seeded", 7)
    jobs.get_by_role("button", name="Stop all jobs").click()
    expect(jobs.get_by_text("stopped", exact=True)).to_be_visible()
