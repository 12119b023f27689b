"""What a browser gets that asks for no API: the built page, or a plain one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import make_lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Lab


@pytest.fixture
def built(tmp_path: Path) -> Iterator[Lab]:
    """Make a laboratory whose page was built."""
    (tmp_path / "page" / "assets").mkdir(parents=True)
    (tmp_path / "page" / "index.html").write_text("<!doctype html>the page")
    (tmp_path / "page" / "icon.svg").write_text("<svg/>")
    (tmp_path / "page" / "assets" / "main-1a2b.js").write_text("1")
    (tmp_path / "page" / "assets" / "long-3c4d.js").write_text("0;" * 5000)
    (tmp_path / "secret.txt").write_text("secret")
    with make_lab(tmp_path) as lab:
        yield lab


def test_every_address_of_the_page_is_the_page(built: Lab) -> None:
    browser = built.browser()
    for path in ("/", "/sessions/12", "/sessions/12/plots?filter=x", "/icons", "/../secret.txt"):
        assert browser.get(path).text == "<!doctype html>the page"
    assert browser.get("/icon.svg").text == "<svg/>"


def test_files_of_the_page_may_be_kept_but_not_the_page_itself(built: Lab) -> None:
    browser = built.browser()
    assert "immutable" in browser.get("/assets/main-1a2b.js").headers["cache-control"]
    assert browser.get("/").headers["cache-control"] == "no-cache"
    assert browser.get("/assets/none.js").status_code == 404


def test_files_of_the_page_are_sent_compressed_to_who_takes_it(built: Lab) -> None:
    path, text = "/assets/long-3c4d.js", "0;" * 5000
    browser = built.browser()
    packed = browser.get(path, headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip" and packed.text == text
    assert "accept-encoding" in packed.headers["vary"].lower()
    plain = browser.get(path, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers and plain.text == text


def test_what_is_missing_in_the_api_is_missing(built: Lab) -> None:
    answer = built.browser("ann").get("/api/nowhere")
    assert answer.status_code == 404
    assert answer.json() == {"error": "not_found", "detail": "there is nothing at this address"}


def test_without_the_page_the_sessions_are_told_in_words(lab: Lab) -> None:
    lab.add_movies(lab.mine, 3)
    page = lab.browser("vera").get("/").text
    assert "Logged in as vera" in page and "Apoferritin" in page
    assert "transfer: stopped" in page and "<td>3<td>" in page
    assert "You are not logged in" in lab.browser().get("/").text


def test_names_do_not_become_markup(lab: Lab) -> None:
    browser = lab.browser("ann")
    evil = "<script>alert(1)</script>"
    assert browser.patch(f"/api/sessions/{lab.mine}", json={"name": evil}).status_code == 200
    page = browser.get("/").text
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_the_api_is_listed_without_scripts(lab: Lab) -> None:
    page = lab.browser().get("/api/docs").text
    assert "/api/sessions/{session_id}/movies" in page and "operator" in page and "<script" not in page
