"""Scores of classes: what a person would keep is selected, and the reasons name what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import ndimage

from frazil.compute.classify2d.alike import SAME, alike
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


def smooth_blob() -> NDArray[np.float32]:
    """Like the good ones, but out of focus."""
    return np.asarray(ndimage.gaussian_filter(blob(0.0, 0.0, 60.0), 4.0), np.float32)


def test_a_smooth_class_that_is_worse_in_every_way_is_not_selected() -> None:
    # As aggregates among real particles of beta-galactosidase: none of the three signs would do alone.
    score, reasons = scored(smooth_blob(), half_a=1.3 * GOOD["half_a"], nats=0.4 * GOOD["nats"])
    assert score < SELECTED
    assert "smoother than the others" in reasons


@pytest.mark.parametrize(
    ("picture", "changed"),
    [
        (blob(0.0, 0.0, 60.0), {"half_a": 1.3 * GOOD["half_a"], "nats": 0.4 * GOOD["nats"]}),
        (smooth_blob(), {"half_a": GOOD["half_a"], "nats": 0.4 * GOOD["nats"]}),
        (smooth_blob(), {"half_a": 1.3 * GOOD["half_a"]}),
    ],
)
def test_two_of_the_three_signs_of_an_aggregate_are_not_enough(
    picture: NDArray[np.float32], changed: dict[str, float]
) -> None:
    score, reasons = scored(picture, **changed)
    assert score >= SELECTED
    assert "smoother than the others" not in reasons


def test_a_long_particle_has_no_neighbour() -> None:
    score, reasons = scored(blob(-38.0, 0.0, 40.0) + blob(38.0, 0.0, 40.0))
    assert score > SELECTED
    assert not any("side" in each for each in reasons)


def ring_of_lobes() -> NDArray[np.float32]:
    angle = np.linspace(0.0, 2.0 * np.pi, 10, endpoint=False)
    lobes = [blob(60.0 * np.cos(a), 60.0 * np.sin(a), 10.0) for a in angle]
    ring: NDArray[np.float32] = np.sum(lobes, axis=0, dtype=np.float32)
    return ring


def test_a_ring_of_lobes_is_one_particle_in_the_middle() -> None:
    score, reasons = scored(ring_of_lobes())
    assert score > 0.9
    assert reasons == ()


@pytest.mark.parametrize("seed", range(3))
def test_noise_along_the_rim_is_no_neighbour(seed: int) -> None:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(BOX, BOX)), 2.0)
    picture = (blob(0.0, 0.0, 40.0) + 0.15 * noise / noise.std()).astype(np.float32)
    reasons = scored(picture, half_a=10.0)[1]
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


def ice(width_a: float) -> NDArray[np.float32]:
    axis = (np.arange(BOX) - BOX // 2) * PIXEL_A
    density: NDArray[np.float32] = np.exp(
        -(axis[:, None] ** 2 + axis**2) / (2.0 * width_a**2), dtype=np.float32
    )
    return density


def test_an_ice_crystal_is_a_blob_without_detail_and_does_not_spoil_the_others() -> None:
    # Its members fit far better than those of any particle: the other classes must not be judged by that.
    score, reasons = scored(ice(30.0), half_a=24.0, nats=5000.0)
    assert score < SELECTED
    assert "a blob without detail" in reasons


def test_what_reaches_all_around_is_no_particle() -> None:
    axis = (np.arange(BOX) - BOX // 2) * PIXEL_A
    carbon = np.tanh((axis[:, None] + 0.0 * axis) / 10.0).astype(np.float32)
    score, reasons = scored(carbon, half_a=18.0)
    assert score < SELECTED
    assert "density all along the rim" in reasons


def three_spots(turn_deg: float, third_a: float) -> NDArray[np.float32]:
    angle = np.deg2rad(turn_deg) + np.deg2rad([0.0, 100.0, 220.0])
    far = np.array([45.0, 35.0, third_a])
    spots = [blob(d * np.cos(a), d * np.sin(a), 22.0) for a, d in zip(angle, far, strict=True)]
    density: NDArray[np.float32] = np.sum(spots, axis=0, dtype=np.float32)
    return density


def test_averages_that_are_turned_are_alike_and_mirrored_or_other_ones_are_not() -> None:
    one, turned, other = three_spots(0.0, 30.0), three_spots(77.0, 30.0), three_spots(0.0, 75.0)
    noise = np.random.default_rng(5).standard_normal((BOX, BOX))
    noisy = turned + 0.3 * ndimage.gaussian_filter(noise, 1.0).astype(np.float32)
    pictures = np.stack([one, turned, one[::-1].copy(), other, np.zeros_like(one), noisy])
    found = alike(pictures, np.array([9.0, 12.0, 9.0, 9.0, np.inf, 25.0]), PIXEL_A, RADIUS_A)
    np.testing.assert_allclose(found, found.T)
    assert found[0, 1] > SAME
    assert found[0, 2] < SAME and found[0, 3] < SAME
    assert found[0, 5] > 0.9 and (found[4, :4] == 0.0).all()


def test_a_class_that_looks_like_a_larger_one_says_so_and_loses_nothing() -> None:
    pictures = np.stack([three_spots(10.0, 30.0), three_spots(90.0, 75.0), three_spots(200.0, 30.0)])
    measures = ClassMeasures(
        pictures,
        np.array([100, 120, 150]),
        np.full(3, 9.0),
        np.full(3, 40.0),
        PIXEL_A,
        RADIUS_A,
        np.array([3, 2, 1]),
    )
    scores, reasons = judge(measures)
    assert reasons[0][-1] == "looks like class 1"
    assert not any("looks like" in reason for reason in (*reasons[1], *reasons[2]))
    assert scores[0] == pytest.approx(scores[2], abs=0.02)
