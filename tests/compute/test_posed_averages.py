"""Averages at given poses: they are the views that the images show, whatever the images' pixels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from frazil.compute.posed_averages import PosedImages, PosedSums
from frazil.microscope.particles import SimulatedParticles, simulate_particles

if TYPE_CHECKING:
    from numpy.typing import NDArray

BOX_PX, PIXEL_A, MASK_RADIUS_A = 48, 4.0, 80.0


@pytest.fixture(scope="module")
def made() -> SimulatedParticles:
    """120 images of two views, strong, with different defoci, astigmatism and shifts."""
    return simulate_particles(
        ["beta-galactosidase"],
        120,
        BOX_PX,
        PIXEL_A,
        snr=1.0,
        astigmatism_a=800.0,
        views_per_specimen=2,
        shift_sigma_a=8.0,
        seed=61,
    )


def posed(made: SimulatedParticles, **others: Any) -> PosedImages:
    ctf, truth = made.ctf, made.truth
    images = PosedImages(
        made.images,
        PIXEL_A,
        ctf.optics,
        ctf.defocus_u_a,
        ctf.defocus_v_a,
        ctf.astigmatism_angle_deg,
        ctf.phase_shift_deg,
        truth.view_id.astype(np.int64),
        truth.psi_deg,
        truth.shift_x_a,
        truth.shift_y_a,
    )
    return replace(images, **others)


def rings(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    size = a.shape[-1]
    place = np.arange(size) - size // 2
    disc = np.clip((MASK_RADIUS_A / PIXEL_A - np.hypot(place[:, None], place)) / 4.0 + 1.0, 0.0, 1.0)
    fa, fb = np.fft.fft2(a * disc), np.fft.fft2(b * disc)
    ring = np.rint(np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)) * size).astype(int)
    sums = [np.bincount(ring.ravel(), z.ravel()) for z in ((fa * fb.conj()).real, abs(fa) ** 2, abs(fb) ** 2)]
    correlation: NDArray[np.float64] = np.asarray(sums[0] / np.sqrt(sums[1] * sums[2]))
    return correlation[1 : size // 2]


def averages(*images: PosedImages, threads: int = 1) -> NDArray[np.float32]:
    sums = PosedSums(3, BOX_PX, PIXEL_A)
    sums.add(images, threads)
    return sums.averages()


def test_they_are_the_true_views(made: SimulatedParticles) -> None:
    found = averages(posed(made))
    to_12_a = slice(0, int(BOX_PX * PIXEL_A / 12.0))
    for view in range(2):
        truth = made.noiseless_view(view)
        assert rings(found[view], truth)[to_12_a].min() > 0.97
        assert rings(found[view], made.noiseless_view(1 - view))[to_12_a].min() < 0.8
        # Not only alike: on the level that images have.
        disc = np.hypot(*(np.mgrid[:BOX_PX, :BOX_PX] - BOX_PX // 2)) < 12
        slope = np.polyfit(made.signal_scale * truth[disc], found[view][disc], 1)[0]
        assert slope == pytest.approx(1.0, abs=0.1)
    assert not found[2].any()


def test_few_faint_images_give_what_a_plain_division_gives() -> None:
    """Also where there is hardly any signal: a ring that were damped would show its neighbours."""
    count, defoci = 45, np.linspace(9_000.0, 18_000.0, 12)
    made = simulate_particles(
        ["apoferritin"], count, BOX_PX, PIXEL_A, snr=0.05, views_per_specimen=1, shift_sigma_a=4.0, seed=62
    )
    ctf = replace(
        made.ctf,
        defocus_u_a=np.resize(defoci + 100.0, count),
        defocus_v_a=np.resize(defoci - 100.0, count),
    )
    faint = replace(made, ctf=ctf)
    found, divided = averages(posed(faint))[0], plain_division(faint)
    rings_a = BOX_PX * PIXEL_A / np.arange(1, BOX_PX // 2)
    assert rings(found, divided)[rings_a >= 12.0].min() > 0.95


def plain_division(made: SimulatedParticles) -> NDArray[np.float32]:
    """Sum of CTF times image over sum of CTF², by cubic interpolation in four times the box."""
    wide, step = 4 * BOX_PX, 1.0 / (BOX_PX * PIXEL_A)
    k = np.fft.fftfreq(BOX_PX) * BOX_PX
    total, weight = np.zeros((BOX_PX, BOX_PX), np.complex128), np.zeros((BOX_PX, BOX_PX))
    ctf, optics = made.ctf, made.ctf.optics
    for p, image in enumerate(made.images.astype(np.float64)):
        psi = np.radians(made.truth.psi_deg[p])
        x = np.cos(psi) * k + np.sin(psi) * k[:, None]
        y = np.cos(psi) * k[:, None] - np.sin(psi) * k
        spectrum = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(np.pad(image, (wide - BOX_PX) // 2))))
        places = [4 * y + wide // 2, 4 * x + wide // 2]
        value = map_coordinates(spectrum.real, places, order=3) + 1j * map_coordinates(
            spectrum.imag, places, order=3
        )
        value *= np.exp(-2j * np.pi * step * (x * made.truth.shift_x_a[p] + y * made.truth.shift_y_a[p]))
        k2 = (x * x + y * y) * step**2
        around = np.arctan2(y, x) - np.radians(ctf.astigmatism_angle_deg[p])
        u, v = ctf.defocus_u_a[p], ctf.defocus_v_a[p]
        defocus = 0.5 * (u + v) + 0.5 * (u - v) * np.cos(2.0 * around)
        phase = (
            np.pi * optics.wavelength_a * (defocus * k2 - 0.5 * optics.wavelength_a**2 * optics.cs_a * k2**2)
        )
        contrast = np.sin(phase + np.arcsin(optics.amplitude_contrast))
        total += contrast * value
        weight += contrast**2
    inside = np.hypot(k, k[:, None]) < BOX_PX // 2
    divided = np.fft.ifft2(np.where(inside, total / weight, 0.0)).real
    return np.fft.fftshift(divided).astype(np.float32)


def test_a_wrong_turn_or_shift_shows(made: SimulatedParticles) -> None:
    truth, near_12_a = made.noiseless_view(0), slice(12, 16)
    right = rings(averages(posed(made))[0], truth)[near_12_a].mean()
    for wrong in ({"psi_deg": -made.truth.psi_deg}, {"shift_x_a": -made.truth.shift_x_a}):
        assert rings(averages(posed(made, **wrong))[0], truth)[near_12_a].mean() < right - 0.3


def test_images_on_other_pixels_go_in_as_well(made: SimulatedParticles) -> None:
    coarse = 40
    spectra = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(made.images, axes=(1, 2))), axes=(1, 2))
    first = (BOX_PX - coarse) // 2
    cut = spectra[:, first:-first, first:-first]
    images = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(cut, axes=(1, 2))).real, axes=(1, 2))
    # Background σ 1 again: the transforms were not divided, and there are fewer pixels.
    scaled = images.astype(np.float32) * np.float32(coarse / BOX_PX)
    others = posed(made, images=scaled, pixel_size_a=PIXEL_A * BOX_PX / coarse)
    alone, both = averages(others), averages(posed(made), others)
    usual = averages(posed(made))
    for view in range(2):
        to_15_a = slice(0, int(BOX_PX * PIXEL_A / 15.0))
        assert rings(alone[view], usual[view])[to_15_a].min() > 0.99
        assert np.abs(both[view] - usual[view]).std() < 0.1 * usual[view].std()


def test_threads_change_nothing_and_the_mask_ends_it(made: SimulatedParticles) -> None:
    whole = posed(made)
    arrays = [name for name, value in vars(whole).items() if isinstance(value, np.ndarray)]
    parts = [
        replace(whole, **{name: getattr(whole, name)[rows] for name in arrays})
        for rows in (slice(0, 50), slice(50, None))
    ]
    np.testing.assert_array_equal(averages(*parts), averages(*parts, threads=2))
    sums = PosedSums(2, BOX_PX, PIXEL_A)
    sums.add(parts)
    masked = sums.averages(mask_radius_a=60.0)
    radius_a = np.hypot(*(np.mgrid[:BOX_PX, :BOX_PX] - BOX_PX // 2)) * PIXEL_A
    assert not masked[:, radius_a > 60.0 + 5 * PIXEL_A].any()
    np.testing.assert_array_equal(masked[:, radius_a <= 60.0], sums.averages()[:, radius_a <= 60.0])
