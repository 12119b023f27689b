import numpy as np
import pytest

from frazil.compute.motion.hot_pixels import find_bad_pixels, good_neighbours, repair_frame


def _counts(rng: np.random.Generator, shape: tuple[int, int], mean: float) -> np.ndarray:
    return rng.poisson(mean, shape).astype(np.float32)


@pytest.mark.parametrize("mean", [3.0, 20.0, 200.0])
def test_hot_pixels_are_found_and_hardly_anything_else(mean: float) -> None:
    rng = np.random.default_rng(1)
    total = _counts(rng, (700, 900), mean)
    hot = (rng.integers(0, 700, 60), rng.integers(0, 900, 60))
    total[hot] = mean + 9.0 * np.sqrt(mean) + 5.0
    bad, spread = find_bad_pixels(total, None, 6.0)
    assert bad[hot].all()
    assert bad.sum() - bad[hot].sum() < 20
    assert spread == pytest.approx(1.0, abs=0.15)


def test_dead_pixels_are_found_where_counts_can_tell() -> None:
    rng = np.random.default_rng(2)
    total = _counts(rng, (400, 400), 40.0)
    total[100, 50:60] = 0
    bad, _ = find_bad_pixels(total, None, 6.0)
    assert bad[100, 50:60].all()
    assert bad.sum() < 15
    sparse, _ = find_bad_pixels(_counts(rng, (400, 400), 4.0), None, 6.0)
    assert sparse.mean() < 1e-4


def test_a_step_of_brightness_is_not_a_defect() -> None:
    rng = np.random.default_rng(3)
    level = np.where(np.arange(640)[None, :] < 320, 30.0, 20.0) * np.ones((640, 1))
    bad, _ = find_bad_pixels(rng.poisson(level).astype(np.float32), None, 6.0)
    assert bad.mean() < 2e-5


def test_gain_counts_and_its_holes_are_bad() -> None:
    rng = np.random.default_rng(4)
    gain = rng.normal(1.0, 0.15, (512, 512)).clip(0.5, 1.6).astype(np.float32)
    total = rng.poisson(50.0 / gain).astype(np.float32)
    gain[10, 20] = 0.0
    gain[11, 20] = np.nan
    bad, spread = find_bad_pixels(total, gain, 6.0)
    assert bad[10, 20]
    assert bad[11, 20]
    assert bad.sum() < 10
    assert spread == pytest.approx(1.0, abs=0.03)
    _, without = find_bad_pixels(total, None, 6.0)
    assert without > 1.3


def test_other_scales_and_negative_numbers() -> None:
    rng = np.random.default_rng(5)
    total = rng.normal(-3.0, 250.0, (300, 300)).astype(np.float32)
    total[7, 9] = 2500.0
    total[8, 3] = -2500.0
    bad, _ = find_bad_pixels(total, None, 6.0)
    assert sorted(map(tuple, np.argwhere(bad).tolist())) == [(7, 9), (8, 3)]


def test_a_constant_image_has_no_defects() -> None:
    bad, spread = find_bad_pixels(np.full((70, 70), 9.0, np.float32), None, 6.0)
    assert not bad.any()
    assert spread == 0.0


def test_repair_takes_good_neighbours_at_random_and_reproducibly() -> None:
    bad = np.zeros((40, 50), dtype=np.bool_)
    bad[20, 30] = bad[20, 31] = bad[0, 0] = True
    y, x = np.nonzero(bad)
    table, count = good_neighbours(bad, y, x, 2, 7)
    assert count.tolist() == [8, 23, 23]
    frame = np.arange(2000, dtype=np.uint16).reshape(40, 50)
    seen = set()
    for seed in range(200):
        repaired = frame.copy()
        repair_frame(repaired, y * 50 + x, table, count, np.array([0]), seed)
        again = frame.copy()
        repair_frame(again, y * 50 + x, table, count, np.array([0]), seed)
        np.testing.assert_array_equal(repaired, again)
        np.testing.assert_array_equal(repaired[~bad], frame[~bad])
        v, u = divmod(int(repaired[20, 30]), 50)
        assert abs(v - 20) <= 2
        assert abs(u - 30) <= 2
        assert not bad[v, u]
        seen.add((v, u))
    assert len(seen) == 23


def test_a_large_hole_is_filled_from_elsewhere() -> None:
    bad = np.zeros((60, 60), dtype=np.bool_)
    bad[10:30, 10:30] = True
    y, x = np.nonzero(bad)
    table, count = good_neighbours(bad, y, x, 2, 7)
    assert count[(y == 20) & (x == 20)].tolist() == [0]
    frame = np.random.default_rng(6).poisson(5.0, (60, 60)).astype(np.uint8)
    frame[bad] = 200
    elsewhere = np.flatnonzero(~bad)
    repair_frame(frame, y * 60 + x, table, count, elsewhere, 11)
    assert frame.max() < 30
    assert frame[bad].mean() == pytest.approx(5.0, abs=0.5)


@pytest.mark.parametrize("with_gain", [False, True])
def test_bands_and_threads_find_the_same_pixels(with_gain: bool) -> None:
    rng = np.random.default_rng(11)
    total = rng.poisson(30.0, (700, 90)).astype(np.float32)
    gain = rng.normal(1.0, 0.03, total.shape).astype(np.float32) if with_gain else None
    hot = np.array([[0, 5], [255, 1], [256, 89], [511, 40], [699, 0]])
    total[hot[:, 0], hot[:, 1]] = 300.0
    one, spread = find_bad_pixels(total, gain, 6.0, 1)
    many, same = find_bad_pixels(total, gain, 6.0, 3)
    assert np.array_equal(one, many) and spread == same
    assert np.array_equal(np.argwhere(many), hot)
