"""A real browser on a real server. What goes wrong in the browser fails the test, whatever it looked for."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect, sync_playwright
from tests.e2e import controls
from tests.e2e.world import PASSWORD, World, build, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response

_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()

# The browser's own words on a failed request, whose response is judged by itself; and on a connection that
# the page gave up because a busy machine was slow to make it.
_NOT_OURS = ("Failed to load resource", "WebSocket is closed before the connection is established")
# Only a test that fails waits so long; a busy machine is no failure.
_PATIENCE_MS = 30_000
expect.set_options(timeout=_PATIENCE_MS)


# Not of the whole session: as long as it is open, an event loop runs in this thread, which disturbs tests of
# other rooms that come between.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; what is pressed in it is noted."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        new_context = browser.new_context

        def recorded(**options: Any) -> BrowserContext:
            context = new_context(**options)
            controls.record(context)
            return context

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(browser, "new_context", recorded)
            yield browser
        browser.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Make a server with something to see, for the tests of one file."""
    with serving(build(tmp_path_factory.mktemp("world"), 120)) as world:
        yield world


@dataclass
class Watch:
    """Notes what went wrong in a browser; ``expected`` are parts of what a test has provoked."""

    trouble: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def on(self, page: Page) -> None:
        """Look at a page from now on."""

        def console(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning") and not any(words in message.text for words in _NOT_OURS):
                self.trouble.append(f"console: {message.text}")

        def response(answer: Response) -> None:
            if answer.status >= 400:
                self.trouble.append(f"{answer.status} {answer.request.method} {answer.url}")

        page.on("console", console)
        page.on("response", response)
        page.on("pageerror", lambda error: self.trouble.append(f"error: {error}"))

    def unexpected(self) -> list[str]:
        """Return what nobody provoked."""
        return [line for line in self.trouble if not any(part in line for part in self.expected)]


@pytest.fixture
def watch() -> Watch:
    """What may go wrong in this test: being asked who one is, before logging in."""
    return Watch(expected=["401 GET"])


OpenPage = "Callable[..., Page]"


@pytest.fixture
def open_page(browser: Browser, world: World, watch: Watch) -> Iterator[Callable[..., Page]]:
    """Open a path of the page in a browser of somebody's own, logged in."""
    contexts = []

    def open_(path: str = "/", login: str | None = "admin", width: int = 1440, height: int = 900) -> Page:
        context = browser.new_context(base_url=world.url, viewport={"width": width, "height": height})
        context.set_default_timeout(_PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        watch.on(page)
        if login is not None:
            answer = context.request.post(
                "/api/login", data={"login": login, "password": PASSWORD}, headers={"Origin": world.url}
            )
            assert answer.ok, answer.text()
        page.goto(path)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert watch.unexpected() == []
