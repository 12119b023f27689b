"""Simulated particles against the pose convention and the noise that was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from frazil.microscope.particles import simulate_particles
from frazil.microscope.specimens import Specimen
from frazil.model.optics import Optics


def brightest(image: np.ndarray) -> tuple[float, float]:
    """(x, y) of the brightest spot about the centre n // 2, by centroid."""
    n = len(image)
    row, column = np.unravel_index(int(np.argmax(image)), image.shape)
    axis = np.arange(-4, 5)
    window = image[row - 4 : row + 5, column - 4 : column + 5]
    x = column + (window.sum(axis=0) * axis).sum() / window.sum()
    y = row + (window.sum(axis=1) * axis).sum() / window.sum()
    return x - n // 2, y - n // 2


def test_pose_convention() -> None:
    """view(r') = particle(r) with r' = R(psi)(r + shift): RELION's."""
    point = Specimen.point((11.0, 3.0, 0.0))
    # A phase plate of 90 degrees at no defocus: the image is the projection itself.
    optics = Optics(300.0, 0.0, 0.0)
    stack = simulate_particles(
        [point], 6, 64, 2.0, optics, snr=1e8, defocus_range_a=(0.0, 0.0), astigmatism_a=0.0,
        phase_shift_deg=90.0, views_per_specimen=2, b_factor_a2=250.0, shift_sigma_a=5.0, seed=4,
    )  # fmt: skip
    for i in range(6):
        truth = stack.truth
        psi = np.deg2rad(truth.psi_deg[i])
        turn = np.array([[np.cos(psi), -np.sin(psi)], [np.sin(psi), np.cos(psi)]])
        found = np.array(brightest(stack.images[i])) * 2.0
        shift = np.array([truth.shift_x_a[i], truth.shift_y_a[i]])
        expected = np.array(brightest(stack.noiseless_view(int(truth.view_id[i])))) * 2.0
        np.testing.assert_allclose(turn @ (found + shift), expected, atol=0.05)


def test_noise_is_white_with_unit_variance() -> None:
    stack = simulate_particles(["haemoglobin"], 40, 64, 3.0, junk_fraction=0.3, seed=1)
    corner = stack.images[:, :12, :12]
    assert corner.std() == pytest.approx(1.0, abs=0.05)
    assert abs(corner.mean()) < 0.05
    junk = stack.truth.specimen_id < 0
    assert 3 <= junk.sum() <= 22
    assert (stack.truth.view_id[junk] == -1).all()


def test_protein_is_white_and_snr_is_as_asked() -> None:
    clean = simulate_particles(["apoferritin"], 8, 80, 3.0, snr=1e6, seed=2)
    noisy = simulate_particles(["apoferritin"], 8, 80, 3.0, snr=0.05, seed=2)
    centre = clean.images[:, 30:50, 30:50].mean()
    assert centre > clean.images[:, :10].mean()
    scaled = noisy.signal_scale / clean.signal_scale * clean.images
    axis = np.arange(80) - 40
    disc = np.hypot(axis, axis[:, None]) <= 64 / 3.0
    assert np.mean([image[disc].var() for image in scaled]) == pytest.approx(0.05, rel=0.02)


def test_same_seed_same_particles() -> None:
    first = simulate_particles(["haemoglobin"], 3, 32, 4.0, seed=9)
    again = simulate_particles(["haemoglobin"], 3, 32, 4.0, seed=9)
    np.testing.assert_array_equal(first.images, again.images)


def test_background_is_coloured_and_keeps_unit_variance() -> None:
    """Structural noise lies at low frequencies and vanishes where the CTF does."""
    stack = simulate_particles(
        ["haemoglobin"], 60, 96, 3.0, junk_fraction=1.0, background=0.5, seed=6, astigmatism_a=0.0,
        defocus_range_a=(15_000.0, 15_000.0),
    )  # fmt: skip
    power = np.zeros((96, 49))
    used = 0
    for image in stack.images:
        # Junk with a blob in it has more signal than noise.
        if image.var() < 1.15:
            power += np.abs(np.fft.rfft2(image)) ** 2 / 96**2
            used += 1
    assert used > 10
    k = np.hypot(np.fft.rfftfreq(96, 3.0), np.fft.fftfreq(96, 3.0)[:, None])
    power /= used
    assert power.mean() == pytest.approx(1.0, abs=0.1)
    chi = np.pi * 0.0196875 * k**2 * 15_000.0 + 0.07
    low = (k > 0.012) & (k < 0.06)
    assert power[low & (np.abs(np.sin(chi)) > 0.8)].mean() > 2.0 * power[k > 0.12].mean()
    assert power[low & (np.abs(np.sin(chi)) < 0.15)].mean() < 1.3 * power[k > 0.12].mean()
