"""Ice and specimen in the alignment: told apart, weighed rightly, and of use where particles are few."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from frazil.compute.motion.ice import Shared, measure_powers, pair_information, pair_weights
from frazil.compute.motion.ice_patches import IcePatches
from frazil.compute.motion.likelihood import fisher_information, ring_weight
from frazil.compute.motion.patches import Patches
from frazil.compute.motion.spectra import band_of, ramps

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRAMES, PLACES, PIXEL_A, SIZE = 6, 4, 1.5, 96
DOSE: NDArray[np.float64] = np.linspace(1.0, 11.0, FRAMES, dtype=np.float64)


def _patches(
    specimen: float,
    ice: float,
    seed: int = 0,
    shift_a: NDArray[np.float64] | None = None,
    size: int = SIZE,
) -> Patches:
    """Noise of unit variance, a specimen that fades and ice that rearranges, moved by ``shift_a`` (F, 2)."""
    rng = np.random.default_rng(seed)
    band = band_of((size, size), (PIXEL_A, PIXEL_A), 300.0, 3.5)
    shape = (PLACES, FRAMES, len(band.rows), len(band.columns))
    shared = Shared.over(band.ring_k, DOSE, 300.0)
    total = specimen * shared.specimen + ice * shared.ice + np.eye(FRAMES)
    root = np.concatenate([np.linalg.cholesky(total), np.zeros((1, FRAMES, FRAMES))])
    white = (rng.standard_normal((*shape, 2)) @ np.array([1, 1j])) / np.sqrt(2)
    values = np.einsum("yxfg,pgyx->pfyx", root[band.ring.numpy()], white, optimize=True)
    spectra = torch.as_tensor(values, dtype=torch.complex64)
    if shift_a is not None:
        along_y, along_x = ramps(band, torch.as_tensor(-shift_a, dtype=torch.float32))
        spectra = spectra * along_y * along_x
    kept = np.ones((FRAMES, band.rings))
    place = np.array([[x, y] for y in (0.25, 0.75) for x in (0.25, 0.75)])
    still = np.zeros((PLACES, FRAMES, 2))
    return Patches(band, spectra, kept, np.zeros((PLACES, band.rings)), still, place, np.ones(PLACES))


def test_ice_is_alike_for_a_while_that_is_shorter_in_fine_detail() -> None:
    shared = Shared.over(np.array([1 / 20, 1 / 4]), np.array([0.0, 4.0]), 300.0)
    # exp(-(2 pi k)^2 D / 6): 0.936 at 20 Å and 0.193 at 4 Å after 4 e/Å².
    np.testing.assert_allclose(shared.ice[:, 0, 1], [0.936, 0.193], atol=2e-3)
    slow = Shared.over(np.array([1 / 4]), np.array([0.0, 4.0]), 100.0)
    assert slow.ice[0, 0, 1] < 0.1, "slower electrons move it more"


def test_without_ice_pairs_weigh_what_the_likelihood_of_one_specimen_says() -> None:
    band = band_of((SIZE, SIZE), (PIXEL_A, PIXEL_A), 300.0, 3.5)
    signal = np.linspace(0.5, 0.05, band.rings)
    shared = Shared.over(band.ring_k, DOSE, 300.0)
    strength = np.linspace(0.5, 1.5, FRAMES)[:, None] * np.ones(band.rings)
    covariance = shared.covariance(signal, 0 * signal, np.ones(2))
    left = np.sqrt(shared.specimen[:, np.arange(FRAMES), np.arange(FRAMES)]).T
    kept = strength * left**2
    weight = ring_weight(signal, kept)
    got = pair_weights(covariance, strength)
    np.testing.assert_allclose(
        got, weight[:, None, None] * left.T[:, :, None] * left.T[:, None, :], rtol=1e-9
    )
    information = pair_information(got, covariance, strength, band.count, band.ring_k)
    np.testing.assert_allclose(information, fisher_information(band, weight, signal, kept), rtol=1e-9)


@pytest.mark.parametrize(("specimen", "ice"), [(0.08, 0.0), (0.0, 0.08), (0.05, 0.1)])
def test_specimen_and_ice_are_told_apart_by_how_long_they_last(specimen: float, ice: float) -> None:
    patches = _patches(specimen, ice, seed=3, size=240)
    products = torch.zeros(PLACES, patches.band.rings, FRAMES, FRAMES)
    by_ring = IcePatches.of(patches, DOSE, 300.0)
    for ring, values in enumerate(by_ring.rings):
        products[:, ring] = torch.bmm(values, values.transpose(1, 2))
    powers = measure_powers(products.numpy(), patches.kept, patches.band.count, by_ring.shared)
    # In fine detail their courses differ; below, what one lacks the other has.
    fine = patches.band.ring_k > 1 / 5
    count = patches.band.count[fine]
    # Powers are not negative, so noise leaves a little of what is absent.
    assert np.average(powers.specimen[fine], weights=count) == pytest.approx(specimen, abs=0.02)
    assert np.average(powers.ice[fine], weights=count) == pytest.approx(ice, abs=0.03)


def test_score_at_the_truth_has_the_variance_that_the_curvature_says() -> None:
    """A likelihood in nats: the covariance of its gradient is the information."""
    ratios = []
    for seed in range(12):
        by_ring = IcePatches.of(_patches(0.03, 0.08, seed), DOSE, 300.0)
        trust, course = by_ring.measure()
        gradient = by_ring.gradient()
        ratios.append((gradient**2).mean(axis=(0, 2)) / np.diag(course) / trust.mean())
    # 12 x 4 patches x 6 frames x 2 axes: a standard error of 0.06.
    assert abs(np.mean(ratios) - 1) < 0.2


def test_gradient_points_back_to_where_the_frames_came_from() -> None:
    """One Newton step from shifted frames undoes the shift, but for the common one."""
    shift = np.random.default_rng(5).normal(size=(FRAMES, 2)) * 0.3
    by_ring = IcePatches.of(_patches(0.3, 0.3, 7, shift), DOSE, 300.0)
    _, course = by_ring.measure()
    back = np.linalg.pinv(course) @ by_ring.gradient().mean(0)
    moved = shift - shift.mean(0)
    assert np.abs(back - moved).max() < 0.5 * np.abs(moved).max()
    by_ring.move_to(np.broadcast_to(shift, (PLACES, FRAMES, 2)))
    left = np.linalg.pinv(course) @ by_ring.gradient().mean(0)
    assert np.abs(left).max() < 0.15


def test_moving_a_coarser_copy_leaves_the_finer_one() -> None:
    by_ring = IcePatches.of(_patches(0.1, 0.1), DOSE, 300.0)
    before = [ring.clone() for ring in by_ring.rings]
    coarse = by_ring.below(6.0)
    coarse.move_to(np.ones((PLACES, FRAMES, 2)))
    assert len(coarse.rings) < len(by_ring.rings)
    assert all(torch.equal(a, b) for a, b in zip(before, by_ring.rings, strict=True))
    assert not torch.equal(coarse.rings[-1], before[len(coarse.rings) - 1])
