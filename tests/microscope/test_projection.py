"""The projector against direct sums over atoms."""

from __future__ import annotations

import numpy as np
import pytest

from frazil.microscope.form_factors import POTENTIAL_VA2, atom_in_ice_a, interaction_rad_per_va
from frazil.microscope.projection import Projector, in_plane_rotation, random_rotations
from frazil.microscope.specimens import Specimen, available_specimens, load_specimen
from frazil.model.errors import InputError


@pytest.mark.parametrize(("box_px", "pixel_size_a"), [(97, 1.3), (64, 2.0)])
def test_projection_equals_sum_over_atoms(box_px: int, pixel_size_a: float) -> None:
    specimen = load_specimen("haemoglobin")
    rotation = random_rotations(np.random.default_rng(1), 1)[0]
    shift = (0.3, -2.1)
    got = Projector(specimen, box_px, pixel_size_a, 20.0).transform(rotation, shift)

    x, y, _ = rotation @ specimen.position_a.T.astype(np.float64)
    x += shift[0] + box_px // 2 * pixel_size_a
    y += shift[1] + box_px // 2 * pixel_size_a
    kx, ky = np.fft.rfftfreq(box_px, pixel_size_a), np.fft.fftfreq(box_px, pixel_size_a)
    k = np.hypot(kx[None, :], ky[:, None])
    expected = np.zeros(k.shape, dtype=np.complex128)
    for index, element in enumerate(specimen.elements):
        # This entry has no B factors: one profile per element.
        m = specimen.element == index
        waves = np.exp(-2j * np.pi * ky[:, None] * y[m]) @ np.exp(-2j * np.pi * x[m][:, None] * kx)
        expected += waves * atom_in_ice_a(element, k) * np.exp(-20.0 * k**2 / 4.0)
    expected *= POTENTIAL_VA2 / pixel_size_a**2
    for low, high in [(0.0, 0.05), (0.05, 0.1), (0.1, 0.2), (0.2, 0.333)]:
        ring = (k >= low) & (k < high)
        if ring.any():
            error = np.linalg.norm((got - expected)[ring]) / np.linalg.norm(expected[ring])
            assert error < 2e-3, (low, high, error)


@pytest.mark.parametrize("box_px", [32, 33])
def test_point_lands_where_it_should(box_px: int) -> None:
    specimen = Specimen.point((4.0, 0.0, 0.0))
    # A quarter turn takes +x to +y: the row grows.
    image = Projector(specimen, box_px, 2.0, 60.0).project(in_plane_rotation(90.0), (-6.0, 2.0))
    row, column = np.unravel_index(int(np.argmax(image)), image.shape)
    assert int(row) - box_px // 2 == 3
    assert int(column) - box_px // 2 == -3
    np.testing.assert_allclose(image[row, column - 1], image[row, column + 1], rtol=1e-3)
    np.testing.assert_allclose(image[row - 1, column], image[row + 1, column], rtol=1e-3)


def test_integral_is_the_zero_frequency_sum() -> None:
    specimen = Specimen.point()
    image = Projector(specimen, 40, 0.9).project(np.eye(3))
    assert image.sum() * 0.9**2 == pytest.approx(POTENTIAL_VA2 * float(atom_in_ice_a("C", 0.0)), rel=1e-3)


def test_shipped_specimens_are_complete() -> None:
    assert {"apoferritin", "proteasome", "beta-galactosidase", "ribosome"} <= set(available_specimens())
    # (heavy atoms, diameter in Å) of the complete assemblies.
    expected = {"apoferritin": (32_618, 128), "proteasome": (46_228, 168), "ribosome": (103_044, 259)}
    for name, (atoms, diameter_a) in expected.items():
        specimen = load_specimen(name)
        assert len(specimen.position_a) == atoms
        assert specimen.diameter_a == pytest.approx(diameter_a, abs=2)
        assert np.abs(specimen.position_a.mean(axis=0)).max() < 0.2


def test_apoferritin_is_octahedral() -> None:
    # Its fourfold axes lie along x, y and z in the table: a projection equals itself after a quarter turn.
    projector = Projector(load_specimen("apoferritin"), 81, 2.0, 50.0)
    still = projector.project(np.eye(3))
    turned = projector.project(in_plane_rotation(90.0))
    assert np.corrcoef(still.ravel(), turned.ravel())[0, 1] > 0.999


def test_interaction_constant() -> None:
    for voltage_kv, expected in [(300.0, 6.526e-4), (200.0, 7.288e-4), (100.0, 9.244e-4)]:
        assert interaction_rad_per_va(voltage_kv) == pytest.approx(expected, rel=1e-3)


def test_unknown_specimen_names_those_that_exist() -> None:
    with pytest.raises(InputError, match="proteasome"):
        load_specimen("unobtainium")


def test_random_rotations_are_rotations() -> None:
    r = random_rotations(np.random.default_rng(0), 2000)
    np.testing.assert_allclose(r @ r.transpose(0, 2, 1), np.broadcast_to(np.eye(3), r.shape), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(r), 1.0)
    # Uniform: every matrix element has mean 0 and variance 1/3.
    assert np.abs(r.mean(axis=0)).max() < 0.05
    assert np.abs(r.var(axis=0) - 1 / 3).max() < 0.03
