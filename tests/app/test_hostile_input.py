"""What people and disks do to ``frazil process``: each gets a message, nothing of theirs is harmed."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from frazil.app.inputs import find_inputs
from frazil.app.process import process
from frazil.app.process_request import ProcessRequest, ProcessResult
from frazil.engine.inline import InlineExecutor
from frazil.formats.mrc import write_mrc
from frazil.model.errors import InputError
from frazil.model.settings import Settings, with_values
from frazil.stages.record import MovieRecord
from frazil.store.session import SessionFolder, assign_names
from frazil.store.session_file import SCHEMA_VERSION, SessionFile

if TYPE_CHECKING:
    from pathlib import Path

ONLY_AVERAGES = with_values(
    Settings(),
    {"kind": "micrographs", "pixel_size_a": 2.0, "voltage_kv": 300.0, "picking_method": "none"},
)
NEWER = SessionFile(schema_version=SCHEMA_VERSION + 1, id="x", name="n", created_at="t")


class Silent:
    """A reporter that keeps the counts."""

    counts = (0, 0)

    def message(self, text: str) -> None: ...

    def problem(self, text: str) -> None: ...

    def begin(self, movies: int, already_done: int) -> None:
        self.counts = (movies, already_done)

    def movie(self, name: str, summary: str, *, failed: bool) -> None: ...

    def end(self) -> None: ...


def run(pattern: Path, session: Path) -> tuple[ProcessResult, tuple[int, int]]:
    report = Silent()
    request = ProcessRequest([str(pattern)], session, ONLY_AVERAGES, device="cpu", classify=False)
    return process(request, report, lambda _workers, _threads: InlineExecutor(eager=True)), report.counts


def micrograph(path: Path) -> Path:
    image = np.random.default_rng(1).normal(10.0, 1.0, (256, 256)).astype(np.float32)
    write_mrc(path, image, 2.0, depth="float32")
    return path


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("", "variable of your shell"),
        ("  ", "variable of your shell"),
        ("~nobody-of-this-name/x", "no such user"),
        ("folder", "there is no file in this folder"),
        ("fold*", "matches folders only"),
        ("[", "no such file"),
        ("a\0b", "no such file|can't be looked at|null"),
    ],
)
def test_patterns_without_movies(pattern: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    where = pattern if not pattern.strip() or pattern.startswith("~") else str(tmp_path / pattern)
    with pytest.raises(InputError, match=problem):
        find_inputs([where], Settings())


def test_a_file_is_taken_once_however_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    movie = tmp_path / "d" / "m.tiff"
    movie.touch()
    given = [str(movie), f"{tmp_path}/d/../d/m.tiff", f"{tmp_path}/d", f"{tmp_path}/*/m.tiff"]
    assert find_inputs(given, Settings()).sources == [movie]


def test_products_of_the_session_are_no_input(tmp_path: Path) -> None:
    (tmp_path / "OUT" / "micrographs").mkdir(parents=True)
    (tmp_path / "OUT" / "micrographs" / "m.mrc").touch()
    movie = tmp_path / "m.tiff"
    movie.touch()
    found = find_inputs([str(tmp_path)], Settings(), tmp_path / "OUT")
    assert found.sources == [movie]
    assert found.ignored == [(tmp_path / "OUT" / "micrographs" / "m.mrc", "lies in the session folder")]


def test_a_link_never_replaces_somebodys_file(tmp_path: Path) -> None:
    with SessionFolder(tmp_path / "s") as session:
        mine = tmp_path / "s" / "raw" / "m.tiff"
        mine.write_bytes(b"the only copy")
        session.link_raw("m", mine)
        assert mine.read_bytes() == b"the only copy"
        assert not mine.is_symlink()


def test_nothing_is_left_in_a_strangers_folder(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(InputError, match="is not empty"):
        SessionFolder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "damaged"),
        ('{"half', "damaged"),
        ("[1, 2]", "damaged"),
        ('{"a": 1}', "damaged .*Field required"),
        (
            SessionFile(
                schema_version=SCHEMA_VERSION + 1, id="x", name="n", created_at="t"
            ).model_dump_json(),
            "newer Frazil",
        ),
        ('{"schema_version": 99, "unknown": true}', "newer Frazil"),
    ],
)
def test_sessions_that_cannot_be_read(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "session.json").write_text(text)
    with pytest.raises(InputError, match=rf"session\.json: .*{problem}"):
        SessionFolder(tmp_path)
    assert (tmp_path / "session.json").read_text() == text


def test_a_folder_called_session_json(tmp_path: Path) -> None:
    (tmp_path / "session.json").mkdir()
    with pytest.raises(InputError, match="can't be read: Is a directory"):
        SessionFolder(tmp_path)


def test_long_names_leave_room_for_endings(tmp_path: Path) -> None:
    longest = "x" * 250
    sources = [tmp_path / longest / f"{longest}{k}.mrc" for k in "ab"]
    names = assign_names(sources, {})
    assert len(set(names.values())) == 2
    assert max(map(len, names.values())) <= 220


def test_a_name_that_is_no_text_costs_nobody_else(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    good = micrograph(folder / "good.mrc")
    try:
        os.link(good, os.fsencode(folder) + b"/latin\xe9.mrc")
    except OSError as error:
        pytest.skip(f"this file system takes only text as names: {error}")
    result, _ = run(folder, tmp_path / "s")
    assert result.done == ["good"]
    assert list(result.failed) == ["latin\\xe9.mrc"]
    assert "rename the file" in result.failed["latin\\xe9.mrc"]
    assert result.exit_status == 1


def test_a_dangling_link_is_not_counted_as_done(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    micrograph(tmp_path / "in" / "good.mrc")
    (tmp_path / "in" / "link.mrc").symlink_to("nowhere.mrc")
    result, counts = run(tmp_path / "in", tmp_path / "s")
    assert counts == (1, 0)
    assert result.done == ["good"]
    assert list(result.failed) == ["link"]
    assert "link.mrc: a link to nowhere.mrc, which can't be followed: No such file" in result.failed["link"]
    # Again: nothing is left but what can't be reached.
    result, counts = run(tmp_path / "in", tmp_path / "s")
    assert counts == (0, 1)


def test_a_folder_that_is_closed_makes_the_run_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in" / "closed").mkdir(parents=True)
    micrograph(tmp_path / "in" / "good.mrc")
    scandir = os.scandir

    def refuse(place: str) -> object:
        if str(place).endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied", str(place))
        return scandir(place)

    monkeypatch.setattr(os, "scandir", refuse)
    result, _ = run(tmp_path / "in", tmp_path / "s")
    assert result.done == ["good"]
    assert result.problems == [f"{tmp_path}/in/closed: this folder can't be looked into: Permission denied"]
    assert result.exit_status == 1


def test_a_file_where_the_session_should_be_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"in\.mrc: is a file, not a folder; give another name"):
        run(micrograph(tmp_path / "in.mrc"), tmp_path / "in.mrc")


def test_a_movie_that_changed_is_done_again(tmp_path: Path) -> None:
    movie = micrograph(tmp_path / "m.mrc")
    run(movie, tmp_path / "s")
    assert run(movie, tmp_path / "s")[1] == (0, 1)
    micrograph(movie)
    os.utime(movie, ns=(1, 1))
    assert run(movie, tmp_path / "s")[1] == (1, 0)
    record = MovieRecord.model_validate_json((tmp_path / "s" / "records" / "m.json").read_bytes())
    assert record.source_signature.endswith("-1")
