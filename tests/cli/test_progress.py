"""The last words of ``frazil process``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frazil.app.process_request import ProcessResult
from frazil.cli.progress import PlainReporter

if TYPE_CHECKING:
    import pytest


def test_movies_that_failed_alike_share_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    failed = {f"m{i}": "gain.mrc: the file is empty" for i in range(30)} | {"x": "x.mrc: the file is empty"}
    PlainReporter().summary(ProcessResult(done=["good"], failed=failed))
    assert capsys.readouterr().err.splitlines() == [
        "1 movie done, 31 failed",
        "  m0 and 29 others: gain.mrc: the file is empty",
        "  x: x.mrc: the file is empty",
    ]


def test_more_reasons_than_can_be_shown_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    PlainReporter().summary(ProcessResult(failed={f"m{i}": f"m{i}.mrc: empty" for i in range(25)}))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 22
    assert lines[-1] == "  … and 5 more; see logs/preprocess.jsonl"
