"""Every page for everybody: by keyboard, by screen reader, on a phone, dark and light."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from playwright.sync_api import Page
    from tests.e2e.world import World

AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
PAGES = (
    "/sessions",
    "/sessions?view=table",
    "/sessions/new?tab=image_data",
    "/sessions/1/operation",
    "/sessions/1/settings?tab=detection",
    "/sessions/1/logs",
    "/people",
    "/profile",
    "/server",
)


def violations(page: Page, rules: Sequence[str] = ()) -> list[str]:
    """Return what axe finds that is serious or worse, by all rules or by some."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate("rules => axe.run(rules.length ? {runOnly: rules} : {})", [*rules])
    return [
        f"{item['id']}: {node['target']} {node['failureSummary']}"
        for item in found["violations"]
        if item["impact"] in ("serious", "critical")
        for node in item["nodes"]
    ]


def look_at(page: Page, paths: Iterable[str]) -> None:
    """Open pages one after the other: no violation, dark or light; they differ in their colours only."""
    for path in paths:
        page.goto(path)
        expect(page.get_by_role("heading").first).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert violations(page) == [], path
        page.evaluate("document.documentElement.dataset.theme = 'light'")
        assert violations(page, ["color-contrast"]) == [], f"{path}, light"


def test_no_page_has_serious_faults_of_accessibility(open_page: Callable[..., Page]) -> None:
    look_at(open_page("/sessions"), PAGES)


def test_windows_have_no_serious_faults_either(open_page: Callable[..., Page], world: World) -> None:
    page = open_page("/sessions")
    for button in ("Delete Apoferritin, grid 3", "Copy settings of Apoferritin, grid 3"):
        page.get_by_role("button", name=button).click()
        page.wait_for_load_state("networkidle")
        assert violations(page) == [], button
        page.keyboard.press("Escape")
    page.goto(f"/sessions/{world.main}/operation")
    page.get_by_role("button", name="Clear Pre-processing").click()
    expect(page.get_by_role("dialog")).to_contain_text("Stays")
    assert violations(page) == []
    page.keyboard.press("Escape")
    # The focus is back where it was.
    expect(page.get_by_role("button", name="Clear Pre-processing")).to_be_focused()


def test_nothing_is_wider_than_a_phone(open_page: Callable[..., Page]) -> None:
    page = open_page("/sessions", width=390, height=844)
    for path in PAGES:
        page.goto(path)
        expect(page.get_by_role("heading").first).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_the_way_by_keyboard_alone(open_page: Callable[..., Page]) -> None:
    page = open_page("/sessions/1/settings?tab=ctf")
    expect(page.get_by_role("tab", name="CTF")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    page.get_by_role("tab", name="CTF").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Particle detection")).to_be_focused()
    expect(page.get_by_label("Method")).to_be_visible()
