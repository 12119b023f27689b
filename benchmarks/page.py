"""How fast the page is with a large session: first paint, first use, largest answer, memory under updates.

.venv/bin/python -m benchmarks.page [--movies 20000] [--repeats 5] [--updates 600]

Needs Debian's chromium. The server runs in this process, on the same cores as the browser, as it does for a
person who looks at their own workstation. Pages are loaded with an empty cache.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect, sync_playwright
from tests.e2e.world import PASSWORD, World, build, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

# What must be seen before a page is of use.
PAGES = {
    "sessions": ("/sessions", ".card-numbers"),
    "operation": ("/sessions/1/operation", ".track .rate"),
    "plots": ("/sessions/1/plots", ".plot canvas"),
    "table": ("/sessions/1/table", "role=cell >> nth=0"),
    "gallery": ("/sessions/1/gallery", "main img >> nth=0"),
    "classes": ("/sessions/1/classes", "role=listitem >> nth=0"),
    "settings": ("/sessions/1/settings", ".setting-grid"),
    "logs": ("/sessions/1/logs", ".log-line >> nth=0"),
}
_LARGEST = """() => Math.max(0, ...performance.getEntriesByType('resource')
    .filter((entry) => entry.name.includes('/api/') && !/[.](jpg|png)/.test(entry.name))
    .map((entry) => entry.decodedBodySize))"""
_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--enable-precise-memory-info")


def logged_in(browser: Browser, world: World) -> BrowserContext:
    """Open a browser of an admin's own, with an empty cache."""
    context = browser.new_context(base_url=world.url, viewport={"width": 1440, "height": 900})
    answer = context.request.post(
        "/api/login", data={"login": "admin", "password": PASSWORD}, headers={"Origin": world.url}
    )
    if not answer.ok:
        raise RuntimeError(answer.text())
    return context


def load(browser: Browser, world: World, path: str, useful: str) -> tuple[float, float, int]:
    """Return first paint and first use in ms, and the bytes of the largest answer that is no picture."""
    context = logged_in(browser, world)
    page = context.new_page()
    begun = time.perf_counter()
    page.goto(path, wait_until="commit")
    expect(page.locator(useful).first).to_be_visible(timeout=30_000)
    used = 1000 * (time.perf_counter() - begun)
    page.wait_for_load_state("networkidle")
    result = float(page.evaluate(_PAINT)), used, int(page.evaluate(_LARGEST))
    context.close()
    return result


def heap_mb(page: Page) -> float:
    """Memory of the page's script after a collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    usage: dict[str, Any] = session.send("Runtime.getHeapUsage")
    session.detach()
    return float(usage["usedSize"]) / 1e6


def under_updates(browser: Browser, world: World, updates: int) -> tuple[float, float]:
    """Heap in MB before and after so many changes of the feed, four a second."""
    context = logged_in(browser, world)
    page = context.new_page()
    page.goto("/sessions/1/operation")
    expect(page.locator(".track .rate").first).to_be_visible(timeout=30_000)
    page.wait_for_timeout(3000)
    before = heap_mb(page)
    for number in range(updates):
        for kind in ("movies", "strip", "track"):
            world.hub.feed.publish(world.main, kind, {"names": [f"movie_{number}"], "track": "preprocess"})
        page.wait_for_timeout(250)
    after = heap_mb(page)
    context.close()
    return before, after


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--movies", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--updates", type=int, default=600)
    options = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is not installed")
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(build(Path(folder), options.movies)) as world,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=list(_FLAGS))
        print(f"{options.movies} movies; medians of {options.repeats}")
        print("page        first paint ms   first use ms   largest answer kB")
        for name, (path, useful) in PAGES.items():
            runs = [load(browser, world, path, useful) for _ in range(options.repeats)]
            paint, use, largest = (statistics.median(column) for column in zip(*runs, strict=True))
            print(f"{name:12}{paint:14.0f}{use:15.0f}{largest / 1000:20.0f}")
        if options.updates:
            before, after = under_updates(browser, world, options.updates)
            print(f"heap: {before:.1f} MB, after {options.updates} updates {after:.1f} MB")
        browser.close()


if __name__ == "__main__":
    main()
