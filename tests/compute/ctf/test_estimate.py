"""Defocus and friends against known truth: spectra from theory, where every number is given."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
import pytest

from frazil.compute.ctf.estimate import better_fit, estimate_ctf
from frazil.compute.ctf.spectra import periodograms_of_micrograph
from frazil.model.errors import InputError
from frazil.model.optics import Optics
from frazil.model.periodograms import Periodograms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.model.ctf import CtfFit

OPTICS = Optics(voltage_kv=300.0, cs_mm=2.7, amplitude_contrast=0.07)


def power_spectrum(
    rng: np.random.Generator,
    optics: Optics,
    defocus_u_a: float,
    defocus_v_a: float,
    angle_deg: float,
    *,
    n: int = 512,
    pixel_size_a: float = 1.4,
    terms: float = 30.0,
    phase_deg: float = 0.0,
    strength: float = 0.25,
    b_factor_a2: float = 60.0,
    thickness_a: float = 0.0,
) -> NDArray[np.float32]:
    """Half plane (n, n // 2 + 1): shot noise 1, a rise at low frequency, and strength · CTF² · envelope."""
    volt = optics.voltage_kv * 1e3
    wavelength = 12.2643247 / math.sqrt(volt * (1 + 0.978466e-6 * volt))
    ky = np.fft.fftfreq(n, pixel_size_a)[:, None]
    kx = np.fft.rfftfreq(n, pixel_size_a)[None, :]
    k2 = kx**2 + ky**2
    theta = np.arctan2(ky, kx)
    defocus = 0.5 * (defocus_u_a + defocus_v_a)
    defocus = defocus + 0.5 * (defocus_u_a - defocus_v_a) * np.cos(2 * (theta - math.radians(angle_deg)))
    chi = np.pi * wavelength * defocus * k2 - 0.5 * np.pi * wavelength**3 * optics.cs_mm * 1e7 * k2**2
    chi += math.radians(phase_deg) + math.asin(optics.amplitude_contrast)
    rings = 0.5 * (1.0 - np.sinc(wavelength * k2 * thickness_a) * np.cos(2 * chi))
    expected = 1.0 + 1.5 * np.exp(-np.sqrt(k2) / 0.03) + strength * rings * np.exp(-0.5 * b_factor_a2 * k2)
    return np.asarray(expected * rng.gamma(terms, 1.0 / terms, expected.shape), dtype=np.float32)


def one_tile(power: NDArray[np.float32], terms: float = 30.0, pixel_size_a: float = 1.4) -> Periodograms:
    """Wrap one spectrum."""
    return Periodograms(power[None], terms, pixel_size_a, np.zeros(1), np.zeros(1))


def turned(angle_deg: float) -> float:
    """Difference of axes, -90 to 90."""
    return (angle_deg + 90.0) % 180.0 - 90.0


def test_finds_defocus_and_astigmatism_and_knows_its_own_error() -> None:
    """Normalised errors of 30 fits have a standard deviation of one."""
    rng = np.random.default_rng(11)
    normalised, angles = [], []
    for _ in range(30):
        mean, difference = rng.uniform(5000, 30000), rng.uniform(300, 1500)
        u, v, angle = mean + 0.5 * difference, mean - 0.5 * difference, rng.uniform(-90, 90)
        power = power_spectrum(rng, OPTICS, u, v, angle, n=384, strength=0.12)
        fit = estimate_ctf(one_tile(power), OPTICS)
        assert fit.has_rings
        assert not fit.doubtful
        assert abs(fit.defocus_u_a - u) < 100
        assert abs(fit.defocus_v_a - v) < 100
        normalised += [
            (fit.defocus_u_a - u) / fit.defocus_u_error_a,
            (fit.defocus_v_a - v) / fit.defocus_v_error_a,
        ]
        angles.append(turned(fit.astigmatism_angle_deg - angle) / fit.astigmatism_angle_error_deg)
    assert 0.7 < np.std(normalised) < 1.4
    assert abs(np.mean(normalised)) < 0.5
    assert 0.6 < np.std(angles) < 1.6


@pytest.mark.parametrize("voltage_kv", [100.0, 200.0])
def test_other_microscopes(voltage_kv: float) -> None:
    optics = Optics(voltage_kv=voltage_kv, cs_mm=1.4, amplitude_contrast=0.1)
    power = power_spectrum(np.random.default_rng(5), optics, 13000.0, 12200.0, -40.0)
    fit = estimate_ctf(one_tile(power), optics)
    assert fit.defocus_u_a == pytest.approx(13000.0, abs=30.0)
    assert fit.defocus_v_a == pytest.approx(12200.0, abs=30.0)
    assert turned(fit.astigmatism_angle_deg + 40.0) == pytest.approx(0.0, abs=3.0)


def test_strong_astigmatism_at_low_defocus() -> None:
    power = power_spectrum(np.random.default_rng(8), OPTICS, 5750.0, 4250.0, 20.0)
    fit = estimate_ctf(one_tile(power), OPTICS)
    assert fit.defocus_u_a == pytest.approx(5750.0, abs=40.0)
    assert fit.defocus_v_a == pytest.approx(4250.0, abs=40.0)


def test_high_defocus_whose_rings_are_nearly_too_fine_for_the_tile() -> None:
    power = power_spectrum(np.random.default_rng(9), OPTICS, 45000.0, 44000.0, 70.0, n=720)
    fit = estimate_ctf(one_tile(power), OPTICS)
    assert fit.defocus_u_a == pytest.approx(45000.0, abs=60.0)


def test_a_faint_fit_is_doubted() -> None:
    """Same rings, ever fainter: the error bar grows, then comes the doubt, then no fit; never a wrong one."""
    states = []
    errors = []
    for strength in (0.3, 0.03, 0.015, 0.003):
        power = power_spectrum(
            np.random.default_rng(2), OPTICS, 15000.0, 14500.0, 0.0, strength=strength, terms=8
        )
        fit = estimate_ctf(one_tile(power, 8), OPTICS)
        states.append((fit.has_rings, fit.doubtful))
        if fit.has_rings:
            errors.append(fit.defocus_u_error_a)
            assert abs(fit.defocus_mean_a - 14750.0) < 5 * fit.defocus_u_error_a + 50.0
        else:
            assert math.isnan(fit.defocus_u_a)
            assert "no Thon rings" in fit.note
    assert states[0] == (True, False)
    assert states[-1] == (False, True)
    assert errors == sorted(errors)


@pytest.mark.parametrize("colour", ["white", "steep"])
def test_noise_has_no_rings(colour: str) -> None:
    rng = np.random.default_rng(21)
    k = np.hypot(np.fft.fftfreq(512)[:, None], np.fft.rfftfreq(512)[None, :])
    shape = 1.0 if colour == "white" else np.sqrt(1.0 + 30.0 * np.exp(-k / 0.03))
    for _ in range(5):
        image = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((512, 512))) * shape).astype(np.float32)
        fit = estimate_ctf(periodograms_of_micrograph(image, 1.2), OPTICS)
        assert not fit.has_rings
        assert fit.doubtful
        assert "no Thon rings" in fit.note
        assert math.isnan(fit.defocus_mean_a)


def test_a_constant_image_says_so() -> None:
    fit = estimate_ctf(periodograms_of_micrograph(np.full((256, 256), 7.0, np.float32), 1.5), OPTICS)
    assert not fit.has_rings
    assert "constant" in fit.note


def test_damaged_spectra_and_empty_ranges_are_refused() -> None:
    power = np.ones((256, 129), dtype=np.float32)
    power[3, 3] = np.nan
    with pytest.raises(InputError, match="not numbers"):
        estimate_ctf(one_tile(power), OPTICS)
    good = one_tile(np.ones((256, 129), dtype=np.float32))
    with pytest.raises(InputError, match="band"):
        estimate_ctf(good, OPTICS, low_a=3.0, high_a=10.0)
    with pytest.raises(InputError, match="defocus range"):
        estimate_ctf(good, OPTICS, defocus_min_a=30000.0, defocus_max_a=10000.0)


def test_a_coarse_pixel_leaves_too_little() -> None:
    fit = estimate_ctf(one_tile(np.ones((64, 33), dtype=np.float32), pixel_size_a=9.0), OPTICS)
    assert not fit.has_rings
    assert fit.note


def test_phase_plate() -> None:
    power = power_spectrum(np.random.default_rng(4), OPTICS, 9000.0, 8600.0, 30.0, phase_deg=70.0)
    fit = estimate_ctf(one_tile(power), OPTICS, fit_phase_shift=True)
    assert fit.phase_shift_deg == pytest.approx(70.0, abs=6.0)
    assert fit.phase_shift_deg == pytest.approx(70.0, abs=4 * fit.phase_shift_error_deg)
    assert fit.defocus_mean_a == pytest.approx(8800.0, abs=60.0)


def test_known_astigmatism_is_held() -> None:
    power = power_spectrum(np.random.default_rng(6), OPTICS, 12500.0, 11500.0, 35.0)
    fit = estimate_ctf(one_tile(power), OPTICS, known_astigmatism=(1000.0, 35.0))
    assert fit.astigmatism_a == pytest.approx(1000.0)
    assert fit.astigmatism_angle_deg == pytest.approx(35.0)
    assert fit.defocus_mean_a == pytest.approx(12000.0, abs=25.0)
    round_fit = estimate_ctf(one_tile(power), OPTICS, fit_astigmatism=False)
    assert round_fit.astigmatism_a == 0.0
    assert round_fit.defocus_mean_a == pytest.approx(12000.0, abs=60.0)


def test_thickness_from_the_node() -> None:
    """At 1500 Å the rings vanish at 1 / sqrt(λ t) = 0.18 1/Å and come back inverted."""
    rng = np.random.default_rng(7)
    power = power_spectrum(rng, OPTICS, 16000.0, 15700.0, 10.0, thickness_a=1500.0, b_factor_a2=20.0)
    fit = estimate_ctf(one_tile(power), OPTICS, fit_thickness=True)
    assert fit.thickness_a == pytest.approx(1500.0, abs=60.0)
    assert fit.defocus_mean_a == pytest.approx(15850.0, abs=30.0)


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("strength", [0.08, 0.3])
def test_thin_ice_has_no_thickness_rather_than_a_wrong_one(seed: int, strength: float) -> None:
    rng = np.random.default_rng(seed)
    power = power_spectrum(rng, OPTICS, 14000.0, 13800.0, 30.0, strength=strength)
    fit = estimate_ctf(one_tile(power), OPTICS, fit_thickness=True)
    assert math.isnan(fit.thickness_a)
    assert "thickness" in fit.note
    assert fit.defocus_mean_a == pytest.approx(13900.0, abs=60.0)
    assert not fit.doubtful


@pytest.mark.parametrize("thickness_a", [900.0, 2200.0])
def test_a_thickness_that_is_reported_is_right(thickness_a: float) -> None:
    rng = np.random.default_rng(8)
    power = power_spectrum(rng, OPTICS, 16000.0, 15700.0, 10.0, thickness_a=thickness_a, b_factor_a2=20.0)
    fit = estimate_ctf(one_tile(power), OPTICS, fit_thickness=True)
    assert fit.thickness_a == pytest.approx(thickness_a, rel=0.06)


def test_a_phase_shift_outside_the_range_searched_is_doubtful() -> None:
    power = power_spectrum(np.random.default_rng(9), OPTICS, 12000.0, 11900.0, 0.0, phase_deg=100.0)
    fit = estimate_ctf(one_tile(power), OPTICS, fit_phase_shift=True, phase_shift_max_deg=40.0)
    assert fit.doubtful
    right = estimate_ctf(one_tile(power), OPTICS, fit_phase_shift=True)
    assert not right.doubtful
    assert right.phase_shift_deg == pytest.approx(100.0, abs=10.0)


@pytest.mark.parametrize(("defocus_a", "span"), [(3120.0, {}), (20_400.0, {"defocus_max_a": 20_000.0})])
def test_rings_outside_the_range_do_not_pass_for_others_inside(
    defocus_a: float, span: dict[str, float]
) -> None:
    power = power_spectrum(
        np.random.default_rng(31), OPTICS, defocus_a + 180.0, defocus_a - 180.0, -80.0, strength=0.6
    )
    fit = estimate_ctf(one_tile(power), OPTICS, **span)  # type: ignore[arg-type]
    assert fit.has_rings
    assert fit.doubtful
    assert "outside the range" in fit.note
    assert fit.defocus_mean_a == pytest.approx(defocus_a, abs=40.0)


def test_of_strong_rings_not_only_the_best_of_the_search_is_refined() -> None:
    """The search prefers 2500 Å, by little for rings so strong."""
    rng = np.random.default_rng(32)
    power = power_spectrum(rng, OPTICS, 4430.0, 4280.0, -20.0, strength=2.0, b_factor_a2=30.0, terms=4.0)
    fit = estimate_ctf(one_tile(power, 4.0), OPTICS, defocus_min_a=1500.0)
    assert not fit.doubtful
    assert fit.defocus_u_a == pytest.approx(4430.0, abs=30.0)


def test_a_given_phase_shift_is_held() -> None:
    power = power_spectrum(np.random.default_rng(33), OPTICS, 9000.0, 8600.0, 10.0, phase_deg=75.0)
    fit = estimate_ctf(
        one_tile(power), OPTICS, fit_phase_shift=True, phase_shift_min_deg=75.0, phase_shift_max_deg=75.0
    )
    assert fit.phase_shift_deg == pytest.approx(75.0, abs=1e-6)
    assert fit.defocus_u_a == pytest.approx(9000.0, abs=25.0)
    assert not fit.doubtful


def test_tilt_from_the_tiles() -> None:
    rng = np.random.default_rng(3)
    centres = np.arange(256.0, 3072.0, 512.0)
    x, y = (a.ravel() for a in np.meshgrid(centres, centres))
    axis, tilt, pixel = -65.0, 25.0, 1.1
    rise = math.radians(axis + 90.0)
    height = (x - x.mean()) * math.cos(rise) + (y - y.mean()) * math.sin(rise)
    defocus = 18000.0 + height * pixel * math.tan(math.radians(tilt))
    power = np.stack([power_spectrum(rng, OPTICS, d + 250, d - 250, 50.0, n=320, terms=4.0) for d in defocus])
    tiles = Periodograms(power, 4.0, 1.4, x, y, movie_pixel_size_a=pixel)
    fit = estimate_ctf(tiles, OPTICS, fit_tilt=True)
    assert fit.tilt_deg == pytest.approx(tilt, abs=1.5)
    assert fit.tilt_axis_deg == pytest.approx(axis, abs=3.0)
    known = estimate_ctf(tiles, OPTICS, fit_tilt=True, known_tilt_axis_deg=axis + 180.0)
    assert known.tilt_deg == pytest.approx(-tilt, abs=1.5)
    alone = estimate_ctf(one_tile(power[0], 4.0), OPTICS, fit_tilt=True)
    assert math.isnan(alone.tilt_deg)
    assert "tilt" in alone.note


def test_one_bright_tile_does_not_drown_the_rest() -> None:
    rng = np.random.default_rng(13)
    good = [power_spectrum(rng, OPTICS, 14000.0, 13500.0, 0.0, terms=6.0) for _ in range(4)]
    ice = 500.0 * rng.gamma(6.0, 1.0 / 6.0, good[0].shape).astype(np.float32)
    tiles = Periodograms(np.stack([*good, ice]), 6.0, 1.4, np.zeros(5), np.zeros(5))
    fit = estimate_ctf(tiles, OPTICS)
    assert fit.defocus_u_a == pytest.approx(14000.0, abs=60.0)


def test_ice_ring_is_power_over_background() -> None:
    rng = np.random.default_rng(14)
    power = power_spectrum(rng, OPTICS, 14000.0, 13500.0, 0.0)
    clean = estimate_ctf(one_tile(power), OPTICS)
    assert clean.ice_ring == pytest.approx(1.0, abs=0.02)
    k = np.hypot(np.fft.fftfreq(512, 1.4)[:, None], np.fft.rfftfreq(512, 1.4)[None, :])
    power[(k > 0.25) & (k < 0.28)] *= 2.0
    icy = estimate_ctf(one_tile(power), OPTICS)
    assert icy.ice_ring == pytest.approx(2.0, abs=0.1)
    assert icy.defocus_u_a == pytest.approx(14000.0, abs=40.0)
    coarse = estimate_ctf(
        one_tile(power_spectrum(rng, OPTICS, 14000.0, 13500.0, 0.0, pixel_size_a=2.2), pixel_size_a=2.2),
        OPTICS,
    )
    assert math.isnan(coarse.ice_ring)


def test_bragg_spots_do_not_move_the_fit() -> None:
    rng = np.random.default_rng(18)
    power = power_spectrum(rng, OPTICS, 14000.0, 13500.0, 0.0)
    power[rng.integers(20, 200, 40), rng.integers(20, 200, 40)] = 5000.0
    fit = estimate_ctf(one_tile(power), OPTICS)
    assert fit.defocus_u_a == pytest.approx(14000.0, abs=40.0)
    assert fit.defocus_v_a == pytest.approx(13500.0, abs=40.0)


def test_lengths_scale_with_the_pixel_size() -> None:
    """Without Cs only λ Δf k² counts: a pixel twice as large means four times the defocus."""
    optics = Optics(voltage_kv=300.0, cs_mm=0.0, amplitude_contrast=0.07)
    power = power_spectrum(np.random.default_rng(15), optics, 8000.0, 7800.0, 0.0)
    small = estimate_ctf(one_tile(power, pixel_size_a=1.4), optics)
    large = estimate_ctf(one_tile(power, pixel_size_a=2.8), optics, low_a=60.0, high_a=7.0)
    assert large.defocus_mean_a == pytest.approx(4 * small.defocus_mean_a, rel=0.01)


def test_fit_resolution_follows_the_rings() -> None:
    reached = []
    for b_factor in (20.0, 120.0, 400.0):
        power = power_spectrum(np.random.default_rng(16), OPTICS, 14000.0, 13500.0, 0.0, b_factor_a2=b_factor)
        reached.append(estimate_ctf(one_tile(power), OPTICS).fit_resolution_a)
    assert reached == sorted(reached)
    assert reached[0] < 4.0
    assert reached[2] > 6.0


def test_the_better_fit_is_sure_and_sharp() -> None:
    rng = np.random.default_rng(19)
    strong = estimate_ctf(one_tile(power_spectrum(rng, OPTICS, 14000.0, 13500.0, 0.0)), OPTICS)
    weak = estimate_ctf(one_tile(power_spectrum(rng, OPTICS, 14000.0, 13500.0, 0.0, strength=0.04)), OPTICS)
    none = estimate_ctf(one_tile(power_spectrum(rng, OPTICS, 14000.0, 13500.0, 0.0, strength=0.0)), OPTICS)
    assert better_fit(weak, strong) is strong
    assert better_fit(strong, weak) is strong
    assert better_fit(none, weak) is weak


def test_same_input_gives_the_same_numbers() -> None:
    power = power_spectrum(np.random.default_rng(17), OPTICS, 14000.0, 13500.0, 0.0)
    first, second = estimate_ctf(one_tile(power), OPTICS), estimate_ctf(one_tile(power), OPTICS)
    assert _numbers(first) == _numbers(second)


def _numbers(fit: CtfFit) -> list[float]:
    return [getattr(fit, f.name) for f in fields(fit) if f.name.startswith(("defocus", "score", "fit_"))]
