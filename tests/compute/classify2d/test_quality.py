"""Scores of classes: what a person would keep is selected, and the reasons name what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from frazil.compute.classify2d.quality import SELECTED, ClassMeasures, judge

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIXEL_A, RADIUS_A, BOX = 4.0, 100.0, 64
GOOD = {"members": 150.0, "half_a": 9.0, "nats": 40.0}


def blob(x_a: float, y_a: float, radius_a: float) -> NDArray[np.float32]:
    axis = (np.arange(BOX) - BOX // 2) * PIXEL_A
    r = np.hypot(axis[:, None] - y_a, axis - x_a)
    density: NDArray[np.float32] = (1.0 / (1.0 + np.exp((r - radius_a) / 4.0))).astype(np.float32)
    return density


def scored(picture: NDArray[np.float32], **changed: float) -> tuple[float, tuple[str, ...]]:
    """Score of a class beside four good ones."""
    odd = GOOD | changed
    good = blob(0.0, 0.0, 60.0)
    measures = ClassMeasures(
        np.stack([picture, good, good, good, good]),
        np.array([odd["members"], *[GOOD["members"]] * 4]).astype(np.int64),
        np.array([odd["half_a"], *[GOOD["half_a"]] * 4]),
        np.array([odd["nats"], *[GOOD["nats"]] * 4]),
        PIXEL_A,
        RADIUS_A,
    )
    scores, reasons = judge(measures)
    assert (scores[1:] > 0.9).all()
    return float(scores[0]), reasons[0]


def test_a_good_class_has_no_fault() -> None:
    score, reasons = scored(blob(0.0, 0.0, 60.0))
    assert score > 0.9
    assert reasons == ()


@pytest.mark.parametrize(
    ("picture", "changed", "reason"),
    [
        (blob(0.0, 0.0, 60.0), {"half_a": 30.0}, "resolved to 30 Å only"),
        (blob(0.0, 0.0, 60.0), {"half_a": np.inf}, "halves don't agree"),
        (blob(75.0, 0.0, 45.0), {}, "cut by the mask"),
        (blob(0.0, 0.0, 50.0) + blob(80.0, 0.0, 50.0), {}, "something on one side"),
        (np.zeros((BOX, BOX), np.float32), {}, "nothing brighter"),
        (-blob(0.0, 0.0, 60.0), {}, "nothing brighter"),
        (blob(0.0, 0.0, 60.0), {"members": 4.0, "nats": 2.0, "half_a": 16.0}, "members fit hardly better"),
    ],
)
def test_what_a_person_would_throw_out_is_not_selected(
    picture: NDArray[np.float32], changed: dict[str, float], reason: str
) -> None:
    score, reasons = scored(picture, **changed)
    assert score < SELECTED
    assert any(reason in each for each in reasons)


def test_a_long_particle_has_no_neighbour() -> None:
    score, reasons = scored(blob(-38.0, 0.0, 40.0) + blob(38.0, 0.0, 40.0))
    assert score > SELECTED
    assert not any("side" in each for each in reasons)


def test_an_empty_class_is_empty() -> None:
    score, reasons = scored(np.zeros((BOX, BOX), np.float32), members=0.0)
    assert score == 0.0
    assert reasons == ("empty",)


def test_pieces_are_noticed() -> None:
    apart = blob(-60.0, 0.0, 20.0) + blob(60.0, 0.0, 20.0) + blob(0.0, 60.0, 20.0)
    score, reasons = scored(apart)
    assert score < 0.9
    assert "in pieces" in reasons
