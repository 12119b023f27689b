"""From the table to a folder that RELION opens: the last step of a session, walked in a browser."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from tests.app.exported import add_update, fill_session
from tests.e2e.test_accessible import violations

from frazil.app import exports
from frazil.app.access import SERVER
from frazil.stages.export.request import ExportRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from tests.e2e.world import World


@pytest.fixture(scope="module")
def session(world: World) -> int:
    """Return a session that holds something to export."""
    number = world.others["Empty one"]
    filled = fill_session(world.hub, number)
    add_update(world.hub, number, filled)
    return number


def test_the_filter_of_the_table_goes_into_an_export(
    open_page: Callable[..., Page], world: World, session: int, tmp_path: Path
) -> None:
    page = open_page(f"/sessions/{session}/table?range=ctf_resolution_a:..5", login="otto")
    page.get_by_role("button", name="Export…").click()
    dialog = page.get_by_role("dialog", name="New export")
    expect(dialog.get_by_label("Micrographs", exact=True)).to_contain_text("the filter on the page")
    expect(dialog).to_contain_text("1 micrograph, 5 particles")
    dialog.get_by_label("Classes of particles").select_option("good")
    dialog.get_by_label("Name of the folder").fill("for-relion")
    dialog.get_by_role("button", name="Export", exact=True).click()
    card = page.get_by_role("article", name="Export for-relion")
    expect(card).to_contain_text("done")
    expect(card).to_contain_text("1 micrographs, 4 particles")
    expect(card.get_by_role("img", name="Exported coordinates on movie_0001")).to_be_visible()
    (job,) = exports.list_exports(world.hub, SERVER, session)
    assert (Path(job["path"]) / "particles.star").is_file()
    expect(card.get_by_label("Text to copy")).to_have_value(job["path"])
    page.get_by_role("link", name="Operation").click()
    shown = page.get_by_role("region", name="Exports")
    expect(shown).to_contain_text("for-relion")
    expect(shown).to_contain_text(job["path"])
    shown.get_by_role("link", name="Exports").click()
    with page.expect_download() as download:
        card.get_by_role("link", name="Download as tar").click()
    download.value.save_as(tmp_path / "e.tar")
    with tarfile.open(tmp_path / "e.tar") as tar:
        assert "for-relion/particles.star" in tar.getnames()
    card.get_by_role("button", name="Log").click()
    expect(page.get_by_role("dialog")).to_contain_text("collecting micrographs")
    page.keyboard.press("Escape")
    card.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Nothing has been exported yet")).to_be_visible()
    assert not Path(job["path"]).exists()


def test_what_can_not_be_made_is_told_before(open_page: Callable[..., Page], session: int) -> None:
    page = open_page(f"/sessions/{session}/exports", login="otto")
    page.get_by_role("button", name="New export").click()
    dialog = page.get_by_role("dialog", name="New export")
    for content in ("Micrographs and CTF", "Picks", "Particles", "Class averages"):
        dialog.get_by_label(content, exact=True).uncheck()
    expect(dialog).to_contain_text("Choose what goes along")
    expect(dialog.get_by_role("button", name="Export", exact=True)).to_be_disabled()


def test_viewers_see_and_make_none(open_page: Callable[..., Page], session: int) -> None:
    page = open_page(f"/sessions/{session}/exports", login="vera")
    expect(page.get_by_text("Nothing has been exported yet")).to_be_visible()
    expect(page.get_by_role("button", name="New export")).to_have_count(0)


@pytest.mark.parametrize("width", [390, 1440])
def test_the_page_is_for_everybody(
    open_page: Callable[..., Page], world: World, session: int, width: int
) -> None:
    exports.start_export(world.hub, SERVER, session, ExportRequest(), f"at-{width}")
    page = open_page(f"/sessions/{session}/exports", login="otto", width=width)
    expect(page.get_by_role("article", name=f"Export at-{width}")).to_contain_text("done")
    page.wait_for_load_state("networkidle")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="New export").click()
    expect(page.get_by_role("dialog")).to_contain_text("particles")
    assert violations(page) == []
