"""Picking: what is found, where, and what is not."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from frazil.compute.picking import PickingResult, find_particles, pick_particles
from frazil.microscope import ExposureSettings, simulate_micrograph

if TYPE_CHECKING:
    from frazil.model.picks import Picks

SPEC = importlib.util.spec_from_file_location("fields", Path(__file__).with_name("fields.py"))


def _fields() -> Any:
    if SPEC is None or SPEC.loader is None:
        raise ImportError
    module = importlib.util.module_from_spec(SPEC)
    SPEC.loader.exec_module(module)
    return module


fields = _fields()
PIXEL_A = 3.0
DIAMETER_A = 150.0
DIAMETER_PX = DIAMETER_A / PIXEL_A


def accepted(picks: Picks) -> np.ndarray:
    return np.stack([picks.x_px, picks.y_px], axis=1)[picks.accepted]


def f1(found: np.ndarray, truth: np.ndarray, radius: float) -> float:
    distance = np.hypot(*(found[:, None] - truth[None]).transpose(2, 0, 1))
    pairs = linear_sum_assignment(np.where(distance <= radius, distance - 1e6, 0.0))
    return float(2.0 * (distance[pairs] <= radius).sum() / (len(found) + len(truth)))


def test_isolated_discs_are_found_at_their_centres() -> None:
    places = fields.scatter(np.random.default_rng(1), (640, 700), 25, 1.6 * DIAMETER_PX, 40.0)
    image = fields.micrograph(places, (640, 700), DIAMETER_PX, contrast=0.7, seed=2)
    picks = pick_particles(image, PIXEL_A, diameter_min_a=DIAMETER_A)
    found = accepted(picks)
    assert len(found) == len(places)
    error = fields.nearest(found, places) * PIXEL_A
    assert np.sqrt((error**2).mean()) < 3.0
    offset = np.array([p - places[np.argmin(np.hypot(*(places - p).T))] for p in found]).mean(axis=0)
    assert np.abs(offset * PIXEL_A).max() < 1.0
    assert picks.note == ""
    assert (np.diff(picks.score) <= 0.0).all()


@pytest.mark.parametrize("shape", [(512, 512), (513, 640), (517, 523)])
@pytest.mark.parametrize("pixel_a", [1.1, 5.0])
def test_no_half_pixel_is_lost_on_the_way(shape: tuple[int, int], pixel_a: float) -> None:
    diameter_px = 36.0
    places = fields.scatter(np.random.default_rng(3), shape, 24, 1.6 * diameter_px, 30.0)
    image = fields.micrograph(places, shape, diameter_px, contrast=3.0, seed=4)
    found = accepted(pick_particles(image, pixel_a, diameter_min_a=diameter_px * pixel_a))
    near = [places[np.argmin(np.hypot(*(places - p).T))] for p in found]
    assert len(found) >= len(places) - 1
    assert np.abs(np.median(found - np.array(near), axis=0)).max() < 0.25


def test_touching_shells_do_not_pull_each_other() -> None:
    rng = np.random.default_rng(5)
    step = 1.02 * DIAMETER_PX
    grid = np.array([(x + 0.5 * (y % 2), 0.866 * y) for y in range(11) for x in range(10)]) * step
    places = grid + 60.0 + rng.uniform(-1.0, 1.0, grid.shape)
    places = places[rng.random(len(places)) < 0.8]
    shape = (int(places[:, 1].max()) + 60, int(places[:, 0].max()) + 60)
    image = fields.micrograph(places, shape, DIAMETER_PX, contrast=1.0, seed=6, hollow=0.7)
    found = accepted(pick_particles(image, PIXEL_A, diameter_min_a=DIAMETER_A))
    assert f1(found, places, 0.25 * DIAMETER_PX) > 0.97
    error = fields.nearest(found, places)
    error = error[error < 0.25 * DIAMETER_PX] * PIXEL_A
    assert np.sqrt((error**2).mean()) < 5.0


def test_long_particles_are_centred() -> None:
    # Two blobs a radius apart: a round template sits on either, the particle's centre is between.
    rng = np.random.default_rng(7)
    places = fields.scatter(rng, (700, 700), 30, 1.5 * DIAMETER_PX, 45.0)
    angle = rng.uniform(0.0, np.pi, len(places))
    arm = 0.28 * DIAMETER_PX * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    ends = np.concatenate([places + arm, places - arm])
    image = fields.micrograph(ends, (700, 700), 0.42 * DIAMETER_PX, contrast=1.0, seed=8)
    found = accepted(pick_particles(image, PIXEL_A, diameter_min_a=DIAMETER_A))
    assert f1(found, places, 0.25 * DIAMETER_PX) > 0.95
    error = fields.nearest(found, places)
    error = error[error < 0.25 * DIAMETER_PX] * PIXEL_A
    assert np.sqrt((error**2).mean()) < 8.0


def test_noise_gives_hardly_any_picks() -> None:
    count = 0
    for seed in range(4):
        image = np.random.default_rng(seed).normal(100.0, 5.0, (700, 700)).astype(np.float32)
        count += int(pick_particles(image, PIXEL_A, diameter_min_a=DIAMETER_A).accepted.sum())
    assert count <= 6


def test_an_empty_micrograph_says_so() -> None:
    image = np.random.default_rng(11).normal(0.0, 1.0, (400, 400)).astype(np.float32)
    picks = pick_particles(image, PIXEL_A, diameter_min_a=DIAMETER_A, threshold=50.0)
    assert not picks.accepted.any()
    assert "No particles" in picks.note


@pytest.mark.parametrize("value", [np.nan, 7.0])
def test_a_blank_micrograph_gives_no_picks_and_a_reason(value: float) -> None:
    picks = pick_particles(np.full((300, 300), value, np.float32), 1.5, diameter_min_a=120.0)
    assert len(picks.score) == 0
    assert "constant" in picks.note


def test_missing_pixels_do_no_harm() -> None:
    places = fields.scatter(np.random.default_rng(12), (600, 600), 20, 1.5 * DIAMETER_PX, 40.0)
    image = fields.micrograph(places, (600, 600), DIAMETER_PX, contrast=0.8, seed=13)
    image[:, 300:304] = np.nan
    image[100, 100] = np.inf
    whole = np.abs(places[:, 0] - 302.0) > 0.7 * DIAMETER_PX
    picks = pick_particles(image, PIXEL_A, diameter_min_a=DIAMETER_A)
    assert (fields.nearest(accepted(picks), places[whole]) < 0.1 * DIAMETER_PX).all()


def contaminated() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    shape = (700, 800)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    carbon = np.hypot(columns - 1000.0, rows - 200.0) < 480.0
    drop = np.hypot(columns - 150.0, rows - 500.0) < 45.0
    places = fields.scatter(np.random.default_rng(14), shape, 60, 1.2 * DIAMETER_PX, 40.0)
    free = np.hypot(places[:, 0] - 1000.0, places[:, 1] - 200.0) > 480.0 + 0.6 * DIAMETER_PX
    free &= np.hypot(places[:, 0] - 150.0, places[:, 1] - 500.0) > 45.0 + 0.6 * DIAMETER_PX
    places = places[free]
    image = fields.micrograph(places, shape, DIAMETER_PX, contrast=0.8, seed=15)
    texture = np.random.default_rng(16).normal(0.0, 0.7, shape)
    image = image - np.where(carbon, 3.0 + texture, 0.0) - np.where(drop, 6.0, 0.0)
    return image.astype(np.float32), places, carbon | drop


def test_carbon_and_crystals_are_masked() -> None:
    image, places, dirty = contaminated()
    result: PickingResult = find_particles(image, PIXEL_A, diameter_min_a=DIAMETER_A)
    found = accepted(result.picks)
    x, y = np.rint(found).astype(int).T
    assert dirty[y, x].sum() == 0
    assert f1(found, places, 0.25 * DIAMETER_PX) > 0.93
    mask = result.contamination
    row = np.clip((np.arange(700) - mask.offset_px) / mask.step_px[1] + 0.5, 0, mask.mask.shape[0] - 1)
    column = np.clip((np.arange(800) - mask.offset_px) / mask.step_px[0] + 0.5, 0, mask.mask.shape[1] - 1)
    full = mask.mask[row.astype(int)[:, None], column.astype(int)[None, :]]
    assert full[dirty].mean() > 0.95
    assert full[~dirty].mean() < 0.06
    assert result.picks.contaminated_fraction == pytest.approx(dirty.mean(), abs=0.06)


def test_the_rim_of_a_large_object_is_not_taken_for_particles() -> None:
    # Faint particles beside a strip of carbon: a sliver of it left out would outshine them all.
    shape = (700, 800)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    past = columns - 560.0 - 60.0 * np.sin(rows / 110.0)
    carbon = past > 0.0
    places = fields.scatter(np.random.default_rng(23), shape, 50, 1.2 * DIAMETER_PX, 40.0)
    x, y = np.rint(places).astype(int).T
    places = places[past[y, x] < -0.7 * DIAMETER_PX]
    image = fields.micrograph(places, shape, DIAMETER_PX, contrast=0.25, seed=24)
    image = image - np.where(carbon, 2.0, 0.0).astype(np.float32)
    found = accepted(pick_particles(image, PIXEL_A, diameter_min_a=DIAMETER_A))
    x, y = np.rint(found).astype(int).T
    assert (past[y, x] > -0.4 * DIAMETER_PX).sum() == 0
    assert f1(found, places, 0.25 * DIAMETER_PX) > 0.95


def test_particles_cut_by_the_border_are_found_where_they_are() -> None:
    rng = np.random.default_rng(25)
    places = fields.scatter(rng, (640, 640), 40, 1.5 * DIAMETER_PX, 0.0)
    edge = np.minimum(places, 639.0 - places).min(axis=1)
    cut = places[(edge > 0.1 * DIAMETER_PX) & (edge < 0.4 * DIAMETER_PX)]
    assert len(cut) >= 4
    image = fields.micrograph(places, (640, 640), DIAMETER_PX, contrast=0.8, seed=26)
    found = accepted(pick_particles(image, PIXEL_A, diameter_min_a=DIAMETER_A))
    assert fields.nearest(found, cut).max() < 0.15 * DIAMETER_PX


def test_the_mask_can_be_switched_off() -> None:
    image, _, _ = contaminated()
    picks = pick_particles(image, PIXEL_A, diameter_min_a=DIAMETER_A, mask_contamination=False)
    assert picks.contaminated_fraction == 0.0


def test_settings_are_obeyed() -> None:
    places = fields.scatter(np.random.default_rng(17), (600, 600), 30, 1.3 * DIAMETER_PX, 40.0)
    image = fields.micrograph(places, (600, 600), DIAMETER_PX, contrast=0.8, seed=18)
    few = pick_particles(image, PIXEL_A, diameter_min_a=DIAMETER_A, max_picks=10)
    assert len(few.score) <= 10
    strict = pick_particles(image, PIXEL_A, diameter_min_a=DIAMETER_A, threshold=1e3)
    assert strict.threshold == 1e3
    assert not strict.accepted.any()
    expected = pick_particles(image, PIXEL_A, diameter_min_a=DIAMETER_A, expected_particles=12, threads=3)
    alone = pick_particles(image, PIXEL_A, diameter_min_a=DIAMETER_A, expected_particles=12)
    assert np.array_equal(expected.x_px, alone.x_px) and np.array_equal(expected.score, alone.score)
    assert expected.accepted.sum() == 12
    apart = accepted(pick_particles(image, PIXEL_A, diameter_min_a=DIAMETER_A, min_distance_a=300.0))
    distance = np.hypot(*(apart[:, None] - apart[None]).transpose(2, 0, 1))
    assert distance[distance > 0.0].min() >= 300.0 / PIXEL_A


def test_a_range_of_diameters_and_both_shapes() -> None:
    places = fields.scatter(np.random.default_rng(19), (600, 600), 20, 1.5 * DIAMETER_PX, 40.0)
    image = fields.micrograph(places, (600, 600), DIAMETER_PX, contrast=0.9, seed=20, hollow=0.7)
    for shape in ("disc", "ring"):
        picks = pick_particles(image, PIXEL_A, diameter_min_a=120.0, diameter_max_a=190.0, shape=shape)
        assert f1(accepted(picks), places, 0.25 * DIAMETER_PX) > 0.95


@pytest.mark.parametrize(
    "wrong",
    [{"diameter_min_a": -5.0}, {"pixel_size_a": 0.0}, {"shape": "square"}, {"diameter_min_a": np.nan}],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {"pixel_size_a": 2.0, "diameter_min_a": 100.0} | wrong
    with pytest.raises(ValueError, match="must be"):
        pick_particles(np.zeros((99, 99), np.float32), arguments.pop("pixel_size_a"), **arguments)


def test_in_a_wide_range_particles_show_their_size_themselves() -> None:
    """Some overlap: nearer to each other than half of the largest diameter that was asked for."""
    rng = np.random.default_rng(31)
    places = fields.scatter(rng, (900, 900), 60, 1.4 * DIAMETER_PX, 60.0)
    angle = rng.uniform(0.0, 2.0 * np.pi, 12)
    beside = 0.75 * DIAMETER_PX * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    places = np.concatenate([places, places[:12] + beside])
    image = fields.micrograph(places, (900, 900), DIAMETER_PX, contrast=0.4, seed=32)
    picks = pick_particles(image, PIXEL_A, diameter_min_a=100.0, diameter_max_a=300.0)
    assert picks.diameter_a == 300.0
    found = accepted(picks)
    assert f1(found, places, 0.25 * DIAMETER_PX) > 0.97
    error = fields.nearest(found, places) * PIXEL_A
    assert np.sqrt((error[error < 0.25 * DIAMETER_A] ** 2).mean()) < 5.0


def test_parts_of_large_particles_do_not_pass_for_small_ones() -> None:
    settings = ExposureSettings(
        height_px=1024,
        width_px=1024,
        pixel_size_a=2.0,
        specimens=("ribosome",),
        spacing=1.4,
        defocus_u_a=12_000.0,
        defocus_v_a=11_800.0,
        seed=71,
        noise_seed=72,
    )
    made = simulate_micrograph(settings)
    particles = made.truth.particles
    true = np.stack([particles.x_px, particles.y_px], axis=1)[particles.visible]
    picks = pick_particles(made.image, 2.0, diameter_min_a=80.0, diameter_max_a=400.0)
    assert f1(accepted(picks), true, 0.5 * 260.0 / 2.0) > 0.9


def test_inverted_contrast_is_noticed() -> None:
    places = fields.scatter(np.random.default_rng(21), (600, 600), 25, 1.4 * DIAMETER_PX, 40.0)
    image = -fields.micrograph(places, (600, 600), DIAMETER_PX, contrast=0.8, seed=22)
    picks = pick_particles(image, PIXEL_A, diameter_min_a=DIAMETER_A)
    assert "contrast" in picks.note
    right = pick_particles(-image, PIXEL_A, diameter_min_a=DIAMETER_A)
    assert "contrast" not in right.note


def test_a_crowd_of_small_long_particles_does_not_look_inverted() -> None:
    """They fill a small part of the diameter given, so the ice between them passes for bright particles."""
    rng = np.random.default_rng(52)
    places = fields.scatter(rng, (700, 700), 150, 0.8 * DIAMETER_PX, 30.0)
    angle = rng.uniform(0.0, np.pi, len(places))
    arm = 0.2 * DIAMETER_PX * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    ends = np.concatenate([places - arm, places + arm])
    image = fields.micrograph(ends, (700, 700), 0.35 * DIAMETER_PX, contrast=0.4, seed=53)
    picks = pick_particles(image, PIXEL_A, diameter_min_a=1.15 * DIAMETER_A)
    assert "contrast" not in picks.note


DATA = Path(__file__).parents[4] / "shared" / "data" / "apoferritin-empiar10146"


@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not here")
def test_real_apoferritin_agrees_with_a_person() -> None:
    import mrcfile

    hits = {0.5: 0.0, 0.25: 0.0}
    total = 0
    squares: list[float] = []
    for table in sorted((DATA / "picks").glob("*.csv")):
        truth = np.loadtxt(table, delimiter=",", skiprows=1)
        with mrcfile.open(DATA / "micrographs" / f"{table.stem}.mrc", permissive=True) as file:
            image = file.data.astype(np.float32)
        found = accepted(pick_particles(image, 1.5, diameter_min_a=125.0))
        size = len(found) + len(truth)
        total += size
        for share in hits:
            hits[share] += f1(found, truth, share * 120.0 / 1.5) * size
        distance = fields.nearest(found, truth) * 1.5
        squares.extend(distance[distance < 30.0] ** 2)
    assert hits[0.5] / total > 0.94
    assert hits[0.25] / total > 0.94
    assert np.sqrt(np.mean(squares)) < 10.0
