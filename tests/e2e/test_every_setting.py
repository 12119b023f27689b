"""Each field of the settings can be changed on the page, says so, and is taken back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page
    from tests.e2e.world import World

FIELDS = "select:visible:enabled, input:visible:enabled"
# What each field is called, what it is, and what else it could be.
TOLD = """fields => fields.filter(field => field.labels.length).map(field => ({
    label: field.labels[0].textContent.trim(),
    kind: field.type,
    other: field.options
        ? [...field.options].map(option => option.value).find(value => value !== field.value)
        : `${field.value}1`,
}))"""

# Saved by a button of its own, not with the others.
AT_ONCE = ("Name", "Group")


def change(panel: Locator, told: dict[str, Any]) -> None:
    """Choose, switch or write something else."""
    field = panel.get_by_label(told["label"], exact=True)
    if told["kind"] == "checkbox":
        field.click()
    elif told["kind"].startswith("select"):
        field.select_option(told["other"])
    else:
        field.fill(told["other"])


def test_every_tab_and_every_field_of_the_settings(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/settings")
    tabs = page.get_by_role("tablist", name="Settings").get_by_role("tab")
    expect(tabs.first).to_be_visible()
    for tab in tabs.all():
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        panel = page.get_by_role("tabpanel")
        for title in panel.locator("summary").all():
            title.click()
        for told in panel.locator(FIELDS).evaluate_all(TOLD):
            if told["label"] in AT_ONCE:
                continue
            change(panel, told)
            name = f"changed: take back the change of {told['label']}"
            panel.get_by_role("button", name=name, exact=True).click()
        expect(page.get_by_role("button", name=re.compile(r"^(Save \d|changed)"))).to_have_count(0)
