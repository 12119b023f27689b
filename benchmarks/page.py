"""How fast the page is with a large session: size, first paint, first use, largest answer, scrolling, memory.

.venv/bin/python -m benchmarks.page [--movies 20000] [--classes 200] [--repeats 5] [--updates 2400]

Needs Debian's chromium. The server runs in this process, on the same cores as the browser, as it does for a
person who looks at their own workstation. Pages are loaded with an empty cache.

A page reads an answer again at most once a second. So 2400 updates, four a second, make it read each answer
600 times in ten minutes: as often as an hour of a session with 600 movies does. Every fourth brings a movie.
"""

from __future__ import annotations

import argparse
import gzip
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect, sync_playwright
from tests.e2e.world import PASSWORD, World, build, serving

import frazil.web
from frazil.app.access import SERVER, session_for
from frazil.store.catalogue import movies

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

PAGE = Path(frazil.web.__file__).parent / "static"
UPDATES_OF_AN_HOUR = 2400
_LIVE_PAGES = ("operation", "plots", "table", "gallery", "classes")
_SAMPLES = 20
_SCROLL_PX, _SCROLL_PX_PER_S = 12_000, 3000
_RECORD = """() => {
    window.frames_ms = []; window.scrolled_px = 0;
    document.addEventListener('scroll', (event) => {
        const at = event.target === document ? document.scrollingElement : event.target;
        window.scrolled_px = Math.max(window.scrolled_px, at.scrollTop);
    }, true);
    let last = performance.now();
    const next = (now) => { window.frames_ms.push(now - last); last = now; requestAnimationFrame(next); };
    requestAnimationFrame(next);
}"""
_RECORDED = "() => [window.frames_ms.slice(2), window.scrolled_px]"

# What must be seen before a page is of use.
PAGES = {
    "sessions": ("/sessions", ".card-numbers"),
    "operation": ("/sessions/1/operation", ".track .rate"),
    "plots": ("/sessions/1/plots", ".plot canvas"),
    "table": ("/sessions/1/table", "role=cell"),
    "gallery": ("/sessions/1/gallery", "main img"),
    "classes": ("/sessions/1/classes", "role=listitem"),
    "settings": ("/sessions/1/settings", ".setting-grid"),
    "logs": ("/sessions/1/logs", ".log-line"),
}
_LARGEST = """() => Math.max(0, ...performance.getEntriesByType('resource')
    .filter((entry) => entry.name.includes('/api/') && !/[.](jpg|png)/.test(entry.name))
    .map((entry) => entry.decodedBodySize))"""
_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--enable-precise-memory-info")


# Rows of the gallery that the wheel passes, and some more: each has a picture.
_MOVIES_WITH_PICTURES = 1000


def bundle_kb() -> float:
    """Size of all of the page's files, compressed as the server sends them."""
    files = (path for path in PAGE.rglob("*") if path.is_file())
    return sum(len(gzip.compress(path.read_bytes(), 6)) for path in files) / 1000


def give_pictures(world: World) -> None:
    """Give the newest movies thumbnails: each one of those that the newest few have."""
    with world.hub.catalogue.read() as connection:
        folder = Path(session_for(connection, SERVER, world.main, "viewer").folder) / "pictures"
        rows = movies.page(connection, world.main, columns=("state",), limit=_MOVIES_WITH_PICTURES).rows
    there = sorted(folder.glob("*.thumbnail.jpg"))
    for place, row in enumerate(rows):
        wanted = folder / f"{row['name']}.thumbnail.jpg"
        if not wanted.exists():
            os.link(there[place % len(there)], wanted)


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
    # Looks at every frame; `expect` looks once a second after the first.
    page.wait_for_selector(useful)
    used = 1000 * (time.perf_counter() - begun)
    page.wait_for_load_state("networkidle")
    result = float(page.evaluate(_PAINT)), used, int(page.evaluate(_LARGEST))
    context.close()
    return result


def scroll(browser: Browser, world: World, path: str, useful: str) -> tuple[float, float, int]:
    """Return frames per second (median), the 95th percentile of a frame in ms, and the number of frames."""
    context = logged_in(browser, world)
    page = context.new_page()
    page.goto(path)
    expect(page.locator(useful).first).to_be_visible(timeout=30_000)
    page.wait_for_load_state("networkidle")
    page.evaluate(_RECORD)
    place = {"x": 720, "y": 600, "yDistance": -_SCROLL_PX, "speed": _SCROLL_PX_PER_S}
    session = page.context.new_cdp_session(page)
    session.send("Input.synthesizeScrollGesture", {**place, "gestureSourceType": "mouse"})
    frames, scrolled = page.evaluate(_RECORDED)
    context.close()
    if scrolled < _SCROLL_PX / 2:
        raise RuntimeError(f"{path} moved by {scrolled} px only")
    return 1000 / statistics.median(frames), statistics.quantiles(frames, n=20)[-1], len(frames)


def heap_mb(page: Page) -> float:
    """Memory of the page's script after a collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    usage: dict[str, Any] = session.send("Runtime.getHeapUsage")
    session.detach()
    return float(usage["usedSize"]) / 1e6


def under_updates(browser: Browser, world: World, updates: int) -> dict[str, list[float]]:
    """Heap of several pages in MB, measured now and then in so many changes of the feed, four a second."""
    context = logged_in(browser, world)
    pages = {name: context.new_page() for name in _LIVE_PAGES}
    for name, page in pages.items():
        path, useful = PAGES[name]
        page.goto(path)
        expect(page.locator(useful).first).to_be_visible(timeout=30_000)
    heaps: dict[str, list[float]] = {name: [] for name in pages}
    next_at = time.monotonic() + 3.0
    for number in range(updates):
        # The driver's own loop must go on meanwhile.
        next(iter(pages.values())).wait_for_timeout(1000 * max(0.001, next_at - time.monotonic()))
        next_at = max(next_at, time.monotonic() - 1.0) + 0.25
        change(world, number)
        if number % max(1, updates // _SAMPLES) == 0:
            for name, page in pages.items():
                heaps[name].append(heap_mb(page))
    context.close()
    return heaps


def change(world: World, number: int) -> None:
    """Tell of a change as it comes in a live session; every fourth time there is a new movie."""
    name = f"movie_{number:06d}"
    if number % 4 == 0:
        now = time.time()
        row = {"name": name, "path": f"{name}.tif", "state": "done", "found_at": now - 20, "done_at": now}
        numbers = {"defocus_mean_a": 12_000.0 + number, "ctf_resolution_a": 3.5, "particles": 180}
        with world.hub.catalogue.write() as connection:
            movies.add_many(
                connection, world.main, [row | numbers | {"target_revision": 2, "settings_revision": 2}]
            )
    for kind in ("movies", "strip", "track"):
        world.hub.feed.publish(world.main, kind, {"names": [name], "track": "preprocess"})


def print_heaps(heaps: dict[str, list[float]], updates: int) -> None:
    """Print first and last heap of each page, and its slope after the first third, in which caches fill."""
    print(
        f"heap after garbage collection; {updates} updates, {updates / UPDATES_OF_AN_HOUR:.2f} h of a session"
    )
    for name, samples in heaps.items():
        late = samples[len(samples) // 3 :]
        hours = [place * updates / len(samples) / UPDATES_OF_AN_HOUR for place in range(len(late))]
        slope = statistics.linear_regression(hours, late).slope
        print(f"{name:12}{samples[0]:7.1f} MB, then {samples[-1]:5.1f} MB;{slope:+7.2f} MB per session hour")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--movies", type=int, default=20_000)
    parser.add_argument("--classes", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--updates", type=int, default=UPDATES_OF_AN_HOUR)
    options = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is not installed")
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(build(Path(folder), options.movies, options.classes)) as world,
        sync_playwright() as playwright,
    ):
        give_pictures(world)
        browser = playwright.chromium.launch(executable_path=chromium, args=list(_FLAGS))
        print(f"bundle {bundle_kb():.0f} kB (gzip)")
        print(f"{options.movies} movies, {options.classes} classes; medians of {options.repeats}")
        print("page        first paint ms   first use ms   largest answer kB")
        for name, (path, useful) in PAGES.items():
            runs = [load(browser, world, path, useful) for _ in range(options.repeats)]
            paint, use, largest = (statistics.median(column) for column in zip(*runs, strict=True))
            print(f"{name:12}{paint:14.0f}{use:15.0f}{largest / 1000:20.0f}")
        print("scrolling   frames/s (median)   95th percentile ms   frames")
        for name in ("table", "gallery"):
            per_s, slow_ms, frames = scroll(browser, world, *PAGES[name])
            print(f"{name:12}{per_s:14.0f}{slow_ms:21.1f}{frames:12}")
        if options.updates:
            print_heaps(under_updates(browser, world, options.updates), options.updates)
        browser.close()


if __name__ == "__main__":
    main()
