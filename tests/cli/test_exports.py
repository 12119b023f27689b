"""Filters and exports from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.app.exported import fill_session
from tests.stages.export.world import SETTINGS

from frazil.app import sessions
from frazil.app.access import SERVER
from frazil.engine.inline import InlineExecutor
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    from frazil.app.hub import Hub

    Run = Callable[..., Result]


@pytest.fixture
def filled(server: Hub, tmp_path: Path) -> Hub:
    """Return a server whose S1 holds something to export."""
    number = sessions.create(server, SERVER, {"folder": str(tmp_path / "s"), "name": "Grid 7", **SETTINGS})[
        "id"
    ]
    fill_session(server, number)
    return server


def answer(result: Result) -> Any:
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def text(result: Result) -> str:
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


@pytest.mark.usefixtures("filled")
def test_a_filter_is_saved_counted_and_deleted(run: Run) -> None:
    saved = run("filters", "save", "S1", "good ones", "--range", "ctf_resolution_a=..5")
    assert "1 of 3 movies is kept (0 included and 1 excluded by hand)" in text(saved)
    assert "ctf_resolution_a=..5" in text(run("filters", "list", "S1"))
    counted = run("filters", "count", "S1", "--range", "ctf_resolution_a=8..10", "--json")
    assert answer(counted)["kept"] == 1
    assert answer(run("filters", "count", "S1", "good ones", "--json"))["kept"] == 1
    text(run("filters", "delete", "S1", "good ones"))
    assert "no filters" in text(run("filters", "list", "S1"))
    slashed = run("filters", "save", "S1", "a/b", "--text", "x")
    assert isinstance(slashed.exception, InputError) and "no slash" in str(slashed.exception)
    wrong = run("filters", "save", "S1", "x", "--range", "ctf_resolution_a>5")
    assert isinstance(wrong.exception, InputError) and "COLUMN=LOW..HIGH" in str(wrong.exception)


@pytest.mark.usefixtures("filled")
def test_every_kind_of_condition_can_be_said(run: Run) -> None:
    def kept(*words: str) -> int:
        number: int = answer(run("filters", "count", "S1", *words, "--json"))["kept"]
        return number

    assert kept() == 2
    assert kept("--state", "done") == 2 and kept("--state", "failed") == 0
    assert kept("--square", "GridSquare_9") == 0 and kept("--hole", "FoilHole_9") == 0
    assert kept("--group", "7") == 0 and kept("--group", "7", "--negate") == 2
    assert kept("--text", "_0002") == 1
    # All were found a second after the beginning of 1970.
    assert kept("--time", "found_at=..1970-01-01T00:00:02") == 2
    assert kept("--time", "found_at=1970-01-01T00:01..") == 0
    text(run("filters", "include", "S1", "movie_0003"))
    text(run("filters", "exclude", "S1", "movie_0001", "movie_0002"))
    assert kept() == 1
    text(run("filters", "auto", "S1", "movie_0001", "movie_0002", "movie_0003"))
    assert kept() == 3
    run("filters", "save", "S1", "some", "--state", "done", "--hole", "h")
    assert "state done, hole h" in text(run("filters", "list", "S1"))
    wrong = run("filters", "count", "S1", "--time", "found_at=noon..")
    assert isinstance(wrong.exception, InputError) and "COLUMN=FROM..TO" in str(wrong.exception)


def test_an_export_is_made_and_shown(filled: Hub, run: Run) -> None:
    assert "2 micrographs, 10 particles" in text(run("exports", "new", "S1", "--preview"))
    run("filters", "save", "S1", "good", "--range", "ctf_resolution_a=..5")
    made = answer(run("exports", "new", "S1", "--filter", "good", "--content", "particles", "--json"))
    assert made["request"]["contents"] == ["particles"]
    executor = filled.executor
    assert isinstance(executor, InlineExecutor)
    executor.run_all()
    shown = text(run("exports", "show", "S1", "1"))
    assert "1 micrograph, 5 particles" in shown and made["path"] in shown
    assert Path(made["path"], "particles.star").is_file()
    assert "relion-001" in text(run("exports", "list", "S1"))
    text(run("exports", "delete", "S1", "1"))
    assert "no exports" in text(run("exports", "list", "S1"))


@pytest.mark.usefixtures("filled")
def test_what_can_not_be_made_fails(run: Run) -> None:
    told = run("exports", "new", "S1", "--classes", "good", "--preview")
    assert told.exit_code == 1 and "no class averages" in told.stdout
    assert run("exports", "new", "S1", "--classes", "nonsense").exit_code != 0
    run("exports", "new", "S1")
    text(run("exports", "cancel", "S1", "1"))
    assert "cancelled" in text(run("exports", "show", "S1", "1"))
    assert run("exports", "retry", "S1", "1").exit_code != 0
