"""``frazil doctor``: right answers pass, a wrong one is told and does not hide the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frazil.app import doctor_answers

if TYPE_CHECKING:
    import pytest


def test_every_stage_is_judged_by_its_own_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_answers, "_DEFOCUS_LIMIT_A", 0.001)
    findings = list(doctor_answers.check_answers("cpu"))
    assert {found.what: found.ok for found in findings} == {
        "align": True,
        "sum": True,
        "ctf": False,
        "pick": True,
        "extract": True,
        "classify2d": True,
    }
    told = next(found.text for found in findings if found.what == "ctf")
    assert told.startswith("defocus within"), told
