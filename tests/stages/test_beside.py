"""What is written beside the stages belongs to the stage that handed it in."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from frazil.formats.mrc import read_mrc, write_mrc
from frazil.model.settings import Settings, with_values
from frazil.stages.beside import Beside
from frazil.stages.exposure import round_to_half
from frazil.stages.movie_task import MovieTask
from frazil.stages.preprocess import preprocess
from frazil.stages.products import FOLDERS, Products
from frazil.stages.record import MovieRecord
from frazil.stages.record_file import stored_record

if TYPE_CHECKING:
    from pathlib import Path

    from frazil.model.settings import Stage


def test_work_goes_on_in_order_and_the_first_error_comes_out_with_its_stage() -> None:
    beside, seen, gate = Beside(), list[str](), threading.Event()
    states = [(beside.idle, beside.failed)]
    assert beside.finish() is None

    def fail(what: str) -> None:
        seen.append(what)
        raise OSError(what)

    beside.do("sum", gate.wait)
    beside.do("sum", seen.append, "picture")
    beside.do("ctf", fail, "curves")
    beside.do("pick", fail, "circles")
    states.append((beside.idle, beside.failed))
    assert seen == []
    gate.set()
    failure = beside.finish()
    assert failure is not None and failure[0] == "ctf" and str(failure[1]) == "curves"
    assert seen == ["picture", "curves", "circles"] and states == [(True, False), (False, False)]


@pytest.mark.parametrize("rows", [1, 64, 200])
def test_rounding_to_half_in_place_is_what_a_reader_sees(rows: int) -> None:
    image = np.random.default_rng(rows).normal(0.0, 3e4, (rows, 33)).clip(-6e4, 6e4).astype(np.float32)
    expected = image.astype(np.float16)
    half = round_to_half(image, 2)
    assert half is not None and np.array_equal(half, expected)
    assert np.array_equal(image, expected.astype(np.float32))


@pytest.mark.parametrize("wrong", [65520.0, -7e4, np.inf, np.nan])
def test_what_half_precision_cannot_hold_is_left_as_it_is(wrong: float) -> None:
    image = np.full((70, 8), 0.1, dtype=np.float32)
    image[69, 3] = wrong
    before = image.copy()
    assert round_to_half(image, 2) is None
    assert np.array_equal(image, before, equal_nan=True)
    image[69, 3] = 65519.0
    assert round_to_half(image, 1) is not None


@pytest.mark.parametrize(("product", "stage"), [("preview", "sum"), ("profile", "ctf")])
def test_a_stage_whose_picture_cannot_be_written_fails_and_is_done_again(
    product: str, stage: Stage, tmp_path: Path
) -> None:
    for name in FOLDERS:
        (tmp_path / "s" / name).mkdir(parents=True)
    source = tmp_path / "a.mrc"
    write_mrc(source, np.random.default_rng(1).normal(size=(256, 256)).astype(np.float32), 4.0)
    values = {"kind": "micrographs", "pixel_size_a": 4.0, "voltage_kv": 300.0}
    settings = with_values(Settings(), {**values, "particle_diameter_min_a": 200.0})
    task = MovieTask(tmp_path / "s", "a", source, settings, MovieRecord(name="a", source=str(source)))
    in_the_way = Products(task.session, "a").picture(product)
    in_the_way.mkdir()
    record = preprocess(task)
    failed = record.stages[stage]
    assert record.failed_stage == stage and failed.passing and str(in_the_way) in failed.reason
    assert list(record.stages)[-1] == stage and "picks" not in record.numbers
    assert stored_record(task.session, "a") == record
    in_the_way.rmdir()
    record = preprocess(task)
    assert record.failed_stage is None and in_the_way.is_file() and record.stage("pick").state == "done"
    assert read_mrc(Products(task.session, "a").micrograph).data.shape == (256, 256)


def test_what_ends_a_task_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in FOLDERS:
        (tmp_path / "s" / name).mkdir(parents=True)
    source = tmp_path / "a.mrc"
    write_mrc(source, np.random.default_rng(2).normal(size=(64, 64)).astype(np.float32), 4.0)

    def end(*_: object, **__: object) -> None:
        raise SystemExit(143)

    monkeypatch.setattr("frazil.stages.contrast_transfer.estimate_ctf", end)
    settings = with_values(Settings(), {"kind": "micrographs", "pixel_size_a": 4.0, "voltage_kv": 300.0})
    task = MovieTask(tmp_path / "s", "a", source, settings, MovieRecord(name="a", source=str(source)))
    with pytest.raises(SystemExit):
        preprocess(task)
    files = Products(task.session, "a")
    assert files.micrograph.is_file() and files.picture("preview").is_file()
    assert not list(task.session.rglob("*.part"))
