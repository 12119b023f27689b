"""The report says what is in the session, escapes it, and tells no secrets."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from tests.app.exported import add_update, fill_session
from tests.stages.export.world import SETTINGS

from frazil.app import sessions, settings_changes
from frazil.app.access import SERVER
from frazil.app.report import Report, make_report
from frazil.app.report_page import bin_counts, limits, report_page
from frazil.app.report_pdf import report_pdf
from frazil.store.catalogue import movies, revisions

if TYPE_CHECKING:
    from pathlib import Path

    from frazil.app.hub import Hub

NAME = "Grid <7> & co"


@pytest.fixture
def session(hub: Hub, tmp_path: Path) -> int:
    values = {"folder": str(tmp_path / "s"), "name": NAME, **SETTINGS}
    number: int = sessions.create(hub, SERVER, values)["id"]
    add_update(hub, number, fill_session(hub, number))
    with hub.catalogue.write() as connection:
        for movie in (1, 2, 3):
            movies.change(
                connection, number, movie, done_at=1000.0 + 60.0 * movie, defocus_mean_a=1e4 * movie
            )
    Image.new("L", (32, 32), 99).save(tmp_path / "s" / "pictures" / "movie_0001.thumbnail.jpg")
    return number


class Tags(HTMLParser):
    """Counts tags, and collects what is asked of elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_facts_are_those_of_the_kept_movies(hub: Hub, session: int) -> None:
    facts = make_report(hub, SERVER, session).facts
    assert facts["movies"] == {"total": 3, "done": 3, "failed": 0, "excluded": 1}
    assert facts["particles"] == 10
    assert facts["columns"]["ctf_resolution_a"]["median"] == 6.5
    assert [row["name"] for row in facts["best"]] == ["movie_0001", "movie_0002"]
    assert facts["throughput"]["movies_per_hour"] == 60.0
    assert facts["classes"]["particles"] == 12
    assert "3 movies recorded at 200 kV and 1.5 Å per pixel" in facts["methods"]
    assert json.loads(json.dumps(facts, allow_nan=False))["microscope"]["cs_mm"] == 1.4


def test_the_methods_are_those_that_movies_were_processed_with(hub: Hub, session: int) -> None:
    before = make_report(hub, SERVER, session).facts["methods"]
    assert "Frames were aligned globally and locally and weighted by exposure." in before
    settings_changes.save(
        hub, SERVER, session, {"alignment_method": "global", "dose_weighting": False, "pixel_size_a": 1.6}, 1
    )
    # Nothing was processed with them yet.
    assert make_report(hub, SERVER, session).facts["methods"] == before
    with hub.catalogue.write() as connection:
        movies.change(connection, session, 3, settings_revision=2)
    facts = make_report(hub, SERVER, session).facts
    ways = "aligned globally and locally and weighted by exposure (2 movies), or aligned globally (1 movie)"
    assert f"Frames were {ways}." in facts["methods"]
    assert "1.5 and 1.6 Å per pixel" in facts["methods"]
    assert facts["processed_with_revision"] == {"1": 2, "2": 1}


def test_particles_of_excluded_micrographs_were_found_and_classified(hub: Hub, session: int) -> None:
    facts = make_report(hub, SERVER, session).facts
    assert facts["particles_found"] == 15 and facts["particles"] == 10
    told = (
        "15 particles were found by blob detection and extracted, 10 of them in the 2 movies that were kept."
    )
    assert told in facts["methods"]
    assert "12 particles were classified" in facts["methods"] and "of them were" not in facts["methods"]


def test_the_page_stands_alone_and_escapes_names(hub: Hub, session: int) -> None:
    page = report_page(make_report(hub, SERVER, session))
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert len(tags.addresses) == 1 and tags.addresses[0].startswith("data:image/jpeg;base64,")
    assert "Grid &lt;7&gt; &amp; co" in page and "<7>" not in page
    assert "<script" not in page


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_secrets_stay_inside(hub: Hub, session: int) -> None:
    settings_changes.save(hub, SERVER, session, {"notify_targets": ["json://user:secret@host"]}, 1)
    report = make_report(hub, SERVER, session)
    assert "secret" not in json.dumps(report.facts) and "secret" not in report_page(report)


def test_a_session_without_anything_has_a_report(hub: Hub, tmp_path: Path) -> None:
    number = sessions.create(hub, SERVER, {"folder": str(tmp_path / "empty"), "name": "Empty"})["id"]
    report = make_report(hub, SERVER, number)
    assert report.facts["classes"] is None and report.facts["throughput"] is None
    page = report_page(report)
    assert "Nothing yet" in page and "Nothing has been recorded yet." in page
    assert "In the order" not in page


@pytest.mark.parametrize(
    ("kind", "things", "done"),
    [("micrographs", "Micrographs", "processed on the fly with Frazil"), ("warp", "Movies", "with Warp")],
)
def test_reports_call_things_by_what_they_are(
    hub: Hub, tmp_path: Path, kind: str, things: str, done: str
) -> None:
    own = {"warp_folder": str(tmp_path)} if kind == "warp" else SETTINGS
    values = {"folder": str(tmp_path / "s"), "name": "Other", "kind": kind, **own}
    number = sessions.create(hub, SERVER, values)["id"]
    with hub.catalogue.write() as connection:
        # What the track reads of Warp's settings.
        found = revisions.newest(connection, number).values | SETTINGS
        revisions.add(connection, number, found, saved_by="warp", saved_at=2.0)
    add_update(hub, number, fill_session(hub, number))
    report = make_report(hub, SERVER, number)
    page = report_page(report)
    assert f"<th>{things}</th>" in page and f"In the order of the {things.lower()}" in page
    assert done in report.facts["methods"] and "detection" not in report.facts["methods"] * (kind == "warp")
    assert ("Dose per movie" in page) == (kind == "warp")
    assert ("ovie" in re.sub(r"movie_\d+", "", page)) == (kind == "warp")
    assert report_pdf(report).startswith(b"%PDF-")


def test_the_pdf_is_one_page_whatever_there_is(hub: Hub, session: int) -> None:
    report = make_report(hub, SERVER, session)
    assert "classes" in report.pictures or "movie_0001" in report.pictures
    much = replace(report, facts={**report.facts, "best": report.facts["best"] * 3})
    much.facts["settings"] = {f"setting_{number}": "漢字 <b> " * 20 for number in range(60)}
    much.facts["series"] = {name: [float(n % 17) for n in range(5000)] for name in report.facts["series"]}
    bare = {**report.facts, "best": [], "worst": [], "classes": None, "series": {}, "settings": {}}
    bare["columns"] = dict.fromkeys(bare["columns"])
    for each in (report, much, Report(bare, {})):
        content = report_pdf(each)
        assert content.startswith(b"%PDF-")
        assert len(re.findall(rb"/Type /Page\b", content)) == 1
        assert len(content) < 2_000_000
        assert report_pdf(each) == content
    assert len(re.findall(rb"/Subtype /Image", report_pdf(report))) >= 1


def test_plots_show_every_movie_of_a_few_and_the_bulk_of_many() -> None:
    few = [6.0, 9.0, 10.0, 11.0, 12.0]
    assert limits(few) == (6.0, 12.0)
    assert bin_counts(np.array(few), 40, *limits(few)).sum() == 5
    many = [*range(1000), 1e9]
    low, high = limits(many)
    assert high < 1000 and low > 0
    assert bin_counts(np.array(many), 40, low, high).sum() == 1001


def test_the_microscope_is_told_with_labels_and_units(hub: Hub, session: int) -> None:
    page = report_page(make_report(hub, SERVER, session))
    assert "<th>Voltage</th><td>200 kV</td>" in page and "<th>Pixel size</th><td>1.5 Å</td>" in page
    assert page.count("<circle") == 2 * sum(
        any(values) for values in make_report(hub, SERVER, session).facts["series"].values()
    )
