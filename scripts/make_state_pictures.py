"""Make pictures of what the page says when something is wrong, or when there is nothing or very much.

.venv/bin/python scripts/make_state_pictures.py
.venv/bin/python scripts/make_state_pictures.py --out FOLDER --full --only viewer

Needs Chromium. The server of the browser tests is started here, filled, and put into each state.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from make_pictures import _FLAGS, PATIENCE_MS, SIZES, TARGET, THEMES, keep, settle  # noqa: E402
from tests.e2e.world import PASSWORD, World, build, serving  # noqa: E402

from frazil.app import controls, settings_changes  # noqa: E402
from frazil.app.access import SERVER, session_for  # noqa: E402
from frazil.store.catalogue import alerts, revisions  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page

MOVIES = 5000
_FAILED = "FoilHole_00100_Data"


@dataclass(frozen=True)
class State:
    """A page of the session ``{id}`` (or ``{empty}``), and what happens to it before it is shown."""

    name: str
    path: str
    happens: Callable[[Page, World], None] = lambda _page, _world: None
    login: str = "admin"


def _full_disk(page: Page, world: World) -> None:
    with world.hub.catalogue.write() as connection:
        message = "the disk is full in 1.4 h at the present speed"
        alerts.raise_alert(connection, world.main, "disk", message, time.time() - 900)
    page.reload()
    settle(page)


def _failing_part(page: Page, _world: World) -> None:
    page.route("**/assets/plots-page*.js", lambda route: route.abort())
    page.get_by_role("link", name="Plots").click()
    page.get_by_text("can't be shown").wait_for()


def _server_away(page: Page, _world: World) -> None:
    page.context.set_offline(True)
    page.get_by_text("reconnecting…").wait_for()
    page.get_by_role("button", name="Start File transfer", exact=True).click()
    page.get_by_text("The server can't be reached").wait_for()
    page.get_by_text("No connection to the server").wait_for()


def _refused_field(page: Page, _world: World) -> None:
    page.get_by_label("Pixel size", exact=True).fill("0,85 A")
    page.get_by_label("Voltage", exact=True).fill("30000")


def _refused_save(page: Page, _world: World) -> None:
    page.get_by_label("Particle diameter, from", exact=True).fill("300")
    page.get_by_role("button", name="Save 1 change").click()
    page.get_by_role("dialog").get_by_role("alert").wait_for()


def _both_changed(page: Page, world: World) -> None:
    page.get_by_label("Highest resolution", exact=True).fill("3.6")
    with world.hub.catalogue.read() as connection:
        revision = revisions.newest(connection, world.main).revision
    settings_changes.save(world.hub, SERVER, world.main, {"ctf_high_a": 3.0 + revision / 100}, revision)
    page.get_by_text("while you were changing").wait_for()


STATES = (
    State("failed-movie", "/sessions/{id}/micrographs?show=all&movie=" + _FAILED),
    State("troubles", "/sessions/{id}/operation", _full_disk),
    State("refused-field", "/sessions/{id}/settings?tab=microscope", _refused_field),
    State("refused-save", "/sessions/{id}/settings?tab=detection", _refused_save),
    State("both-changed", "/sessions/{id}/settings?tab=ctf", _both_changed),
    State("part-fails", "/sessions/{id}/operation", _failing_part),
    State("server-away", "/sessions/{id}/operation", _server_away),
    State("folder-away", "/sessions"),
    State("viewer", "/sessions/{id}/operation", login="vera"),
    State("deleted", "/sessions/99/operation"),
    State("nothing-fits", "/sessions/{id}/table?range=ctf_resolution_a:..1"),
    State("thousands", "/sessions/{id}/table?show=all&sort=ctf_resolution_a&movie=FoilHole_04000_Data"),
    State("empty-operation", "/sessions/{empty}/operation"),
    State("empty-plots", "/sessions/{empty}/plots"),
    State("empty-gallery", "/sessions/{empty}/gallery"),
    State("empty-classes", "/sessions/{empty}/classes"),
    State("empty-exports", "/sessions/{empty}/exports"),
    State("empty-logs", "/sessions/{empty}/logs"),
)


def trouble(world: World) -> None:
    """Run what runs, and take the folder of the session with the long name away."""
    controls.start(world.hub, SERVER, world.main, "preprocess")
    _, long_name = world.others.values()
    with world.hub.catalogue.read() as connection:
        folder = Path(session_for(connection, SERVER, long_name, "viewer").folder)
    folder.rename(folder.with_name("away"))


def take(browser: Browser, world: World, state: State, suffix: str, theme: str, full: bool) -> bytes:
    """Return one picture as PNG."""
    width, height = SIZES[suffix]
    context = browser.new_context(
        base_url=world.url, viewport={"width": width, "height": height}, has_touch=suffix != ""
    )
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(f"localStorage.setItem('frazil-theme', '{theme}')")
    answer = context.request.post(
        "/api/login", data={"login": state.login, "password": PASSWORD}, headers={"Origin": world.url}
    )
    if not answer.ok:
        raise SystemExit(answer.text())
    page = context.new_page()
    page.goto(state.path.format(id=world.main, empty=world.others["Empty one"]))
    settle(page)
    state.happens(page, world)
    page.wait_for_timeout(700)
    png = page.screenshot(full_page=full)
    context.close()
    return png


def main() -> None:
    """Start a server, then take every picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=TARGET)
    parser.add_argument("--only", default="", help="take only pictures whose name has this pattern")
    parser.add_argument("--full", action="store_true", help="whole pages as PNG, to judge them by")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, serving(build(Path(folder), MOVIES)) as world:
        trouble(world)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_FLAGS)
            for suffix in SIZES:
                for theme in THEMES:
                    for state in STATES:
                        name = f"state-{state.name}{suffix}-{theme}"
                        if not re.search(options.only, name):
                            continue
                        png = take(browser, world, state, suffix, theme, options.full)
                        keep(options.out, name, png, full=options.full)
            browser.close()


if __name__ == "__main__":
    main()
