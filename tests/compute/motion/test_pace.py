from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from frazil.compute.motion.pace import Pace

if TYPE_CHECKING:
    from numpy.typing import NDArray


def left_after(curvature_ratio: list[float], steps: int, pace: Pace | None) -> NDArray[np.float64]:
    """Distance from the top of a quadratic hill by steps that take its curvature for 1 everywhere."""
    ratio = np.array(curvature_ratio)
    place = np.ones(ratio.size)
    for _ in range(steps):
        step = -ratio * place
        place = place + (1.0 if pace is None else pace.of(step)) * step
    return np.abs(place)


@pytest.mark.parametrize("ratio", [[1.0, 1.0, 2.6], [0.9, 1.0, 5.0], [1.0, 6.0, 6.0]])
def test_steps_that_would_swing_ever_wider_come_to_rest(ratio: list[float]) -> None:
    assert left_after(ratio, 8, None).max() > 10
    assert left_after(ratio, 8, Pace()).max() < 0.15
    assert left_after(ratio, 24, Pace()).max() < 0.01


def test_steps_that_only_approach_are_taken_whole() -> None:
    pace = Pace()
    for step in (1.0, 0.4, 0.1, 0.04, 0.03):
        assert pace.of(np.array([step, -step])) == 1.0


def test_a_still_start_is_no_reason_to_shorten() -> None:
    pace = Pace()
    assert pace.of(np.zeros((3, 2))) == 1.0
    assert pace.of(np.ones((3, 2))) == 1.0
