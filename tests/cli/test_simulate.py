"""`frazil simulate` as a person calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import tifffile
import typer
from typer.testing import CliRunner

from frazil.cli.simulate import parse_size, simulate
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

APP = typer.Typer()
APP.command()(simulate)
SMALL = ["--movies", "1", "--size", "96x64", "--frames", "3", "--specimen", "haemoglobin, spike"]


def test_writes_movies_gain_and_truth(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        APP, ["--out", str(tmp_path / "new"), *SMALL, "--dose-per-movie-e-per-a2", "9"]
    )
    assert result.exit_code == 0, result.output
    assert tifffile.imread(tmp_path / "new" / "movie_0001.tiff").shape == (3, 64, 96)
    assert (tmp_path / "new" / "gain.mrc").exists()
    assert (tmp_path / "new" / "truth" / "movie_0001.json").exists()
    # The next command to type is on the screen.
    assert "frazil process" in result.output
    assert "--dose-per-movie-e-per-a2 9" in result.output


def test_wrong_names_are_told() -> None:
    with pytest.raises(InputError, match="apoferritin"):
        CliRunner().invoke(APP, ["--out", "x", "--specimen", "teapot"], catch_exceptions=False)


def test_sizes() -> None:
    assert parse_size("1024") == (1024, 1024)
    assert parse_size("5760x4092") == (5760, 4092)
    for wrong in ["", "12x", "1x2x3", "-5"]:
        with pytest.raises(InputError, match="size"):
            parse_size(wrong)


@pytest.mark.parametrize(
    ("option", "value", "problem"),
    [
        ("--dose-per-movie-e-per-a2", "inf", "must be a number, not inf"),
        ("--voltage-kv", "0", "voltage and spacing must be positive"),
        ("--cs-mm", "nan", "Cs must be a number, not nan"),
        ("--amplitude-contrast", "5", "amplitude contrast must be from 0 to 1, not 5"),
        ("--specimen", ",", "no specimen is named"),
        ("--particles", "-3", "particles must not be negative"),
        ("--seed", "-1", "seed must not be negative"),
    ],
)
def test_what_no_microscope_can_do(option: str, value: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=problem):
        CliRunner().invoke(APP, ["--out", str(tmp_path / "x"), option, value], catch_exceptions=False)
    assert not (tmp_path / "x").exists()
