"""Table, gallery, plots and micrographs in a browser: filters, decisions, pictures, keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from tests.e2e.products import add_products
from tests.e2e.world import build, serving

from frazil.store.catalogue import movies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page, Route
    from tests.e2e.world import World

# Presses every heading, and returns those that don't sort by then.
PRESS_HEADINGS = """async (buttons) => {
    const idle = [];
    for (const button of buttons) {
        button.click();
        await new Promise((done) => setTimeout(done));
        if (button.closest("th").ariaSort !== "descending") idle.push(button.title);
    }
    return idle;
}"""
KEPT = re.compile(r"[\d,]+ of 120 kept")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Make a server whose movies have products."""
    made = build(tmp_path_factory.mktemp("world"), 120)
    add_products(made)
    with serving(made) as world:
        yield world


def kept(page: Page) -> int:
    """Return how many movies the filter keeps, as the page says."""
    text = page.get_by_role("search", name="Filter").get_by_role("status").inner_text()
    return int(text.split(" of ")[0].replace(",", ""))


def test_the_table_sorts_searches_and_shows_a_movie(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/table")
    table = page.get_by_role("region", name="Table of movies")
    expect(table.get_by_role("row").nth(1)).to_contain_text("FoilHole_00119_Data")
    page.get_by_role("button", name="Particles").click()
    expect(page).to_have_url(re.compile("sort=particles"))
    cells = table.locator("tbody tr td:nth-child(11)")
    expect(cells.filter(has_text="…")).to_have_count(0)
    counts = cells.all_inner_texts()[:8]
    numbers = [int(text) for text in counts]
    assert numbers == sorted(numbers, reverse=True) and numbers[0] > 150
    page.get_by_role("button", name="Particles").click()
    expect(page).to_have_url(re.compile("order=up"))
    page.get_by_role("button", name="Newest first").click()
    page.keyboard.press("/")
    expect(page.get_by_label("Search a name or path")).to_be_focused()
    page.keyboard.type("0011")
    expect(page.get_by_text(re.compile("^11 of 120 kept"))).to_be_visible()
    page.get_by_role("button", name="Clear filter").click()
    table.get_by_text("FoilHole_00110_Data").click()
    side = page.get_by_role("complementary", name="Movie FoilHole_00110_Data")
    expect(side.get_by_role("img", name=re.compile("Micrograph with picks"))).to_be_visible()
    expect(side.get_by_role("img", name=re.compile("1D CTF"))).to_be_visible()
    expect(side.get_by_role("img", name=re.compile("Motion over 40 frames"))).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("complementary", name="Movie FoilHole_00109_Data")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("micrographs.*movie=FoilHole_00109_Data"))


def test_columns_are_chosen(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/table")
    page.get_by_role("button", name=re.compile("^Columns")).click()
    page.get_by_label("Grid square").check()
    page.get_by_label("Done", exact=True).uncheck()
    page.get_by_role("button", name="Done", exact=True).click()
    heads = page.get_by_role("columnheader")
    expect(heads.filter(has_text="Grid square")).to_have_count(1)
    expect(heads.filter(has_text=re.compile("^Done"))).to_have_count(0)
    page.reload()
    expect(heads.filter(has_text="Grid square")).to_have_count(1)
    page.get_by_role("button", name=re.compile("^Columns")).click()
    page.get_by_role("button", name="All", exact=True).last.click()
    page.get_by_role("dialog").get_by_role("button", name="Done", exact=True).click()
    expect(heads.filter(has_text="Grid square")).to_have_count(1)
    assert heads.get_by_role("button").evaluate_all(PRESS_HEADINGS) == []
    page.get_by_role("button", name=re.compile("^Columns")).click()
    page.get_by_role("button", name="The usual ones").click()
    # Keys are those of the window while it is open: nothing is excluded below it.
    page.keyboard.press("x")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(heads.filter(has_text="Grid square")).to_have_count(0)


def test_a_filter_is_made_saved_loaded_renamed_and_deleted(
    open_page: Callable[..., Page], world: World
) -> None:
    page = open_page(f"/sessions/{world.main}/table")
    page.get_by_label("Add a condition").select_option("ctf_resolution_a")
    page.get_by_label("CTF resolution, at most").fill("4")
    page.keyboard.press("Enter")
    expect(page.get_by_text(KEPT)).not_to_contain_text("120 of")
    some = kept(page)
    assert 20 < some < 110
    expect(page).to_have_url(re.compile("range=ctf_resolution_a"))
    page.get_by_role("button", name="Save as…").click()
    page.get_by_label("Name", exact=True).fill("good ones")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Saved filter")).to_have_value("good ones")
    expect(page.get_by_label("Saved filter")).to_contain_text(f"good ones ({some})")
    page.get_by_label("State").select_option("done")
    expect(page.get_by_text("edited")).to_be_visible()
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("edited")).not_to_be_visible()
    # The filter goes along to the other tabs, and is in the address.
    page.get_by_role("link", name="Gallery").click()
    expect(page.get_by_label("CTF resolution, at most")).to_have_value("4")
    page.get_by_role("button", name="Rejected").click()
    expect(page.get_by_role("button", name=re.compile("FoilHole")).first).to_be_visible()
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("Name", exact=True).fill("better ones")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Saved filter")).to_have_value("better ones")
    page.get_by_role("button", name="Delete filter better ones").click()
    expect(page.get_by_label("Saved filter")).to_have_value("")
    page.get_by_role("checkbox", name="the others").check()
    expect(page.get_by_text(re.compile(f"^{120 - some} of 120 kept"))).to_be_visible()
    page.get_by_role("checkbox", name="keep missing values").check()
    page.get_by_role("button", name="Remove CTF resolution").click()


def test_squares_holes_groups_and_times_are_conditions(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/table", login="otto")
    told = page.get_by_text(KEPT)
    add = page.get_by_label("Add a condition")
    for column, label, values, count in (
        ("grid_square", "Grid square", "GridSquare_00, GridSquare_02", 80),
        ("foil_hole", "Foil hole", "no such hole", 0),
        ("optics_group", "Optics group", "9", 0),
    ):
        add.select_option(column)
        field = page.get_by_label(f"{label}, one of")
        field.fill(values)
        field.press("Enter")
        expect(told).to_contain_text(f"{count} of 120")
        page.get_by_role("button", name=re.compile(f"Remove .*{label}", re.IGNORECASE)).click()
        expect(told).to_contain_text("120 of 120")
        expect(field).to_have_count(0)
    with world.hub.catalogue.read() as connection:
        rows = movies.page(connection, world.main, columns=("found_at",), sort="found_at", limit=200).rows
    middle = int(rows[60]["found_at"])
    count = sum(row["found_at"] >= middle for row in rows)
    text = page.evaluate("time => new Date(time * 1000).toLocaleString('sv-SE')", middle)
    add.select_option("found_at")
    least = page.get_by_label("Found, at least")
    least.fill("soon")
    expect(least).to_have_attribute("aria-invalid", "true")
    least.fill(text)
    least.press("Enter")
    expect(told).to_contain_text(f"{count} of 120")
    page.reload()
    expect(least).to_have_value(text)
    page.get_by_role("button", name="Remove Found").click()
    expect(told).to_contain_text("120 of 120")


def test_decisions_by_hand_stand_above_the_filter(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/table?show=all&movie=FoilHole_00115_Data")
    table = page.get_by_role("region", name="Table of movies")
    table.get_by_text("FoilHole_00114_Data").click()
    page.keyboard.press("x")
    expect(table.get_by_role("row").filter(has_text="FoilHole_00114_Data")).to_contain_text("excluded")
    # It went on to the next one.
    side = page.get_by_role("complementary", name="Movie FoilHole_00113_Data")
    side.get_by_role("button", name=re.compile("Exclude")).click()
    expect(page.get_by_text("2 excluded by hand")).to_be_visible()
    side = page.get_by_role("complementary", name="Movie FoilHole_00112_Data")
    expect(side).to_be_visible()
    table.get_by_text("FoilHole_00113_Data").click()
    side = page.get_by_role("complementary", name="Movie FoilHole_00113_Data")
    side.get_by_role("button", name=re.compile("Include")).click()
    expect(page.get_by_text("1 included, 1 excluded by hand")).to_be_visible()
    page.get_by_role("button", name="Forget these").click()
    expect(page.get_by_text(re.compile("^120 of 120 kept$"))).to_be_visible()
    choice = page.get_by_role("group", name="Movies to list")
    rows = table.locator("tbody tr[aria-rowindex], tbody tr").filter(has_text="FoilHole")
    choice.get_by_role("button", name="Rejected").click()
    expect(rows).to_have_count(0)
    for name in ("Kept", "All"):
        choice.get_by_role("button", name=name).click()
        expect(rows.first).to_be_visible()
    rows.first.click()
    side = page.get_by_role("complementary", name=re.compile("Movie FoilHole"))
    side.get_by_role("link", name=re.compile("FoilHole")).click()
    expect(page).to_have_url(re.compile("micrographs"))
    page.go_back()
    side.get_by_role("button", name="Close side view").click()
    expect(side).to_have_count(0)


def test_a_viewer_decides_nothing(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(
        f"/sessions/{world.main}/table?movie=FoilHole_00110_Data&range=particles:100..", login="vera"
    )
    expect(page.get_by_role("complementary", name="Movie FoilHole_00110_Data")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Exclude"))).to_have_count(0)
    expect(page.get_by_role("button", name="Save as…")).to_have_count(0)
    page.keyboard.press("x")
    with world.hub.catalogue.read() as connection:
        assert movies.get(connection, world.main, "FoilHole_00110_Data")["override"] == "auto"


def test_the_table_follows_what_happens(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/table")
    row = page.get_by_role("row").filter(has_text="FoilHole_00118_Data")
    expect(row).to_contain_text("queued")
    with world.hub.catalogue.write() as connection:
        movies.change(connection, world.main, 119, state="processing")
    world.hub.feed.publish(world.main, "movies", {"names": ["FoilHole_00118_Data"]})
    expect(row).to_contain_text("processing")


def test_the_gallery_is_walked_by_keys(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/gallery")
    tiles = page.get_by_role("button", name=re.compile("FoilHole"))
    expect(tiles.first).to_contain_text("FoilHole_00119_Data")
    page.get_by_label("Size").fill("300")
    page.get_by_role("button", name="newest first").click()
    expect(tiles.first).to_contain_text("FoilHole_00000_Data")
    page.get_by_role("button", name="oldest first").click()
    expect(tiles.first).to_contain_text("FoilHole_00119_Data")
    page.get_by_label("Order").select_option("ctf_resolution_a")
    page.get_by_role("button", name="largest first").click()
    page.get_by_role("button", name="smallest first").click()
    page.get_by_role("button", name="largest first").click()
    expect(page.get_by_role("button", name="smallest first")).to_be_visible()
    for choice in ("All", "Rejected", "Kept"):
        page.get_by_role("group", name="Movies to list").get_by_role("button", name=choice).click()
    tiles.first.click()
    first = tiles.first.inner_text()
    page.keyboard.press("ArrowRight")
    expect(tiles.nth(1)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.search(r"FoilHole_\d+_Data", first)[0])).to_be_visible()  # type: ignore[index]


def test_a_micrograph_is_looked_into(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/micrographs?movie=FoilHole_00110_Data")
    view = page.get_by_role("application")
    expect(view.locator("circle.pick").first).to_be_attached()
    picked = view.locator("circle.pick").count()
    page.get_by_label(re.compile("Score")).fill("9")
    expect(page.get_by_label(re.compile(r"Particles \(\d+\)"))).to_be_visible()
    assert view.locator("circle.pick").count() < picked
    page.get_by_label("Values").check()
    expect(view.locator(".pick-score").first).to_have_text(re.compile(r"^\d+\.\d"))
    page.get_by_label(re.compile("Particles")).uncheck()
    expect(view.locator("circle.pick")).to_have_count(0)
    expect(view.get_by_text("nm")).to_be_visible()
    before = view.locator("img").bounding_box()
    page.get_by_role("button", name="Zoom in").click()
    view.hover()
    page.mouse.wheel(0, -300)
    page.keyboard.press("+")
    after = view.locator("img").bounding_box()
    assert before is not None and after is not None and after["width"] > 2 * before["width"]
    page.get_by_role("button", name="Fit").click()
    page.get_by_role("button", name="Zoom out").click()
    page.get_by_label(re.compile("Local motion")).check()
    expect(view.locator(".local-motion").first).to_be_attached()
    page.get_by_label("Ruler").check()
    box = view.bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + box["height"] / 2, middle[1])
    page.mouse.up()
    # Half of a field of 3400 Å.
    expect(view.get_by_role("status")).to_have_text(re.compile("1(69|70)( nm|[.]. nm)"))
    page.get_by_label("Contrast").fill("200")
    page.get_by_label("Brightness").fill("120")
    page.get_by_role("button", name="As made").click()
    facts = page.get_by_role("region", name="Numbers", exact=True)
    expect(facts).to_contain_text("Defocus")
    for group in facts.locator("summary").all():
        before = group.evaluate("title => title.parentElement.open")
        group.click()
        assert group.evaluate("title => title.parentElement.open") is not before
        group.click()
    facts.get_by_text(re.compile(r"^log \(\d+\)$")).click()
    expect(facts).to_contain_text("done")


def test_presses_faster_than_the_server_answers_lead_where_the_last_one_says(
    open_page: Callable[..., Page], world: World
) -> None:
    page = open_page(f"/sessions/{world.main}/micrographs?movie=FoilHole_00020_Data")
    at = page.get_by_role("navigation", name="Movies").get_by_role("status")
    expect(at).to_have_text("21 of 120")

    def late(route: Route) -> None:
        # The one asked for first answers last.
        page.wait_for_timeout(1000 if "cursor=30" in route.request.url else 100)
        route.continue_()

    page.route(re.compile(r"/movies\?.*sort=number"), late)
    for name in ("+10 movies", "Last movie"):
        page.get_by_role("button", name=name, exact=True).click()
    expect(at).to_have_text("120 of 120")
    page.wait_for_timeout(1500)
    expect(at).to_have_text("120 of 120")
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    expect(at).to_have_text("116 of 120")
    page.keyboard.press("ArrowLeft")
    expect(at).to_have_text("115 of 120")


def test_the_way_through_the_micrographs(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/micrographs")
    # Nothing chosen: the newest one, and it follows.
    expect(page.get_by_role("button", name="Live")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("heading", name="FoilHole_00116_Data")).to_be_visible()
    expect(page.get_by_text("117 of 120")).to_be_visible()
    page.get_by_role("button", name="−10 movies").click()
    expect(page.get_by_role("heading", name="FoilHole_00106_Data")).to_be_visible()
    expect(page.get_by_role("button", name="Live")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("heading", name="FoilHole_00107_Data")).to_be_visible()
    page.get_by_role("button", name="First movie").click()
    expect(page.get_by_text("1 of 120")).to_be_visible()
    page.get_by_role("button", name="+100 movies").click()
    expect(page.get_by_text("101 of 120")).to_be_visible()
    for name in ("+10 movies", "+1 movie", "−1 movie", "−100 movies", "Last movie"):
        page.get_by_role("button", name=name, exact=True).click()
    expect(page.get_by_text("120 of 120")).to_be_visible()
    page.get_by_label("Go to a movie").fill("00042")
    expect(page.locator("#found-movies option")).to_have_count(1)
    page.get_by_label("Go to a movie").press("Enter")
    expect(page.get_by_role("heading", name="FoilHole_00042_Data")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Include")).click()
    expect(page.get_by_text("included by hand").first).to_be_visible()
    page.get_by_label("Go to a movie").fill("00042")
    page.get_by_label("Go to a movie").press("Enter")
    expect(page.get_by_role("heading", name="FoilHole_00042_Data")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Exclude")).click()
    expect(page.get_by_text("excluded by hand").first).to_be_visible()
    expect(page.get_by_text("not kept by the filter")).to_be_visible()
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("button", name="Forget these").click()
    page.get_by_role("button", name="Live").click()
    expect(page.get_by_role("heading", name="FoilHole_00116_Data")).to_be_visible()


def test_plots_are_brushed_and_their_lines_dragged(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/plots")
    card = page.get_by_role("region", name="CTF resolution (Å)")
    expect(card.get_by_role("img", name="CTF resolution (Å) by number")).to_be_visible()
    over = card.locator(".u-over").first
    card.scroll_into_view_if_needed()
    box = over.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 40, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(box["x"] + 40, box["y"] + box["height"] - 2, steps=5)
    page.mouse.up()
    expect(page.get_by_text(KEPT)).not_to_contain_text("120 of")
    some = kept(page)
    assert some > 10
    line = card.get_by_role("slider", name="CTF resolution (Å), at most").first
    line.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    place = line.bounding_box()
    assert place is not None
    page.mouse.move(place["x"] + 60, place["y"] + place["height"] / 2)
    page.mouse.down()
    page.mouse.move(place["x"] + 60, place["y"] + 25, steps=4)
    page.mouse.up()
    expect(page.get_by_text(KEPT)).not_to_contain_text(f"{some} of")
    assert kept(page) < some
    page.get_by_role("button", name="Clear filter").click()
    page.get_by_role("button", name="by time").click()
    expect(card.get_by_role("img", name="CTF resolution (Å) by time")).to_be_visible()
    page.get_by_role("button", name="by number").click()
    expect(card.get_by_role("img", name="CTF resolution (Å) by number")).to_be_visible()
    page.goto(f"/sessions/{world.main}/plots?range=ctf_resolution_a:3.2..")
    expect(page.get_by_text(KEPT)).not_to_contain_text("120 of")
    some = kept(page)
    card.scroll_into_view_if_needed()
    card.get_by_role("slider", name="CTF resolution (Å), at least").first.focus()
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    expect(page.get_by_text(KEPT)).not_to_contain_text(f"{some} of")
    assert kept(page) < some
    page.get_by_role("button", name="Clear filter").click()
    page.get_by_role("button", name=re.compile("^All")).click()
    expect(page.get_by_role("region", name="Tilt (°)")).to_be_attached()
    page.get_by_role("button", name="The usual ones").click()


def test_a_point_shows_its_movie(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/plots?view=scatter")
    page.get_by_label("Across").select_option("particles")
    page.get_by_label("Up", exact=True).select_option("motion_total_a")
    expect(page.get_by_role("img", name="Motion, total (Å) against Particles")).to_be_visible()
    expect(page.get_by_role("img", name="Astigmatism by direction")).to_be_visible()
    over = page.locator(".u-over").first
    box = over.bounding_box()
    assert box is not None
    card = page.locator(".hover-card")
    for step in range(60):
        x = box["x"] + box["width"] * (0.3 + 0.4 * (step % 12) / 12)
        page.mouse.move(x, box["y"] + box["height"] * (0.6 + 0.07 * (step // 12)))
        page.wait_for_timeout(30)
        if card.count():
            break
    expect(card).to_contain_text("FoilHole_")
    page.mouse.down()
    page.mouse.up()
    expect(page).to_have_url(re.compile("micrographs.*movie=FoilHole"))


def test_who_has_gone_elsewhere_is_not_fetched_back_to_a_point(
    open_page: Callable[..., Page], world: World
) -> None:
    page = open_page(f"/sessions/{world.main}/plots")
    points = page.get_by_role("slider", name=re.compile("^Points of Defocus")).first
    points.focus()
    answered: list[str] = []

    def late(route: Route) -> None:
        page.wait_for_timeout(1000)
        route.continue_()
        answered.append(route.request.url)

    page.route(re.compile(r"/movies\?columns=name.*limit=1"), late)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Table", exact=True).click()
    expect(page).to_have_url(re.compile("/table"))
    page.wait_for_timeout(1500)
    assert answered
    expect(page).to_have_url(re.compile("/table"))


def test_points_are_walked_through_by_keys(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/plots")
    points = page.get_by_role("slider", name=re.compile("^Points of Defocus")).first
    points.focus()
    last = int(points.get_attribute("aria-valuenow") or 0)
    assert last > 100
    page.keyboard.press("Home")
    card = page.get_by_role("status").filter(has_text="FoilHole_")
    expect(card).to_contain_text("FoilHole_00000_Data")
    page.keyboard.press("ArrowRight")
    expect(card).to_contain_text("FoilHole_00001_Data")
    expect(points).to_have_attribute("aria-valuetext", re.compile(r"^2: \d\.\d\d$"))
    page.keyboard.press("End")
    expect(points).to_have_attribute("aria-valuenow", str(last))
    page.keyboard.press("PageDown")
    page.keyboard.press("ArrowLeft")
    name = card.locator("b").inner_text()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"micrographs.*movie={name}"))


def test_throughput_is_drawn(open_page: Callable[..., Page], world: World) -> None:
    page = open_page(f"/sessions/{world.main}/plots")
    page.get_by_role("button", name="Throughput").click()
    expect(page.get_by_role("region", name="Throughput").locator("canvas")).to_be_visible()
    expect(page.get_by_role("region", name="Backlog").locator("canvas")).to_be_visible()
    page.get_by_role("button", name="Scatter").click()
    page.get_by_role("button", name="Over time").click()


def test_an_empty_session_says_what_will_come(open_page: Callable[..., Page], world: World) -> None:
    empty = world.others["Empty one"]
    page = open_page(f"/sessions/{empty}/table")
    expect(page.get_by_text("as soon as file transfer finds them")).to_be_visible()
    for tab, words in (
        ("Gallery", "Micrographs appear here"),
        ("Plots", "Points appear here"),
        ("Micrographs", "The first one appears here"),
        ("2D Classes", "No class averages yet"),
    ):
        page.get_by_role("link", name=tab).click()
        expect(page.get_by_text(words)).to_be_visible()


@pytest.mark.parametrize(
    ("tab", "region", "entry", "grid"),
    [("table", "Table of movies", "tbody tr", 1), ("gallery", "Gallery of micrographs", "li", 2)],
)
def test_rows_stay_under_the_pointer_while_movies_come(
    open_page: Callable[..., Page], world: World, tab: str, region: str, entry: str, grid: int
) -> None:
    page = open_page(f"/sessions/{world.others['Empty one']}/{tab}")
    session = world.others["Empty one"]
    _, one, two, three, four, five, six = (f"movie_{grid}{number:03d}" for number in range(7))
    for name in (one, two, three):
        arrive(world, session, name)
    entries = page.get_by_role("region", name=region).locator(entry)
    newest = entries.filter(has_text=three)
    newest.hover()
    arrive(world, session, four)
    arrive(world, session, five)
    show = page.get_by_role("button", name="2 new, show")
    expect(show).to_be_visible()
    expect(entries.first).to_contain_text(three)
    page.mouse.down()
    page.mouse.up()
    expect(page).to_have_url(re.compile(f"movie={three}"))
    show.click()
    expect(entries.first).to_contain_text(five)
    page.get_by_role("searchbox").hover()
    arrive(world, session, six)
    expect(entries.first).to_contain_text(six)
    expect(page.get_by_role("button", name="new, show")).to_have_count(0)


def arrive(world: World, session: int, name: str) -> None:
    """Have a movie come, as transfer tells of it."""
    row = {"name": name, "path": f"{name}.tif", "state": "queued", "found_at": 1_800_000_000.0}
    with world.hub.catalogue.write() as connection:
        movies.add_many(connection, session, [row | {"target_revision": 1}])
    world.hub.feed.publish(session, "movies", {"names": [name]})
