"""Both seed documents, walked by a person: a server as it is started, a microscope that exposes meanwhile."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from tests.e2e.live import DOSE_E_PER_A2, PIXEL_SIZE_A, Live, live
from tests.e2e.test_accessible import violations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Locator, Page
    from tests.e2e.conftest import Watch

# Two cores do everything here, and the first movie waits for what numba compiles.
_SOON_MS = 240_000
# Score from which a particle counts, in the second settings: fewer do.
STRICT = "14"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Start the server and the microscope."""
    with live(tmp_path_factory.mktemp("live")) as made:
        yield made


@pytest.fixture
def page(browser: Browser, running: Live, watch: Watch) -> Iterator[Page]:
    """Open the link that the server has printed, in a browser of one's own."""
    # A restart takes what was made before away; what is asked for at that very moment is not there any more.
    watch.expected[:] = ["/classify2d/updates/", "/picks", "/profile", "/motion"]
    context = browser.new_context(base_url=running.url, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(60_000)
    made = context.new_page()
    watch.on(made)
    if "cookie" not in _KEPT:
        made.goto(running.start)
        _KEPT["cookie"] = context.cookies()
    else:
        context.add_cookies(_KEPT["cookie"])
        made.goto("/sessions")
    expect(made.get_by_role("heading", name="Sessions")).to_be_visible()
    yield made
    context.close()
    assert watch.unexpected() == []


# The link works once; the second walk goes on with what the first got.
_KEPT: dict[str, Any] = {}


def type_into(page: Page, tab: str, values: dict[str, str]) -> None:
    """Fill fields of one tab of the settings."""
    page.get_by_role("tab", name=re.compile(f"^{tab}")).click()
    for label, value in values.items():
        field = page.get_by_label(label, exact=True)
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(value)
        elif field.get_attribute("type") == "checkbox":
            field.set_checked(value == "on")
        else:
            field.fill(value)


def settled(page: Page) -> None:
    """No axe violation of serious or above on what is shown."""
    assert violations(page) == [], page.url


def track(page: Page, name: str) -> Locator:
    """Row of one track on Operation."""
    return page.get_by_role("article", name=name)


class Asked:
    """The session of the page as the server tells it by REST, which the page's numbers are held against."""

    def __init__(self, page: Page, running: Live) -> None:
        found = re.search(r"/sessions/(\d+)", page.url)
        assert found is not None
        self._page, self._address = page, f"{running.url}/api/sessions/{found[1]}"
        self.folder = Path(self._get("")["folder"])

    def movies(self) -> list[dict[str, Any]]:
        """Return all movies, oldest first."""
        names = "state,settings_revision,particles,path,ctf_resolution_a,defocus_u_a"
        rows: list[dict[str, Any]] = self._get(f"/movies?columns={names}&descending=false&limit=500")["rows"]
        return rows

    def first(self) -> dict[str, Any]:
        """Return the oldest movie."""
        return self.movies()[0]

    def raw(self, movie: dict[str, Any]) -> Path:
        """Where a movie is delivered to."""
        return self.folder / "raw" / str(movie["path"])

    def delivered(self) -> list[Path]:
        """Return the movies that are there now."""
        return sorted((self.folder / "raw").rglob("*.tif*"))

    def updates(self) -> list[dict[str, Any]]:
        """Return the history of class averages."""
        found: list[dict[str, Any]] = self._get("/classify2d/updates")
        return found

    def wait_for(self, true: Callable[[list[dict[str, Any]]], bool]) -> None:
        """Wait until something is true of the movies."""
        ends = time.monotonic() + _SOON_MS / 1000
        while not true(self.movies()):
            assert time.monotonic() < ends, f"it never came true: {self.movies()}"
            self._page.wait_for_timeout(300)

    def _get(self, path: str) -> Any:
        answer = self._page.context.request.get(self._address + path)
        assert answer.ok, answer.text()
        return answer.json()


@pytest.mark.slow
def test_the_streaming_tutorial_from_a_new_session_to_an_export(page: Page, running: Live) -> None:
    name = "Walked grid 7"
    _make_group(page)
    _new_session(page, running, name)
    # Step 2: all three tracks, and the page follows by itself.
    for one in ("File transfer", "Pre-processing", "2D classification"):
        page.get_by_role("button", name=f"Start {one}", exact=True).click()
        expect(track(page, one)).to_contain_text("running")
    strip = page.get_by_role("region", name="Numbers of the session")
    expect(strip).to_contain_text(re.compile(r"[1-9]\s*done"), timeout=2 * _SOON_MS)
    expect(strip).to_contain_text(re.compile(r"(?<!\d)([2-9]|\d\d)\s*done"), timeout=_SOON_MS)
    settled(page)
    session = Asked(page, running)
    _look_around(page)
    _change_settings(page, session)
    _filter_and_export(page)
    _controls_of_each_track(page, running, session)
    _copy_and_delete(page, name)


def _make_group(page: Page) -> None:
    page.get_by_role("link", name="Users and groups").click()
    page.get_by_role("button", name="Add a group").click()
    page.get_by_role("dialog").get_by_label("Name").fill("ribosome")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Group ribosome")).to_be_visible()


def _new_session(page: Page, running: Live, name: str) -> None:
    page.get_by_role("link", name="Sessions").first.click()
    page.get_by_role("link", name="New session").first.click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Group", exact=True).select_option(label="ribosome")
    page.get_by_role("tab", name=re.compile("^Image data")).click()
    page.get_by_role("button", name="Browse the server's files").first.click()
    dialog = page.get_by_role("dialog", name="Choose a folder on the server")
    dialog.get_by_role("button", name=re.compile("krios")).first.click()
    dialog.get_by_role("button", name=re.compile("grid7")).click()
    dialog.get_by_role("button", name="Choose this folder").click()
    type_into(page, "Image data", {"Include subfolders": "off"})
    type_into(page, "Gain reference", {"Location": str(running.microscope / "gain.mrc")})
    settled(page)
    optics = {"Pixel size": PIXEL_SIZE_A, "Voltage": 300, "Dose per movie": DOSE_E_PER_A2}
    type_into(page, "Microscope parameters", {label: str(value) for label, value in optics.items()})
    type_into(page, "Frame alignment", {"Alignment": "global"})
    type_into(page, "CTF", {"Lowest resolution": "28"})
    type_into(page, "Particle detection", {"Particle diameter, from": "120", "Particle diameter, to": "140"})
    type_into(page, "2D classification", {"Number of classes": "3", "Streaming starts at": "200"})
    quick = {"Minimum age": "1", "Two looks apart": "1", "Look every": "1", "Keep free": "1"}
    type_into(page, "Transfer", quick)
    # Memory is asked for where a cluster gives it; here the form says why it has no effect.
    type_into(page, "Resources", {"Threads per movie": "1", "Movies at a time": "1"})
    type_into(page, "Notifications", {"No movie for": "20"})
    expect(page.get_by_text("Still to be said")).to_have_count(0)
    settled(page)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page).to_have_url(re.compile(r"/sessions/\d+/operation"))
    expect(page.get_by_text("300 kV · 1.5 Å/px · 40 e/Å²")).to_be_visible()


def _look_around(page: Page) -> None:
    page.get_by_role("link", name="Plots").click()
    expect(page.get_by_role("region", name="CTF resolution (Å)").locator("canvas").first).to_be_visible()
    settled(page)
    page.get_by_role("link", name="Table").click()
    # By name, so that no movie that comes moves the row from under the pointer.
    by_name = page.get_by_role("columnheader", name="Name")
    for order in ("descending", "ascending"):
        by_name.get_by_role("button").click()
        expect(by_name).to_have_attribute("aria-sort", order)
    row = page.get_by_role("region", name="Table of movies").get_by_role("row").filter(has_text="movie_0001")
    # The newest movies are done first.
    expect(row).to_contain_text("done", timeout=_SOON_MS)
    row.click()
    side = page.get_by_role("complementary", name="Movie movie_0001")
    expect(side.get_by_role("img", name=re.compile("Micrograph with picks"))).to_be_visible()
    settled(page)
    page.get_by_role("link", name="Gallery").click()
    # The newest are on top; the first one may be far below.
    expect(page.get_by_role("button", name=re.compile(r"movie_\d{4}")).first).to_be_visible()
    settled(page)
    page.get_by_role("link", name="Micrographs").click()
    page.get_by_role("button", name="First movie").click()
    expect(page.get_by_role("heading", name="movie_0001")).to_be_visible()
    # Picks come after the picture.
    expect(page.get_by_role("application").locator("circle.pick").nth(20)).to_be_attached()
    settled(page)
    page.get_by_role("link", name="2D Classes").click()
    status = page.get_by_role("region", name="History of class averages").get_by_role("status")
    expect(status).to_contain_text("particles in 3 classes", timeout=_SOON_MS)
    expect(page.get_by_role("button", name=re.compile(r"^Class 1\b"))).to_be_visible()
    settled(page)


def _change_settings(page: Page, session: Asked) -> None:
    """Step 3: saved while it runs; movies that come take it, those that are done keep their results."""
    page.get_by_role("link", name="Settings").click()
    type_into(page, "Particle detection", {"Threshold": STRICT})
    page.get_by_role("button", name="Save 1 change").click()
    dialog = page.get_by_role("dialog", name="Save settings")
    expect(dialog).to_contain_text("Particle detection and later stages of")
    settled(page)
    dialog.get_by_role("button", name="Apply to new movies only").click()
    expect(page.get_by_text("Revision 2")).to_be_visible()
    session.wait_for(lambda rows: any(row["settings_revision"] == 2 for row in rows))
    assert session.first()["settings_revision"] == 1
    page.get_by_role("link", name="Operation").click()


def _filter_and_export(page: Page) -> None:
    """Step 5: named, applied, saved; the job of the export appears on Operation."""
    page.get_by_role("link", name="Table").click()
    page.get_by_label("Add a condition").select_option("particles")
    page.get_by_label("Particles, at least").fill("5")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Save as…").click()
    page.get_by_label("Name", exact=True).fill("with particles")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Saved filter")).to_have_value("with particles")
    page.get_by_label("Saved filter").select_option("")
    page.get_by_label("Saved filter").select_option("with particles")
    expect(page.get_by_label("Particles, at least")).to_have_value("5")
    page.get_by_label("State").select_option("done")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("edited")).not_to_be_visible()
    page.get_by_role("button", name="Export…").click()
    dialog = page.get_by_role("dialog", name="New export")
    dialog.get_by_label("Name of the folder").fill("walked")
    settled(page)
    dialog.get_by_role("button", name="Export", exact=True).click()
    page.get_by_role("link", name="Operation").click()
    shown = page.get_by_role("region", name="Exports")
    expect(shown).to_contain_text("walked")
    expect(shown).to_contain_text("done", timeout=_SOON_MS)
    expect(shown).to_contain_text("/exports/walked")


def stop(page: Page, name: str) -> None:
    """Stop a track and wait until it is."""
    page.get_by_role("button", name=re.compile(f"^Stop {name}")).click()
    expect(track(page, name).get_by_text("stopped", exact=True)).to_be_visible(timeout=_SOON_MS)


def restart(page: Page, name: str, says: str) -> None:
    """Restart a track after reading what that means."""
    page.get_by_role("button", name=f"Restart {name}").click()
    dialog = page.get_by_role("dialog", name=f"Restart {name}")
    expect(dialog).to_contain_text(says)
    dialog.get_by_role("button", name="Restart", exact=True).click()
    expect(track(page, name)).to_contain_text(re.compile("running|starting|restarting"))


def clear(page: Page, name: str, says: str) -> None:
    """Clear a track after reading what goes."""
    page.get_by_role("button", name=f"Clear {name}").click()
    dialog = page.get_by_role("dialog", name=f"Clear {name}")
    expect(dialog).to_contain_text(says)
    expect(dialog).to_contain_text("Stays")
    dialog.get_by_role("button", name="Clear", exact=True).click()
    expect(dialog).to_have_count(0, timeout=_SOON_MS)
    expect(track(page, name).get_by_text("stopped", exact=True)).to_be_visible(timeout=_SOON_MS)


def start(page: Page, name: str) -> None:
    """Start a track that is stopped."""
    page.get_by_role("button", name=f"Start {name}", exact=True).click()
    expect(track(page, name)).to_contain_text("running")


def _controls_of_each_track(page: Page, running: Live, session: Asked) -> None:
    """Stop, Restart, Clear and Logs, each with what it must lead to."""
    _stop_and_restart_of_the_transfer(page, running, session)
    _restart_applies_the_newest_settings(page, session)
    _restart_of_2d_classification_begins_a_new_run(page, session)
    page.get_by_role("link", name="Logs of Pre-processing").click()
    expect(page.get_by_role("region", name="Log of Pre-processing")).to_contain_text("movie_0001")
    page.get_by_role("link", name="Operation").click()
    for name in ("2D classification", "Pre-processing"):
        stop(page, name)
    _clear(page, session)


def _stop_and_restart_of_the_transfer(page: Page, running: Live, session: Asked) -> None:
    stop(page, "File transfer")
    before = session.movies()
    exposed = len(list(running.microscope.glob("*.tif*")))
    session.wait_for(lambda _: len(list(running.microscope.glob("*.tif*"))) > exposed + 1)
    assert len(session.movies()) == len(before)
    restart(page, "File transfer", "Only what is missing or changed is copied")
    session.wait_for(lambda rows: len(rows) > len(before))
    stop(page, "File transfer")
    # Nothing came twice.
    movies = {session.raw(row) for row in session.movies()}
    assert movies >= set(session.delivered()) and len(movies) == len(session.movies())


def _restart_applies_the_newest_settings(page: Page, session: Asked) -> None:
    before = session.first()
    restart(page, "Pre-processing", "Particle detection and later stages of")
    session.wait_for(lambda rows: {row["settings_revision"] for row in rows if row["state"] == "done"} == {2})
    # What file transfer has not delivered yet stays where it is.
    session.wait_for(lambda rows: not {"queued", "processing"} & {row["state"] for row in rows})
    after = session.first()
    assert after["particles"] < before["particles"]
    # What is still valid was not computed again.
    assert (after["ctf_resolution_a"], after["defocus_u_a"]) == (
        before["ctf_resolution_a"],
        before["defocus_u_a"],
    )
    done = sum(row["state"] == "done" for row in session.movies())
    strip = page.get_by_role("region", name="Numbers of the session")
    expect(strip).to_contain_text(re.compile(rf"(?<!\d){done}\s*done"))


def _restart_of_2d_classification_begins_a_new_run(page: Page, session: Asked) -> None:
    runs = {entry["run"] for entry in session.updates()}
    restart(page, "2D classification", "Earlier runs stay in the history")
    session.wait_for(lambda _: max(entry["run"] for entry in session.updates()) > max(runs))
    assert runs < {entry["run"] for entry in session.updates()}


def _clear(page: Page, session: Asked) -> None:
    strip = page.get_by_role("region", name="Numbers of the session")
    movies = len(session.movies())
    clear(page, "2D classification", "updates of class averages")
    assert session.updates() == [] and not list((session.folder / "classes").rglob("classes.mrcs"))
    page.get_by_role("link", name="2D Classes").click()
    expect(page.get_by_text("No class averages yet")).to_be_visible()
    page.get_by_role("link", name="Operation").click()
    assert list((session.folder / "micrographs").glob("*.mrc"))
    clear(page, "Pre-processing", "micrographs")
    expect(strip).to_contain_text(re.compile(r"(?<!\d)0\s*done"))
    # What was delivered waits; what was not is still to come.
    expect(strip).to_contain_text(re.compile(rf"(?<!\d){len(session.delivered())}\s*waiting"))
    assert not list((session.folder / "micrographs").glob("*.mrc"))
    assert {row["ctf_resolution_a"] for row in session.movies()} == {None}
    # The raw files stayed, so that it begins again.
    start(page, "Pre-processing")
    expect(strip).to_contain_text(re.compile(r"[1-9]\s*done"), timeout=_SOON_MS)
    stop(page, "Pre-processing")
    assert session.delivered()
    clear(page, "File transfer", "in raw/")
    assert session.delivered() == []
    # Movies with results keep them; the others are forgotten until they are delivered again.
    assert {row["state"] for row in session.movies()} == {"done"}
    start(page, "File transfer")
    session.wait_for(lambda rows: len(rows) >= movies and session.raw(rows[0]) in session.delivered())
    stop(page, "File transfer")


def _copy_and_delete(page: Page, name: str) -> None:
    """Step 4."""
    page.get_by_role("link", name="Sessions").first.click()
    page.get_by_role("button", name=f"Copy settings of {name}").click()
    page.get_by_label("Name", exact=True).fill("Copied grid 8")
    page.get_by_role("button", name="Make the copy").click()
    expect(page.get_by_role("heading", name="Copied grid 8")).to_be_visible()
    type_into(page, "Microscope parameters", {})
    expect(page.get_by_label("Pixel size", exact=True)).to_have_value(str(PIXEL_SIZE_A))
    page.get_by_role("link", name="Sessions").first.click()
    page.get_by_role("button", name="Delete Copied grid 8").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(re.compile("Type the session's name")).fill("Copied grid 8")
    dialog.get_by_role("button", name="Delete for ever").click()
    expect(page.get_by_role("article", name="Copied grid 8")).to_have_count(0, timeout=_SOON_MS)
