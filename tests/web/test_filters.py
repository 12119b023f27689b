"""Named filters, counts of what they keep, and selections of classes, by REST."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from frazil.store.catalogue import class_updates, movies
from frazil.store.session_file import read_session_file

if TYPE_CHECKING:
    import httpx

    from .conftest import Lab

GOOD = {"ranges": {"ctf_resolution_a": {"high": 4.0}}}


@pytest.fixture
def otto(lab: Lab) -> httpx.Client:
    """Browser of an operator whose session has six movies; 1, 3 and 5 are good, 5 excluded, 6 included."""
    lab.add_movies(lab.mine, 6)
    with lab.hub.catalogue.write() as connection:
        for number, resolution in ((1, 3.5), (2, 9.0), (3, 4.0), (5, 2.5)):
            movies.change(connection, lab.mine, number, ctf_resolution_a=resolution)
        movies.change(connection, lab.mine, 5, override="exclude")
        movies.change(connection, lab.mine, 6, override="include")
    return lab.browser("otto")


def path(lab: Lab, rest: str) -> str:
    return f"/api/sessions/{lab.mine}/{rest}"


def test_a_filter_lives_under_its_name(lab: Lab, otto: httpx.Client) -> None:
    assert otto.put(path(lab, "filters/good ones"), json={"definition": GOOD}).status_code == 204
    (row,) = otto.get(path(lab, "filters")).json()
    assert (row["name"], row["kept"], row["saved_by"]) == ("good ones", 3, "otto")
    assert row["definition"]["ranges"] == {"ctf_resolution_a": {"low": None, "high": 4.0}}
    assert otto.post(path(lab, "filters/good ones/rename"), json={"name": "best"}).status_code == 204
    assert [row["name"] for row in otto.get(path(lab, "filters")).json()] == ["best"]
    folder = otto.get(f"/api/sessions/{lab.mine}").json()["folder"]
    assert list(read_session_file(Path(folder)).filters) == ["best"]
    assert otto.delete(path(lab, "filters/best")).status_code == 204
    assert otto.delete(path(lab, "filters/best")).status_code == 404
    assert otto.get(path(lab, "filters")).json() == []


def test_names_are_not_taken_from_others(lab: Lab, otto: httpx.Client) -> None:
    for name in ("a", "b"):
        otto.put(path(lab, f"filters/{name}"), json={"definition": {}})
    taken = otto.post(path(lab, "filters/a/rename"), json={"name": "b"})
    assert taken.status_code == 409 and "b" in taken.json()["detail"]
    assert otto.post(path(lab, "filters/a/rename"), json={"name": "x/y"}).status_code == 400
    wrong = otto.put(path(lab, "filters/c"), json={"definition": {"ranges": {"name": {"low": 1}}}})
    assert wrong.status_code == 422


def test_what_is_not_saved_is_counted_and_listed(lab: Lab, otto: httpx.Client) -> None:
    where = {"where": json.dumps(GOOD)}
    assert otto.get(path(lab, "kept"), params=where).json() == {
        "kept": 3,
        "total": 6,
        "included": 1,
        "excluded": 1,
    }
    page = otto.get(path(lab, "movies"), params={**where, "descending": "false"}).json()
    assert [row["number"] for row in page["rows"]] == [1, 3, 6]
    rest = otto.get(path(lab, "movies"), params={**where, "descending": "false", "rejected": "true"}).json()
    assert [row["number"] for row in rest["rows"]] == [2, 4, 5]


@pytest.mark.parametrize("where", ["{", "[]", '{"ranges": {"nonsense": {}}}', '{"x": 1}', "[" * 3000])
def test_a_filter_that_is_none_is_refused(lab: Lab, otto: httpx.Client, where: str) -> None:
    answer = otto.get(path(lab, "movies"), params={"where": where})
    assert answer.status_code == 400 and "filter" in answer.json()["detail"]


def test_a_movie_knows_its_place(lab: Lab, otto: httpx.Client) -> None:
    where = {"where": json.dumps(GOOD)}
    place = otto.get(path(lab, "movies/movie_00002/place"), params=where).json()
    assert place == {"place": 1, "total": 3, "kept": True}
    place = otto.get(path(lab, "movies/movie_00003/place"), params=where).json()
    assert place == {"place": 2, "total": 3, "kept": False}
    at = otto.get(
        path(lab, "movies"),
        params={**where, "sort": "number", "descending": "false", "cursor": 1, "limit": 1},
    )
    assert [row["name"] for row in at.json()["rows"]] == ["movie_00002"]


def test_decisions_can_be_forgotten(lab: Lab, otto: httpx.Client) -> None:
    assert otto.post(path(lab, "movies/reset-overrides")).json() == {"movies": 2}
    kept = otto.get(path(lab, "kept"), params={"where": json.dumps(GOOD)}).json()
    assert kept == {"kept": 3, "total": 6, "included": 0, "excluded": 0}


def test_plots_get_numbers_no_longer_than_they_mean(lab: Lab, otto: httpx.Client) -> None:
    with lab.hub.catalogue.write() as connection:
        movies.change(connection, lab.mine, 1, defocus_u_a=12345.678901, done_at=1_800_000_000.123456)
    columns = otto.get(path(lab, "series"), params={"columns": "defocus_u_a,done_at"}).json()
    assert (columns["defocus_u_a"][0], columns["done_at"][0]) == (12345.7, 1_800_000_000.1)


def test_chosen_classes_live_under_a_name(lab: Lab, otto: httpx.Client) -> None:
    _add_update(lab)
    at = path(lab, "classify2d/selections")
    assert otto.put(f"{at}/nice", json={"update_number": 4, "classes": [2, 1, 2]}).status_code == 204
    (row,) = otto.get(at).json()
    assert (row["update_number"], row["classes"], row["particles"]) == (4, [1, 2], 90)
    folder = otto.get(f"/api/sessions/{lab.mine}").json()["folder"]
    assert read_session_file(Path(folder)).selections["nice"].classes == [1, 2]
    unknown = otto.put(f"{at}/nice", json={"update_number": 4, "classes": [9]})
    assert unknown.status_code == 400 and "class 9" in unknown.json()["detail"]
    assert otto.put(f"{at}/nice", json={"update_number": 5, "classes": [1]}).status_code == 404
    assert lab.browser("vera").delete(f"{at}/nice").status_code == 403
    assert otto.delete(f"{at}/nice").status_code == 204
    assert otto.get(at).json() == []


def _add_update(lab: Lab) -> None:
    values: dict[str, Any] = {
        "run": 1,
        "update_in_run": 1,
        "kind": "streaming",
        "finished_at": 5.0,
        "seconds": 2.0,
        "particles": 100,
        "class_count": 3,
        "settings_revision": 1,
        "folder": "classes/run001/update001",
        "summary": {
            "classes": [{"class_id": k + 1, "particles": count} for k, count in enumerate((70, 20, 10))]
        },
    }
    with lab.hub.catalogue.write() as connection:
        class_updates.add(connection, lab.mine, 4, values)
