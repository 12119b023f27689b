"""A filter goes from one session to another as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page
    from tests.e2e.conftest import Watch
    from tests.e2e.world import World


def test_an_exported_filter_is_uploaded_in_another_session(
    open_page: Callable[..., Page], world: World, watch: Watch, tmp_path: Path
) -> None:
    page = open_page(f"/sessions/{world.main}/table?range=ctf_resolution_a:..4.2", login="otto")
    page.get_by_role("button", name="Save as…").click()
    page.get_by_role("textbox", name="Name").fill("better than 4.2")
    page.get_by_role("button", name="Save", exact=True).click()
    with page.expect_download() as told:
        page.get_by_role("button", name="Export filter better than 4.2").click()
    assert told.value.suggested_filename == "better than 4.2.filter.json"
    path = tmp_path / told.value.suggested_filename
    told.value.save_as(path)

    page.goto(f"/sessions/{world.others['Empty one']}/table")
    for leave in ("Close", "Cancel"):
        page.locator("input[type=file]").set_input_files(path)
        dialog = page.get_by_role("dialog", name="Upload filter")
        dialog.get_by_role("button", name=leave).click()
        expect(page.get_by_role("dialog")).to_have_count(0)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload a filter").click()
    chooser.value.set_files(path)
    page.get_by_role("dialog").get_by_label("Name").fill("from elsewhere")
    page.get_by_role("dialog").get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("combobox", name="Saved filter")).to_have_value("from elsewhere")
    expect(page.get_by_label("CTF resolution, at most")).to_have_value("4.2")

    for name, text in (("notes.json", "{"), ("wrong.json", '{"definition": {"ranges": {"no_column": {}}}}')):
        (tmp_path / name).write_text(text)
    page.locator("input[type=file]").set_input_files(tmp_path / "notes.json")
    expect(page.get_by_text("notes.json is no filter")).to_be_visible()
    watch.expected.append("422 PUT")
    page.locator("input[type=file]").set_input_files(tmp_path / "wrong.json")
    page.get_by_role("dialog").get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("no_column")
