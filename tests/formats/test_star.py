"""STAR: against starfile, against gemmi, and against everything people do to text files."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
import pyarrow as pa
import pytest
import starfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frazil.formats.star import StarTable, read_star, write_star
from frazil.model.errors import InputError

DATA = Path(__file__).parents[3] / "shared" / "data"
LOOP = "data_x\n\nloop_\n_rlnA #1\n_rlnMicrographName #2\n 1 one.mrc\n 2 two.mrc \n"


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "some.star"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def particles(rows: int) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    return {
        "rlnCoordinateX": rng.uniform(0, 5000, rows),
        "rlnDefocusU": rng.uniform(-3e4, 3e4, rows).astype(np.float32),
        "rlnImageName": [f"{k % 300 + 1:06d}@particles/m{k // 300}.mrcs" for k in range(rows)],
        "rlnOpticsGroup": np.ones(rows, dtype=np.int32),
    }


@pytest.mark.parametrize("rows", [1, 7, 12_500, 12_501, 70_000])
def test_what_we_write_is_what_everybody_reads(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "particles.star"
    columns = particles(rows)
    optics: dict[str, Any] = {
        "rlnOpticsGroupName": ["opticsGroup1"],
        "rlnOpticsGroup": [1],
        "rlnVoltage": [300.0],
    }
    write_star(path, {"optics": optics, "particles": StarTable(columns)})
    ours = read_star(path)
    assert list(ours) == ["optics", "particles"]
    theirs: Any = starfile.read(path, always_dict=True)
    for name, values in columns.items():
        if name == "rlnImageName":
            assert ours["particles"].texts(name) == values == list(theirs["particles"][name])
        else:
            np.testing.assert_allclose(ours["particles"].numbers(name), values, atol=6e-7, rtol=0)
            np.testing.assert_allclose(theirs["particles"][name], values, atol=6e-7, rtol=0)
    block: Any = gemmi.cif.read(str(path)).find_block("particles")
    assert list(block.find_loop("_rlnImageName")) == columns["rlnImageName"]
    text = path.read_text()
    assert text.startswith("\n# version 30001\n\ndata_optics\n\nloop_ \n_rlnOpticsGroupName #1 \n")
    assert f"{columns['rlnCoordinateX'][-1]:.6f}"[:-1] in text


def test_small_and_large_tables_are_written_alike(tmp_path: Path) -> None:
    values = np.array([0.0, -0.0, 1e-7, -1e-7, 0.5, -0.25, 123456.789012, 2e12, -3.0000005])
    small, large = tmp_path / "small.star", tmp_path / "large.star"
    for path, count in ((small, 1), (large, 500)):
        write_star(path, {"": {"rlnA": np.tile(values, count), "rlnB": ["", *["b"] * 8] * count}})
    rows = [line for line in small.read_text().splitlines() if line.endswith((" b", " None"))]
    assert rows[:2] == ["0.000000 None", "0.000000 b"]
    assert rows[3] == "0.000000 b"
    large_rows = [line for line in large.read_text().splitlines() if line.endswith((" b", " None"))]
    assert large_rows == rows * 500


def test_lists(tmp_path: Path) -> None:
    path = tmp_path / "motion.star"
    general = StarTable(
        {"rlnImageSizeX": [3710], "rlnVoltage": [200.0], "rlnMovie": ["a.tiff"]}, is_loop=False
    )
    write_star(path, {"general": general, "shift": {"rlnFrame": [1, 2]}})
    back = read_star(path)
    assert not back["general"].is_loop
    assert back["general"].columns["rlnMovie"] == ["a.tiff"]
    assert back["general"].integers("rlnImageSizeX").tolist() == [3710]
    assert back["shift"].is_loop
    theirs: Any = starfile.read(path)
    assert theirs["general"]["rlnImageSizeX"] == 3710


@pytest.mark.parametrize(
    "text",
    [
        LOOP,
        LOOP.replace("\n", "\r\n"),
        LOOP.encode("utf-8-sig"),
        LOOP.encode("utf-16"),
        "# comment\n\n" + LOOP.replace("_rlnA #1", "_rlnA #7"),
        LOOP.replace(" 1 one.mrc", "\n\n\t1   one.mrc # why\n# because"),
        LOOP.replace("one.mrc", "'one.mrc'").replace("two.mrc", '"two.mrc"'),
        LOOP.rstrip(),
        LOOP + "\ndata_y\n\n_rlnB 3\n",
        "data_y\n_rlnB 3\n\n" + LOOP,
        LOOP.replace("data_", "DATA_").replace("loop_", "LOOP_"),
    ],
)
def test_the_same_table_in_many_spellings(tmp_path: Path, text: str | bytes) -> None:
    table = read_star(written(tmp_path, text))["x"]
    assert table.integers("rlnA").tolist() == [1, 2]
    assert table.texts("rlnMicrographName") == ["one.mrc", "two.mrc"]


def test_names_stay_names(tmp_path: Path) -> None:
    table = read_star(
        written(tmp_path, "data_\nloop_\n_rlnMicrographName\n_a\n_b\n00021 007 1\n00022 008 2.\n")
    )[""]
    assert table.texts("rlnMicrographName") == ["00021", "00022"]
    assert table.texts("a") == ["007", "008"]
    assert table.numbers("b").tolist() == [1.0, 2.0]
    with pytest.raises(InputError, match=r"some\.star \(data_\): has no column rlnNo"):
        table.numbers("rlnNo")
    with pytest.raises(InputError, match="should hold numbers"):
        read_star(written(tmp_path, LOOP))["x"].numbers("rlnMicrographName")


def test_quotes_and_blanks(tmp_path: Path) -> None:
    table = read_star(written(tmp_path, "data_\n_rlnA 'Peter's grid'\n_rlnB \"\"\n_rlnC a#b\n"))[""]
    assert table.columns == {"rlnA": ["Peter's grid"], "rlnB": [""], "rlnC": ["a#b"]}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "holds no STAR table"),
        ("hello", "line 1: no STAR file"),
        (b"\x00\x01\x02", "binary"),
        (LOOP + " 3\n", r"some\.star, line 8: 1 words in a row of 2 columns"),
        (LOOP + LOOP, "line 8: there is a block data_x already"),
        ("data_x\n_a 1 2\n", "line 2: expected one name and one value"),
        ("data_x\nloop_\n1 2\n", "line 2: a loop without columns"),
        ("data_x\nloop_\n_a\n_a\n1 2\n", "line 4: column _a stands here twice"),
        ("data_x\n_a 1\nloop_\n_b\n1\n", "line 3: block data_x holds more than one table"),
        ("data_x\n_a\n;\ntext\n;\n", "line 2: expected one name"),
    ],
)
def test_broken_files_are_named_with_the_line(tmp_path: Path, text: str | bytes, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        read_star(written(tmp_path, text))


def test_a_broken_row_in_a_large_table_is_found(tmp_path: Path) -> None:
    path = tmp_path / "large.star"
    write_star(path, {"": particles(20_000)})
    lines = path.read_text().splitlines()
    lines[15_000] += " surplus"
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"large\.star, line 15001: 5 words in a row of 4 columns"):
        read_star(path)


@pytest.mark.parametrize(
    "column", [[1.0, float("nan")], ["two words", "b"], ["_a", "b"], [1.0], ["a\tb", "c"], np.ones((2, 2))]
)
@pytest.mark.parametrize("copies", [1, 13_000])
def test_what_others_could_not_read_is_not_written(tmp_path: Path, column: Any, copies: int) -> None:
    column = np.tile(column, (copies, 1)) if isinstance(column, np.ndarray) else column * copies
    with pytest.raises(InputError, match="bad"):
        write_star(tmp_path / "bad.star", {"x": {"rlnA": [1, 2] * copies, "rlnBad": column}})
    assert not list(tmp_path.iterdir())


def test_large_and_small_bodies_are_read_alike(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    kinds = [
        ["1", "-2", "+3"],
        ["1.5", "+.5", "-3.", "1e-3", "2"],
        ["007", "1"],
        ["a", "1"],
        ["nan", "1.0", "inf"],
        ["12345678901234567890", "1"],
        ["0", "-1"],
        ["0x10", "1"],
    ]
    rows = [[kind[rng.integers(len(kind))] for kind in kinds] for _ in range(12_000)]
    names = [f"c{k}" for k in range(len(kinds))]
    head = "data_\nloop_\n" + "".join(f"_{name}\n" for name in names)
    lines = ["   ".join(row).rjust(60) + ("  " if number % 3 else "") for number, row in enumerate(rows)]
    fast = read_star(written(tmp_path, head + "\n".join(lines)))[""]
    slow = read_star(written(tmp_path, head + "\n".join([lines[0] + " # slow", *lines[1:]])))[""]
    for name, kind in zip(names, ("i", "f", "", "", "f", "f", "i", ""), strict=True):
        ours, theirs = fast.columns[name], slow.columns[name]
        if kind:
            assert isinstance(ours, np.ndarray)
            assert isinstance(theirs, np.ndarray)
            assert ours.dtype.kind == theirs.dtype.kind == kind
            np.testing.assert_array_equal(ours, theirs)
        else:
            assert ours == theirs


@given(st.text(alphabet="data_loop rlnX#1'\"\n\t;.é-5", max_size=200))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_gives_tables_or_an_error(tmp_path: Path, text: str) -> None:
    try:
        tables = read_star(written(tmp_path, "data_\nloop_\n_a\n_b\n" + text))
    except InputError as error:
        assert "some.star" in str(error)
    else:
        for table in tables.values():
            assert len({len(column) for column in table.columns.values()}) <= 1


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_give_tables_or_an_error(tmp_path: Path, content: bytes) -> None:
    try:
        read_star(written(tmp_path, content))
    except InputError as error:
        assert "some.star" in str(error)


def test_real_files_as_gemmi_reads_them() -> None:
    if not DATA.exists():
        pytest.skip("shared data are not here")
    paths = list(DATA.rglob("*.star"))
    assert paths
    for path in paths:
        theirs = gemmi.cif.read(str(path))
        ours = read_star(path)
        assert len(theirs) == len(ours)
        for table, block in zip(ours.values(), theirs, strict=True):
            for name in table.columns:
                words = [gemmi.cif.as_string(word) for word in block.find_values("_" + name)]
                column = table.columns[name]
                if isinstance(column, np.ndarray):
                    np.testing.assert_array_equal(column, np.array(words, dtype=float))
                else:
                    assert list(column) == words


def test_a_million_rows_in_seconds(tmp_path: Path) -> None:
    columns = particles(1_000_000)
    start = time.process_time()
    write_star(tmp_path / "million.star", {"particles": columns})
    assert time.process_time() - start < 5.0  # measured: 0.9
    start = time.process_time()
    table = read_star(tmp_path / "million.star")["particles"]
    assert time.process_time() - start < 8.0  # measured: 1.3
    assert len(table) == 1_000_000


def test_reading_star_files_loads_nothing_heavy() -> None:
    heavy = "[name for name in ('torch', 'numba', 'pyarrow') if name in sys.modules]"
    code = f"import sys, frazil.formats.star; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("rows", [3, 17_000])
def test_words_of_dictionaries_and_chunks_are_written_as_such(tmp_path: Path, rows: int) -> None:
    place = np.arange(rows) % 3
    words = ["a/one.mrc", "b/two.mrc", ""]
    columns = {
        "rlnPlain": [words[k] for k in place],
        "rlnDictionary": pa.DictionaryArray.from_arrays(place, words),
        "rlnChunks": pa.chunked_array([[words[k] for k in place[:2]], [words[k] for k in place[2:]]]),
    }
    write_star(tmp_path / "x.star", {"": columns})
    table = read_star(tmp_path / "x.star")[""]
    assert table.texts("rlnPlain")[:2] == words[:2] and len(table) == rows
    assert table.texts("rlnDictionary") == table.texts("rlnPlain") == table.texts("rlnChunks")
