"""Archive, move, copy and clean a session from the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from frazil.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    from frazil.app.hub import Hub
    from frazil.engine.inline import InlineExecutor

    Run = Callable[..., Result]


@pytest.fixture
def folder(server: Hub, run: Run, tmp_path: Path) -> Path:
    """Return the folder of S1."""
    assert server.catalogue
    assert run("sessions", "new", "A grid", "--folder", tmp_path / "s").exit_code == 0
    return tmp_path / "s"


def answer(result: Result) -> Any:
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def test_a_session_is_archived_moved_and_copied(server: Hub, run: Run, folder: Path, tmp_path: Path) -> None:
    executor: InlineExecutor = server.executor  # type: ignore[assignment]
    assert answer(run("sessions", "archive", "S1", "--json"))["life"] == "archived"
    assert answer(run("sessions", "unarchive", "S1", "--json"))["life"] == "active"
    assert run("sessions", "moving", "S1").stdout == "it was never moved or copied\n"
    assert "1 file, " in run("sessions", "move", "S1", tmp_path / "t", "--preview").stdout
    assert run("sessions", "move", "S1", folder / "inside", "--preview").exit_code == 1
    text = run("sessions", "move", "S1", tmp_path / "t").stdout
    assert text == f"move to {tmp_path / 't'}: copying\n"
    executor.run_all()
    assert "done" in run("sessions", "moving", "S1").stdout
    assert answer(run("sessions", "show", "S1", "--json"))["folder"] == str(tmp_path / "t")
    assert not folder.exists()
    answer(run("sessions", "copy-to", "S1", tmp_path / "u", "--json"))
    assert answer(run("sessions", "moving", "S1", "--cancel", "--json"))["state"] == "cancelled"
    executor.run_all()
    answer(run("sessions", "archive", "S1", "--to", tmp_path / "v", "--json"))
    executor.run_all()
    shown = answer(run("sessions", "show", "S1", "--json"))
    assert (shown["folder"], shown["life"]) == (str(tmp_path / "v"), "archived")


@pytest.mark.usefixtures("folder")
def test_raw_files_are_listed_before_they_go(run: Run) -> None:
    listed = run("sessions", "clean-raw", "S1", "--failed", "--json")
    assert listed.exit_code == 1
    token = json.loads(listed.stdout)["token"]
    assert run("sessions", "clean-raw", "S1", "--failed", "--token", token).stdout.startswith("0 raw files")
    assert run("sessions", "clean-raw", "S1", "--excluded", "--token", token).exit_code != 0
    assert isinstance(run("sessions", "clean-raw", "S1").exception, InputError)
