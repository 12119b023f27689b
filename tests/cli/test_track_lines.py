"""Lines of a track's log as the terminal shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frazil.cli.track import _show_lines

if TYPE_CHECKING:
    import pytest


def test_numbers_are_rounded_and_everything_else_is_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    line = {"time": "2026-01-01T10:00:00Z", "level": "info", "message": "movie"}
    _show_lines([line | {"seconds": 19.102999999999998, "movie": "m1", "failed": False}], as_json=False)
    said = capsys.readouterr().out
    assert said == "2026-01-01 10:00:00 info    movie  seconds=19.103  movie=m1  failed=False\n"
