"""The session folder: names that never collide, one owner, nothing half-written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil.model.errors import InputError
from frazil.model.settings import Settings, with_values
from frazil.stages.record import MovieRecord, StageRecord
from frazil.store.log import TrackLog
from frazil.store.session import SessionFolder, assign_names, product_stem


def test_equal_stems_do_not_collide() -> None:
    sources = [Path("/d/square1/mov.tiff"), Path("/d/square2/mov.tiff"), Path("/e/square2/mov.tiff")]
    names = assign_names(sources, {})
    assert [names[s] for s in sources] == ["mov", "square2_mov", "square2_mov_2"]


def test_names_stay_when_movies_are_added() -> None:
    first = assign_names([Path("/b/mov.tiff")], {})
    again = assign_names(
        [Path("/a/mov.tiff"), Path("/b/mov.tiff")], {str(source): name for source, name in first.items()}
    )
    assert again == {Path("/b/mov.tiff"): "mov", Path("/a/mov.tiff"): "a_mov"}


@given(st.lists(st.from_regex(r"/[a-cB]/[a-bA. %]{1,4}\.(tif|mrc|mrc\.gz)", fullmatch=True), unique=True))
def test_names_are_unique_and_harmless(paths: list[str]) -> None:
    names = assign_names([Path(path) for path in paths], {})
    lowered = [name.lower() for name in names.values()]
    assert len(set(lowered)) == len(lowered)
    assert all(name and set(name) <= set("abcABmovie0123456789_-gzifrt") for name in names.values())


def test_inner_dots_become_underscores() -> None:
    assert product_stem(Path("/x/May08_03.05.02.mrc.gz")) == "May08_03_05_02"
    assert product_stem(Path("/x/Fol Hole+1.tiff")) == "Fol_Hole_1"


def test_only_one_process_works_in_a_session(tmp_path: Path) -> None:
    with SessionFolder(tmp_path / "s"), pytest.raises(InputError, match="another Frazil"):
        SessionFolder(tmp_path / "s")
    SessionFolder(tmp_path / "s").close()


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    with SessionFolder(tmp_path / "s") as session:
        session.save_settings(Settings())
    part = tmp_path / "s" / "micrographs" / ".a.mrc.123-abcd.part"
    part.write_bytes(b"half")
    kept = tmp_path / "s" / "micrographs" / "a.mrc"
    kept.write_bytes(b"whole")
    unfinished = tmp_path / "s" / "classes" / "run001" / ".update001.part"
    unfinished.mkdir(parents=True)
    with SessionFolder(tmp_path / "s"):
        assert not part.exists()
        assert kept.exists()
        assert not unfinished.exists()


def test_settings_are_a_chain_of_revisions(tmp_path: Path) -> None:
    with SessionFolder(tmp_path / "s", "A grid") as session:
        assert session.save_settings(Settings()) == 1
        assert session.save_settings(Settings()) == 1
        assert session.save_settings(with_values(Settings(), {"cs_mm": 1.4})) == 2
        identity = session.id
    with SessionFolder(tmp_path / "s") as session:
        assert session.id == identity
        assert session.save_settings(with_values(Settings(), {"cs_mm": 1.4})) == 2
    content = json.loads((tmp_path / "s" / "session.json").read_text())
    assert content["name"] == "A grid"
    assert [revision["values"] for revision in content["settings"]] == [{}, {"cs_mm": 1.4}]


def test_a_newer_or_damaged_session_is_refused(tmp_path: Path) -> None:
    with SessionFolder(tmp_path / "s") as session:
        session.save_settings(Settings())
    file = tmp_path / "s" / "session.json"
    file.write_text(json.dumps({"schema_version": 99, "something": "new"}))
    with pytest.raises(InputError, match=r"newer Frazil \(schema 99\)"):
        SessionFolder(tmp_path / "s")
    file.write_text("{ half")
    with pytest.raises(InputError, match=r"session\.json: damaged"):
        SessionFolder(tmp_path / "s")


def test_a_place_that_can_t_hold_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file"):
        SessionFolder(tmp_path / "file" / "s")
    with pytest.raises(InputError, match="/proc/frazil"):
        SessionFolder(Path("/proc/frazil"))


def test_records_come_back_and_never_hold_nan(tmp_path: Path) -> None:
    record = MovieRecord(name="a", source="/x/a.tif")
    record.stages["align"] = StageRecord(state="done", fingerprint="f", products=["motion/a.star"])
    record.put_numbers({"ctf_score": float("nan"), "picks": 3})
    with SessionFolder(tmp_path / "s") as session:
        session.save_record(record)
        (tmp_path / "s" / "records" / "b.json").write_text("{ half")
        assert list(session.records()) == [record]
    assert record.numbers == {"ctf_score": None, "picks": 3.0}
    assert "NaN" not in (tmp_path / "s" / "records" / "a.json").read_text()


def test_log_lines_are_json(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    with TrackLog(tmp_path, "preprocess") as log:
        log.info("done", movie="a", seconds=1.5)
        log.error("Å and ü", path=Path("/x"))
    lines = [json.loads(line) for line in (tmp_path / "logs" / "preprocess.jsonl").read_text().splitlines()]
    assert [line["level"] for line in lines] == ["info", "error"]
    assert lines[0]["track"] == "preprocess"
    assert lines[0]["movie"] == "a"
    assert lines[1]["message"] == "Å and ü"
    assert all(line["time"].endswith("Z") for line in lines)


def test_a_log_that_can_t_be_written_stops_nothing(tmp_path: Path) -> None:
    with TrackLog(tmp_path / "nowhere", "preprocess") as log:
        log.info("done")
        assert log.lost == 2
