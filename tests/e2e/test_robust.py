"""A network that is cut and a clock that is wrong: the page says what is going on, and mends itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from tests.e2e.wire import wire_to
from tests.e2e.world import PASSWORD, build, make_hub, serving

from frazil.app import sessions
from frazil.app.access import SERVER
from frazil.store.catalogue import movies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page
    from tests.e2e.conftest import Watch
    from tests.e2e.world import World

_PING_S = 1


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Make a server that gives a sign of life each second, so that a silence is noticed soon."""
    made = build(tmp_path_factory.mktemp("world"), 20)
    config = made.hub.config.model_copy(update={"websocket_ping_s": _PING_S})
    made.hub.close()
    made.hub = make_hub(config)
    with serving(made) as world:
        yield world


def _add_movie(world: World, session: int, name: str, age_s: float = 0.0) -> None:
    done_at = time.time() - age_s
    row = {"name": name, "path": f"{name}.tif", "state": "done", "done_at": done_at, "found_at": done_at}
    with world.hub.catalogue.write() as connection:
        movies.add_many(connection, session, [row | {"target_revision": 2, "settings_revision": 2}])
    world.hub.feed.publish(session, "movies", {"names": [name]})


def _change(world: World, name: str) -> None:
    """Have a session renamed and a movie come, as the page must show then."""
    sessions.change(world.hub, SERVER, world.main, {"name": name})
    _add_movie(world, world.main, name.replace(" ", "_"))


def test_a_network_cut_without_a_word_is_told_and_mended(browser: Browser, world: World) -> None:
    with wire_to(world.url) as wire:
        context = browser.new_context(base_url=wire.url, viewport={"width": 1440, "height": 900})
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        sign_in = {"login": "ann", "password": PASSWORD}
        assert context.request.post("/api/login", data=sign_in, headers={"Origin": wire.url}).ok
        page.goto(f"/sessions/{world.main}/operation")
        expect(page.get_by_text("live", exact=True)).to_be_visible()
        wire.cut()
        _change(world, "Renamed in the dark")
        expect(page.get_by_text("reconnecting…")).to_be_visible(timeout=10_000)
        # Long enough that what is asked every 5 s hangs, and so does a try to connect.
        page.wait_for_timeout(6000)
        wire.mend()
        expect(page.get_by_text("live", exact=True)).to_be_visible(timeout=15_000)
        expect(page.get_by_role("heading", name="Renamed in the dark")).to_be_visible()
        page.get_by_role("link", name="Table").click()
        expect(page.get_by_text("Renamed_in_the_dark")).to_be_visible()
        assert errors == []
        context.close()


def test_a_computer_that_loses_its_network_says_so_and_finds_it_again(
    open_page: Callable[..., Page], world: World, watch: Watch
) -> None:
    watch.expected.append("ERR_INTERNET_DISCONNECTED")
    page = open_page(f"/sessions/{world.main}/operation")
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    page.context.set_offline(True)
    expect(page.get_by_text("reconnecting…")).to_be_visible()
    _change(world, "Renamed offline")
    # What was not looked at before must be loaded first.
    page.get_by_role("link", name="Table").click()
    page.wait_for_timeout(3000)
    page.context.set_offline(False)
    expect(page.get_by_text("live", exact=True)).to_be_visible(timeout=5000)
    expect(page.get_by_role("heading", name="Renamed offline")).to_be_visible()
    expect(page.get_by_text("Renamed_offline")).to_be_visible(timeout=10_000)
    expect(page.get_by_text("can't be reached")).to_have_count(0, timeout=10_000)


@pytest.mark.parametrize("off_h", [-1, 1])
def test_ages_are_right_where_the_clock_of_the_computer_is_not(
    browser: Browser, world: World, off_h: int
) -> None:
    context = browser.new_context(base_url=world.url)
    context.add_init_script(
        f"const now = Date.now; Date.now = () => now() + {off_h} * 3600e3;"
        "const Real = Date; Date = class extends Real {"
        "  constructor(...given) { super(...(given.length ? given : [Real.now()])); } };"
    )
    page = context.new_page()
    sign_in = {"login": "admin", "password": PASSWORD}
    assert context.request.post("/api/login", data=sign_in, headers={"Origin": world.url}).ok
    _add_movie(world, world.others["Empty one"], f"movie_{off_h}", age_s=610)
    page.goto("/sessions")
    card = page.get_by_role("article", name="Empty one")
    expect(card.get_by_text("last movie 10 min ago")).to_be_visible()
    context.close()
