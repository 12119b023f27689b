"""The chapters of the second seed document, walked with real jobs on simulated particles, in two browsers."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from tests.e2e.job_particles import LOG_LINES, PER_MOVIE, Particles, job_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Locator, Page
    from tests.e2e.world import World

# One core does everything here, and the first job waits for what numba compiles.
_SOON_MS = 150_000
_CLASSES = 3
# Few and small, so that a job takes seconds; the walk types them into the form.
_EXPERT = {
    "Initial high-resolution limit": "40",
    "Final high-resolution limit": "16",
    "Startup cycles": "2",
    "Refinement cycles": "1",
    "Particle count before starting": "200",
    "Additional particle count before update": "100",
    "Number of classes": str(_CLASSES),
    "Initial particles per class": "40",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Particles]]:
    """Start a server whose jobs are real."""
    with job_world(tmp_path_factory.mktemp("jobs")) as both:
        yield both


@pytest.fixture(scope="module")
def world(made: tuple[World, Particles]) -> World:
    """Return the server that `open_page` opens."""
    return made[0]


def jobs_of(page: Page) -> Locator:
    """Left panel: settings, buttons, output."""
    return page.get_by_role("complementary", name="2D classification")


def shown(page: Page) -> Locator:
    """Metadata line of the entry that is shown."""
    return page.get_by_role("region", name="History of class averages").get_by_role("status")


def updates(page: Page, world: World) -> list[dict[str, Any]]:
    """Return the history as the server tells it, oldest first."""
    answer = page.context.request.get(f"{world.url}/api/sessions/{world.main}/classify2d/updates")
    return sorted(answer.json(), key=lambda entry: int(entry["number"]))


def settings(page: Page, world: World) -> dict[str, Any]:
    """Return the settings as the server has them."""
    found: dict[str, Any] = page.context.request.get(f"{world.url}/api/sessions/{world.main}/settings").json()
    return found


def fold(page: Page, title: str, *, is_open: bool) -> Locator:
    """Open or close one of the two groups of settings by clicking on its title."""
    group = jobs_of(page).locator("details", has_text=title)
    if (group.get_attribute("open") is not None) != is_open:
        group.get_by_text(title, exact=True).click()
    return group


def stage(page: Page, title: str, values: dict[str, str]) -> None:
    """Type into a group of settings, then close it."""
    group = fold(page, title, is_open=True)
    for label, value in values.items():
        group.get_by_label(label, exact=True).fill(value)
    fold(page, title, is_open=False)
    expect(group.get_by_label(next(iter(values)), exact=True)).to_be_hidden()


@pytest.mark.slow
def test_jobs_of_all_three_kinds_from_the_page(
    open_page: Callable[..., Page], world: World, made: tuple[World, Particles]
) -> None:
    path = f"/sessions/{world.main}/classes"
    mine, theirs = open_page(path), open_page(path, login="vera")
    _last_thousand_lines(mine)
    _settings_stay_here_until_a_start_button_sends_them(mine, theirs, world)
    _start_job_now_makes_averages_ab_initio(mine, theirs, world)
    _the_next_job_begins_by_itself_where_particles_come(mine, theirs, world, made[1])
    _refinement_keeps_to_the_final_limit(mine, world)
    _stop_all_jobs_in_the_middle_of_a_cycle(mine, theirs, world)
    _history_and_full_size(mine, theirs, world)


def _last_thousand_lines(page: Page) -> None:
    output = page.get_by_role("region", name="Output of 2D classification")
    expect(output).to_contain_text(f"line {LOG_LINES} of earlier days")
    output.evaluate("list => list.scrollTo(0, 0)")
    first = LOG_LINES - 1000 + 1
    expect(output).to_contain_text(f"line {first} of earlier days")
    expect(output).not_to_contain_text(f"line {first - 1} of earlier days")


def _settings_stay_here_until_a_start_button_sends_them(mine: Page, theirs: Page, world: World) -> None:
    expect(mine.get_by_text("No class averages yet")).to_be_visible()
    before = settings(mine, world)
    jobs_of(mine).get_by_role("button", name="Ab initio").click()
    stage(mine, "User settings", {"Mask radius": "96"})
    stage(mine, "Expert settings", _EXPERT)
    expect(jobs_of(mine).get_by_text(re.compile(r"\d+ not sent"))).to_be_visible()
    # What is typed is taken back as a whole, too.
    jobs_of(mine).get_by_role("button", name="Undo changes").click()
    expect(jobs_of(mine).get_by_text(re.compile(r"\d+ not sent"))).to_have_count(0)
    jobs_of(mine).get_by_role("button", name="Ab initio").click()
    stage(mine, "User settings", {"Mask radius": "96"})
    stage(mine, "Expert settings", _EXPERT)
    assert settings(mine, world) == before
    theirs.reload()
    expect(jobs_of(theirs).get_by_role("button", name="Streaming")).to_have_attribute("aria-pressed", "true")
    assert updates(mine, world) == []


def _start_job_now_makes_averages_ab_initio(mine: Page, theirs: Page, world: World) -> None:
    jobs_of(mine).get_by_role("button", name="Start job now").click()
    for page in (mine, theirs):
        expect(jobs_of(page)).to_contain_text(re.compile("Ab initio, cycle [1-4] of 4"), timeout=_SOON_MS)
        expect(shown(page)).to_contain_text("Update 4refinement", timeout=_SOON_MS)
        expect(shown(page)).to_contain_text(f"{4 * PER_MOVIE} particles in {_CLASSES} classes")
    saved = settings(mine, world)["values"]
    assert (saved["mask_radius_a"], saved["startup_cycles"], saved["class_count"]) == (96, 2, _CLASSES)
    entries = updates(mine, world)
    assert [entry["kind"] for entry in entries] == ["random_seed", "startup", "startup", "refinement"]
    assert [entry["limit_a"] for entry in entries] == [40, 40, 16, 16]
    # Part of the particles at low resolution, all of them in the end: 3 classes of 40 are half of 240.
    assert [entry["fraction"] for entry in entries] == [1, 0.5, 0.5, 1]
    # The kind of the next job, as everybody sees it.
    for page in (mine, theirs):
        kind = jobs_of(page).get_by_role("button", name="Seeded start-up")
        expect(kind).to_have_attribute("aria-pressed", "true")
        expect(jobs_of(page)).to_contain_text("listening: a job starts when there are enough new particles")
    picture = mine.get_by_role("button", name=re.compile(r"^Class \d")).first
    expect(picture).to_be_visible()


def _the_next_job_begins_by_itself_where_particles_come(
    mine: Page, theirs: Page, world: World, particles: Particles
) -> None:
    """After a job the automatic ones go on: nobody presses anything."""
    particles.add(2)
    for page in (mine, theirs):
        expect(shown(page)).to_contain_text("Update 7refinement", timeout=_SOON_MS)
        expect(shown(page)).to_contain_text(f"{6 * PER_MOVIE} particles in {_CLASSES} classes")
    entries = updates(mine, world)[4:]
    assert [entry["kind"] for entry in entries] == ["startup", "startup", "refinement"]
    # All particles from the beginning, unlike ab initio.
    assert [entry["fraction"] for entry in entries] == [1, 1, 1]


def _refinement_keeps_to_the_final_limit(page: Page, world: World) -> None:
    jobs_of(page).get_by_role("button", name="Refinement").click()
    stage(page, "Expert settings", {"Refinement cycles": "2"})
    jobs_of(page).get_by_role("button", name="Start job now").click()
    expect(shown(page)).to_contain_text("Update 9refinement", timeout=_SOON_MS)
    entries = updates(page, world)[7:]
    assert [(entry["kind"], entry["limit_a"]) for entry in entries] == [("refinement", 16)] * 2
    expect(jobs_of(page)).to_contain_text("listening")


def _stop_all_jobs_in_the_middle_of_a_cycle(mine: Page, theirs: Page, world: World) -> None:
    jobs = jobs_of(mine)
    jobs.get_by_role("button", name="Stop all jobs").click()
    expect(jobs.get_by_text("stopped", exact=True)).to_be_visible()
    stage(
        mine, "Expert settings", {"Refinement cycles": "200", "Additional particle count before update": "1"}
    )
    jobs.get_by_role("button", name="Start automatic jobs").click()
    expect(jobs).to_contain_text("listening")
    assert settings(mine, world)["values"]["refinement_cycles"] == 200
    jobs.get_by_role("button", name="Start job now").click()
    # A cycle takes parts of a second: which one the page shows is up to the machine.
    expect(shown(mine)).to_contain_text(re.compile(r"Update [1-9]\d+refinement"), timeout=_SOON_MS)
    expect(jobs).to_contain_text(re.compile("Refinement, cycle [0-9]+ of 200"))
    jobs.get_by_role("button", name="Stop all jobs").click()
    for page in (mine, theirs):
        expect(jobs_of(page).get_by_text("stopped", exact=True)).to_be_visible(timeout=_SOON_MS)
    # The present cycle came to its end, perhaps with an entry; most of the job never begins.
    ended = len(updates(mine, world))
    assert ended < 150
    time.sleep(2)
    assert len(updates(mine, world)) == ended


def _history_and_full_size(mine: Page, theirs: Page, world: World) -> None:
    entries = updates(mine, world)
    history = mine.get_by_role("region", name="History of class averages")
    history.get_by_label("Update", exact=True).fill("2")
    expect(shown(mine)).to_contain_text("Update 3start-up")
    expect(shown(mine)).to_contain_text(f"{4 * PER_MOVIE} particles in {_CLASSES} classes")
    expect(shown(mine)).to_contain_text("limit 16.0 Å")
    expect(shown(mine)).to_contain_text("50% of the particles")
    history.get_by_label("Choose an update").select_option("7")
    expect(shown(mine)).to_contain_text("Update 7refinement")
    # Looking back is one's own; the others see the newest.
    expect(shown(theirs)).to_contain_text(f"Update {entries[-1]['number']}refinement")
    one = mine.context.request.get(f"{world.url}/api/sessions/{world.main}/classify2d/updates/7").json()
    by_size = sorted(one["summary"]["classes"], key=lambda item: -int(item["particles"]))
    # Classes keep the places that they had in the first update that was looked back at.
    mine.get_by_role("button", name="Sort again").click()
    mine.get_by_role("button", name=re.compile(rf"^Class {by_size[0]['class_id']}\b")).click()
    for place, item in enumerate(by_size):
        window = mine.get_by_role("dialog", name=f"Class {item['class_id']}")
        expect(window).to_contain_text(f"{place + 1} of {_CLASSES}")
        if item["particles"]:
            expect(window).to_contain_text(f"{item['particles']:,} particle")
            image = window.get_by_role("img", name=f"Average of class {item['class_id']}")
            expect(image).to_be_visible()
            assert image.evaluate("async image => { await image.decode(); return image.naturalWidth; }") >= 32
        mine.keyboard.press("ArrowRight")
    mine.keyboard.press("ArrowLeft")
    expect(mine.get_by_role("dialog")).to_contain_text(f"{_CLASSES - 1} of {_CLASSES}")
    mine.keyboard.press("Escape")
    history.get_by_role("button", name="Newest").click()
    expect(shown(mine)).to_contain_text(f"Update {entries[-1]['number']}refinement")
