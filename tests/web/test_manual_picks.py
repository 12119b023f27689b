"""Particles added and removed by hand, by REST: who may, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from frazil.formats.mrc import write_mrc

if TYPE_CHECKING:
    from .conftest import Lab


@pytest.fixture
def path(lab: Lab) -> str:
    """Address of the changes on a micrograph of 100 x 80 Å with two candidates."""
    lab.add_movies(lab.mine, 1, raw_path="/raw/movie_00000.tif")
    folder = Path(lab.browser("vera").get(f"/api/sessions/{lab.mine}").json()["folder"])
    table = pa.table({"x_px": [10.0, 20.0], "y_px": [30.0, 20.0], "score": [9.0, 5.0]})
    stamped = table.replace_schema_metadata({"threshold": "6.0", "diameter_a": "20.0"})
    pq.write_table(stamped, folder / "picks" / "movie_00000.parquet")
    write_mrc(folder / "micrographs" / "movie_00000.mrc", np.zeros((40, 50), np.float32), 2.0)
    return f"/api/sessions/{lab.mine}/movies/movie_00000/picks/manual"


def test_operators_change_particles_and_everybody_sees_it(lab: Lab, path: str) -> None:
    otto, vera = lab.browser("otto"), lab.browser("vera")
    empty = vera.get(path).json()
    assert (empty["added"], empty["removed"], empty["pending"], empty["saved_by"]) == ([], [], False, "")
    saved = otto.put(path, json={"added": [[5.0, 6.5]], "removed": [1], "version": empty["version"]})
    assert saved.status_code == 200, saved.text
    told = vera.get(path).json()
    assert told == saved.json()
    assert (told["added"], told["removed"], told["removed_at"]) == ([[5.0, 6.5]], [1], [[40.0, 40.0]])
    assert told["pending"] and told["saved_by"] == "otto"
    movie = f"/api/sessions/{lab.mine}/movies/movie_00000"
    assert vera.get(movie).json()["columns"]["state"] == "queued"
    assert otto.put(path, json={}).json()["added"] == []
    assert vera.put(path, json={"added": []}).status_code == 403
    assert lab.browser("bob").get(path).status_code == 404
    assert lab.browser().get(path).status_code == 401


REFUSED = [
    ('{"added": [[1e9, 1]]}', 422),
    ('{"added": [[NaN, 1]]}', 400),
    ('{"added": [[-1, 1]]}', 422),
    ('{"added": [[1, 2, 3]]}', 422),
    ('{"added": [["a", "b"]]}', 422),
    ('{"added": [[101, 1]]}', 400),
    ('{"removed": [2]}', 400),
    ('{"removed": [-1]}', 422),
    ('{"removed": [1.5]}', 422),
    ('{"removed": [0], "version": "old"}', 409),
    ('{"more": 1}', 422),
    ('{"added": [' + ", ".join(["[1, 1]"] * 20_001) + "]}", 422),
]


def test_what_can_not_be_is_refused(lab: Lab, path: str) -> None:
    otto = lab.browser("otto", **{"Content-Type": "application/json"})
    for body, status in REFUSED:
        answer = otto.put(path, content=body)
        assert answer.status_code == status, (body[:40], answer.text)
    assert otto.get(path).json()["added"] == []
