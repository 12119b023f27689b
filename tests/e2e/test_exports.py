"""From the table to a folder that RELION opens: the last step of a session, walked in a browser."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import starfile
from playwright.sync_api import expect
from tests.app.exported import add_update, fill_session
from tests.e2e.test_accessible import violations
from tests.stages.export.world import coordinates

from frazil.app import exports, live_export
from frazil.app.access import SERVER, session_for
from frazil.formats.mrc import read_mrc
from frazil.model.movie_filter import MovieFilter
from frazil.stages.export.request import ExportRequest
from frazil.store.catalogue import filters

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from tests.e2e.world import World

BOX_PX = 40
# The first export of a machine waits for what numba compiles.
LONG_MS = 90_000


def session_folder(world: World, session: int) -> str:
    """Where a session lies."""
    with world.hub.catalogue.read() as connection:
        return session_for(connection, SERVER, session, "viewer").folder


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
    expect(card).to_contain_text("done", timeout=LONG_MS)
    expect(card).to_contain_text("1 micrographs, 4 particles")
    expect(card.get_by_role("img", name="Exported coordinates on movie_0001")).to_be_visible()
    (job,) = exports.list_exports(world.hub, SERVER, session)
    assert (Path(job["path"]) / "particles.star").is_file()
    expect(card.get_by_label("Text to copy")).to_have_value(job["path"])
    page.get_by_role("link", name="Operation").click()
    shown = page.get_by_role("region", name="Exports")
    expect(shown).to_contain_text("for-relion")
    expect(shown).to_contain_text(job["path"])
    shown.get_by_role("button", name="Log of export for-relion").click()
    expect(page.get_by_role("dialog", name="Log of for-relion")).to_contain_text("collecting micrographs")
    page.keyboard.press("Escape")
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


def test_particles_are_cut_out_anew_as_the_form_says(
    open_page: Callable[..., Page], world: World, session: int
) -> None:
    page = open_page(f"/sessions/{session}/exports", login="otto")
    page.get_by_role("button", name="New export").click()
    dialog = page.get_by_role("dialog", name="New export")
    dialog.get_by_label("Particle images").select_option("anew")
    dialog.get_by_label("Box, pixels of the micrograph").fill("41")
    expect(dialog).to_contain_text("Must be an even number")
    dialog.get_by_label("Box, pixels of the micrograph").fill(str(BOX_PX))
    dialog.get_by_label("Pixel of the images, Å").fill("3")
    dialog.get_by_label("Centre boxes by the shifts of the classes").check()
    dialog.get_by_role("button", name="Copy").click()
    dialog.get_by_label("Images", exact=True).select_option("float32")
    dialog.get_by_label("Files at the same time").fill("2")
    dialog.get_by_label("Memory at most, GB").fill("6")
    dialog.get_by_label("Give up after, minutes").fill("5")
    dialog.get_by_label("Join optics groups with fewer micrographs than").fill("2")
    dialog.get_by_label("Name of the folder").fill("anew")
    dialog.get_by_role("button", name="Export", exact=True).click()
    expect(page.get_by_role("article", name="Export anew")).to_contain_text("done", timeout=LONG_MS)
    job = exports.list_exports(world.hub, SERVER, session)[0]
    assert (job["request"]["threads"], job["request"]["memory_gb"]) == (2, 6.0)
    folder = Path(job["path"])
    tables = starfile.read(folder / "particles.star", always_dict=True)
    optics, particles = tables["optics"], tables["particles"]
    assert optics.rlnImageSize.tolist() == [BOX_PX // 2] and optics.rlnImagePixelSize.tolist() == [3.0]
    stack = read_mrc(folder / "particles" / "movie_0001.mrcs")
    assert stack.data.shape[-2:] == (BOX_PX // 2, BOX_PX // 2) and stack.data.dtype == np.float32
    # Centred: what is left of a shift is less than half a pixel of the micrograph, 1.5 Å.
    assert particles.rlnOriginXAngst.abs().max() <= 0.5 * 1.5 + 1e-5
    first = particles[particles.rlnMicrographName.str.contains("movie_0001")].iloc[0]
    box_x, _ = coordinates(1, 5)
    assert first.rlnCoordinateX not in box_x
    # The file is the export's own: nothing leads back into the session.
    assert not (folder / "particles" / "movie_0001.mrcs").is_symlink()
    exports.delete_export(world.hub, SERVER, session, job["number"])


def test_an_export_that_fails_is_tried_again(
    open_page: Callable[..., Page], world: World, session: int
) -> None:
    micrograph = Path(session_folder(world, session)) / "micrographs" / "movie_0001.mrc"
    away = micrograph.with_suffix(".away")
    micrograph.rename(away)
    page = open_page(f"/sessions/{session}/exports", login="otto")
    card = page.get_by_role("article", name="Export again")
    try:
        request = {"contents": ["particles"], "box_px": BOX_PX}
        asked = {"name": "again", "request": request}
        address = f"/api/sessions/{session}/exports"
        assert page.request.post(address, data=asked, headers={"Origin": world.url}).ok
        page.reload()
        expect(card).to_contain_text("movie_0001.mrc: is gone", timeout=LONG_MS)
    finally:
        away.rename(micrograph)
    card.get_by_role("button", name="Try again").click()
    expect(card).to_contain_text("done", timeout=LONG_MS)
    card.get_by_role("button", name="Log").click()
    page.get_by_role("dialog", name="Log of again").get_by_role("button", name="Close").click()
    card.get_by_role("button", name="Copy").click()
    for leave in ("Keep it", "Close"):
        card.get_by_role("button", name="Delete").click()
        page.get_by_role("dialog").get_by_role("button", name=leave).click()
        expect(page.get_by_role("dialog")).to_have_count(0)
    card.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(card).to_have_count(0)


def test_an_export_under_way_is_cancelled(open_page: Callable[..., Page], session: int) -> None:
    """One that takes long, as the server would tell it."""
    page = open_page(f"/sessions/{session}/exports", login="otto")
    asked: list[str] = []
    page.get_by_role("button", name="New export").click()
    dialog = page.get_by_role("dialog", name="New export")
    dialog.get_by_label("Name of the folder").fill("long")
    dialog.get_by_role("button", name="Export", exact=True).click()
    card = page.get_by_role("article", name="Export long")
    expect(card).to_contain_text("done", timeout=LONG_MS)

    def answer(route: Any) -> None:
        if route.request.method == "POST":
            asked.append(route.request.url)
            route.fulfill(status=204)
            return
        response = route.fetch()
        state = "cancelled" if asked else "running"
        route.fulfill(response=response, json=[{**job, "state": state} for job in response.json()])

    page.route(re.compile(r"/api/sessions/\d+/exports(/\d+/cancel)?$"), answer)
    page.reload()
    card.get_by_role("button", name="Cancel").click()
    expect(card).to_contain_text("cancelled")
    assert len(asked) == 1
    page.unroute(re.compile(r"/api/sessions/\d+/exports(/\d+/cancel)?$"))
    page.reload()
    card.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(card).to_have_count(0)


def test_every_choice_of_an_export_changes_what_is_told_before(
    open_page: Callable[..., Page], world: World, session: int
) -> None:
    page = open_page(f"/sessions/{session}/exports", login="otto")
    page.get_by_role("button", name="New export").click()
    dialog = page.get_by_role("dialog", name="New export")
    expect(dialog).to_contain_text("2 micrographs, 10 particles")
    # The places of files are the session's: nothing is copied, so nothing has a depth.
    dialog.get_by_role("button", name="Tables only").click()
    expect(dialog.get_by_label("Images", exact=True)).to_have_count(0)
    dialog.get_by_role("button", name="Link").click()
    expect(dialog.get_by_label("Images", exact=True)).to_be_visible()
    for content in ("Movies", "Micrographs and CTF", "Picks", "Particles", "Class averages"):
        box = dialog.get_by_label(content, exact=True)
        box.set_checked(not box.is_checked())
        box.set_checked(not box.is_checked())
    dialog.get_by_label("Micrographs", exact=True).select_option("")
    for other in ("cistem", "csv", "cryosparc", "relion"):
        dialog.get_by_label("For", exact=True).select_option(other)
        expect(dialog).to_contain_text("10 particles")
    dialog.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert all(job["name"] != "export" for job in exports.list_exports(world.hub, SERVER, session))


def test_tables_that_follow_and_the_report(
    open_page: Callable[..., Page], world: World, session: int
) -> None:
    with world.hub.catalogue.write() as connection:
        sharp = MovieFilter.model_validate({"ranges": {"ctf_resolution_a": {"high": 5.0}}})
        filters.save(connection, session, "sharp", sharp, saved_by="otto", saved_at=1.0)
    page = open_page(f"/sessions/{session}/exports", login="otto")
    panel = page.get_by_role("region", name="Tables that follow the session")
    panel.get_by_label("Keep RELION's tables current").check()
    expect(panel).to_contain_text("They appear in")
    panel.get_by_label("Classes of particles").select_option("good")
    expect(panel.get_by_label("Classes of particles")).to_have_value("good")
    panel.get_by_label("The selected ones are those of").select_option("sharp")
    expect(panel.get_by_label("The selected ones are those of")).to_have_value("sharp")
    fewest = panel.get_by_label("Join optics groups with fewer micrographs than")
    fewest.fill("3")
    fewest.blur()
    expect(fewest).to_have_value("3")
    shown = live_export.show_live_export(world.hub, SERVER, session)
    assert (shown["enabled"], shown["request"].classes) == (True, "good")
    panel.get_by_label("Keep RELION's tables current").uncheck()
    expect(panel.get_by_label("Classes of particles")).to_have_count(0)
    for link, ending in (("Report", ".html"), ("Report as PDF", ".pdf")):
        with page.expect_download() as download:
            page.get_by_role("link", name=link, exact=True).click()
        assert download.value.suggested_filename.endswith(ending)
        assert Path(download.value.path()).stat().st_size > 1000


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
