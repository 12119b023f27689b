"""What is written to the catalogue comes back: sessions, settings, tracks, movies, files, updates, alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import IntegrityError

from frazil.model.errors import InputError
from frazil.model.movie_columns import MOVIE_COLUMNS
from frazil.stages.record import MovieRecord, StageRecord
from frazil.store.catalogue import (
    Catalogue,
    alerts,
    audit,
    class_updates,
    movies,
    revisions,
    schema,
    sessions,
    source_files,
    tracks,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def movie(name: str, **values: Any) -> Mapping[str, Any]:
    return {
        "name": name,
        "path": f"{name}.tif",
        "state": "queued",
        "found_at": 1.0,
        "target_revision": 1,
        **values,
    }


def test_sessions(catalogue: Catalogue, session_id: int) -> None:
    with catalogue.read() as connection:
        row = sessions.get(connection, session_id)
        assert (row.name, row.group, row.owner, row.life) == ("one", "lab", None, "new")
        assert sessions.find(connection, uuid="1") == row
        assert sessions.find(connection, folder="/elsewhere") is None
        assert sessions.listed(connection, [row.group_id]) == [row]
        assert sessions.listed(connection, []) == []
        with pytest.raises(InputError, match="no session S99"):
            sessions.get(connection, 99)


def test_numbers_of_sessions_are_not_used_again(catalogue: Catalogue, session_id: int) -> None:
    with catalogue.write() as connection:
        sessions.remove(connection, session_id)
        values = {"group_id": 1, "kind": "movies", "life": "new", "created_at": 1.0}
        assert sessions.add(connection, uuid="2", name="two", folder="/two", **values) == session_id + 1


def test_a_removed_session_takes_everything_along(catalogue: Catalogue, session_id: int) -> None:
    with catalogue.write() as connection:
        movies.add_many(connection, session_id, [movie("a")])
        sessions.remove(connection, session_id)
        assert tracks.listed(connection) == []
        assert movies.page(connection, session_id).total == 0


def test_revisions_count_up_and_are_never_changed(catalogue: Catalogue, session_id: int) -> None:
    with catalogue.write() as connection:
        with pytest.raises(InputError, match="no settings revision"):
            revisions.newest(connection, session_id)
        for pixel in (1.0, 1.1):
            revisions.add(connection, session_id, {"pixel_size_a": pixel}, saved_by="me", saved_at=2.0)
        newest = revisions.newest(connection, session_id)
        assert newest.revision == 2
        assert newest.settings().microscope.pixel_size_a == 1.1
        assert revisions.get(connection, session_id, 1).values == {"pixel_size_a": 1.0}
        assert [row.revision for row in revisions.listed(connection, session_id)] == [1, 2]


def test_tracks_keep_wish_state_and_memory(catalogue: Catalogue, session_id: int) -> None:
    with catalogue.write() as connection:
        assert [row.track for row in tracks.listed(connection, [session_id])] == [
            "transfer",
            "preprocess",
            "classify2d",
        ]
        tracks.save_state(
            connection, session_id, "transfer", wanted=True, state="paused", reason="disk", now=5.0
        )
        tracks.remember(connection, session_id, "transfer", {"round": 3})
        row = tracks.get(connection, session_id, "transfer")
        assert (row.wanted, row.state, row.reason, row.since) == (True, "paused", "disk", 5.0)
        assert row.memory == {"round": 3}
        assert tracks.get(connection, session_id, "preprocess").state == "stopped"


def test_movies_are_numbered_and_names_are_unique(catalogue: Catalogue, session_id: int) -> None:
    with catalogue.write() as connection:
        assert movies.add_many(connection, session_id, [movie("a"), movie("b", grid_square="7")]) == [1, 2]
        assert movies.add_many(connection, session_id, [movie("c")]) == [3]
        assert movies.add_many(connection, session_id, []) == []
        assert movies.get(connection, session_id, "b")["grid_square"] == "7"
        assert movies.names(connection, session_id) == {"a.tif": "a", "b.tif": "b", "c.tif": "c"}
        with pytest.raises(InputError, match="no movie called x"):
            movies.get(connection, session_id, "x")
    with pytest.raises(IntegrityError), catalogue.write() as connection:
        movies.add_many(connection, session_id, [movie("a")])


def test_movies_by_state(catalogue: Catalogue, session_id: int) -> None:
    with catalogue.write() as connection:
        rows = [movie("a"), movie("b", state="done"), movie("c", next_try_at=50.0), movie("d")]
        movies.add_many(connection, session_id, rows)

        def queued(**how: Any) -> list[str]:
            return [row["name"] for row in movies.in_states(connection, session_id, ["queued"], **how)]

        assert queued() == ["d", "c", "a"]
        assert queued(newest_first=False, ready_at=49.0) == ["a", "d"]
        assert queued(ready_at=50.0, limit=2) == ["d", "c"]
        condition = schema.movies.c.state == "queued"
        assert movies.change_where(connection, session_id, condition, state="failed") == 3
        movies.change(connection, session_id, 1, state="done")
        assert movies.by_number(connection, session_id, [1, 3, 9])[1]["state"] == "done"
        assert sessions.counts(connection, [session_id, 7])[session_id] == {
            "movies": 4,
            "particles": 0,
            "done": 2,
            "failed": 2,
        }


def test_a_record_fills_the_columns(catalogue: Catalogue, session_id: int) -> None:
    record = MovieRecord(
        name="a",
        source="/raw/a.tif",
        stages={"align": StageRecord(state="done"), "ctf": StageRecord(state="failed", reason="no signal")},
        numbers={"defocus_u_a": 12345.5, "particles": 30.0, "ctf_score": None, "not_a_column": 1.0},
    )
    with catalogue.write() as connection:
        movies.add_many(connection, session_id, [movie("a")])
        movies.change(connection, session_id, 1, **movies.record_columns(record))
        row = movies.get(connection, session_id, "a")
        assert (row["defocus_u_a"], row["particles"], row["ctf_score"]) == (12345.5, 30, None)
        assert (row["failed_stage"], row["reason"]) == ("ctf", "no signal")
        assert movies.record_of(row) == record
        fresh = movies.record_of({"record": None, "name": "b", "raw_path": None, "path": "b.tif"})
        assert fresh == MovieRecord(name="b", source="b.tif")


@pytest.mark.parametrize("descending", [True, False])
def test_pages_cover_every_movie_once_in_order(
    catalogue: Catalogue, session_id: int, descending: bool
) -> None:
    values = [None if n % 5 == 0 else float(n * 7 % 11) for n in range(53)]
    with catalogue.write() as connection:
        movies.add_many(connection, session_id, [movie(f"m{n}", defocus_u_a=v) for n, v in enumerate(values)])
        seen: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = movies.page(
                connection,
                session_id,
                columns=["defocus_u_a"],
                sort="defocus_u_a",
                descending=descending,
                limit=10,
                cursor=cursor,
            )
            assert page.total == 53
            seen += page.rows
            cursor = page.cursor
            if cursor is None:
                break
    assert sorted(row["number"] for row in seen) == list(range(1, 54))
    numbers = [row["defocus_u_a"] for row in seen if row["defocus_u_a"] is not None]
    assert numbers == sorted(numbers, reverse=descending)
    assert [row["defocus_u_a"] for row in seen[-11:]] == [None] * 11
    assert set(seen[0]) == {"number", "name", "defocus_u_a"}


def test_pages_search_literally(catalogue: Catalogue, session_id: int) -> None:
    with catalogue.write() as connection:
        movies.add_many(connection, session_id, [movie("a_1"), movie("ab1"), movie("A_1x")])
        found = movies.page(connection, session_id, search="a_1").rows
        assert sorted(row["name"] for row in found) == ["A_1x", "a_1"]
        assert movies.page(connection, session_id, search="%").rows == []


@pytest.mark.parametrize(
    "wrong",
    [{"sort": "nothing"}, {"columns": ["x; DROP TABLE movies"]}, {"cursor": "abc"}, {"cursor": "-1"}],
)
def test_pages_refuse_what_they_do_not_know(
    catalogue: Catalogue, session_id: int, wrong: dict[str, Any]
) -> None:
    with catalogue.read() as connection, pytest.raises(InputError):
        movies.page(connection, session_id, **wrong)


def test_every_column_has_a_place(catalogue: Catalogue, session_id: int) -> None:
    with catalogue.write() as connection:
        movies.add_many(connection, session_id, [movie("a")])
        row = movies.page(connection, session_id).rows[0]
        assert set(row) == {"number", *(column.name for column in MOVIE_COLUMNS)}
        columns = movies.series(connection, session_id, ["defocus_u_a", "done_at"])
        assert columns == {"number": [1], "defocus_u_a": [None], "done_at": [None]}
        with pytest.raises(InputError, match="no column"):
            movies.series(connection, session_id, ["record"])


def test_the_ledger(catalogue: Catalogue, session_id: int) -> None:
    base = {"kind": "movie", "size_bytes": 2**40, "mtime_ns": 2**60, "found_at": 1.0, "state": "settling"}
    with catalogue.write() as connection:
        rows = [{**base, "path": path} for path in ("a/1.tif", "b/1.tif")]
        source_files.add_many(connection, session_id, [*rows, {**base, "path": "x.xml", "kind": "extra"}])
        source_files.add_many(connection, session_id, [])
        source_files.change(connection, session_id, "a/1.tif", state="done", xxh128="ab")
        condition = schema.source_files.c.state == "settling"
        assert source_files.change_where(connection, session_id, condition, state="waiting") == 2
        assert [row["path"] for row in source_files.every(connection, session_id, ["done"])] == ["a/1.tif"]
        assert source_files.counts(connection, session_id) == {
            "movie": {"done": 1, "done_bytes": 2**40, "waiting": 1, "waiting_bytes": 2**40},
            "extra": {"waiting": 1, "waiting_bytes": 2**40},
        }


def test_class_history(catalogue: Catalogue, session_id: int) -> None:
    values = {
        "run": 2,
        "update_in_run": 1,
        "kind": "streaming",
        "finished_at": 1.0,
        "seconds": 2.0,
        "particles": 1000,
        "class_count": 20,
        "settings_revision": 1,
        "folder": "classes/run002/update001",
        "summary": {"classes": []},
    }
    with catalogue.write() as connection:
        assert class_updates.last_numbers(connection, session_id) == (0, 0)
        with pytest.raises(InputError, match="no class averages yet"):
            class_updates.get(connection, session_id)
        class_updates.add(connection, session_id, 5, values)
        class_updates.add(connection, session_id, 6, {**values, "update_in_run": 2})
        assert class_updates.get(connection, session_id)["number"] == 6
        assert class_updates.get(connection, session_id, 5)["summary"] == {"classes": []}
        assert [row["number"] for row in class_updates.listed(connection, session_id)] == [5, 6]
        assert class_updates.last_numbers(connection, session_id) == (6, 2)
        with pytest.raises(InputError, match="no update 4"):
            class_updates.get(connection, session_id, 4)
        assert len(class_updates.remove_all(connection, session_id)) == 2


def test_an_alert_is_raised_once_until_it_is_cleared(catalogue: Catalogue, session_id: int) -> None:
    with catalogue.write() as connection:
        number = alerts.raise_alert(connection, session_id, "no_new_movie", "no movie for 15 min", 1.0)
        assert number is not None
        assert alerts.raise_alert(connection, session_id, "no_new_movie", "16 min", 2.0) is None
        alerts.change(connection, number, sent=True)
        assert alerts.listed(connection, session_id, only_open=True)[0]["sent"]
        assert alerts.clear_alert(connection, session_id, "no_new_movie", 3.0)
        assert not alerts.clear_alert(connection, session_id, "no_new_movie", 3.0)
        assert alerts.listed(connection, session_id, only_open=True) == []
        assert alerts.raise_alert(connection, session_id, "no_new_movie", "again", 4.0) is not None


def test_the_audit_tells_who_did_what(catalogue: Catalogue, session_id: int) -> None:
    with catalogue.write() as connection:
        for n in range(3):
            audit.add(connection, at=float(n), who="me", what=f"w{n}", session_id=session_id, after={"n": n})
        rows = audit.listed(connection, session_id=session_id, limit=2)
        assert [row["what"] for row in rows] == ["w2", "w1"]
        older = audit.listed(connection, before_id=rows[-1]["id"])
        assert [row["after"] for row in older] == [{"n": 0}]
