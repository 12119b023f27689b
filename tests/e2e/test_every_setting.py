"""Each field of the settings can be changed on the page, says so, and is taken back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page
    from tests.e2e.world import World

# Those of a tab that can be chosen or switched; fields for numbers and words are typed into elsewhere.
FIELDS = "select:visible:enabled, input[type=checkbox]:visible:enabled"

# Saved by a button of its own, not with the others.
AT_ONCE = ("Group",)


def choose_another(field: Locator) -> None:
    """Choose another of the choices."""
    now = field.input_value()
    values: list[str] = field.evaluate("field => [...field.options].map(option => option.value)")
    field.select_option(next(value for value in values if value != now))


def test_every_tab_and_every_choice_of_the_settings(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/settings")
    tabs = page.get_by_role("tablist", name="Settings").get_by_role("tab")
    expect(tabs.first).to_be_visible()
    for tab in tabs.all():
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        panel = page.get_by_role("tabpanel")
        for title in panel.locator("summary").all():
            title.click()
        labels: list[str] = panel.locator(FIELDS).evaluate_all(
            "fields => fields.filter(f => f.labels.length).map(f => f.labels[0].textContent.trim())"
        )
        for label in labels:
            if label in AT_ONCE:
                continue
            field = panel.get_by_label(label, exact=True)
            if field.evaluate("field => field.tagName") == "SELECT":
                choose_another(field)
            else:
                field.click()
            expect(page.get_by_role("button", name="Save 1 change")).to_be_enabled()
            page.get_by_role("button", name=f"take back the change of {label}").click()
            expect(page.get_by_role("button", name=re.compile(r"^Save \d"))).to_have_count(0)
