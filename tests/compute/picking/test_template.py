"""The matched filter's statistics, learnt templates, and the line between particles and noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from frazil.compute.picking.pursuit import local_maxima, median_size, pursue
from frazil.compute.picking.template import (
    PROFILE_STEP_PX,
    Rings,
    blob_template,
    false_alarms,
    learn_template,
    matched_filter,
    power_spectrum,
)
from frazil.compute.picking.threshold import false_alarm_threshold, split_scores, typical_score

PIXEL_A = 6.0
CPU = torch.device("cpu")


def coloured_noise(seed: int, shape: tuple[int, int]) -> np.ndarray:
    rng = np.random.default_rng(seed)
    field = 1.0 * rng.normal(size=shape) + 6.0 * gaussian_filter(rng.normal(size=shape), 3.0)
    result: np.ndarray = field.astype(np.float32)
    return result


def test_z_has_unit_variance_and_the_stated_density_of_peaks_on_coloured_noise() -> None:
    shape = (500, 620)
    rings = Rings.of(shape, 70, PIXEL_A, CPU)
    k = rings.frequency_per_a
    peaks = {3.0: 0, 3.5: 0, 4.0: 0}
    expected = dict.fromkeys(peaks, 0.0)
    transforms = [rings.transform(coloured_noise(seed, shape)) for seed in range(8)]
    # One field's own power would tame its own peaks: the mean over all is the noise's.
    power = np.mean([power_spectrum(rings, t, float(np.prod(shape))) for t in transforms], axis=0)
    for transform in transforms:
        matched = matched_filter(
            rings, transform, power, blob_template(k, 180.0, "disc", np.full(k.size, -1.0)), 250.0
        )
        inner = np.ascontiguousarray(matched.z[40:-40, 40:-40])
        assert inner.std() == pytest.approx(1.0, abs=0.08)
        for threshold in peaks:
            peaks[threshold] += len(local_maxima(inner, threshold, 1.0))
            area = inner.size * PIXEL_A**2
            expected[threshold] += false_alarms(threshold, matched.false_alarm_b, area)
    for threshold, count in peaks.items():
        # The formula is asymptotic and the grid misses tops: up to a third high, besides counting noise.
        low, high = 0.65 * expected[threshold], 1.1 * expected[threshold]
        assert low - 3.0 * np.sqrt(low) < count < high + 3.0 * np.sqrt(high)


def test_the_false_alarm_threshold_inverts_the_density() -> None:
    threshold = false_alarm_threshold(1e-4, 1e7, 0.5)
    assert false_alarms(threshold, 1e-4, 1e7) == pytest.approx(0.5, rel=0.05)


def test_a_learnt_template_is_free_of_neighbours() -> None:
    # Rings in contact: the plain average shows the neighbours, the fitted template must not.
    shape = (400, 400)
    rings = Rings.of(shape, 40, PIXEL_A, CPU)
    k = rings.frequency_per_a
    truth = blob_template(k, 120.0, "ring", np.full(k.size, -1.0))
    y, x = (v.ravel() + 0.37 for v in np.mgrid[40:360:20, 40:360:20].astype(float))
    ky = np.fft.fftfreq(rings.padded[0])[:, None]
    kx = np.fft.rfftfreq(rings.padded[1])[None, :]
    points = sum(np.exp(-2j * np.pi * (ky * b + kx * a)) for a, b in zip(x, y, strict=True))
    field = rings.inverse(torch.from_numpy(np.asarray(points).astype(np.complex64)) * rings.spread(truth))
    scale = float(np.abs(field).max())
    noisy = field + np.random.default_rng(1).normal(0.0, 0.2 * scale, shape).astype(np.float32)
    transform = rings.transform(noisy.astype(np.float32))
    white = np.full(k.size, (0.2 * scale) ** 2)
    learnt = learn_template(rings, transform, white, y, x, np.ones(x.size), 84.0, np.full(k.size, -1.0))
    weight = rings.weight * (k < 0.04)
    cosine = (weight * learnt * truth).sum() / np.sqrt((weight * learnt**2).sum() * (weight * truth**2).sum())
    assert cosine > 0.985


def test_pursuit_separates_overlapping_answers() -> None:
    radius = np.arange(0.0, 16.0, PROFILE_STEP_PX)
    profile = (np.exp(-0.5 * (radius / 4.0) ** 2) * np.clip((15.0 - radius) / 2.0, 0.0, 1.0)).astype(
        np.float32
    )
    truth = np.array([[30.3, 40.1, 9.0], [30.9, 49.6, 7.0], [60.2, 20.5, 8.0]])
    rows, columns = np.mgrid[:90, :90]
    z = np.zeros((90, 90), np.float32)
    for y, x, height in truth:
        z += (height * np.interp(np.hypot(rows - y, columns - x), radius, profile)).astype(np.float32)
    y, x, score = pursue(z, np.ones(z.shape, dtype=bool), 2.0, 6.0, profile, PROFILE_STEP_PX, 50, 4)
    for true_y, true_x, height in truth:
        n = int(np.argmin(np.hypot(y - true_y, x - true_x)))
        assert np.hypot(y[n] - true_y, x[n] - true_x) < 0.3
        assert score[n] == pytest.approx(height, rel=0.1)
    assert len(score) == 3


@pytest.mark.parametrize("chosen", [0, 1, 2, 7, 40])
def test_the_median_by_counting_is_the_median(chosen: int) -> None:
    rng = np.random.default_rng(chosen)
    for z in (rng.normal(0.0, 3.0, (5, 8)), rng.integers(-2, 3, (5, 8))):
        field = z.astype(np.float32)
        mask = (rng.permutation(field.size) < chosen).reshape(field.shape)
        expected = float(np.median(np.abs(field[mask]))) if chosen else 0.0
        assert median_size(field, mask) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(("mean", "spread"), [(7.0, 1.0), (12.0, 2.0), (6.0, 0.9)])
def test_the_line_is_drawn_near_the_best_f1(mean: float, spread: float) -> None:
    rng = np.random.default_rng(2)
    noise = np.sqrt(9.0 + 2.0 * rng.exponential(1.0, 60))
    particles = rng.normal(mean, spread, 150)
    scores = np.concatenate([noise, particles])
    label = np.concatenate([np.zeros(60), np.ones(150)])

    def f1(threshold: float) -> float:
        kept = scores >= threshold
        return float(2.0 * label[kept].sum() / (kept.sum() + 150))

    best = max(f1(t) for t in scores)
    assert f1(split_scores(scores, 3.0)) > best - 0.02


def test_fragments_are_below_the_line_and_faint_whole_particles_above() -> None:
    rng = np.random.default_rng(3)
    noise = np.sqrt(9.0 + 2.0 * rng.exponential(1.0, 40))
    whole, fragments = rng.normal(13.0, 1.5, 80), rng.uniform(4.5, 7.5, 12)
    line = split_scores(np.concatenate([noise, whole, fragments]), 3.0)
    assert fragments.max() < line < whole.min()
    # Without any noise in between, weaker ones are still not taken for whole.
    assert split_scores(np.concatenate([whole, fragments]), 3.0) > fragments.max()


def test_the_line_does_not_hang_on_how_many_are_noise() -> None:
    rng = np.random.default_rng(4)
    whole = rng.normal(12.0, 1.5, 100)
    noise = np.sqrt(9.0 + 2.0 * rng.exponential(1.0, 400))
    lines = [split_scores(np.concatenate([whole, noise[:n]]), 3.0) for n in (10, 100, 400)]
    assert max(lines) - min(lines) < 1.0
    assert split_scores(np.array([9.0, 5.0]), 3.0) == 3.0


def test_neither_aggregates_nor_noise_are_taken_for_typical_particles() -> None:
    rng = np.random.default_rng(5)
    whole, heaps = rng.normal(8.5, 1.2, 45), rng.normal(18.5, 2.5, 14)
    noise = np.sqrt(9.0 + 2.0 * rng.exponential(1.0, 200))
    scores = np.concatenate([whole, heaps, noise])
    assert typical_score(scores) == pytest.approx(8.5, abs=0.6)
    assert 5.0 < split_scores(scores, 3.0) < 6.5
    assert typical_score(np.array([60.0, *rng.normal(5.5, 0.4, 9)])) == pytest.approx(5.5, abs=0.4)
    assert typical_score(np.zeros(0)) == 0.0
    assert typical_score(np.array([3.2, 3.4])) == 3.4
