"""Random numbers: the right distribution, no correlation, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from frazil.microscope.chance import derived_seed, poisson_counts, white_spectrum


def draw(mean: float, seed: int) -> np.ndarray:
    rate = np.full((512, 512), mean, dtype=np.float32)
    out = np.empty(rate.shape, dtype=np.uint8)
    poisson_counts(rate, np.ones_like(rate), 1.0, seed, out)
    return out


@pytest.mark.parametrize("mean", [0.03, 0.8, 1.5, 7.0, 15.9, 40.0])
def test_counts_follow_poisson(mean: float) -> None:
    counts = np.concatenate([draw(mean, seed).ravel() for seed in range(4)])
    observed = np.bincount(counts, minlength=120)[:120]
    expected = stats.poisson.pmf(np.arange(120), mean) * counts.size
    used = expected > 20
    chi2 = float(((observed - expected)[used] ** 2 / expected[used]).sum())
    assert stats.chi2.sf(chi2, int(used.sum())) > 1e-4
    assert counts.max() < mean + 9.0 * np.sqrt(mean) + 6.0


def test_pixels_and_frames_are_independent() -> None:
    a, b = draw(1.0, 1).astype(float) - 1.0, draw(1.0, 2).astype(float) - 1.0
    for pair in [(a, b), (a[1:], a[:-1]), (a[:, 1:], a[:, :-1]), (a[2:], a[:-2])]:
        assert abs(np.mean(pair[0] * pair[1])) < 5.0 / np.sqrt(pair[0].size)
    # No line or lattice in the spectrum: the largest of n exponential numbers is about ln n.
    power = np.abs(np.fft.rfft2(a)) ** 2 / a.size
    assert power[1:, 1:-1].max() < 2.0 * np.log(power.size)


def test_same_seed_same_counts() -> None:
    np.testing.assert_array_equal(draw(1.0, 5), draw(1.0, 5))
    assert derived_seed(1, 2) == derived_seed(1, 2)
    assert derived_seed(1, 2) != derived_seed(2, 1)


def test_white_spectrum_has_unit_variance() -> None:
    image = np.fft.irfft2(white_spectrum(256, 300, 3), s=(256, 300))
    assert image.var() == pytest.approx(1.0, abs=0.02)
    assert abs(stats.kurtosis(image.ravel())) < 0.05
