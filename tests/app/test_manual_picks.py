"""Particles added and removed by hand, from the request to the particle table and to another server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.app.rows import add_done, row_of

from frazil.app import adopt, manual_picks, pictures, sessions
from frazil.app.access import SERVER, Actor
from frazil.app.errors import ConflictError, DeniedError, NotFoundError
from frazil.formats.star import read_star
from frazil.model.errors import InputError
from frazil.model.manual_picks import ManualPicks
from frazil.model.settings import Settings, with_values
from frazil.stages.movie_task import MovieTask
from frazil.stages.preprocess import preprocess
from frazil.store.catalogue import movies

if TYPE_CHECKING:
    from collections.abc import Callable

    from frazil.app.hub import Hub
    from frazil.stages.record import MovieRecord

VALUES = {
    "kind": "micrographs",
    "pixel_size_a": 2.0,
    "voltage_kv": 300.0,
    "particle_diameter_min_a": 128.0,
}
NAME = "movie_0001"


def process(hub: Hub, session: int, folder: Path) -> MovieRecord:
    """Do what the track would do."""
    row = row_of(hub, session, NAME)
    task = MovieTask(
        folder,
        NAME,
        Path(row["raw_path"]),
        with_values(Settings(), VALUES),
        movies.record_of(row),
        manual_picks=movies.manual_picks_of(row),
    )
    record = preprocess(task)
    assert record.reason == ""
    with hub.catalogue.write() as connection:
        values = {**movies.record_columns(record), "state": "done"}
        movies.change(connection, session, row["number"], **values)
    return record


@pytest.fixture
def session(hub: Hub, tmp_path: Path, virtual_micrographs: Path) -> int:
    """A session with one processed micrograph."""
    number: int = sessions.create(hub, SERVER, {"folder": str(tmp_path / "s"), **VALUES})["id"]
    source = sorted(virtual_micrographs.glob("*.mrc"))[0]
    add_done(hub, number, 1, raw_path=str(source))
    process(hub, number, tmp_path / "s")
    return number


def shown(hub: Hub, session: int) -> dict[str, Any]:
    """Return the candidates as numpy arrays."""
    told = pictures.picks(hub, SERVER, session, NAME)
    return {**told, **{name: np.array(told[name]) for name in ("x_px", "y_px", "score", "by_hand")}}


def test_from_the_request_to_the_particle_table(hub: Hub, session: int, tmp_path: Path) -> None:
    before, table = shown(hub, session), tmp_path / "s" / "particles" / f"{NAME}.parquet"
    count = pq.read_table(table).num_rows
    extracted = pq.read_table(table)
    own = np.hypot(
        before["x_px"] - extracted.column("x_px")[0].as_py(),
        before["y_px"] - extracted.column("y_px")[0].as_py(),
    )
    gone = int(own.argmin())
    free = [300.0, 310.0]
    told = manual_picks.save_manual_picks(hub, SERVER, session, NAME, [(free[0], free[1])], [gone])
    assert told["removed"] == [gone] and told["added"] == [tuple(free)] and told["pending"]
    row = row_of(hub, session, NAME)
    assert (row["state"], row["priority"]) == ("queued", 1)
    record = process(hub, session, tmp_path / "s")
    columns = pq.read_table(table)
    x, y = columns.column("x_px").to_numpy(), columns.column("y_px").to_numpy()
    assert np.hypot(x - free[0] / 2.0, y - free[1] / 2.0).min() < 1e-3
    assert np.hypot(x - before["x_px"][gone], y - before["y_px"][gone]).min() > 5.0
    assert abs(columns.num_rows - count) <= 1
    star = read_star(tmp_path / "s" / "picks" / f"{NAME}.star")[""]
    # What was cut out stands in the pick file; picks at the border are only counted.
    assert len(star.numbers("rlnCoordinateX")) == columns.num_rows <= record.number("picks")
    assert np.isfinite(star.numbers("rlnAutopickFigureOfMerit")).all()
    after = shown(hub, session)
    assert after["by_hand"][-1] == 1 and after["by_hand"][gone] == -1
    again = manual_picks.show_manual_picks(hub, SERVER, session, NAME)
    assert again["removed"] == [gone] and not again["pending"] and again["version"] != told["version"]
    # What was read is saved again: nothing changes, and nothing is redone.
    manual_picks.save_manual_picks(
        hub, SERVER, session, NAME, again["added"], again["removed"], again["version"]
    )
    assert row_of(hub, session, NAME)["state"] == "done"
    # Without any change it is as it was.
    manual_picks.save_manual_picks(hub, SERVER, session, NAME, [], [])
    process(hub, session, tmp_path / "s")
    as_before = pq.read_table(table)
    for name in ("x_px", "y_px", "score"):
        assert np.allclose(np.sort(as_before.column(name)), np.sort(extracted.column(name)))


def test_picking_by_hand_alone(hub: Hub, session: int, tmp_path: Path) -> None:
    row = row_of(hub, session, NAME)
    by_hand = ManualPicks(added=((300.0, 310.0), (500.0, 500.0)))
    settings = with_values(Settings(), {**VALUES, "picking_method": "manual"})
    task = MovieTask(
        tmp_path / "s", NAME, Path(row["raw_path"]), settings, movies.record_of(row), manual_picks=by_hand
    )
    record = preprocess(task)
    assert (record.reason, record.number("picks"), record.number("particles")) == ("", 2.0, 2.0)
    record = preprocess(replace(task, manual_picks=ManualPicks()))
    assert (record.stage("extract").state, record.number("picks"), record.notes) == ("skipped", 0.0, [])


def test_what_was_removed_stays_so_where_it_is_not_found_now(hub: Hub, session: int) -> None:
    with hub.catalogue.write() as connection:
        old = {"added": [], "removed": [[1.0, 1.0]]}
        movies.change(connection, session, 1, manual_picks=old)
    told = manual_picks.save_manual_picks(hub, SERVER, session, NAME, [(200.0, 200.0)], [])
    assert told["removed"] == [] and told["removed_at"] == [(1.0, 1.0)]
    assert manual_picks.save_manual_picks(hub, SERVER, session, NAME, [], [])["removed_at"] == []


def test_what_can_not_be_is_refused(hub: Hub, session: int) -> None:
    def save(added: list[tuple[float, float]], removed: list[int], **more: Any) -> None:
        manual_picks.save_manual_picks(hub, SERVER, session, NAME, added, removed, **more)

    with pytest.raises(InputError, match="outside"):
        save([(1e5, 1.0)], [])
    with pytest.raises(InputError, match=r"added|greater"):
        save([(-1.0, 1.0)], [])
    with pytest.raises(InputError, match="counted from 0"):
        save([], [10**6])
    with pytest.raises(ConflictError, match="again"):
        save([], [0], version="old")
    with pytest.raises(NotFoundError):
        manual_picks.save_manual_picks(hub, SERVER, session, "nobody", [], [])
    viewer = Actor(None, "vera", False, {1: "viewer"})
    with pytest.raises((DeniedError, NotFoundError)):
        manual_picks.save_manual_picks(hub, viewer, session, NAME, [], [0])


def test_another_server_knows_them(
    hub: Hub, make_hub: Callable[..., Hub], session: int, tmp_path: Path
) -> None:
    manual_picks.save_manual_picks(hub, SERVER, session, NAME, [(300.0, 310.0)], [0])
    process(hub, session, tmp_path / "s")
    saved = row_of(hub, session, NAME)["manual_picks"]
    hub.close()
    other = make_hub("other")
    adopted = adopt.adopt(other, SERVER, str(tmp_path / "s"))["id"]
    row = row_of(other, adopted, NAME)
    assert row["manual_picks"] == saved and row["state"] == "done"
