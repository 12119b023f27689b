"""Movies and micrographs against what they claim to be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from frazil.microscope.exposure import simulate_micrograph, simulate_movie
from frazil.microscope.motion import TrueMotion
from frazil.microscope.placement import ParticleTable
from frazil.microscope.settings import ExposureSettings, random_exposure
from frazil.microscope.specimens import Specimen
from frazil.model.errors import InputError
from frazil.model.optics import Optics

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALL = ExposureSettings(height_px=192, width_px=256, frames=4, specimens=("haemoglobin",), seed=3)


STILL = replace(SMALL, drift_total_a=0.0, drift_burst_a=0.0, local_motion_a=0.0, doming_a=0.0, jitter_a=0.0)


def points(x_px: list[float], y_px: list[float]) -> ParticleTable:
    n = len(x_px)
    return ParticleTable(
        np.array(x_px), np.array(y_px), np.zeros(n), np.zeros(n, np.int32),
        np.broadcast_to(np.eye(3), (n, 3, 3)).copy(), np.ones(n, bool), np.zeros(n, bool),
    )  # fmt: skip


def spot(image: NDArray[np.float32], x: float, y: float) -> tuple[float, float]:
    """Centre of gravity of the deviation from 1 near (x, y)."""
    ix, iy = round(x), round(y)
    window = image[iy - 9 : iy + 10, ix - 9 : ix + 10] - 1.0
    axis = np.arange(-9, 10)
    return (
        ix + float((window.sum(axis=0) * axis).sum() / window.sum()),
        iy + float((window.sum(axis=1) * axis).sum() / window.sum()),
    )


def spotty(settings: ExposureSettings) -> ExposureSettings:
    """Focus, a phase plate and no coherence loss: every atom is a round spot."""
    return replace(
        settings, optics=Optics(300.0, 0.0, 0.0), defocus_u_a=0.0, defocus_v_a=0.0, phase_shift_deg=90.0,
        b_factor_a2=300.0, focus_spread_a=0.0, damage=0.0, ice_thickness_a=1e-3, ice_gradient=0.0,
        z_spread_a=0.0,
    )  # fmt: skip


def test_specimen_lies_where_the_truth_says_in_every_frame() -> None:
    settings = spotty(replace(SMALL, drift_total_a=9.0, drift_burst_a=7.0, local_motion_a=5.0, doming_a=4.0))
    x, y = [40.3, 128.0, 210.75, 60.0], [50.0, 96.5, 40.25, 150.8]
    movie = simulate_movie(settings, specimens=(Specimen.point(),), positions=points(x, y))
    displacement = movie.truth.displacement_a(np.array(x), np.array(y)) / settings.pixel_size_a
    assert np.abs(displacement).max() > 3.0
    assert np.ptp(displacement[-1], axis=0).max() > 0.5
    np.testing.assert_array_equal(displacement[0], 0.0)
    for f, rate in enumerate(movie.intensities(with_ice=False)):
        # Thin ice still costs a share of the electrons.
        rate = rate / np.median(rate)
        for i in range(len(x)):
            expected = (x[i] + displacement[f, i, 0], y[i] + displacement[f, i, 1])
            np.testing.assert_allclose(spot(rate, *expected), expected, atol=0.06, err_msg=f"frame {f}, {i}")


def test_still_movie_and_perfect_sum_agree() -> None:
    settings = replace(SMALL, carbon="edge", b_factor_a2=60.0)
    movie = simulate_movie(settings, no_motion=True)
    electrons = settings.dose_per_frame_e_per_a2 * settings.dqe0
    total = np.sum([f.copy() for f in movie.intensities(with_ice=False)], axis=0) * electrons
    perfect = movie.perfect_sum()
    error = (total - perfect)[8:-8, 8:-8]
    assert error.std() < 0.01 * perfect.std()
    assert (movie.truth.displacement_a(np.array([3.0]), np.array([9.0])) == 0.0).all()
    blurred = simulate_movie(replace(settings, drift_burst_a=40.0), no_motion=True, keep_blur=True)
    np.testing.assert_allclose(blurred.truth.displacement_a(3.0, 9.0), 0.0, atol=1e-12)
    rates = [f.copy()[8:-8, 8:-8] for f in blurred.intensities(with_ice=False)]
    assert rates[0].std() < 0.97 * rates[-1].std()


def test_still_movie_shows_the_same_scene_and_nearly_the_same_noise() -> None:
    settings = replace(SMALL, drift_total_a=3.0)
    moving, still = simulate_movie(settings), simulate_movie(settings, no_motion=True)
    np.testing.assert_array_equal(moving.truth.particles.x_px, still.truth.particles.x_px)
    np.testing.assert_array_equal(moving.perfect_sum(), still.perfect_sum())
    a, b = moving.read().astype(float), still.read().astype(float)
    assert np.corrcoef(a[-1].ravel(), b[-1].ravel())[0, 1] > 0.95
    np.testing.assert_array_equal(moving.read(), simulate_movie(settings).read())


def test_counts_are_poisson_with_the_dose_asked_for() -> None:
    settings = replace(STILL, empty=True, ice_gradient=0.0, frames=6, ice_thickness_a=150.0)
    settings = replace(settings, gain_sigma=0.0, hot_pixels=0.0, dead_pixels=0, dead_columns=0)
    movie = simulate_movie(settings)
    frames = movie.read().astype(float)
    transmitted = np.exp(-settings.ice_thickness_a / 3500.0)
    expected = settings.dose_per_frame_e_per_a2 * settings.pixel_size_a**2 * settings.dqe0 * transmitted
    assert frames.mean() == pytest.approx(expected, rel=0.02)
    assert frames.mean() == pytest.approx(movie.truth.mean_counts_per_px, rel=0.005)
    assert frames.var() == pytest.approx(frames.mean(), rel=0.03)
    # Frames are independent, and so are neighbours (ice is weak here).
    assert abs(np.corrcoef(frames[0].ravel(), frames[1].ravel())[0, 1]) < 0.03
    assert abs(np.corrcoef(frames[0][:, 1:].ravel(), frames[0][:, :-1].ravel())[0, 1]) < 0.03


def test_gain_undoes_the_camera() -> None:
    settings = replace(STILL, empty=True, gain_sigma=0.1, frames=40, hot_pixels=1e-3)
    movie = simulate_movie(settings)
    total = movie.read().sum(axis=0, dtype=np.int64).astype(float)
    good = (movie.gain > 0) & np.isfinite(movie.gain)
    good[movie.detector.hot_y, movie.detector.hot_x] = False
    flat = 1.0 / movie.gain[good]
    assert np.corrcoef(total[good], flat)[0, 1] > 0.5
    assert abs(np.corrcoef((total * movie.gain)[good], flat)[0, 1]) < 0.03
    assert (total[movie.gain == 0] <= total.max() * (movie.gain == 0).mean() + 60).any()
    assert len(movie.detector.hot_y) > 10
    assert total[movie.detector.hot_y, movie.detector.hot_x].mean() > 1.3 * total[good].mean()
    assert (movie.gain == 0).sum() > settings.dead_pixels


def ring_means(power: NDArray[np.float64], settings: ExposureSettings) -> tuple[NDArray[np.float64], ...]:
    ky = np.fft.fftfreq(settings.height_px, settings.pixel_size_a)
    kx = np.fft.rfftfreq(settings.width_px, settings.pixel_size_a)
    index = (np.hypot(kx, ky[:, None]) * settings.width_px * settings.pixel_size_a).astype(int).ravel()
    sums, number = np.bincount(index, power.ravel()), np.bincount(index)
    k: NDArray[np.float64] = (np.arange(len(sums), dtype=np.float64) + 0.5) / (
        settings.width_px * settings.pixel_size_a
    )
    return k, sums / np.maximum(number, 1)


def test_thon_rings_vanish_where_the_equation_says() -> None:
    """Zeros of sin(pi lambda k^2 (dz - lambda^2 k^2 Cs / 2) + asin w), written out here once more."""
    settings = replace(
        SMALL, height_px=512, width_px=512, pixel_size_a=1.5, carbon="all", empty=True, ice_thickness_a=100.0,
        defocus_u_a=12_000.0, defocus_v_a=12_000.0, b_factor_a2=0.0,
    )  # fmt: skip
    power = np.zeros((512, 257))
    for seed in range(3):
        image = simulate_micrograph(replace(settings, seed=seed)).noiseless
        power += np.abs(np.fft.rfft2(image - image.mean())) ** 2
    k, ring = ring_means(power, settings)
    wavelength, cs = 0.0196875, 2.7e7
    chi = np.pi * wavelength * k**2 * (12_000.0 - 0.5 * wavelength**2 * k**2 * cs) + np.arcsin(0.07)
    inside = (k > 0.04) & (k < 0.2)
    assert np.corrcoef(np.sin(chi[inside]) ** 2, (ring / k**-0.5)[inside])[0, 1] > 0.9
    zeros = np.flatnonzero(np.diff(np.floor(chi / np.pi)) > 0)
    for zero in zeros[(k[zeros] > 0.04) & (k[zeros] < 0.15)]:
        # Leakage of the unwindowed transform fills the zeros a little.
        assert ring[zero - 1 : zero + 3].min() < 0.25 * ring[zero - 10 : zero + 10].max()


def test_astigmatism_turns_as_the_convention_says() -> None:
    """More defocus along the axis of U: rings are narrower there."""
    settings = replace(
        SMALL, height_px=512, width_px=512, pixel_size_a=2.0, carbon="all", empty=True, b_factor_a2=0.0,
        defocus_u_a=16_000.0, defocus_v_a=12_000.0, astigmatism_angle_deg=30.0,
    )  # fmt: skip
    image = simulate_micrograph(settings).noiseless
    power = np.abs(np.fft.fft2(image - image.mean())) ** 2
    k = np.fft.fftfreq(512, 2.0)
    angle = np.rad2deg(np.arctan2(k[:, None], k[None, :]))
    radius = np.hypot(k[:, None], k[None, :])
    for direction, defocus in [(30.0, 16_000.0), (120.0, 12_000.0)]:
        wedge = np.abs((angle - direction + 90.0) % 180.0 - 90.0) < 6.0
        chi = np.pi * 0.0196875 * radius**2 * defocus
        near_zero = wedge & (radius > 0.05) & (radius < 0.11) & (np.abs(np.sin(chi + 0.07)) < 0.2)
        near_peak = wedge & (radius > 0.05) & (radius < 0.11) & (np.abs(np.sin(chi + 0.07)) > 0.9)
        assert power[near_zero].mean() < 0.2 * power[near_peak].mean()


def test_protein_is_dark_and_particles_are_where_the_table_says() -> None:
    settings = replace(
        SMALL,
        height_px=512,
        width_px=512,
        pixel_size_a=2.0,
        specimens=("apoferritin",),
        spacing=2.0,
        overlap=0.0,
    )
    micrograph = simulate_micrograph(settings)
    p = micrograph.truth.particles
    assert p.visible.sum() > 8
    axis = np.arange(512)
    inside = np.zeros((512, 512), dtype=bool)
    for x, y in zip(p.x_px, p.y_px, strict=True):
        inside |= np.hypot(axis[None, :] - x, axis[:, None] - y) < 32
    assert micrograph.image[inside].mean() < 0.985 * micrograph.image[~inside].mean()


def test_scene_without_overlap_has_none() -> None:
    settings = replace(SMALL, height_px=800, width_px=800, specimens=("spike",), overlap=0.0, spacing=1.3)
    p = simulate_micrograph(settings).truth.particles
    points_a = np.stack([p.x_px, p.y_px], axis=1) * settings.pixel_size_a
    distance = np.hypot(*(points_a[:, None] - points_a[None]).transpose(2, 0, 1)) + 1e9 * np.eye(len(p))
    assert distance.min() > 148.0
    assert not p.overlapping.any()


def test_contaminants_are_masked_and_dark() -> None:
    settings = replace(
        SMALL, height_px=512, width_px=512, ice_crystals=2, ethane=2, aggregates=1, carbon="edge"
    )
    micrograph = simulate_micrograph(replace(settings, pixel_size_a=2.0, carbon_share=0.25, empty=True))
    truth = micrograph.truth
    assert truth.masks["carbon"].shape == (64, 64)
    assert truth.masks["carbon"].mean() == pytest.approx(0.25, abs=0.04)
    coarse = micrograph.noiseless.reshape(64, 8, 64, 8).mean(axis=(1, 3))
    clean = coarse[~truth.contaminated].mean()
    assert coarse[truth.masks["carbon"]].mean() < 0.95 * clean
    assert coarse[truth.masks["ethane"]].mean() < 0.95 * clean
    ice, ethane, clump = (truth.masks[name] for name in ("ice_crystal", "ethane", "aggregate"))
    assert ice.any() or ethane.any()
    assert clump.mean() < 0.5
    assert not np.array_equal(ice, ethane)
    assert not np.array_equal(clump, truth.masks["carbon"])


def test_bad_exposures() -> None:
    empty = simulate_micrograph(replace(SMALL, empty=True))
    assert len(empty.truth.particles) == 0
    dead = simulate_micrograph(replace(SMALL, dead=True))
    assert dead.image.mean() < 0.05 * empty.image.mean()
    with pytest.raises(InputError, match="carbon"):
        ExposureSettings(carbon="lots")
    with pytest.raises(InputError, match="positive"):
        ExposureSettings(pixel_size_a=-1.0)
    with pytest.raises(InputError, match="200000 x 64 pixels can't be simulated"):
        ExposureSettings(width_px=200_000, height_px=64)


def test_random_exposures_differ_but_keep_the_camera() -> None:
    rng = np.random.default_rng(1)
    drawn = [random_exposure(rng, SMALL) for _ in range(200)]
    assert len({d.seed for d in drawn}) == 200
    assert {d.detector_seed for d in drawn} == {0}
    assert 2 <= sum(d.empty for d in drawn) <= 25
    assert all(d.defocus_u_a >= d.defocus_v_a for d in drawn)


def test_motion_is_zero_in_the_first_frame_and_as_large_as_asked() -> None:
    settings = replace(
        SMALL, frames=40, drift_total_a=20.0, drift_burst_a=0.0, local_motion_a=0.0, doming_a=0.0
    )
    totals = []
    for seed in range(20):
        motion = TrueMotion.random(settings, seed)
        u = motion.displacement_a(np.array([10.0, 200.0]), np.array([20.0, 100.0]))
        assert (u[0] == 0.0).all()
        np.testing.assert_allclose(u[:, 0], motion.global_shift_a)
        totals.append(np.hypot(*u[-1, 0]))
    assert np.mean(totals) == pytest.approx(20.0 * 39 / 40, rel=0.02)
