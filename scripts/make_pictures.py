"""Make the pictures of the page that the documentation shows: wide and phone, dark and light.

.venv/bin/python scripts/make_pictures.py 'http://127.0.0.1:8080/api/start?token=…' --state state.json
.venv/bin/python scripts/make_pictures.py http://127.0.0.1:8080 --state state.json --only classes

The link is the one that `scripts/demo` prints; it works once. Who it logged in stays in the file of
``--state``. Needs Chromium. Let the demo run for ten minutes before, and export once: then every page has
something to show.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

TARGET = Path(__file__).parents[1] / "docs" / "pictures"
SIZES = {"": (1440, 900), "-phone": (390, 844)}
THEMES = ("dark", "light")
MOST_BYTES = 60_000
# The machine may be busy with the demo itself.
PATIENCE_MS = 120_000
_FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
_THERE = """() => {
  const inSight = (element) => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.bottom > 0 && box.top < innerHeight;
  };
  const spins = document.querySelector('[role=status] > .spinner');
  return document.querySelector('h1, h2') !== null && !spins
    && [...document.images].every((image) => image.complete || !inSight(image));
}"""
# One look may come before the page has begun to ask for what it shows.
_LOOKS = 6


@dataclass(frozen=True)
class Shot:
    """A page of session ``{id}``, after pressing these buttons and clicking on ``selector``."""

    name: str
    path: str
    press: tuple[str, ...] = ()
    selector: str = ""
    logged_in: bool = True


SHOTS = (
    Shot("login", "/sessions", logged_in=False),
    Shot("sessions", "/sessions"),
    Shot("sessions-table", "/sessions?view=table"),
    Shot("new-session", "/sessions/new?tab=image_data"),
    Shot("operation", "/sessions/{id}/operation"),
    Shot("plots", "/sessions/{id}/plots"),
    Shot("plots-scatter", "/sessions/{id}/plots?view=scatter"),
    Shot("plots-squares", "/sessions/{id}/plots?view=groups"),
    Shot("plots-throughput", "/sessions/{id}/plots?view=rates"),
    Shot("table", "/sessions/{id}/table"),
    Shot("gallery", "/sessions/{id}/gallery"),
    Shot("micrographs", "/sessions/{id}/micrographs"),
    Shot("classes", "/sessions/{id}/classes"),
    Shot("class", "/sessions/{id}/classes", selector=".class-tile"),
    Shot("exports", "/sessions/{id}/exports"),
    Shot("export-dialog", "/sessions/{id}/exports", press=("New export",)),
    Shot("settings", "/sessions/{id}/settings?tab=detection"),
    Shot("logs", "/sessions/{id}/logs"),
    Shot("people", "/people"),
    Shot("profile", "/profile"),
    Shot("server", "/server"),
)


def settle(page: Page) -> None:
    """Wait until nothing is asked for, nothing waits, and pictures are there; a minute at most."""
    page.wait_for_load_state("networkidle")
    there = 0
    for _ in range(240):
        page.wait_for_timeout(250)
        # The page's rules forbid ``wait_for_function``, which evaluates text in the page itself.
        there = there + 1 if page.evaluate(_THERE) else 0
        if there == _LOOKS:
            break


def keep(folder: Path, name: str, png: bytes, *, full: bool) -> None:
    """Write a picture, small unless ``full``, and say how large it is."""
    data, kind = (png, "png") if full else (small(png), "webp")
    (folder / f"{name}.{kind}").write_bytes(data)
    sys.stdout.write(f"{name}.{kind} {len(data) / 1000:.0f} kB\n")
    sys.stdout.flush()


def small(png: bytes) -> bytes:
    """Return a PNG as WebP of at most ``MOST_BYTES``, as good as that allows."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    for quality in range(66, 5, -6):
        out = io.BytesIO()
        image.save(out, "webp", quality=quality, method=6)
        if out.tell() <= MOST_BYTES:
            break
    return out.getvalue()


def contexts(
    browser: Browser, url: str, state: Path, suffix: str
) -> Iterator[tuple[str, str, BrowserContext]]:
    """Make browsers of one size, in every theme, logged in and not, with their pictures' ending."""
    width, height = SIZES[suffix]
    for theme in THEMES:
        for who, stored in (("in", state), ("out", None)):
            context = browser.new_context(
                base_url=url,
                viewport={"width": width, "height": height},
                storage_state=stored,
                has_touch=suffix != "",
            )
            context.set_default_timeout(PATIENCE_MS)
            context.add_init_script(f"localStorage.setItem('frazil-theme', '{theme}')")
            yield f"{suffix}-{theme}", who, context
            context.close()


def shoot(page: Page, shot: Shot, session: int, full: bool) -> bytes:
    """Open a page as ``shot`` says and return its picture as PNG."""
    page.goto(shot.path.format(id=session))
    settle(page)
    for button in shot.press:
        page.get_by_role("button", name=button).first.click()
        settle(page)
    if shot.selector:
        page.locator(shot.selector).first.click()
        settle(page)
    return page.screenshot(full_page=full)


def main() -> None:
    """Log in when the link is a start link, then take every picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "link", help="a start link, or the server's address when --state is of somebody logged in"
    )
    parser.add_argument("--state", type=Path, required=True, help="file that keeps who is logged in")
    parser.add_argument("--session", type=int, default=1, help="number of the session to show")
    parser.add_argument("--out", type=Path, default=TARGET)
    parser.add_argument(
        "--only", default="", help="take only pictures whose name has this pattern (a regular expression)"
    )
    parser.add_argument(
        "--full", action="store_true", help="whole pages as PNG, however long, to judge them by"
    )
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    url = "/".join(options.link.split("/")[:3])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_FLAGS)
        if "token=" in options.link:
            context = browser.new_context()
            context.new_page().goto(options.link)
            context.storage_state(path=options.state)
            context.close()
        for suffix in SIZES:
            for ending, who, context in contexts(browser, url, options.state, suffix):
                page = context.new_page()
                for shot in SHOTS:
                    name = shot.name + ending
                    if shot.logged_in != (who == "in") or not re.search(options.only, name):
                        continue
                    png = shoot(page, shot, options.session, options.full)
                    keep(options.out, name, png, full=options.full)
        browser.close()


if __name__ == "__main__":
    main()
