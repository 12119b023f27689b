"""Movies by REST: table, plots, pictures, curves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from frazil.formats.mrc import write_mrc
from frazil.model.movie_columns import MOVIE_COLUMNS
from frazil.model.movie_filter import MovieFilter, Range
from frazil.store.catalogue import filters, movies

if TYPE_CHECKING:
    import httpx

    from .conftest import Lab


@pytest.fixture
def filled(lab: Lab) -> httpx.Client:
    """Browser of a viewer whose session has seven movies."""
    lab.add_movies(lab.mine, 7)
    with lab.hub.catalogue.write() as connection:
        for number, resolution in ((1, 3.5), (2, 9.0), (3, 4.0), (5, 2.5)):
            movies.change(connection, lab.mine, number, ctf_resolution_a=resolution, particles=100 * number)
        movies.change(connection, lab.mine, 6, override="include")
        movies.change(connection, lab.mine, 5, override="exclude")
        movies.change(connection, lab.mine, 7, state="failed", reason="truncated: 31 of 40 frames")
    return lab.browser("vera")


def numbers(page: dict[str, list[dict[str, int]]]) -> list[int]:
    return [row["number"] for row in page["rows"]]


def test_the_table_is_paged_without_gaps(lab: Lab, filled: httpx.Client) -> None:
    path = f"/api/sessions/{lab.mine}/movies"
    seen, cursor = [], None
    while True:
        page = filled.get(path, params={"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
        assert page["total"] == 7
        seen += numbers(page)
        cursor = page["cursor"]
        if cursor is None:
            break
    assert seen == [7, 6, 5, 4, 3, 2, 1]


def test_the_table_sorts_with_missing_values_last(lab: Lab, filled: httpx.Client) -> None:
    path = f"/api/sessions/{lab.mine}/movies"
    query = {"sort": "ctf_resolution_a", "columns": "ctf_resolution_a"}
    up = filled.get(path, params={**query, "descending": "false"}).json()
    assert numbers(up)[:4] == [5, 1, 3, 2]
    assert up["rows"][0] == {"number": 5, "name": "movie_00004", "ctf_resolution_a": 2.5}
    down = filled.get(path, params=query).json()
    assert numbers(down)[:4] == [2, 3, 1, 5]


def test_the_table_is_searched_and_filtered(lab: Lab, filled: httpx.Client) -> None:
    path = f"/api/sessions/{lab.mine}/movies"
    assert numbers(filled.get(path, params={"search": "00002"}).json()) == [3]
    assert filled.get(path, params={"search": "%"}).json()["total"] == 0
    failed = filled.get(path, params={"state": "failed"}).json()
    assert [row["reason"] for row in failed["rows"]] == ["truncated: 31 of 40 frames"]
    with lab.hub.catalogue.write() as connection:
        good = MovieFilter(ranges={"ctf_resolution_a": Range(high=4.0)})
        filters.save(connection, lab.mine, "good", good, saved_by="ann", saved_at=0.0)
    assert numbers(filled.get(path, params={"filter": "good"}).json()) == [6, 3, 1]
    answer = filled.get(path, params={"filter": "none"})
    assert answer.status_code == 404 and "none" in answer.json()["detail"]


@pytest.mark.parametrize(
    "query", [{"sort": "password"}, {"columns": "record"}, {"cursor": "x"}, {"state": "great"}]
)
def test_nonsense_is_named(lab: Lab, filled: httpx.Client, query: dict[str, str]) -> None:
    answer = filled.get(f"/api/sessions/{lab.mine}/movies", params=query)
    assert answer.status_code == 400
    assert next(iter(query.values())) in answer.json()["detail"]


def test_plots_get_whole_columns(lab: Lab, filled: httpx.Client) -> None:
    path = f"/api/sessions/{lab.mine}/series"
    columns = filled.get(path, params={"columns": "ctf_resolution_a,particles", "state": "done"}).json()
    assert columns["number"] == [1, 2, 3, 4, 5, 6]
    assert columns["ctf_resolution_a"] == [3.5, 9.0, 4.0, None, 2.5, None]


def test_one_movie_is_shown_with_its_stages(lab: Lab, filled: httpx.Client) -> None:
    movie = filled.get(f"/api/sessions/{lab.mine}/movies/movie_00000").json()
    assert movie["columns"]["particles"] == 100
    assert movie["stages"]["ctf"]["state"] == "missing"
    assert filled.get(f"/api/sessions/{lab.mine}/movies/movie_9").status_code == 404


def test_columns_say_what_they_are(lab: Lab) -> None:
    columns = lab.browser("vera").get("/api/movie-columns").json()
    assert [column["name"] for column in columns] == [column.name for column in MOVIE_COLUMNS]
    schema = lab.browser().get("/api/openapi.json").json()["components"]["schemas"]["MovieRow"]
    assert set(schema["properties"]) == {"number"} | {column.name for column in MOVIE_COLUMNS}
    assert "Å" in schema["properties"]["defocus_u_a"]["description"]


def test_overrides_and_failures_are_changed_by_operators(lab: Lab, filled: httpx.Client) -> None:
    path = f"/api/sessions/{lab.mine}/movies/movie_00006"
    assert filled.patch(path, json={"override": "exclude"}).status_code == 403
    otto = lab.browser("otto")
    assert otto.patch(path, json={"override": "exclude"}).json()["columns"]["override"] == "exclude"
    assert otto.patch(path, json={"override": "maybe"}).status_code == 422
    assert otto.post(path + "/ignore").json()["columns"]["state"] == "ignored"
    refused = otto.post(path + "/ignore")
    assert refused.status_code == 409 and "ignored" in refused.json()["detail"]


def session_folder(lab: Lab, browser: httpx.Client) -> Path:
    return Path(browser.get(f"/api/sessions/{lab.mine}").json()["folder"])


def test_pictures_are_sent_once(lab: Lab, filled: httpx.Client) -> None:
    file = session_folder(lab, filled) / "pictures" / "movie_00000.preview.jpg"
    file.write_bytes(b"\xff\xd8first")
    path = f"/api/sessions/{lab.mine}/pictures/movie_00000/preview.jpg"
    first = filled.get(path)
    assert (first.content, first.headers["content-type"]) == (b"\xff\xd8first", "image/jpeg")
    assert first.headers["cache-control"] == "private, no-cache"
    etag = first.headers["etag"]
    again = filled.get(path, headers={"If-None-Match": etag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    lasting = filled.get(path, params={"v": etag.strip('"')})
    assert "immutable" in lasting.headers["cache-control"]
    other = file.with_name(".new")
    other.write_bytes(b"\xff\xd8other")
    other.replace(file)
    changed = filled.get(path, headers={"If-None-Match": etag})
    assert (changed.status_code, changed.content) == (200, b"\xff\xd8other")
    assert "immutable" not in filled.get(path, params={"v": etag.strip('"')}).headers["cache-control"]


def test_pictures_that_are_not_there_yet_are_missing(lab: Lab, filled: httpx.Client) -> None:
    for name, kind in (("movie_00000", "preview"), ("movie_00000", "passwd")):
        answer = filled.get(f"/api/sessions/{lab.mine}/pictures/{name}/{kind}.jpg")
        assert answer.status_code in (404, 422)


def test_curves_of_a_movie(lab: Lab, filled: httpx.Client) -> None:
    folder = session_folder(lab, filled)
    curves = {"frequency_per_a": [0.1], "spectrum": [None], "fit": [0.5], "agreement": [0.9]}
    (folder / "ctf" / "movie_00000.json").write_text(json.dumps(curves))
    path = f"/api/sessions/{lab.mine}/movies/movie_00000"
    assert filled.get(path + "/profile").json() == curves
    shifts = np.array([[0.0, 0.0], [1.5, -2.0]])
    nodes = np.zeros((2, 4, 4, 2))
    nodes[1, ..., 0] = 0.25
    np.savez(
        folder / "motion" / "movie_00000.npz",
        size_px=np.array([100, 80]),
        pixel_size_a=np.array(1.25),
        global_shift_a=shifts,
        global_error_a=np.zeros((2, 2)),
        local_nodes_a=nodes,
    )
    motion = filled.get(path + "/motion").json()
    assert (motion["global_x_a"], motion["global_y_a"]) == ([0.0, 1.5], [0.0, -2.0])
    # Splines of equal control values are that value everywhere.
    assert len(motion["points"]) == 25
    assert all(point["x_a"] == [0.0, 0.25] and point["y_a"] == [0.0, 0.0] for point in motion["points"])
    table = pa.table({"x_px": [1.0, 2.0], "y_px": [3.0, 4.0], "score": [9.0, 5.0]})
    stamped = table.replace_schema_metadata({"threshold": "6.0", "diameter_a": "120.0"})
    pq.write_table(stamped, folder / "picks" / "movie_00000.parquet")
    write_mrc(folder / "micrographs" / "movie_00000.mrc", np.zeros((40, 50), np.float32), 2.5)
    assert filled.get(path + "/picks").json() == {
        "x_px": [1.0, 2.0],
        "y_px": [3.0, 4.0],
        "score": [9.0, 5.0],
        "by_hand": [0, 0],
        "threshold": 6.0,
        "diameter_a": 120.0,
        "width_px": 50,
        "height_px": 40,
        "pixel_size_a": 2.5,
    }


def test_damaged_curves_are_told(lab: Lab, filled: httpx.Client) -> None:
    folder = session_folder(lab, filled)
    for kind, ending, place in (
        ("profile", "json", "ctf"),
        ("motion", "npz", "motion"),
        ("picks", "parquet", "picks"),
    ):
        path = f"/api/sessions/{lab.mine}/movies/movie_00000/{kind}"
        assert filled.get(path).status_code == 404
        (folder / place / f"movie_00000.{ending}").write_bytes(b"PK\x03\x04 nonsense")
        answer = filled.get(path)
        assert answer.status_code == 400 and "damaged" in answer.json()["detail"]
